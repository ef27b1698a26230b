// Defects that tables of this kind have had elsewhere, where one thread alone
// can bring them about and neither fuzz/corpus nor another test would notice:
// at the ends of all widths, and calls that take too long.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <random>
#include <set>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "holdfast/handle_table.h"
#include "holdfast/internal/ordinal_pool.h"
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
