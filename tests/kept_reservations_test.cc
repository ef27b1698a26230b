// Goal: a table that gets the memory of one that is gone is as new. What is
// kept can be given back, and is given back if the system refuses more.
//
// Method: use all parts of a table, destroy it, make another one of the same
// kind, and look at every byte of its memory.

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <optional>
#include <utility>
#include <vector>

#include "absl/base/config.h"
#include "gtest/gtest.h"
#include "holdfast/handle_table.h"
#include "holdfast/reservations.h"
#include "tests/support/in_cells.h"
#include "tests/support/table_access.h"

namespace holdfast {
namespace {

// Nothing is kept in a program with a sanitizer, or of 32 bits.
#if defined(ABSL_HAVE_ADDRESS_SANITIZER) || \
    defined(ABSL_HAVE_MEMORY_SANITIZER) ||  \
    defined(ABSL_HAVE_THREAD_SANITIZER) || defined(ABSL_HAVE_LEAK_SANITIZER)
constexpr bool kIsKept = false;
#else
constexpr bool kIsKept = sizeof(void*) >= 8;
#endif

uint64_t Page() { return static_cast<uint64_t>(sysconf(_SC_PAGESIZE)); }

TableOptions Options(uint64_t max_slots, uint32_t cache = 64) {
  TableOptions options;
  options.max_slots = max_slots;
  options.thread_cache_slots = cache;
  return options;
}

struct Large {
  uint64_t words[8];
};

// Few threads, so that a test can look at all of a table's memory.
struct FewThreads : DefaultTraits {
  static constexpr uint32_t kMaxThreads = 64;
};

// So few that some threads share spare cells.
struct NoThreads : DefaultTraits {
  static constexpr uint32_t kMaxThreads = 0;
};

template <typename T, typename TableTraits>
struct Kind {
  using Value = T;
  using Traits = TableTraits;
};

template <typename Kind>
class KeptReservationsTest : public testing::Test {
 protected:
  using TableType = HandleTable<typename Kind::Value, typename Kind::Traits>;
  using Access = typename TableType::TestAccess;

  void SetUp() override { ReleaseKeptReservations(); }

