// Goal: slots that threads recycle through each other's hands stay whole: no
// more lives than slots, no life longer than its slot's generations, no slot
// lost, no handle issued twice.
//
// Method: threads pin and unpin steadily in tables of few slots, with every
// kind of cache and with generations that run out. Everyone checks that what it
// pinned is still its own; totals are compared at the end.

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <optional>
#include <thread>
#include <vector>

#include "gtest/gtest.h"
#include "holdfast/handle_table.h"
#include "tests/support/concurrent_fill.h"
#include "tests/support/concurrent_hooked_atomics.h"
#include "tests/support/concurrent_threads.h"
#include "tests/support/concurrent_value.h"

namespace holdfast {
namespace {

constexpr int kThreads = 4;

template <typename Traits, int kBits>
struct WithGenerationBits : Traits {
  static constexpr int kGenerationBits = kBits;
};

template <size_t kBytes, typename Traits_>
struct Config {
  using Value = Stamped<kBytes>;
  using Traits = Traits_;
  using Table = HandleTable<Value, Traits>;
};

template <typename Config>
class ConcurrentRecyclingTest : public testing::Test {};

using Configs =
    testing::Types<Config<4, CalmTraits>, Config<8, CalmTraits>,
                   Config<24, CalmTraits>, Config<4, JitteryTraits>,
                   Config<8, JitteryTraits>, Config<24, JitteryTraits>>;
TYPED_TEST_SUITE(ConcurrentRecyclingTest, Configs);

// Pins while `table` has slots, up to `hold` at a time, and takes back,
// `rounds` times. Adds the handles to `*issued`. Returns how often a value that
// it took was not what it had pinned.
template <typename Table, typename Value>
uint64_t PinAndTake(Table& table, int thread, int rounds, size_t hold,
                    Random& random, std::vector<uint64_t>* issued) {
  struct Held {
    typename Table::Handle handle;
    Value value;
  };
  std::vector<Held> held;
  uint64_t wrong = 0;
  const auto take = [&] {
    const size_t at = random.Below(held.size());
    const std::optional<Value> value = table.Take(held[at].handle);
    if (!value || !(*value == held[at].value)) ++wrong;
    if (table.Contains(held[at].handle)) ++wrong;
    held[at] = held.back();
    held.pop_back();
  };
  for (int round = 0; round < rounds; ++round) {
    if (held.size() < hold && random.OneIn(2)) {
      const Value value = Value::Make(static_cast<uint64_t>(thread),
                                      static_cast<uint64_t>(round));
      const auto handle = table.Pin(value);
      if (!handle) continue;
      issued->push_back(handle.bits());
      held.push_back({handle, value});
    } else if (!held.empty()) {
      take();
    }
  }
  while (!held.empty()) take();
  return wrong;
}

// How many of `issued` were issued before.
uint64_t CountRepeated(std::vector<std::vector<uint64_t>>& issued) {
  std::vector<uint64_t> all;
  for (const auto& each : issued) {
    all.insert(all.end(), each.begin(), each.end());
  }
  std::sort(all.begin(), all.end());
  const auto end = std::unique(all.begin(), all.end());
  return static_cast<uint64_t>(all.end() - end);
}

TYPED_TEST(ConcurrentRecyclingTest, NoSlotHasTwoOwnersWithAnyCache) {
  using Table = typename TypeParam::Table;
  using Value = typename TypeParam::Value;
  const uint64_t seed = TestSeed();

  for (const uint32_t cache : {0u, 1u, 2u, 64u}) {
    for (const uint64_t max_slots : {3u, 1100u}) {
      SCOPED_TRACE(testing::Message() << cache << " of " << max_slots);
      auto table = *Table::Create({max_slots, cache});
      std::vector<std::vector<uint64_t>> issued(kThreads);
      std::atomic<uint64_t> wrong{0};
      RunThreads(kThreads, [&](int thread) {
        Random random(seed, static_cast<uint64_t>(thread));
        wrong.fetch_add(PinAndTake<Table, Value>(
            table, thread, Rounds(30'000), max_slots / 3, random,
            &issued[static_cast<size_t>(thread)]));
      });

      EXPECT_EQ(wrong.load(), 0u);
      EXPECT_EQ(CountRepeated(issued), 0u);
      const TableStats stats = table.GetStats();
      EXPECT_EQ(stats.live, 0u);
      const uint64_t most =
          max_slots + (stats.thread_cache_slots == 0
                           ? 0
                           : kThreads * (stats.thread_cache_slots + 1));
      EXPECT_LE(stats.high_water, most);
      // The threads have exited: every slot can be had.
      const uint64_t filled = FillUp(table);
      EXPECT_GE(filled, max_slots);
      EXPECT_LE(filled, most);
      EXPECT_EQ(table.GetStats().free, 0u);
    }
  }
}

TYPED_TEST(ConcurrentRecyclingTest, EverySlotServesAllItsLivesAndNoMore) {
  using Value = typename TypeParam::Value;
  using Table =
      HandleTable<Value, WithGenerationBits<typename TypeParam::Traits, 15>>;
  const uint64_t seed = TestSeed();
  constexpr uint64_t kSlots = 5;

  auto table = *Table::Create({kSlots, /*thread_cache_slots=*/0});
  std::vector<std::vector<uint64_t>> issued(kThreads + 1);
  std::atomic<uint64_t> wrong{0};
  RunThreads(kThreads, [&](int thread) {
    Random random(seed, static_cast<uint64_t>(thread));
    wrong.fetch_add(
        PinAndTake<Table, Value>(table, thread, 60'000, 2, random,
                                 &issued[static_cast<size_t>(thread)]));
  });
  while (table.Pin(Value::Make(0, 0))) {
    issued[kThreads].push_back(0);
    ASSERT_EQ(table.UnpinAll(), 1u);
    ASSERT_LE(issued[kThreads].size(), kSlots * Table::kLivesPerSlot);
  }

  EXPECT_EQ(wrong.load(), 0u);
  uint64_t lives = 0;
  for (const auto& each : issued) lives += each.size();
  EXPECT_EQ(lives, kSlots * Table::kLivesPerSlot);
  issued.pop_back();
  EXPECT_EQ(CountRepeated(issued), 0u);
  const TableStats stats = table.GetStats();
  EXPECT_EQ(stats.retired, kSlots);
  EXPECT_EQ(stats.oldest_generation, stats.last_generation);
}

TYPED_TEST(ConcurrentRecyclingTest, WithTwoGenerationBitsEverySlotLivesOnce) {
  using Value = typename TypeParam::Value;
  using Table =
      HandleTable<Value, WithGenerationBits<typename TypeParam::Traits, 2>>;
  const uint64_t seed = TestSeed();
  constexpr uint64_t kSlots = 30'000;

  auto table = *Table::Create({kSlots, /*thread_cache_slots=*/0});
  std::vector<std::vector<uint64_t>> issued(kThreads);
  std::atomic<uint64_t> wrong{0};
  RunThreads(kThreads, [&](int thread) {
    Random random(seed, static_cast<uint64_t>(thread));
    wrong.fetch_add(
        PinAndTake<Table, Value>(table, thread, 30'000, 8, random,
                                 &issued[static_cast<size_t>(thread)]));
  });

  EXPECT_EQ(wrong.load(), 0u);
  EXPECT_EQ(CountRepeated(issued), 0u);
  const TableStats stats = table.GetStats();
  EXPECT_EQ(stats.free, 0u);
  EXPECT_EQ(stats.retired, stats.high_water);
  uint64_t lives = 0;
  for (const auto& each : issued) lives += each.size();
  EXPECT_EQ(stats.retired, lives);
}

TYPED_TEST(ConcurrentRecyclingTest, TwentyThreadsNeverHoldMoreThanTwoSlots) {
  using Table = typename TypeParam::Table;
  using Value = typename TypeParam::Value;
  TestSeed();

  auto table = *Table::Create({/*max_slots=*/2});
  std::atomic<int> holders{0};  // At most those that hold a slot.
  std::atomic<uint64_t> too_many{0};
  std::atomic<uint64_t> pinned{0};
  RunThreads(20, [&](int thread) {
    uint64_t mine = 0;
    for (int round = 0; round < Rounds(20'000); ++round) {
      const auto handle = table.Pin(Value::Make(static_cast<uint64_t>(thread),
                                                static_cast<uint64_t>(round)));
      if (!handle) continue;
      ++mine;
      if (holders.fetch_add(1) >= 2) too_many.fetch_add(1);
      if (round % 512 == 0 && table.GetStats().high_water > 2) {
        too_many.fetch_add(1);
      }
      holders.fetch_sub(1);
      if (!table.Unpin(handle)) too_many.fetch_add(1);
    }
    pinned.fetch_add(mine);
  });

  EXPECT_EQ(too_many.load(), 0u);
  EXPECT_GT(pinned.load(), 100u);
  EXPECT_LE(table.GetStats().high_water, 2u);
  EXPECT_TRUE(table.Pin(Value::Make(0, 0)));
  EXPECT_TRUE(table.Pin(Value::Make(0, 0)));
  EXPECT_FALSE(table.Pin(Value::Make(0, 0)));
}

// Two threads only pin and two only take: every batch travels from the
// consumers by way of the free list to the producers.
TYPED_TEST(ConcurrentRecyclingTest, SlotsFlowBackFromConsumersToProducers) {
  using Table = typename TypeParam::Table;
  using Value = typename TypeParam::Value;
  TestSeed();
  const uint64_t total = static_cast<uint64_t>(Rounds(15'000));
  constexpr size_t kBoxes = 64;

  for (const uint32_t cache : {0u, 1u, 2u, 8u}) {
    SCOPED_TRACE(cache);
    auto table = *Table::Create({/*max_slots=*/160, cache});
    std::atomic<uint64_t> boxes[kBoxes] = {};
    std::atomic<int> producing{2};
    std::atomic<uint64_t> sum{0};
    std::atomic<uint64_t> wrong{0};
    RunThreads(kThreads, [&](int thread) {
      if (thread % 2 == 0) {
        // Each producer has boxes of its own.
        size_t at = static_cast<size_t>(thread / 2);
        for (uint64_t i = 0; i < total;) {
          at = (at + 2) % kBoxes;
          typename Table::Handle handle;
          if (boxes[at].load(std::memory_order_relaxed) == 0) {
            handle = table.Pin(Value::Make(0, i));
          }
          if (!handle) {
            if (at < 2) std::this_thread::yield();
            continue;
          }
          boxes[at].store(handle.bits(), std::memory_order_relaxed);
          ++i;
        }
        producing.fetch_sub(1);
        return;
      }
      size_t at = 0;
      size_t empty = 0;  // Boxes seen empty since all producers were done.
      while (empty < kBoxes) {
        const bool done = producing.load() == 0;
        at = (at + 1) % kBoxes;
        auto& box = boxes[at];
        const uint64_t bits = box.exchange(0, std::memory_order_relaxed);
        if (bits == 0) {
          if (done) ++empty;
          if (at == 0) std::this_thread::yield();
          continue;
        }
        const std::optional<Value> value =
            table.Take(Table::Handle::FromBits(bits));
        if (!value || !value->IsWhole()) {
          wrong.fetch_add(1);
        } else {
          sum.fetch_add(value->sequence() + 1, std::memory_order_relaxed);
        }
      }
    });

    uint64_t expected = 0;
    for (uint64_t i = 0; i < total; ++i) expected += (i & Value::kMask) + 1;
    EXPECT_EQ(wrong.load(), 0u);
    EXPECT_EQ(sum.load(), 2 * expected);
    EXPECT_EQ(table.GetStats().live, 0u);
  }
}

// Generations that were seeded near the end of the default 32 bits.
struct SeededTraits : JitteryTraits {};

}  // namespace

template <>
class HandleTable<Stamped<8>, SeededTraits>::TestAccess {
 public:
  // Makes the first `count` slots serve `lives` lives more, after the one that
  // each is in. Handles of those are lost.
  static void LeaveLives(HandleTable& table, uint32_t count, uint64_t lives) {
    using Slot = typename Slots::Array::Slot;
    auto* const slots = table.memory_.template Array<Slot>(
        0, static_cast<size_t>(table.all_slots_));
    for (uint32_t i = 0; i < count; ++i) {
      const uint64_t generation = Generations::kLastLive.number() - 2 * lives;
      const uint64_t bits =
          slots[i].word.load(std::memory_order_relaxed).bits();
      slots[i].word.store(
          Slots::Word::FromBits((bits & ~Generations::kMask) | generation),
          std::memory_order_relaxed);
    }
  }
};

namespace {

TEST(ConcurrentRetirementTest, SlotsRetireAtTheEndOf32Bits) {
  using Value = Stamped<8>;
  using Table = HandleTable<Value, SeededTraits>;
  const uint64_t seed = TestSeed();
  constexpr uint32_t kSlots = 4;
  constexpr uint64_t kLives = 3000;

  auto table = *Table::Create({kSlots, /*thread_cache_slots=*/0});
  for (uint32_t i = 0; i < kSlots; ++i) {
    ASSERT_TRUE(table.Pin(Value::Make(0, 0)));
  }
  Table::TestAccess::LeaveLives(table, kSlots, kLives);
  ASSERT_EQ(table.UnpinAll(), kSlots);

  std::vector<std::vector<uint64_t>> issued(kThreads);
  std::atomic<uint64_t> wrong{0};
  RunThreads(kThreads, [&](int thread) {
    Random random(seed, static_cast<uint64_t>(thread));
    wrong.fetch_add(
        PinAndTake<Table, Value>(table, thread, 40'000, 2, random,
                                 &issued[static_cast<size_t>(thread)]));
  });

  EXPECT_EQ(wrong.load(), 0u);
  uint64_t lives = 0;
  for (const auto& each : issued) lives += each.size();
  EXPECT_EQ(CountRepeated(issued), 0u);
  EXPECT_EQ(lives, kSlots * kLives);
  EXPECT_EQ(table.GetStats().retired, kSlots);
  for (const auto& each : issued) {
    for (const uint64_t bits : each) {
      ASSERT_FALSE(table.Contains(Table::Handle::FromBits(bits)));
    }
  }
}

}  // namespace
}  // namespace holdfast
