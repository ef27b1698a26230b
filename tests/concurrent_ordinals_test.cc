// Goal: an ordinal has one owner at a time, and hands all that its owner did on
// to the next.
//
// Method: threads claim and release in a loop, whatever is free or this very
// ordinal. Owners exchange stamps, and touch plain data that belongs to the
// ordinal, so that ThreadSanitizer tells a hand-over without its edge.

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "gtest/gtest.h"
#include "holdfast/internal/ordinal_pool.h"
#include "tests/support/concurrent_hooked_atomics.h"
#include "tests/support/concurrent_threads.h"

namespace holdfast::internal {
namespace {

constexpr int kThreads = 4;

template <typename Atomics_, uint32_t kCapacity_>
struct Config {
  using Atomics = Atomics_;
  static constexpr uint32_t kCapacity = kCapacity_;
};

template <typename Config>
class ConcurrentOrdinalsTest : public testing::Test {};

using Jittery = JitteryTraits::Atomics;
using Configs = testing::Types<Config<StdAtomics, 3>, Config<StdAtomics, 64>,
                               Config<StdAtomics, 65>, Config<Jittery, 1>,
                               Config<Jittery, 3>, Config<Jittery, 65>>;
TYPED_TEST_SUITE(ConcurrentOrdinalsTest, Configs);

TYPED_TEST(ConcurrentOrdinalsTest, NoOrdinalHasTwoOwners) {
  constexpr uint32_t kCapacity = TypeParam::kCapacity;
  using Pool = OrdinalPool<typename TypeParam::Atomics, kCapacity>;
  const uint64_t seed = TestSeed();
  const int rounds = Rounds(200'000);

  const auto pool = std::make_unique<Pool>();
  std::atomic<int> stamps[kCapacity] = {};
  uint64_t plain[kCapacity] = {};
  std::atomic<uint64_t> wrong{0};
  std::atomic<uint64_t> claims{0};
  RunThreads(kThreads, [&](int thread) {
    Random random(seed, static_cast<uint64_t>(thread));
    std::vector<uint32_t> owned;
    uint64_t mine = 0;
    const auto release = [&] {
      std::swap(owned[random.Below(owned.size())], owned.back());
      const uint32_t ordinal = owned.back();
      owned.pop_back();
      ++plain[ordinal];
      if (stamps[ordinal].exchange(0, std::memory_order_relaxed) != thread + 1)
        wrong.fetch_add(1);
      pool->Release(ordinal);
    };
    for (int round = 0; round < rounds; ++round) {
      if (!owned.empty() && random.OneIn(2)) {
        release();
        continue;
      }
      uint32_t ordinal = static_cast<uint32_t>(random.Below(kCapacity));
      if (random.OneIn(2)) {
        ordinal = pool->Claim();
        if (ordinal == Pool::kNone) continue;
        if (pool->Limit() <= ordinal) wrong.fetch_add(1);
      } else if (!pool->TryClaim(ordinal)) {
        continue;
      }
      if (ordinal >= kCapacity) {
        wrong.fetch_add(1);
        return;
      }
      ++mine;
      ++plain[ordinal];
      if (stamps[ordinal].exchange(thread + 1, std::memory_order_relaxed) != 0)
        wrong.fetch_add(1);
      owned.push_back(ordinal);
    }
    while (!owned.empty()) release();
    claims.fetch_add(mine);
  });

  EXPECT_EQ(wrong.load(), 0u);
  uint64_t touched = 0;
  for (const uint64_t each : plain) touched += each;
  EXPECT_EQ(touched, 2 * claims.load());
  // All are free again, each once.
  std::vector<uint32_t> left;
  for (uint32_t ordinal; (ordinal = pool->Claim()) != Pool::kNone;) {
    left.push_back(ordinal);
  }
  std::sort(left.begin(), left.end());
  ASSERT_EQ(left.size(), size_t{kCapacity});
  for (uint32_t i = 0; i < kCapacity; ++i) EXPECT_EQ(left[i], i);
}

TYPED_TEST(ConcurrentOrdinalsTest, ExactlyOneOfRacingTryClaimsWins) {
  constexpr uint32_t kCapacity = TypeParam::kCapacity;
  using Pool = OrdinalPool<typename TypeParam::Atomics, kCapacity>;
  TestSeed();
  const int rounds = Rounds(200'000);

  const auto pool = std::make_unique<Pool>();
  uint64_t claims = 0;  // Plain: the ordinal protects it, like a lock.
  std::atomic<uint64_t> wins{0};
  RunThreads(kThreads, [&](int) {
    uint64_t mine = 0;
    for (int round = 0; round < rounds; ++round) {
      if (!pool->TryClaim(kCapacity - 1)) continue;
      ++claims;
      ++mine;
      pool->Release(kCapacity - 1);
    }
    wins.fetch_add(mine);
  });
  EXPECT_EQ(claims, wins.load());
  EXPECT_GT(claims, static_cast<uint64_t>(rounds) / 10);
}

}  // namespace
}  // namespace holdfast::internal
