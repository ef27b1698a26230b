// Goal: a table that gets the memory that a table of another type has left is
// as new. It gets none in which its parts would lie elsewhere.
//
// Method: several threads use a table, one after another, each with a shard and
// a spare cell of its own. The table is destroyed, and one of another type with
// the same layout is made. The test looks at every byte of its memory, and uses
// all of its slots.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <set>
#include <thread>
#include <vector>

#include "gtest/gtest.h"
#include "holdfast/handle_table.h"
#include "holdfast/internal/mapped_memory.h"
#include "holdfast/reservations.h"
#include "tests/support/table_access.h"

namespace holdfast {
namespace {

// Nothing is kept on Windows, in a program with a sanitizer, or of 32 bits.
bool IsKept() {
  if constexpr (!internal::MappedMemory::kReadsAsZeros) {
    return false;
  } else {
    return internal::MappedMemory::IsAnyKept();
  }
}

TableOptions Options(uint64_t max_slots, uint32_t cache = 64) {
  TableOptions options;
  options.max_slots = max_slots;
  options.thread_cache_slots = cache;
  return options;
}

// Few threads, so that a test can look at all of a table's memory.
struct FewThreads : DefaultTraits {
  static constexpr uint32_t kMaxThreads = 64;
};

// The layout of FewThreads, but other handles and other slots.
struct LongGenerations : FewThreads {
  static constexpr int kGenerationBits = 40;
};

template <typename FirstTable, typename SecondTable>
struct Heirs {
  using First = FirstTable;
  using Second = SecondTable;
};

// A value that differs for each number.
template <typename Value>
Value Numbered(uint64_t number) {
  Value value;
  std::memset(&value, 0, sizeof(value));
  std::memcpy(&value, &number, std::min(sizeof(value), sizeof(number)));
  return value;
}

template <typename T>
using HandlesOf = std::vector<typename T::Handle>;

// More than have their shards on the page of the control block.
constexpr int kThreads = 6;

// Runs work(threads - 1) to work(0) in threads that exist at the same time: so
// each has an ordinal of its own.
template <typename F>
void InThreads(int threads, F work) {
  std::thread([&] {
    work(threads - 1);
    if (threads > 1) InThreads(threads - 1, work);
  }).join();
}

// Pins, writes to and unpins values in several threads. Returns the handles
// that are live in the end.
template <typename T>
HandlesOf<T> UseInThreads(T& table) {
  using Value = typename T::value_type;
  HandlesOf<T> all;
  InThreads(kThreads, [&](int thread) {
    HandlesOf<T> mine;
    for (uint64_t i = 0; i < 75; ++i) {
      mine.push_back(table.Pin(Numbered<Value>(i)));
    }
    all.insert(all.end(), mine.begin(), mine.end());
    for (const auto handle : all) {
      EXPECT_TRUE(table.Write(handle, Numbered<Value>(uint64_t{0} - 1)));
    }
    if (thread == 0) return;
    for (size_t i = 0; i < 60; ++i) {
      EXPECT_TRUE(table.Unpin(all.back()));
      all.pop_back();
    }
  });
  typename T::TestAccess access(table);
  for (size_t i = 0; i < 20; ++i) access.Displace(all[i]);
  return all;
}

template <typename T>
void ExpectEmpty(T& table) {
  const TableStats stats = table.GetStats();
  EXPECT_EQ(stats.live, 0u);
  EXPECT_EQ(stats.free, 0u);
  EXPECT_EQ(stats.cached, 0u);
  EXPECT_EQ(stats.retired, 0u);
  EXPECT_EQ(stats.high_water, 0u);
  EXPECT_EQ(stats.oldest_generation, 0u);
  EXPECT_EQ(typename T::TestAccess(table).FirstTrace(), stats.bytes_reserved);
  table.ForEach([](typename T::Handle handle, const auto&) {
    ADD_FAILURE() << handle << " is live";
  });
}

// Pins `slots` values, each in a slot that was never used, and writes to all of
// them in several threads.
template <typename T>
void ExpectWorks(T& table, uint64_t slots) {
  using Value = typename T::value_type;
  const typename T::TestAccess access(table);
  HandlesOf<T> handles;
  std::set<uint64_t> indexes;
  while (const auto handle = table.Pin(Numbered<Value>(handles.size()))) {
    handles.push_back(handle);
    indexes.insert(access.Index(handle));
    EXPECT_EQ(access.Generation(handle), 1u);
  }
  EXPECT_EQ(handles.size(), slots);
  EXPECT_EQ(indexes.size(), slots);
  const auto expect_all = [&](uint64_t first) {
    for (uint64_t i = 0; i < handles.size(); ++i) {
      const auto value = table.Read(handles[i]);
      EXPECT_TRUE(value == Numbered<Value>(first + i)) << first << ' ' << i;
    }
  };
  expect_all(0);
  InThreads(kThreads, [&](int thread) {
    const uint64_t first = 1000 * static_cast<uint64_t>(thread + 1);
    for (uint64_t i = 0; i < handles.size(); ++i) {
      EXPECT_TRUE(table.Write(handles[i], Numbered<Value>(first + i)));
    }
    expect_all(first);
  });
  EXPECT_EQ(access.Problem(), "");
}

template <typename Heirs>
class ReservationHeirsTest : public testing::Test {};

using Table = HandleTable<uint64_t, FewThreads>;
using LongTable = HandleTable<uint64_t, LongGenerations>;
using SignedTable = HandleTable<int64_t, FewThreads>;
using PointerTable = HandleTable<void*, FewThreads>;
using InlineTable = HandleTable<uint32_t, FewThreads>;
using FloatTable = HandleTable<float, FewThreads>;

using HeirTypes =
    testing::Types<Heirs<Table, SignedTable>, Heirs<SignedTable, PointerTable>,
                   Heirs<PointerTable, LongTable>, Heirs<LongTable, Table>,
                   Heirs<InlineTable, FloatTable>>;
TYPED_TEST_SUITE(ReservationHeirsTest, HeirTypes);

TYPED_TEST(ReservationHeirsTest, ATableInTheMemoryOfAnotherTypesTableIsAsNew) {
  if (!IsKept()) GTEST_SKIP() << "nothing is kept";
  using First = typename TypeParam::First;
  using Second = typename TypeParam::Second;
  ReleaseKeptReservations();
  std::optional<First> first = *First::Create(Options(1000));
  const char* const base = typename First::TestAccess(*first).base();
  const HandlesOf<First> old = UseInThreads(*first);
  first.reset();

  Second second = *Second::Create(Options(1000));
  ASSERT_EQ(typename Second::TestAccess(second).base(), base);
  ExpectEmpty(second);
  const auto still_live = [&] {
    return std::count_if(old.begin(), old.end(), [&](auto handle) {
      return second.Contains(Second::Handle::FromBits(handle.bits()));
    });
  };
  EXPECT_EQ(still_live(), 0);
  ExpectWorks(second, 1000);
  // Each one is in a slot that is live again. Chance may have two tables take
  // one number for a handle, but hardly two numbers.
  EXPECT_LE(still_live(), 1);
}

// The two tables have the same size, but their parts lie elsewhere.
TEST(ReservationHeirsTest, ATableOfAnotherLayoutGetsMemoryOfItsOwn) {
  if (!IsKept()) GTEST_SKIP() << "nothing is kept";
  struct Large {
    uint64_t words[8];
  };
  using Wide = HandleTable<Large, FewThreads>;
  Table first = *Table::Create(Options(10'000, 0));
  const uint64_t bytes = first.GetStats().bytes_reserved;
  uint64_t slots = 1000;
  while (Wide::Create(Options(slots, 0))->GetStats().bytes_reserved < bytes) {
    ++slots;
  }
  ReleaseKeptReservations();
  UseInThreads(first);
  const char* const base = Table::TestAccess(first).base();
  first = *Table::Create(Options(1));

  Wide wide = *Wide::Create(Options(slots, 0));
  ASSERT_EQ(wide.GetStats().bytes_reserved, bytes);
  EXPECT_NE(Wide::TestAccess(wide).base(), base);
  ExpectEmpty(wide);
  EXPECT_EQ(ReleaseKeptReservations(), bytes);
}

// --- What lies before the slots, of other sizes ------------------------------

template <uint32_t kStacks, uint32_t kThreads, uint32_t kSpares>
struct Sized : DefaultTraits {
  static constexpr uint32_t kFreeListStacks = kStacks;
  static constexpr uint32_t kMaxThreads = kThreads;
  static constexpr uint32_t kMaxSharedSpares = kSpares;
};

template <typename T>
void ExpectComesAndGoes(uint32_t cache) {
  for (int i = 0; i < 3; ++i) {
    T table = *T::Create(Options(1000, cache));
    const auto handle = table.Pin(1);
    EXPECT_TRUE(table.Write(handle, 2));
    EXPECT_EQ(table.Read(handle), 2u);
    EXPECT_TRUE(table.Unpin(handle));
    EXPECT_EQ(table.GetStats().live, 0u);
    T unused = *T::Create(Options(1000, cache));
  }
}

TEST(ReservationHeirsTest, ManyStacksAndManySharedSparesWork) {
  ExpectComesAndGoes<HandleTable<uint64_t, Sized<1, 64, 64>>>(64);
  ExpectComesAndGoes<HandleTable<uint64_t, Sized<256, 64, 64>>>(64);
  ExpectComesAndGoes<HandleTable<uint64_t, Sized<4096, 64, 64>>>(0);
  ExpectComesAndGoes<HandleTable<uint32_t, Sized<4096, 64, 64>>>(0);
  ExpectComesAndGoes<HandleTable<uint64_t, Sized<16, 64, 3600>>>(64);
  ExpectComesAndGoes<HandleTable<uint64_t, Sized<16, 1, 70'000>>>(0);
}

// The slots of the two tables, and what lies before them, begin at the same
// places. But in the second table, the first page comes a page earlier.
TEST(ReservationHeirsTest, AControlBlockThatBeginsEarlierNeedsMemoryOfItsOwn) {
  using First = HandleTable<uint32_t, Sized<64, 16, 64>>;
  using Second = HandleTable<uint32_t, Sized<128, 8, 64>>;
  ExpectComesAndGoes<First>(0);
  ExpectComesAndGoes<Second>(0);
}

}  // namespace
}  // namespace holdfast
