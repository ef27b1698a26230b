// Goal: of racing Unpin and Take calls exactly one wins, no value is lost or
// doubled by Exchange and Take, and no handle is issued twice.
//
// Method: threads share a few boxes, each with the bits of one handle. Whoever
// ends the handle's life pins anew and refills the box, so that all threads
// race for each life. The boxes are relaxed atomics: they order nothing that
// the table should. Every win is recorded and the records are compared at the
// end.

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <optional>
#include <unordered_map>
#include <vector>

#include "gtest/gtest.h"
#include "holdfast/handle_table.h"
#include "tests/support/concurrent_hooked_atomics.h"
#include "tests/support/concurrent_threads.h"
#include "tests/support/concurrent_value.h"

namespace holdfast {
namespace {

constexpr int kThreads = 4;
constexpr int kBoxes = 2;

template <size_t kBytes, typename Traits>
struct Config {
  using Value = Stamped<kBytes>;
  using Table = HandleTable<Value, Traits>;
};

template <typename Config>
class ConcurrentUnpinTest : public testing::Test {};

using Configs =
    testing::Types<Config<4, CalmTraits>, Config<8, CalmTraits>,
                   Config<16, CalmTraits>, Config<64, CalmTraits>,
                   Config<4, JitteryTraits>, Config<8, JitteryTraits>,
                   Config<24, JitteryTraits>, Config<64, JitteryTraits>>;
TYPED_TEST_SUITE(ConcurrentUnpinTest, Configs);

// A life of a handle, from the side of whoever began or ended it.
struct Life {
  uint64_t handle;
  uint64_t pin;
};

TYPED_TEST(ConcurrentUnpinTest, ExactlyOneOfRacingUnpinsAndTakesWins) {
  using Table = typename TypeParam::Table;
  using Value = typename TypeParam::Value;
  const uint64_t seed = TestSeed();
  const int rounds = Rounds(150'000);

  auto table = *Table::Create({/*max_slots=*/1024});
  std::atomic<uint64_t> boxes[kBoxes];
  struct Records {
    std::vector<Life> begun;
    std::vector<uint64_t> unpinned;
    std::vector<Life> taken;
    uint64_t torn = 0;
  };
  std::vector<Records> records(kThreads + 1);
  for (auto& box : boxes) {
    const uint64_t handle = table.Pin(Value::Make(0, 0)).bits();
    records[kThreads].begun.push_back({handle, 0});
    box = handle;
  }

  RunThreads(kThreads, [&](int thread) {
    Random random(seed, static_cast<uint64_t>(thread));
    Records& mine = records[static_cast<size_t>(thread)];
    for (int round = 0; round < rounds; ++round) {
      auto& box = boxes[random.Below(kBoxes)];
      const auto handle =
          Table::Handle::FromBits(box.load(std::memory_order_relaxed));
      if (random.OneIn(2)) {
        if (!table.Unpin(handle)) continue;
        mine.unpinned.push_back(handle.bits());
      } else {
        const std::optional<Value> value = table.Take(handle);
        if (!value) continue;
        if (!value->IsWhole()) ++mine.torn;
        mine.taken.push_back({handle.bits(), value->pin()});
      }
      const uint64_t pin = random.Next() & Value::kMask;
      const uint64_t begun = table.Pin(Value::Make(pin, 0)).bits();
      mine.begun.push_back({begun, pin});
      box.store(begun, std::memory_order_relaxed);
    }
  });

  std::unordered_map<uint64_t, uint64_t> live;  // Handle to pin.
  uint64_t ended = 0;
  for (const Records& each : records) {
    for (const Life& life : each.begun) {
      ASSERT_NE(life.handle, 0u);
      ASSERT_TRUE(live.emplace(life.handle, life.pin).second)
          << "issued twice: " << life.handle;
    }
  }
  for (const Records& each : records) {
    EXPECT_EQ(each.torn, 0u);
    for (const uint64_t handle : each.unpinned) {
      ASSERT_EQ(live.erase(handle), 1u) << "won twice: " << handle;
      ++ended;
    }
    for (const Life& life : each.taken) {
      const auto found = live.find(life.handle);
      ASSERT_NE(found, live.end()) << "won twice: " << life.handle;
      EXPECT_EQ(life.pin, found->second) << "took the value of another pin";
      live.erase(found);
      ++ended;
    }
  }
  EXPECT_EQ(live.size(), static_cast<size_t>(kBoxes));
  EXPECT_EQ(table.GetStats().live, static_cast<uint64_t>(kBoxes));
  EXPECT_GT(ended, static_cast<uint64_t>(rounds) / 10) << "hardly any races";
}

TYPED_TEST(ConcurrentUnpinTest, ExchangeAndTakeNeitherLoseNorDoubleAValue) {
  using Table = typename TypeParam::Table;
  using Value = typename TypeParam::Value;
  const uint64_t seed = TestSeed();
  const int rounds = Rounds(150'000);

  auto table = *Table::Create({/*max_slots=*/1024});
  std::atomic<uint64_t> boxes[kBoxes];
  uint64_t tokens = 0;
  for (auto& box : boxes) box = table.Pin(Value::Make(tokens++, 0)).bits();
  std::vector<Value> hands(kThreads);
  for (Value& hand : hands) hand = Value::Make(tokens++, 0);
  std::atomic<uint64_t> exchanged{0};

  RunThreads(kThreads, [&](int thread) {
    Random random(seed, static_cast<uint64_t>(thread));
    Value hand = hands[static_cast<size_t>(thread)];
    uint64_t wins = 0;
    for (int round = 0; round < rounds; ++round) {
      auto& box = boxes[random.Below(kBoxes)];
      const auto handle =
          Table::Handle::FromBits(box.load(std::memory_order_relaxed));
      if (!random.OneIn(8)) {
        const std::optional<Value> replaced = table.Exchange(handle, hand);
        if (!replaced) continue;
        hand = *replaced;
        ++wins;
      } else if (const std::optional<Value> taken = table.Take(handle)) {
        box.store(table.Pin(*taken).bits(), std::memory_order_relaxed);
      }
    }
    hands[static_cast<size_t>(thread)] = hand;
    exchanged.fetch_add(wins);
  });

  std::vector<uint64_t> left;
  for (const Value& hand : hands) {
    EXPECT_TRUE(hand.IsWhole());
    left.push_back(hand.pin());
  }
  for (auto& box : boxes) {
    const std::optional<Value> value =
        table.Take(Table::Handle::FromBits(box.load()));
    ASSERT_TRUE(value.has_value());
    EXPECT_TRUE(value->IsWhole());
    left.push_back(value->pin());
  }
  std::sort(left.begin(), left.end());
  for (uint64_t token = 0; token < tokens; ++token) {
    EXPECT_EQ(left[token], token);
  }
  EXPECT_EQ(table.GetStats().live, 0u);
  EXPECT_GT(exchanged.load(), static_cast<uint64_t>(rounds) / 10)
      << "hardly any races";
}

}  // namespace
}  // namespace holdfast