  // Leaves traces in every part of the table.
  static void UseAll(TableType& table) {
    Access access(table);
    std::vector<typename TableType::Handle> handles;
    for (int i = 0; i < 300; ++i) {
      typename Kind::Value value;
      std::memset(&value, 0xFF, sizeof(value));
      handles.push_back(table.Pin(value));
      ASSERT_TRUE(table.Write(handles.back(), value));
    }
    access.GiveSpares(std::min<uint32_t>(40, Kind::Traits::kMaxThreads));
    for (size_t i = 0; i < 20; ++i) access.Displace(handles[i * 10u]);
    for (size_t i = 0; i < 250; ++i) ASSERT_TRUE(table.Unpin(handles[i]));
    access.AgeFreeSlots(1000);
  }
};

using Kinds =
    testing::Types<Kind<uint32_t, FewThreads>, Kind<uint64_t, FewThreads>,
                   Kind<Large, FewThreads>, Kind<uint64_t, InCells<NoThreads>>>;
TYPED_TEST_SUITE(KeptReservationsTest, Kinds);

TYPED_TEST(KeptReservationsTest, ATableInKeptMemoryIsAsNew) {
  if (!kIsKept) GTEST_SKIP() << "nothing is kept";
  using T = typename TestFixture::TableType;
  for (const uint32_t cache : {0u, 1u, 16u, 62u}) {
    SCOPED_TRACE(cache);
    const char* base;
    {
      T table = *T::Create(Options(1000, cache));
      base = typename TestFixture::Access(table).base();
      this->UseAll(table);
    }
    T table = *T::Create(Options(1000, cache));
    typename TestFixture::Access access(table);
    EXPECT_EQ(access.base(), base);
    EXPECT_EQ(access.FirstTrace(), table.GetStats().bytes_reserved);
    EXPECT_EQ(table.GetStats().high_water, 0);
    EXPECT_EQ(access.Problem(), "");
    this->UseAll(table);
    EXPECT_EQ(access.Problem(), "");
  }
}

TYPED_TEST(KeptReservationsTest, ManyTablesReuseOneReservation) {
  if (!kIsKept) GTEST_SKIP() << "nothing is kept";
  using T = typename TestFixture::TableType;
  size_t bytes = 0;
  for (int i = 0; i < 1000; ++i) {
    T table = *T::Create(Options(1000));
    ASSERT_TRUE(table.Pin({}));
    bytes = table.GetStats().bytes_reserved;
  }
  EXPECT_EQ(ReleaseKeptReservations(), bytes);
  EXPECT_EQ(ReleaseKeptReservations(), 0);
}

using Table = HandleTable<uint64_t, FewThreads>;
using DefaultTable = HandleTable<uint64_t>;

TEST(KeptReservationsTest, AtMost256AreKept) {
  if (!kIsKept) GTEST_SKIP() << "nothing is kept";
  ReleaseKeptReservations();
  std::vector<Table> tables;
  for (int i = 0; i < 300; ++i) tables.push_back(*Table::Create(Options(100)));
  const uint64_t bytes = tables[0].GetStats().bytes_reserved;
  tables.clear();
  EXPECT_EQ(ReleaseKeptReservations(), 256 * bytes);
}

TEST(KeptReservationsTest, ATableThatTouchedMuchIsNotKept) {
  ReleaseKeptReservations();
  {
    Table table = *Table::Create(Options(100'000));
    for (uint64_t i = 0; i < 100'000; ++i) ASSERT_TRUE(table.Pin(i));
  }
  EXPECT_EQ(ReleaseKeptReservations(), 0);
}

TEST(KeptReservationsTest, MovedTablesAreKeptOnce) {
  if (!kIsKept) GTEST_SKIP() << "nothing is kept";
  ReleaseKeptReservations();
  Table a = *Table::Create(Options(100));
  const uint64_t bytes = a.GetStats().bytes_reserved;
  Table b = std::move(a);
  a = *Table::Create(Options(100));  // NOLINT(bugprone-use-after-move)
  a = std::move(b);
  EXPECT_EQ(ReleaseKeptReservations(), bytes);
  a = *Table::Create(Options(100));
  EXPECT_EQ(ReleaseKeptReservations(), bytes);
}

// --- Memory of small tables --------------------------------------------------

TEST(KeptReservationsTest, TenValuesTouchOnePage) {
  ReleaseKeptReservations();
  for (int round = 0; round < 2; ++round) {
    DefaultTable table = *DefaultTable::Create(Options(1000));
    DefaultTable::Handle handles[10];
    for (auto& handle : handles) handle = table.Pin(1);
    EXPECT_EQ(table.GetStats().bytes_touched, Page()) << round;
    for (const auto handle : handles) EXPECT_TRUE(table.Unpin(handle));
    EXPECT_EQ(table.GetStats().bytes_touched, Page()) << round;
  }
}

#if defined(__linux__)

uint64_t ResidentPages() {
  std::ifstream in("/proc/self/statm");
  uint64_t size = 0;
  uint64_t resident = 0;
  in >> size >> resident;
  return resident;
}

TEST(KeptReservationsTest, TenThousandTablesTakeAPageEach) {
#if defined(ABSL_HAVE_ADDRESS_SANITIZER) || defined(ABSL_HAVE_THREAD_SANITIZER)
  GTEST_SKIP() << "the address space is the sanitizer's";
#endif
  if (sizeof(size_t) < 8) GTEST_SKIP() << "no room for so many tables";
  constexpr uint64_t kTables = 10'000;
  std::vector<DefaultTable> tables;
  tables.reserve(kTables);
  // The table objects themselves are in memory from here on.
  for (uint64_t i = 0; i < kTables; ++i) {
    tables.push_back(*DefaultTable::Create(Options(1000)));
  }
  const uint64_t before = ResidentPages();
  for (DefaultTable& table : tables) {
    for (uint64_t i = 0; i < 10; ++i) ASSERT_TRUE(table.Pin(i));
  }
  // Create has touched the page already.
  EXPECT_LE(ResidentPages() - before, 64u);
  for (const DefaultTable& table : tables) {
    ASSERT_EQ(table.GetStats().bytes_touched, Page());
  }
}

#endif

// --- Uses after the end ------------------------------------------------------

class KeptReservationsDeathTest : public testing::Test {
 protected:
  KeptReservationsDeathTest() {
    testing::FLAGS_gtest_death_test_style = "threadsafe";
  }
};

// Ends the program, if the memory of a table that is gone is not mapped.
void UseAfterTheEnd(uint64_t slots) {
  alignas(Table) unsigned char bytes[sizeof(Table)];
  std::optional<Table> table = *Table::Create(Options(100'000));
  Table::Handle handle;
  for (uint64_t i = 0; i < slots; ++i) handle = table->Pin(i);
  std::memcpy(bytes, static_cast<const void*>(&*table), sizeof(Table));
  table.reset();
  std::exit(reinterpret_cast<Table*>(bytes)->Contains(handle) ? 0 : 2);
}

// A sanitizer may end a program that has a fault by exit.
bool IsFault(int status) {
  return !WIFEXITED(status) ||
         (WEXITSTATUS(status) != 0 && WEXITSTATUS(status) != 2);
}

TEST_F(KeptReservationsDeathTest, ALargeTableIsNotMappedAfterItsEnd) {
  EXPECT_EXIT(UseAfterTheEnd(100'000), IsFault, "");
}

TEST_F(KeptReservationsDeathTest, NoTableIsMappedIfNothingIsKept) {
  EXPECT_EXIT(
      {
        StopKeepingReservations();
        UseAfterTheEnd(1);
      },
      IsFault, "");
}

TEST_F(KeptReservationsDeathTest, UnderASanitizerNoTableIsMappedAfterItsEnd) {
  if (kIsKept) GTEST_SKIP() << "no sanitizer";
  EXPECT_EXIT(UseAfterTheEnd(1), IsFault, "");
}

// --- Limits ------------------------------------------------------------------

uint64_t MappedBytes() {
  std::ifstream in("/proc/self/statm");
  uint64_t pages = 0;
  in >> pages;
  return pages * Page();
}

// Destroys a table under a limit on address space. Returns 0 if nothing is
// kept.
int KeepUnderALimit() {
  const rlimit limit = {rlim_t{1} << 40, RLIM_INFINITY};
  if (setrlimit(RLIMIT_AS, &limit) != 0) return 2;
  { const Table table = *Table::Create(Options(100)); }
  return ReleaseKeptReservations() == 0 ? 0 : 3;
}

// Creates a table for which there is room only if what is kept is given back.
// Returns 0 if it is created.
int CreateUnderALimit() {
  std::vector<Table> tables;
  for (int i = 0; i < 64; ++i) tables.push_back(*Table::Create(Options(100)));
  const uint64_t bytes = tables[0].GetStats().bytes_reserved;
  tables.clear();
  const rlimit limit = {MappedBytes() + bytes, RLIM_INFINITY};
  if (setrlimit(RLIMIT_AS, &limit) != 0) return 2;
  return Table::Create(Options(100'000)).ok() ? 0 : 3;
}

TEST_F(KeptReservationsDeathTest, NothingIsKeptUnderALimit) {
  if (!kIsKept) GTEST_SKIP() << "nothing is kept";
  EXPECT_EXIT(std::exit(KeepUnderALimit()), testing::ExitedWithCode(0), "");
}

TEST_F(KeptReservationsDeathTest, WhatIsKeptGivesWayToOtherTables) {
  if (!kIsKept) GTEST_SKIP() << "nothing is kept";
  EXPECT_EXIT(std::exit(CreateUnderALimit()), testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace holdfast
