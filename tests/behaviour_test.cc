// What each operation of a table does in one thread: the rules of a pool of
// generational handles, ordered by operation.

#include <cstdint>
#include <optional>
#include <set>
#include <vector>

#include "gtest/gtest.h"
#include "holdfast/handle_table.h"
#include "tests/support/fake_threads.h"
#include "tests/support/table_access.h"
#include "tests/support/table_snapshot.h"

namespace holdfast {
namespace {

// Three lives a slot.
struct TinyTraits : DefaultTraits {
  static constexpr int kGenerationBits = 3;
};

template <typename T>
using Table = HandleTable<T>;
template <typename T>
using Tiny = HandleTable<T, TinyTraits>;

template <typename Kind>
Kind Make(uint64_t max_slots) {
  TableOptions options;
  options.max_slots = max_slots;
  options.thread_cache_slots = 0;
  return *Kind::Create(options);
}

// Pins and unpins until no slot is left. Returns the last handles.
template <typename T>
std::vector<Handle<T>> RetireAll(Tiny<T>& table) {
  std::vector<Handle<T>> last;
  for (;;) {
    std::vector<Handle<T>> pinned;
    for (Handle<T> h = table.Pin(1); h; h = table.Pin(1)) pinned.push_back(h);
    if (pinned.empty()) return last;
    for (const Handle<T> h : pinned) EXPECT_TRUE(table.Unpin(h));
    last = pinned;
  }
}

// A number of two words.
struct Wide {
  Wide(uint64_t n) : number(n), complement(~n) {}  // NOLINT: as a number.
  friend Wide operator+(Wide a, uint64_t b) { return a.number + b; }
  friend bool operator==(Wide a, Wide b) {
    return a.number == b.number && a.complement == b.complement;
  }

