#include "holdfast/internal/ordinal_pool.h"

#include <algorithm>
#include <cstdint>
#include <memory>
#include <random>
#include <set>

#include "gtest/gtest.h"
#include "holdfast/traits.h"
#include "tests/support/hooked_atomics.h"

namespace holdfast::internal {
namespace {

template <uint32_t kCapacity>
using Pool = OrdinalPool<StdAtomics, kCapacity>;

TEST(OrdinalPoolTest, ClaimsTheSmallestFreeOrdinal) {
  Pool<1000> pool;
  for (uint32_t i = 0; i < 200; ++i) EXPECT_EQ(pool.Claim(), i);
  pool.Release(150);
  pool.Release(70);
  pool.Release(3);
  EXPECT_EQ(pool.Claim(), 3);
  EXPECT_EQ(pool.Claim(), 70);
  EXPECT_EQ(pool.Claim(), 150);
  EXPECT_EQ(pool.Claim(), 200);
}

template <uint32_t kCapacity>
void ClaimsExactly() {
  const auto pool = std::make_unique<Pool<kCapacity>>();
  for (uint32_t round = 0; round < 2; ++round) {
    for (uint32_t i = 0; i < kCapacity; ++i) ASSERT_EQ(pool->Claim(), i);
    EXPECT_EQ(pool->Claim(), Pool<kCapacity>::kNone);
    EXPECT_EQ(pool->Limit(), kCapacity);
    for (uint32_t i = kCapacity; i-- > 0;) pool->Release(i);
  }
}

TEST(OrdinalPoolTest, ClaimsExactlyAsManyAsItsCapacity) {
  ClaimsExactly<1>();
  ClaimsExactly<63>();
  ClaimsExactly<64>();
  ClaimsExactly<65>();
  ClaimsExactly<128>();
  ClaimsExactly<65'536>();
}

TEST(OrdinalPoolTest, AFullPoolGivesWhatIsReleasedWhereverItIs) {
  Pool<300> pool;
  for (uint32_t i = 0; i < 300; ++i) pool.Claim();
  for (const uint32_t ordinal : {299u, 0u, 64u, 127u, 128u, 256u}) {
    pool.Release(ordinal);
    EXPECT_EQ(pool.Claim(), ordinal);
    EXPECT_EQ(pool.Claim(), Pool<300>::kNone);
  }
}

TEST(OrdinalPoolTest, TryClaimTakesThatOneIfItIsFree) {
  Pool<100> pool;
  EXPECT_TRUE(pool.TryClaim(70));
  EXPECT_FALSE(pool.TryClaim(70));
  EXPECT_TRUE(pool.TryClaim(71));
  pool.Release(70);
  EXPECT_TRUE(pool.TryClaim(70));
  for (uint32_t i = 0; i < 70; ++i) EXPECT_EQ(pool.Claim(), i);
  EXPECT_EQ(pool.Claim(), 72);
}

TEST(OrdinalPoolTest, LimitOnlyGrows) {
  Pool<100> pool;
  EXPECT_EQ(pool.Limit(), 0);
  pool.Claim();
  pool.Claim();
  EXPECT_EQ(pool.Limit(), 2);
  pool.Release(0);
  pool.Release(1);
  EXPECT_EQ(pool.Limit(), 2);
  pool.Claim();
  EXPECT_EQ(pool.Limit(), 2);
}

// Another thread claims an ordinal before each access in turn.
TEST(OrdinalPoolTest, ClaimsOfTwoThreadsDiffer) {
  using HookedPool = OrdinalPool<HookedAtomics, 70>;
  for (const uint32_t owned : {0u, 1u, 63u, 64u, 68u, 69u}) {
    for (int at = 0;; ++at) {
      ASSERT_LT(at, 100);
      const auto pool = std::make_unique<HookedPool>();
      for (uint32_t i = 0; i < owned; ++i) ASSERT_EQ(pool->Claim(), i);
      uint32_t other = 0;
      AccessHook::Arm(at, [&] { other = pool->Claim(); });
      const uint32_t mine = pool->Claim();
      if (AccessHook::Disarm()) break;
      EXPECT_NE(mine, other) << owned << " owned, access " << at;
      EXPECT_EQ(std::min(mine, other), owned);
      EXPECT_EQ(pool->Limit(), std::min(owned + 2, 70u));
      // Both are owned now.
      EXPECT_FALSE(pool->TryClaim(owned));
    }
  }
}

// Another thread releases an ordinal before each access of a claim in turn.
// Some of these cases lose an update of the hint; then the free ordinal is
// still found.
TEST(OrdinalPoolTest, WhatIsFreeIsFoundWhereverTheHintPoints) {
  using HookedPool = OrdinalPool<HookedAtomics, 130>;
  for (int at = 0;; ++at) {
    ASSERT_LT(at, 100);
    const auto pool = std::make_unique<HookedPool>();
    for (uint32_t i = 0; i < 130; ++i) ASSERT_EQ(pool->Claim(), i);
    pool->Release(129);
    AccessHook::Arm(at, [&] { pool->Release(3); });
    const uint32_t mine = pool->Claim();
    if (AccessHook::Disarm()) break;
    EXPECT_TRUE(mine == 3 || mine == 129) << "access " << at;
    EXPECT_EQ(pool->Claim(), 3 + 129 - mine) << "access " << at;
    EXPECT_EQ(pool->Claim(), HookedPool::kNone) << "access " << at;
  }
}

TEST(OrdinalPoolTest, OfTwoClaimsOfOneOrdinalExactlyOneWins) {
  for (int at = 0;; ++at) {
    ASSERT_LT(at, 100);
    OrdinalPool<HookedAtomics, 70> pool;
    bool other = false;
    AccessHook::Arm(at, [&] { other = pool.TryClaim(3); });
    const bool mine = pool.TryClaim(3);
    if (AccessHook::Disarm()) break;
    EXPECT_NE(mine, other) << "access " << at;
  }
}

TEST(OrdinalPoolTest, AgreesWithASetOverManyRandomSteps) {
  constexpr uint32_t kCapacity = 200;
  Pool<kCapacity> pool;
  std::set<uint32_t> owned;
  std::mt19937 random(20'231);
  for (int step = 0; step < 20'000; ++step) {
    const uint32_t ordinal = static_cast<uint32_t>(random() % kCapacity);
    switch (random() % 3) {
      case 0: {
        const uint32_t claimed = pool.Claim();
        if (owned.size() == kCapacity) {
          ASSERT_EQ(claimed, Pool<kCapacity>::kNone);
        } else {
          ASSERT_LT(claimed, kCapacity);
          ASSERT_TRUE(owned.insert(claimed).second);
        }
        break;
      }
      case 1:
        ASSERT_EQ(pool.TryClaim(ordinal), owned.insert(ordinal).second);
        break;
      default:
        if (owned.erase(ordinal) == 1) pool.Release(ordinal);
    }
  }
}

}  // namespace
}  // namespace holdfast::internal
