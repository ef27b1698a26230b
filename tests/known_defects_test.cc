// Defects that tables of this kind have had elsewhere, by their numbers in the
// list that this project keeps; those that one thread alone can bring about.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <random>
#include <set>
#include <unordered_set>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "holdfast/handle_table.h"
#include "holdfast/internal/ordinal_pool.h"
#include "tests/support/fake_threads.h"
#include "tests/support/hooked_atomics.h"
#include "tests/support/table_access.h"
#include "tests/support/table_snapshot.h"

namespace holdfast {
namespace {

template <int kBits>
struct BitsTraits : DefaultTraits {
  static constexpr int kGenerationBits = kBits;
};

template <int kBits>
using TableOfBits = HandleTable<uint64_t, BitsTraits<kBits>>;

TableOptions Slots(uint64_t max_slots, uint32_t thread_cache_slots) {
  TableOptions options;
  options.max_slots = max_slots;
  options.thread_cache_slots = thread_cache_slots;
  return options;
}

// Calls fn(std::integral_constant<int, kBits>) for every split there is.
template <int kBits = 2, typename F>
void ForEachSplit(const F& fn) {
  SCOPED_TRACE(testing::Message() << kBits << " generation bits");
  fn(std::integral_constant<int, kBits>());
  if constexpr (kBits < 48) ForEachSplit<kBits + 1>(fn);
}

// A tag that is the generation grows until its slot is retired.
TEST(KnownDefects, Point05_TagsThatWrapUnderTinyBitWidths) {
  using Table = TableOfBits<4>;
  Table table = *Table::Create(Slots(8, 0));
  Table::TestAccess access(table);
  std::mt19937 random(5);
  std::vector<uint64_t> newest(8, 0);
  std::vector<Handle<uint64_t>> live;
  for (int step = 0; step < 1000; ++step) {
    if (live.empty() || random() % 2 == 0) {
      const auto handle = table.Pin(1);
      if (!handle) continue;
      uint64_t& last = newest[access.Index(handle)];
      ASSERT_GT(access.Generation(handle), last);
      last = access.Generation(handle);
      live.push_back(handle);
    } else {
      std::swap(live[random() % live.size()], live.back());
      ASSERT_TRUE(table.Unpin(live.back()));
      live.pop_back();
    }
    ASSERT_EQ(access.Problem(), "");
  }
  table.UnpinAll();
  while (const auto handle = table.Pin(1)) table.Unpin(handle);
  EXPECT_EQ(table.GetStats().retired, 8);
}

TEST(KnownDefects, Point05_TagsThatWrapWhenSlotsAreNearTheirEnd) {
  using Table = HandleTable<uint64_t>;
  Table table = *Table::Create(Slots(64, 0));
  Table::TestAccess access(table);
  for (int i = 0; i < 64; ++i) ASSERT_TRUE(table.Pin(1));
  table.UnpinAll();
  access.AgeFreeSlots(0xFFFF'FFF8);  // Three lives are left.
  uint64_t pins = 0;
  while (const auto handle = table.Pin(1)) {
    EXPECT_GE(access.Generation(handle), 0xFFFF'FFF9);
    ASSERT_TRUE(table.Unpin(handle));
    ASSERT_EQ(access.Problem(), "");
    ++pins;
  }
  EXPECT_EQ(pins, 64 * 3);
  EXPECT_EQ(table.GetStats().retired, 64);
}

TEST(KnownDefects, Point06_GenerationWrapAndLastGenerationEqualToASentinel) {
  ForEachSplit([](auto bits) {
    using Table = TableOfBits<decltype(bits)::value>;
    Table table = *Table::Create(Slots(1, 0));
    typename Table::TestAccess access(table);
    constexpr uint64_t kLast = 2 * Table::kLivesPerSlot - 1;
    if (kLast > 1) {
      ASSERT_TRUE(table.Unpin(table.Pin(1)));
      access.AgeFreeSlots(kLast - 1);
    }
    const auto last = table.Pin(2);
    ASSERT_TRUE(last);
    EXPECT_EQ(access.Generation(last), kLast);
    EXPECT_EQ(table.Read(last), 2);
    EXPECT_TRUE(table.Write(last, 3));
    EXPECT_EQ(table.GetStats().oldest_generation, kLast);
    EXPECT_EQ(table.GetStats().retired, 0);
    EXPECT_TRUE(table.Unpin(last));
    EXPECT_FALSE(table.Unpin(last));
    EXPECT_FALSE(table.Read(last));
    EXPECT_FALSE(table.Pin(4));
    EXPECT_EQ(table.GetStats().retired, 1);
    // Nothing of the next slot was touched, and no wrapped handle is live.
    EXPECT_EQ(access.SlotGeneration(0), kLast + 1);
    for (uint64_t generation = 0; generation < 8; ++generation) {
      EXPECT_FALSE(table.Read(access.HandleAt(0, generation)));
      EXPECT_FALSE(table.Read(access.HandleAt(0, kLast + generation)));
    }
  });
}

TEST(KnownDefects, Point06_LargestIndexEqualToTheEndOfAChain) {
  using Table = TableOfBits<48>;
  for (const uint32_t cache : {0u, 64u}) {
    Table table = *Table::Create(Slots(Table::kMaxSlots, cache));
    for (int round = 0; round < 2; ++round) {
      std::set<uint64_t> bits;
      while (const auto handle = table.Pin(1)) {
        ASSERT_TRUE(bits.insert(handle.bits()).second);
      }
      EXPECT_EQ(bits.size(), 16'383);
      EXPECT_EQ(table.UnpinAll(), 16'383);
    }
    EXPECT_EQ(Table::TestAccess(table).Problem(), "");
  }
}

TEST(KnownDefects, Point07_ClearThatRevivesOldHandles) {
  for (const uint32_t cache : {0u, 6u}) {
    HandleTable<uint64_t> table =
        *HandleTable<uint64_t>::Create(Slots(100, cache));
    std::vector<Handle<uint64_t>> old;
    for (int round = 0; round < 20; ++round) {
      for (int i = 0; i < 100; ++i) {
        old.push_back(table.Pin(1));
        ASSERT_TRUE(old.back());
      }
      EXPECT_EQ(table.UnpinAll(), 100);
      for (const auto handle : old) ASSERT_FALSE(table.Contains(handle));
    }
    // Nor do later pins revive them.
    for (int i = 0; i < 100; ++i) ASSERT_TRUE(table.Pin(2));
    for (const auto handle : old) ASSERT_FALSE(table.Read(handle));
  }
}

TEST(KnownDefects, Point08_FailedPinThatLeaksASlotOrReissuesAHandle) {
  for (const uint32_t cache : {0u, 6u}) {
    HandleTable<uint64_t> table =
        *HandleTable<uint64_t>::Create(Slots(100, cache));
    std::unordered_set<uint64_t> issued;
    std::vector<Handle<uint64_t>> live;
    for (int round = 0; round < 50; ++round) {
      while (const auto handle = table.Pin(1)) {
        ASSERT_TRUE(issued.insert(handle.bits()).second);
        live.push_back(handle);
      }
      ASSERT_EQ(live.size(), 100);
      const TableStats full = table.GetStats();
      for (int i = 0; i < 100; ++i) ASSERT_FALSE(table.Pin(2));
      EXPECT_EQ(Summary(table.GetStats()), Summary(full));
      for (int i = 0; i <= round; ++i) {
        ASSERT_TRUE(table.Unpin(live.back()));
        live.pop_back();
      }
    }
  }
}

struct PlayedTraits : DefaultTraits {
  using Threads = FakeThreads;
};

TEST(KnownDefects, Point12_SlotsLostAtThreadExit) {
  using Table = HandleTable<uint64_t, PlayedTraits>;
  FakeThreads::Reset();
  Table table = *Table::Create(Slots(4096, 64));
  Table::TestAccess access(table);
  uint64_t high_water = 0;
  size_t touched = 0;
  for (int thread = 0; thread < 10'000; ++thread) {
    FakeThreads::BecomeNew();
    std::vector<Handle<uint64_t>> handles;
    for (int i = 0; i < 100; ++i) {
      handles.push_back(table.Pin(1));
      ASSERT_TRUE(table.Write(handles.back(), 2));
      // Some slots take another cell along.
      if (i % 2 == 1) access.Displace(handles.back());
    }
    for (const auto handle : handles) ASSERT_TRUE(table.Unpin(handle));
    FakeThreads::Exit(FakeThreads::Current());
    if (thread == 0) high_water = table.GetStats().high_water;
    if (thread == 0) touched = table.GetStats().bytes_touched;
  }
  EXPECT_EQ(table.GetStats().high_water, high_water);
  EXPECT_EQ(table.GetStats().bytes_touched, touched);
  // The last thread's cache counts as free, and a full table finds it.
  FakeThreads::Become(7);
  for (int i = 0; i < 4096; ++i) ASSERT_TRUE(table.Pin(1)) << i;
  EXPECT_EQ(access.Problem(), "");
}

TEST(KnownDefects, Point14_NonDefaultBitSplits) {
  ForEachSplit([](auto bits) {
    using Table = TableOfBits<decltype(bits)::value>;
    Table table = *Table::Create(Slots(200, 8));
    typename Table::TestAccess access(table);
    std::mt19937_64 random(14);
    TableContents<uint64_t> expected;
    std::vector<Handle<uint64_t>> stale;
    for (int step = 0; step < 400; ++step) {
      const uint64_t value = random();
      const auto handle = table.Pin(value);
      if (!handle) break;
      ASSERT_EQ(table.Read(handle), value);
      if (step % 4 == 1) access.Displace(handle);
      ASSERT_TRUE(table.Write(handle, ~value));
      if (step % 4 == 2) access.Displace(handle);
      if (random() % 2 == 0) {
        ASSERT_EQ(table.Take(handle), ~value);
        stale.push_back(handle);
      } else {
        expected.Add(handle, ~value);
      }
      if (expected.values.size() == 150) break;
    }
    EXPECT_GT(expected.values.size(), 50);
    EXPECT_EQ(ContentsOf(table), expected);
    for (const auto handle : stale) EXPECT_FALSE(table.Read(handle));
    EXPECT_EQ(access.Problem(), "");
  });
}

TEST(KnownDefects, Point15_RandomAndForeignHandlesDuringGrowth) {
  using Table = HandleTable<uint64_t>;
  Table table = *Table::Create(Slots(100'000, 0));
  Table other = *Table::Create(Slots(100'000, 0));
  std::mt19937_64 random(15);
  for (uint64_t i = 0; i < 100'000; ++i) {
    ASSERT_TRUE(table.Pin(i));
    const auto foreign = other.Pin(i);
    const auto any = Handle<uint64_t>::FromBits(random() >> (i % 64));
    ASSERT_FALSE(table.Unpin(foreign));
    ASSERT_FALSE(table.Read(foreign));
    ASSERT_FALSE(table.Write(any, 1));
    ASSERT_FALSE(table.Take(any));
  }
  EXPECT_EQ(table.GetStats().live, 100'000);
  uint64_t sum = 0;
  table.ForEach([&](Handle<uint64_t>, uint64_t value) { sum += value; });
  EXPECT_EQ(sum, uint64_t{99'999} * 100'000 / 2);
}

TEST(KnownDefects, Point16_IterationOverTheEmptyTable) {
  using Table = HandleTable<uint64_t>;
  Table table = *Table::Create(Slots(100, 6));
  const auto expect_nothing = [&] {
    int visits = 0;
    table.ForEach([&](Handle<uint64_t>, uint64_t) { ++visits; });
    table.ForEachExclusive([&](Handle<uint64_t>, uint64_t&) { ++visits; });
    Table::ParallelForEach walk(table);
    walk.Work([&](Handle<uint64_t>, uint64_t) { ++visits; });
    walk.Work([&](Handle<uint64_t>, uint64_t) { ++visits; });
    EXPECT_EQ(visits, 0);
    EXPECT_EQ(table.UnpinAll(), 0);
  };
  expect_nothing();
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(table.Pin(1));
  table.UnpinAll();
  expect_nothing();
}

TEST(KnownDefects, Point16_IterationThatSkipsOrDoublesEntries) {
  using Table = HandleTable<uint64_t>;
  for (const uint64_t count : {1u, 2u, 63u, 64u, 65u, 100u}) {
    for (const uint64_t hole : {uint64_t{0}, count / 2, count - 1}) {
      Table table = *Table::Create(Slots(100, 0));
      TableContents<uint64_t> expected;
      Handle<uint64_t> unpinned;
      for (uint64_t i = 0; i < count; ++i) {
        const auto handle = table.Pin(i);
        if (i == hole) {
          unpinned = handle;
        } else {
          expected.Add(handle, i);
        }
      }
      ASSERT_TRUE(table.Unpin(unpinned));
      EXPECT_EQ(ContentsOf(table), expected);
    }
  }
}

struct CountingTraits : DefaultTraits {
  using Atomics = HookedAtomics;
};

// The most accesses to shared memory that one Pin or Unpin makes while all
// slots but one are live, and then none is free.
int WorstCaseNearFull(uint64_t max_slots, uint32_t cache) {
  using Table = HandleTable<uint64_t, CountingTraits>;
  Table table = *Table::Create(Slots(max_slots, cache));
  std::vector<Handle<uint64_t>> live;
  for (uint64_t i = 0; i < max_slots; ++i) live.push_back(table.Pin(i));
  EXPECT_TRUE(live.back());
  std::mt19937_64 random(18);
  int worst = 0;
  for (int i = 0; i < 2000; ++i) {
    std::swap(live[random() % live.size()], live.back());
    int before = AccessHook::accesses();
    EXPECT_TRUE(table.Unpin(live.back()));
    worst = std::max(worst, AccessHook::accesses() - before);
    before = AccessHook::accesses();
    live.back() = table.Pin(1);
    EXPECT_TRUE(live.back());
    worst = std::max(worst, AccessHook::accesses() - before);
    before = AccessHook::accesses();
    EXPECT_FALSE(table.Pin(1));
    worst = std::max(worst, AccessHook::accesses() - before);
  }
  return worst;
}

TEST(KnownDefects, Point18_LinearScanThatCollapsesNearFull) {
  for (const uint32_t cache : {0u, 64u}) {
    const int small = WorstCaseNearFull(1024, cache);
    EXPECT_EQ(WorstCaseNearFull(64 * 1024, cache), small);
    EXPECT_LT(small, 100);
  }
}

TEST(KnownDefects, Point18_LinearScanForAnOrdinalWhenMostAreOwned) {
  constexpr uint32_t kCapacity = 65'536;
  using Pool = internal::OrdinalPool<HookedAtomics, kCapacity>;
  const auto pool = std::make_unique<Pool>();
  for (uint32_t i = 0; i < kCapacity - 1; ++i) pool->Claim();
  // Threads come and go while all ordinals but one are owned.
  for (int i = 0; i < 100; ++i) {
    const int before = AccessHook::accesses();
    const uint32_t ordinal = pool->Claim();
    EXPECT_LT(AccessHook::accesses() - before, 10);
    EXPECT_EQ(ordinal, kCapacity - 1);
    pool->Release(ordinal);
  }
}

}  // namespace
}  // namespace holdfast