  uint64_t number;
  uint64_t complement;
};

// Values beside the slots' words (or in cells, where the processor cannot
// change both at once), in the words, and in cells.
template <typename T>
class BehaviourTest : public testing::Test {};

using ValueTypes = testing::Types<uint64_t, uint16_t, Wide>;
TYPED_TEST_SUITE(BehaviourTest, ValueTypes);

TYPED_TEST(BehaviourTest, PinReusesAFreeSlot) {
  auto table = Make<Table<TypeParam>>(10);
  const auto first = table.Pin(1);
  EXPECT_TRUE(table.Unpin(first));
  const auto second = table.Pin(2);
  EXPECT_EQ(table.GetStats().high_water, 1);
  EXPECT_NE(first, second);
  EXPECT_EQ(table.Read(second), 2);
}

TYPED_TEST(BehaviourTest, PinExtendsThePoolIfNoSlotIsFree) {
  auto table = Make<Table<TypeParam>>(10);
  for (uint64_t i = 1; i <= 10; ++i) {
    EXPECT_TRUE(table.Pin(7));
    EXPECT_EQ(table.GetStats().high_water, i);
  }
}

TYPED_TEST(BehaviourTest, PinOfAFullTableReturnsTheNullHandle) {
  auto table = Make<Table<TypeParam>>(3);
  const auto first = table.Pin(1);
  ASSERT_TRUE(table.Pin(2) && table.Pin(3));
  for (int i = 0; i < 5; ++i) EXPECT_FALSE(table.Pin(4));
  EXPECT_EQ(table.GetStats().live, 3);
  EXPECT_TRUE(table.Unpin(first));
  EXPECT_TRUE(table.Pin(4));
  EXPECT_FALSE(table.Pin(5));
}

TYPED_TEST(BehaviourTest, PinReturnsAPositiveOddHandle) {
  auto table = Make<Table<TypeParam>>(100);
  for (auto h = table.Pin(1); h; h = table.Pin(1)) {
    EXPECT_EQ(h.bits() % 2, 1);
    EXPECT_GT(static_cast<int64_t>(h.bits()), 0);
  }
}

TYPED_TEST(BehaviourTest, ReadReturnsTheValueUntilUnpin) {
  auto table = Make<Table<TypeParam>>(10);
  const auto handle = table.Pin(42);
  EXPECT_EQ(table.Read(handle), 42);
  EXPECT_EQ(table.Read(handle), 42);
  EXPECT_TRUE(table.Contains(handle));
  EXPECT_TRUE(table.Unpin(handle));
  EXPECT_EQ(table.Read(handle), std::nullopt);
  EXPECT_FALSE(table.Contains(handle));
}

TYPED_TEST(BehaviourTest, ReadThroughAStaleHandleFindsNothingAfterReuse) {
  auto table = Make<Table<TypeParam>>(1);
  const auto stale = table.Pin(1);
  table.Unpin(stale);
  const auto live = table.Pin(2);
  EXPECT_EQ(table.Read(stale), std::nullopt);
  EXPECT_EQ(table.Read(live), 2);
}

TYPED_TEST(BehaviourTest, ReadOutOfBoundsFindsNothing) {
  auto table = Make<Table<TypeParam>>(10);
  ASSERT_TRUE(table.Pin(1));
  typename Table<TypeParam>::TestAccess access(table);
  EXPECT_EQ(table.Read(access.HandleAt(9, 1)), std::nullopt);
  EXPECT_EQ(table.Read(access.HandleAt(10, 1)), std::nullopt);
  EXPECT_EQ(table.Read(access.HandleAt(0x7FFF'FFFF, 1)), std::nullopt);
}

TYPED_TEST(BehaviourTest, WriteReplacesTheValueForAllCopiesOfTheHandle) {
  auto table = Make<Table<TypeParam>>(10);
  const auto handle = table.Pin(1);
  const auto copy = handle;
  for (uint32_t i = 2; i < 10; ++i) {
    EXPECT_TRUE(table.Write(handle, static_cast<TypeParam>(i)));
    EXPECT_EQ(table.Read(handle), i);
    EXPECT_EQ(table.Read(copy), i);
  }
  EXPECT_TRUE(table.Unpin(copy));
  EXPECT_FALSE(table.Unpin(handle));
}

TYPED_TEST(BehaviourTest, WriteThroughAStaleHandleIsRefusedAndChangesNothing) {
  auto table = Make<Table<TypeParam>>(1);
  const auto stale = table.Pin(1);
  table.Unpin(stale);
  EXPECT_FALSE(table.Write(stale, 3));
  const auto live = table.Pin(2);
  EXPECT_FALSE(table.Write(stale, 3));
  EXPECT_EQ(table.Exchange(stale, 3), std::nullopt);
  EXPECT_EQ(table.Read(live), 2);
}

TYPED_TEST(BehaviourTest, ExchangeReturnsTheValueThatItReplaced) {
  auto table = Make<Table<TypeParam>>(10);
  const auto handle = table.Pin(1);
  EXPECT_EQ(table.Exchange(handle, 2), 1);
  EXPECT_EQ(table.Exchange(handle, 3), 2);
  EXPECT_TRUE(table.Write(handle, 4));
  EXPECT_EQ(table.Exchange(handle, 5), 4);
  EXPECT_EQ(table.Read(handle), 5);
}

TYPED_TEST(BehaviourTest, UnpinOfAStaleHandleIsRefusedAndChangesNothing) {
  auto table = Make<Table<TypeParam>>(2);
  const auto stale = table.Pin(1);
  EXPECT_TRUE(table.Unpin(stale));
  EXPECT_FALSE(table.Unpin(stale));
  const auto live = table.Pin(2);
  EXPECT_FALSE(table.Unpin(stale));
  EXPECT_FALSE(table.Take(stale));
  EXPECT_EQ(table.Read(live), 2);
  // The refused calls did not give back the slot once more.
  EXPECT_TRUE(table.Pin(3));
  EXPECT_FALSE(table.Pin(4));
}

TYPED_TEST(BehaviourTest, TakeReturnsTheLastValueAndUnpins) {
  auto table = Make<Table<TypeParam>>(1);
  const auto pinned = table.Pin(1);
  EXPECT_EQ(table.Take(pinned), 1);
  EXPECT_EQ(table.Take(pinned), std::nullopt);
  const auto written = table.Pin(2);
  EXPECT_TRUE(table.Write(written, 3));
  EXPECT_EQ(table.Take(written), 3);
  EXPECT_EQ(table.GetStats().live, 0);
  EXPECT_TRUE(table.Pin(4));
}

TYPED_TEST(BehaviourTest, GenerationOverflowRetiresTheSlotForGood) {
  auto table = Make<Tiny<TypeParam>>(1);
  static_assert(Tiny<TypeParam>::kLivesPerSlot == 3);
  typename Tiny<TypeParam>::TestAccess access(table);
  for (uint64_t life = 0; life < Tiny<TypeParam>::kLivesPerSlot; ++life) {
    const auto handle = table.Pin(1);
    ASSERT_TRUE(handle);
    EXPECT_EQ(access.Generation(handle), 2 * life + 1);
    EXPECT_TRUE(table.Unpin(handle));
  }
  for (int i = 0; i < 5; ++i) EXPECT_FALSE(table.Pin(1));
  EXPECT_TRUE(access.FreeList().empty());
  EXPECT_EQ(table.GetStats().retired, 1);
  EXPECT_EQ(table.GetStats().free, 0);
}

TYPED_TEST(BehaviourTest, GenerationOverflowLeavesTheLastHandleStale) {
  auto table = Make<Tiny<TypeParam>>(4);
  const auto last = RetireAll<TypeParam>(table);
  ASSERT_EQ(last.size(), 4);
  for (const auto handle : last) {
    EXPECT_FALSE(table.Read(handle));
    EXPECT_FALSE(table.Contains(handle));
    EXPECT_FALSE(table.Write(handle, 2));
    EXPECT_FALSE(table.Exchange(handle, 2));
    EXPECT_FALSE(table.Unpin(handle));
    EXPECT_FALSE(table.Take(handle));
    EXPECT_EQ(table.Diagnose(handle).state, HandleState::kRetired);
  }
  EXPECT_EQ(table.GetStats().retired, 4);
  EXPECT_TRUE(ContentsOf(table).values.empty());
}

TYPED_TEST(BehaviourTest, UnpinAllMakesEveryHandleStaleAndKeepsTheCapacity) {
  auto table = Make<Table<TypeParam>>(100);
  for (int round = 0; round < 3; ++round) {
    std::vector<Handle<TypeParam>> handles;
    for (int i = 0; i < 100; ++i) handles.push_back(table.Pin(1));
    ASSERT_TRUE(table.Unpin(handles[50]));
    EXPECT_EQ(table.UnpinAll(), 99);
    EXPECT_EQ(table.UnpinAll(), 0);
    for (const auto handle : handles) EXPECT_FALSE(table.Read(handle));
    EXPECT_EQ(table.GetStats().live, 0);
    EXPECT_EQ(table.GetStats().high_water, 100);
    EXPECT_EQ(table.GetStats().capacity, 100);
  }
}

TYPED_TEST(BehaviourTest, UnpinAllLeavesRetiredSlotsRetired) {
  auto table = Make<Tiny<TypeParam>>(4);
  for (int life = 0; life < 3; ++life) table.Unpin(table.Pin(1));
  ASSERT_EQ(table.GetStats().retired, 1);
  ASSERT_TRUE(table.Pin(2));
  EXPECT_EQ(table.UnpinAll(), 1);
  EXPECT_EQ(table.GetStats().retired, 1);
  EXPECT_TRUE(table.Pin(1) && table.Pin(1) && table.Pin(1));
  EXPECT_FALSE(table.Pin(1));
}

TYPED_TEST(BehaviourTest, UnpinAllRetiresSlotsOnTheirLastLife) {
  auto table = Make<Tiny<TypeParam>>(4);
  for (uint64_t life = 1; life <= 3; ++life) {
    EXPECT_TRUE(table.Pin(1) && table.Pin(1) && table.Pin(1) && table.Pin(1));
    EXPECT_EQ(table.UnpinAll(), 4);
    EXPECT_EQ(table.GetStats().retired, life == 3 ? 4 : 0);
  }
  EXPECT_EQ(table.UnpinAll(), 0);
  EXPECT_FALSE(table.Pin(1));
}

TYPED_TEST(BehaviourTest, UnpinAllExclusiveUsesSlotsAgainFromTheFirstOneOn) {
  auto table = Make<Table<TypeParam>>(100);
  for (uint32_t round = 0; round < 3; ++round) {
    std::vector<Handle<TypeParam>> handles;
    for (uint32_t i = 0; i < 100; ++i) {
      handles.push_back(table.Pin(static_cast<TypeParam>(i)));
      if (round > 0 && i < 32) {
        EXPECT_LT(*table.IndexOf(handles[i]), 32);
      }
    }
    // Slots in several places: live, in the cache and on the free list.
    for (uint32_t i = 0; i < 100; i += round + 2) table.Unpin(handles[i]);
    const uint64_t live = table.GetStats().live;
    EXPECT_EQ(table.UnpinAllExclusive(), live);
    EXPECT_EQ(table.UnpinAllExclusive(), 0);
    for (const auto handle : handles) EXPECT_FALSE(table.Read(handle));
    EXPECT_EQ(table.GetStats().free, 100);
    EXPECT_EQ(table.GetStats().cached, 0);
    EXPECT_EQ(table.IndexLimit(), 100);
  }
}

struct PlayedThreads : DefaultTraits {
  using Threads = FakeThreads;
};

TYPED_TEST(BehaviourTest, UnpinAllExclusiveTakesFreeSlotsBackFromEachThread) {
  using Played = HandleTable<TypeParam, PlayedThreads>;
  FakeThreads::Reset();
  Played table = *Played::Create({/*max_slots=*/1000});
  for (uint32_t thread = 0; thread < 4; ++thread) {
    FakeThreads::Become(thread);
    std::vector<typename Played::Handle> mine;
    for (int i = 0; i < 200; ++i) mine.push_back(table.Pin(1));
    for (uint32_t i = 0; i < 150; ++i) table.Unpin(mine[i]);
  }
  EXPECT_GT(table.GetStats().cached, 0);
  const uint64_t used = table.IndexLimit();
  EXPECT_EQ(table.UnpinAllExclusive(), 200);
  EXPECT_EQ(table.GetStats().cached, 0);
  std::set<uint32_t> indexes;
  for (uint64_t i = 0; i < used; ++i) {
    FakeThreads::Become(static_cast<uint32_t>(i * 4 / used));
    indexes.insert(*table.IndexOf(table.Pin(1)));
  }
  EXPECT_EQ(indexes.size(), used);
  EXPECT_EQ(table.UnpinAllExclusive(), used);
}

TYPED_TEST(BehaviourTest, UnpinAllExclusivePassesOverRetiredSlots) {
  auto table = Make<Tiny<TypeParam>>(4);
  for (uint64_t life = 1; life <= 3; ++life) {
    EXPECT_TRUE(table.Pin(1) && table.Pin(1));
    if (life < 3) {
      EXPECT_TRUE(table.Pin(1) && table.Pin(1));
    }
    EXPECT_EQ(table.UnpinAllExclusive(), life < 3 ? 4 : 2);
  }
  EXPECT_EQ(table.GetStats().retired, 2);
  EXPECT_TRUE(table.Pin(1) && table.Pin(1));
  EXPECT_FALSE(table.Pin(1));
  EXPECT_EQ(table.UnpinAllExclusive(), 2);
  EXPECT_EQ(table.GetStats().retired, 4);
  EXPECT_FALSE(table.Pin(1));
  EXPECT_EQ(table.UnpinAllExclusive(), 0);
}

TYPED_TEST(BehaviourTest, UnpinAllExclusiveLeavesEachSlotTheCellThatItHas) {
  auto table = Make<Table<TypeParam>>(100);
  typename Table<TypeParam>::TestAccess access(table);
  std::vector<Handle<TypeParam>> handles;
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < 100; ++i) handles.push_back(table.Pin(1));
    for (uint32_t i = 0; i < 50; ++i) access.Displace(handles[i]);
    EXPECT_EQ(table.UnpinAllExclusive(), 100);
    EXPECT_EQ(access.Problem(), "");
    handles.clear();
  }
}

TYPED_TEST(BehaviourTest, CountIsExactAndRetiredSlotsAreCountedApart) {
  auto table = Make<Tiny<TypeParam>>(4);
  std::vector<Handle<TypeParam>> handles;
  for (uint64_t i = 1; i <= 4; ++i) {
    handles.push_back(table.Pin(1));
    EXPECT_EQ(table.GetStats().live, i);
  }
  for (int life = 0; life < 2; ++life) {
    table.Unpin(handles[0]);
    EXPECT_EQ(table.GetStats().live, 3);
    EXPECT_EQ(table.GetStats().free, 1);
    handles[0] = table.Pin(1);
  }
  table.Unpin(handles[0]);
  EXPECT_EQ(table.GetStats().live, 3);
  EXPECT_EQ(table.GetStats().free, 0);
  EXPECT_EQ(table.GetStats().retired, 1);
  RetireAll<TypeParam>(table);
  EXPECT_EQ(table.UnpinAll(), 3);
  RetireAll<TypeParam>(table);
  EXPECT_EQ(table.GetStats().live, 0);
  EXPECT_EQ(table.GetStats().retired, 4);
}

TYPED_TEST(BehaviourTest, TraceVisitsEveryLiveValueOnceAndNoFreeSlot) {
  auto table = Make<Table<TypeParam>>(100);
  TableContents<TypeParam> expected;
  for (uint32_t i = 0; i < 100; ++i) {
    const TypeParam value = static_cast<TypeParam>(i);
    const auto handle = table.Pin(value);
    if (i % 3 == 0) {
      table.Unpin(handle);
    } else {
      expected.Add(handle, value);
    }
  }
  EXPECT_EQ(ContentsOf(table), expected);
  table.ForEachExclusive([](Handle<TypeParam>, TypeParam& value) {
    value = static_cast<TypeParam>(value + 1000);
  });
  for (auto& [bits, value] : expected.values) {
    value = static_cast<TypeParam>(value + 1000);
  }
  EXPECT_EQ(ContentsOf(table), expected);
  table.UnpinAll();
  EXPECT_EQ(ContentsOf(table), TableContents<TypeParam>());
}

}  // namespace
}  // namespace holdfast
