// The contracts of the table's header that behaviour_test and
// known_defects_test do not test: creation, moving, iteration and the
// observers.

#include "holdfast/handle_table.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "gtest/gtest.h"
#include "tests/support/in_cells.h"
#include "tests/support/table_access.h"
#include "tests/support/table_snapshot.h"
#include "tests/support/test_values.h"

namespace holdfast {
namespace {

using Table = HandleTable<uint64_t>;
using SmallTable = HandleTable<uint32_t>;

TableOptions Slots(uint64_t max_slots, uint32_t thread_cache_slots = 64) {
  TableOptions options;
  options.max_slots = max_slots;
  options.thread_cache_slots = thread_cache_slots;
  return options;
}

// --- Compile-time contracts --------------------------------------------------

static_assert(!std::is_default_constructible_v<Table>);
static_assert(!std::is_copy_constructible_v<Table>);
static_assert(!std::is_copy_assignable_v<Table>);
static_assert(std::is_nothrow_move_constructible_v<Table>);
static_assert(std::is_nothrow_move_assignable_v<Table>);
static_assert(std::is_same_v<Table::value_type, uint64_t>);
static_assert(std::is_same_v<Table::Handle, Handle<uint64_t>>);
static_assert(std::is_same_v<Table::Options, TableOptions>);
static_assert(std::is_same_v<Table::Stats, TableStats>);
static_assert(!std::is_copy_constructible_v<Table::ParallelForEach>);
static_assert(!std::is_copy_assignable_v<Table::ParallelForEach>);

static_assert(Table::kMaxSlots == 1'073'741'823);
static_assert(Table::kLivesPerSlot == 2'147'483'647);
static_assert(!Table::kInlineValues);
static_assert(SmallTable::kInlineValues);
static_assert(HandleTable<TestValue<4>>::kInlineValues);
static_assert(!HandleTable<TestValue<5>>::kInlineValues);

// The operations that a const table offers.
template <typename T, typename = void>
struct CanWrite : std::false_type {};
template <typename T>
struct CanWrite<
    T, std::void_t<decltype(std::declval<T&>().Write(Handle<uint64_t>(), 1))>>
    : std::true_type {};
template <typename T, typename = void>
struct CanPin : std::false_type {};
template <typename T>
struct CanPin<T, std::void_t<decltype(std::declval<T&>().Pin(1))>>
    : std::true_type {};
template <typename T, typename = void>
struct CanUnpin : std::false_type {};
template <typename T>
struct CanUnpin<
    T, std::void_t<decltype(std::declval<T&>().Unpin(Handle<uint64_t>()))>>
    : std::true_type {};
template <typename T, typename = void>
struct CanUnpinAll : std::false_type {};
template <typename T>
struct CanUnpinAll<T, std::void_t<decltype(std::declval<T&>().UnpinAll())>>
    : std::true_type {};
// A table does not take handles of another type of value.
template <typename T, typename H, typename = void>
struct CanRead : std::false_type {};
template <typename T, typename H>
struct CanRead<T, H, std::void_t<decltype(std::declval<T&>().Read(H()))>>
    : std::true_type {};

static_assert(CanPin<Table>::value && !CanPin<const Table>::value);
static_assert(CanWrite<Table>::value && !CanWrite<const Table>::value);
static_assert(CanUnpin<Table>::value && !CanUnpin<const Table>::value);
static_assert(CanUnpinAll<Table>::value && !CanUnpinAll<const Table>::value);
static_assert(CanRead<const Table, Handle<uint64_t>>::value);
static_assert(!CanRead<const Table, Handle<uint32_t>>::value);
static_assert(!CanRead<const Table, uint64_t>::value);

// --- Creation ----------------------------------------------------------------

TEST(HandleTableTest, DefaultOptionsMakeAnEmptyTable) {
  const absl::StatusOr<Table> table = Table::Create();
  ASSERT_TRUE(table.ok()) << table.status();
  EXPECT_EQ(table->GetStats().capacity, 16'777'216);
  EXPECT_EQ(table->GetStats().thread_cache_slots, sizeof(void*) < 8 ? 64 : 235);
  EXPECT_EQ(table->GetStats().live, 0);
}

TEST(HandleTableTest, AConstTableReadsAndObserves) {
  Table table = *Table::Create(Slots(10));
  const auto handle = table.Pin(7);
  const Table& view = table;
  EXPECT_EQ(view.Read(handle), 7);
  EXPECT_TRUE(view.Contains(handle));
  EXPECT_EQ(view.Diagnose(handle).state, HandleState::kLive);
  EXPECT_EQ(view.GetStats().live, 1);
  EXPECT_EQ(ContentsOf(view).values.size(), 1);
  Table::ParallelForEach walk(view);
  int visits = 0;
  walk.Work([&](Handle<uint64_t>, uint64_t) { ++visits; });
  EXPECT_EQ(visits, 1);
}

TEST(HandleTableTest, HandlesOfTwoTablesDiffer) {
  std::set<uint64_t> bits;
  for (int i = 0; i < 200; ++i) {
    Table table = *Table::Create(Slots(10));
    EXPECT_TRUE(bits.insert(table.Pin(1).bits()).second);
  }
}

// --- Moving ------------------------------------------------------------------

TEST(HandleTableTest, HandlesGoOnWithTheTableMovedTo) {
  for (const uint32_t cache : {0u, 4u}) {
    Table first = *Table::Create(Slots(100, cache));
    const auto handle = first.Pin(7);
    const auto stale = first.Pin(8);
    ASSERT_TRUE(first.Write(stale, 9) && first.Unpin(stale));
    Table second(std::move(first));
    EXPECT_EQ(second.Read(handle), 7);
    EXPECT_FALSE(second.Read(stale));
    EXPECT_TRUE(second.Write(handle, 10));
    Table third = *Table::Create(Slots(50, cache));
    const auto dropped = third.Pin(1);
    third = std::move(second);
    EXPECT_EQ(third.Read(handle), 10);
    EXPECT_FALSE(third.Read(dropped));
    EXPECT_EQ(third.GetStats().capacity, 100);
    EXPECT_TRUE(third.Unpin(handle));
  }
}

template <typename T>
void ExpectToRefuseAll(HandleTable<T>& moved_from, Handle<T> handle) {
  EXPECT_FALSE(moved_from.Pin(1));
  for (const Handle<T> any : {handle, Handle<T>(), Handle<T>::FromBits(1),
                              Handle<T>::FromBits(~0u)}) {
    EXPECT_FALSE(moved_from.Read(any));
    EXPECT_FALSE(moved_from.Contains(any));
    EXPECT_FALSE(moved_from.Write(any, 1));
    EXPECT_FALSE(moved_from.Exchange(any, 1));
    EXPECT_FALSE(moved_from.Unpin(any));
    EXPECT_FALSE(moved_from.Take(any));
    EXPECT_EQ(moved_from.Diagnose(any).state,
              any ? HandleState::kForeign : HandleState::kNull);
  }
  EXPECT_EQ(moved_from.UnpinAll(), 0);
  int visits = 0;
  moved_from.ForEach([&](Handle<T>, const T&) { ++visits; });
  moved_from.ForEachExclusive([&](Handle<T>, T&) { ++visits; });
  typename HandleTable<T>::ParallelForEach walk(moved_from);
  walk.Work([&](Handle<T>, const T&) { ++visits; });
  EXPECT_EQ(visits, 0);
  EXPECT_EQ(Summary(moved_from.GetStats()), Summary(TableStats()));
  EXPECT_EQ(moved_from.GetStats().bytes_touched, 0);
}

TEST(HandleTableTest, ATableThatWasMovedFromRefusesEverything) {
  Table cells = *Table::Create(Slots(100));
  const auto in_cell = cells.Pin(1);
  const Table to(std::move(cells));
  ExpectToRefuseAll(cells, in_cell);  // NOLINT(bugprone-use-after-move)
  EXPECT_EQ(to.Read(in_cell), 1);

  SmallTable words = *SmallTable::Create(Slots(100));
  const auto in_word = words.Pin(1);
  SmallTable other = *SmallTable::Create(Slots(5));
  other = std::move(words);
  ExpectToRefuseAll(words, in_word);  // NOLINT(bugprone-use-after-move)
  EXPECT_EQ(other.Read(in_word), 1);
}

TEST(HandleTableTest, ATableThatWasMovedFromMayBeAssignedTo) {
  Table table = *Table::Create(Slots(10));
  const auto handle = table.Pin(1);
  Table other(std::move(table));
  table = std::move(other);  // NOLINT(bugprone-use-after-move)
  EXPECT_EQ(table.Read(handle), 1);
  Table& same = table;
  table = std::move(same);
  EXPECT_EQ(table.Read(handle), 1);
}

// --- Iteration ---------------------------------------------------------------

// With so many generation bits, a word can count 32,767 writes.
struct ShortCountTraits : DefaultTraits {
  static constexpr int kGenerationBits = 48;
};

TEST(HandleTableTest, AValueIsWrittenOftenerThanItsWordCanCount) {
  using ShortCountTable = HandleTable<uint64_t, ShortCountTraits>;
  TableOptions options;
  options.max_slots = 100;
  ShortCountTable table = *ShortCountTable::Create(options);
  ShortCountTable::TestAccess access(table);
  for (int life = 0; life < 2; ++life) {
    const auto handle = table.Pin(0);
    for (uint64_t i = 1; i <= 40'000; ++i) {
      ASSERT_TRUE(table.Write(handle, i));
      ASSERT_EQ(table.Read(handle), i);
    }
    EXPECT_EQ(access.CellOf(access.Index(handle)), access.Index(handle));
    int seen = 0;
    table.ForEach([&](ShortCountTable::Handle shown, uint64_t value) {
      seen += shown == handle && value == 40'000 ? 1 : 100;
    });
    EXPECT_EQ(seen, 1);
    EXPECT_EQ(table.Exchange(handle, 7), 40'000);
    EXPECT_EQ(table.Take(handle), 7);
    EXPECT_FALSE(table.Read(handle));
    EXPECT_EQ(access.Problem(), "");
  }
}

TEST(HandleTableTest, ForEachAllowsWhatItCallsToUseTheTable) {
  Table table = *Table::Create(Slots(1000));
  std::set<uint64_t> pinned_before;
  for (uint64_t i = 0; i < 100; ++i) {
    pinned_before.insert(table.Pin(i).bits());
  }
  std::set<uint64_t> visited;
  table.ForEach([&](Handle<uint64_t> handle, uint64_t value) {
    EXPECT_TRUE(visited.insert(handle.bits()).second);
    EXPECT_EQ(table.Read(handle), value);
    EXPECT_TRUE(table.Write(handle, value + 1));
    EXPECT_TRUE(table.Pin(value + 1000));
    EXPECT_TRUE(table.Unpin(handle));
  });
  for (const uint64_t bits : pinned_before) EXPECT_EQ(visited.count(bits), 1);
  EXPECT_GE(table.GetStats().live, 100);
}

TEST(HandleTableTest, ForEachShowsTheHandlesThatPinReturned) {
  SmallTable table = *SmallTable::Create(Slots(10));
  const auto handle = table.Pin(7);
  table.ForEach([&](Handle<uint32_t> shown, const uint32_t& value) {
    EXPECT_EQ(shown, handle);
    EXPECT_EQ(value, 7);
  });
  table.ForEachExclusive([&](Handle<uint32_t> shown, uint32_t& value) {
    EXPECT_EQ(shown, handle);
    value = 8;
  });
  EXPECT_EQ(table.Read(handle), 8);
}

// Workers take the slots in runs of 1,024.
TEST(HandleTableTest, WorkersTogetherVisitEachValueOnce) {
  for (const uint64_t count : {0u, 1u, 1023u, 1024u, 1025u, 2048u, 5000u}) {
    Table table = *Table::Create(Slots(5000, 0));
    TableContents<uint64_t> expected;
    for (uint64_t i = 0; i < count; ++i) expected.Add(table.Pin(i), i);
    Table::ParallelForEach walk(table);
    TableContents<uint64_t> seen;
    int workers_with_work = 0;
    // Each worker lets the next one begin in its first visit.
    const auto visit = [&](Handle<uint64_t> handle, uint64_t value) {
      seen.Add(handle, value);
    };
    walk.Work([&](Handle<uint64_t> handle, uint64_t value) {
      visit(handle, value);
      if (workers_with_work++ == 0) walk.Work(visit);
    });
    walk.Work(visit);
    EXPECT_EQ(seen, expected) << count;
  }
}

TEST(HandleTableTest, AWalkCoversTheSlotsUsedWhenItWasConstructed) {
  Table table = *Table::Create(Slots(100, 0));
  const auto before = table.Pin(1);
  Table::ParallelForEach walk(table);
  ASSERT_TRUE(table.Pin(2));
  std::vector<Handle<uint64_t>> seen;
  walk.Work([&](Handle<uint64_t> handle, uint64_t) { seen.push_back(handle); });
  EXPECT_EQ(seen, std::vector<Handle<uint64_t>>{before});
}

// --- Observers ---------------------------------------------------------------

TEST(HandleTableTest, DiagnoseTellsWhyAHandleIsRefused) {
  Table table = *Table::Create(Slots(10, 0));
  Table::TestAccess access(table);
  EXPECT_EQ(table.Diagnose({}).state, HandleState::kNull);
  EXPECT_EQ(table.Diagnose(access.HandleAt(0, 1)).state,
            HandleState::kNeverIssued);
  const auto handle = table.Pin(1);
  EXPECT_EQ(table.Diagnose(handle).state, HandleState::kLive);
  EXPECT_EQ(table.Diagnose(handle).lives_ended, 0);
  EXPECT_EQ(table.Diagnose(access.HandleAt(0, 3)).state,
            HandleState::kNeverIssued);
  EXPECT_EQ(table.Diagnose(access.HandleAt(9, 1)).state,
            HandleState::kNeverIssued);
  for (uint64_t ended = 1; ended <= 5; ++ended) {
    table.Unpin(table.Pin(0));  // Uses another slot: this one is live.
    ASSERT_TRUE(table.Unpin(access.HandleAt(0, 2 * ended - 1)));
    EXPECT_EQ(table.Diagnose(handle).state, HandleState::kStale);
    EXPECT_EQ(table.Diagnose(handle).lives_ended, ended);
    ASSERT_EQ(table.Pin(1), access.HandleAt(0, 2 * ended + 1));
    EXPECT_EQ(table.Diagnose(handle).lives_ended, ended);
  }
  for (const auto foreign :
       {access.HandleAt(10, 1), access.HandleAt(0, 2),
        Handle<uint64_t>::FromBits(handle.bits() | uint64_t{1} << 63),
        access.HandleAt(0, 0xFFFF'FFFF)}) {
    EXPECT_EQ(table.Diagnose(foreign).state, HandleState::kForeign);
  }
}

TEST(HandleTableTest, DiagnoseCountsTheLivesOfARetiredSlot) {
  Table table = *Table::Create(Slots(1, 0));
  Table::TestAccess access(table);
  const auto first = table.Pin(1);
  ASSERT_TRUE(table.Unpin(first));
  access.AgeFreeSlots(0xFFFF'FFFC);
  const auto last = table.Pin(1);
  EXPECT_EQ(table.Diagnose(first).state, HandleState::kStale);
  EXPECT_EQ(table.Diagnose(first).lives_ended, 2'147'483'646);
  ASSERT_TRUE(table.Unpin(last));
  EXPECT_EQ(table.Diagnose(last).state, HandleState::kRetired);
  EXPECT_EQ(table.Diagnose(last).lives_ended, 1);
  EXPECT_EQ(table.Diagnose(first).state, HandleState::kRetired);
  EXPECT_EQ(table.Diagnose(first).lives_ended, Table::kLivesPerSlot);
}

TEST(HandleTableTest, GetStatsTellsEachFigure) {
  Table table = *Table::Create(Slots(100, 0));
  EXPECT_EQ(table.GetStats().oldest_generation, 0);
  std::vector<Handle<uint64_t>> handles;
  for (int i = 0; i < 10; ++i) handles.push_back(table.Pin(1));
  for (int i = 0; i < 4; ++i) table.Unpin(handles[static_cast<size_t>(i)]);
  TableStats stats = table.GetStats();
  EXPECT_EQ(stats.live, 6);
  EXPECT_EQ(stats.free, 4);
  EXPECT_EQ(stats.cached, 0);
  EXPECT_EQ(stats.retired, 0);
  EXPECT_EQ(stats.high_water, 10);
  EXPECT_EQ(stats.capacity, 100);
  EXPECT_EQ(stats.oldest_generation, 2);
  EXPECT_EQ(stats.last_generation, 0xFFFF'FFFD);
  EXPECT_EQ(stats.thread_cache_slots, 0);
  Table::TestAccess access(table);
  access.Age(access.Index(handles[0]), 0xFFFF'FFFC);
  while (access.Generation(table.Pin(1)) != 0xFFFF'FFFD) {
  }
  stats = table.GetStats();
  EXPECT_EQ(stats.oldest_generation, stats.last_generation);
  EXPECT_EQ(stats.retired, 0);
  table.UnpinAll();
  stats = table.GetStats();
  EXPECT_EQ(stats.oldest_generation, stats.last_generation);
  EXPECT_EQ(stats.retired, 1);
  EXPECT_EQ(stats.live, 0);
  EXPECT_EQ(stats.free, 9);
}

TEST(HandleTableTest, GetStatsCountsCachedSlotsAsFree) {
  Table table = *Table::Create(Slots(1024, 64));
  std::vector<Handle<uint64_t>> handles;
  for (int i = 0; i < 1024; ++i) handles.push_back(table.Pin(1));
  for (const auto handle : handles) table.Unpin(handle);
  const TableStats stats = table.GetStats();
  EXPECT_EQ(stats.free, 1024);
  EXPECT_GT(stats.cached, 0);
  EXPECT_LE(stats.cached, 64);
  EXPECT_EQ(stats.thread_cache_slots, 64);
}

TEST(HandleTableTest, StatsTellTheCacheThatTheTableUses) {
  const auto used = [](uint64_t max_slots, uint32_t asked_for) {
    return Table::Create(Slots(max_slots, asked_for))
        ->GetStats()
        .thread_cache_slots;
  };
  if (sizeof(void*) >= 8) {
    EXPECT_EQ(used(1, 256), 75);
    EXPECT_EQ(used(1000, 256), 107);
    EXPECT_EQ(used(1 << 20, 256), 235);
    EXPECT_EQ(used(1 << 20, 4096), 4075);
  }
  EXPECT_EQ(used(1 << 20, 0), 0);
  EXPECT_EQ(used(1 << 20, 60), 48);
}

TEST(HandleTableTest, MemoryIsReservedAtOnceAndTouchedWithUse) {
  using InCellsTable = HandleTable<uint64_t, InCells<>>;
  InCellsTable table = *InCellsTable::Create(Slots(1 << 20));
  const TableStats fresh = table.GetStats();
  EXPECT_GE(fresh.bytes_reserved, size_t{24} << 20);
  EXPECT_LE(fresh.bytes_touched, size_t{64} << 10);
  std::vector<Handle<uint64_t>> handles;
  for (int i = 0; i < 1 << 16; ++i) handles.push_back(table.Pin(1));
  const TableStats pinned = table.GetStats();
  EXPECT_EQ(pinned.bytes_reserved, fresh.bytes_reserved);
  // 16 bytes a slot, and no versions.
  EXPECT_GE(pinned.bytes_touched, size_t{16} << 16);
  EXPECT_LE(pinned.bytes_touched, (size_t{16} << 16) + (size_t{64} << 10));
  // Writes without interference from another thread also touch the spare cell
  // and its version.
  for (const auto handle : handles) EXPECT_TRUE(table.Write(handle, 2));
  EXPECT_LE(table.GetStats().bytes_touched,
            pinned.bytes_touched + (size_t{16} << 10));
  // Writes to values that another thread has moved touch all versions, too.
  InCellsTable::TestAccess access(table);
  for (const auto handle : handles) {
    access.Displace(handle);
    EXPECT_TRUE(table.Write(handle, 3));
  }
  EXPECT_GE(table.GetStats().bytes_touched, size_t{24} << 16);
}

}  // namespace
}  // namespace holdfast
