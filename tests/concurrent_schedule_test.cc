// Goal: two calls that interrupt each other anywhere leave the table as if one
// had come after the other.
//
// Method: two actors whose atomic operations interleave under control. All
// schedules with up to four switches are tried, for each pair of calls that has
// a protocol between them. There is nothing random here.

#include <cstdint>
#include <optional>
#include <set>
#include <vector>

#include "gtest/gtest.h"
#include "holdfast/handle_table.h"
#include "tests/support/concurrent_threads.h"
#include "tests/support/concurrent_turns.h"
#include "tests/support/concurrent_value.h"
#include "tests/support/table_access.h"

namespace holdfast {
namespace {

struct TurnsTraits : DefaultTraits {
  static constexpr uint32_t kFreeListStacks = 1;
  static constexpr uint32_t kMaxThreads = 64;
  using Atomics = HookedAtomics<Turns>;
};

// Calls try_schedule(runs) with all combinations of runs up to those lengths,
// each of which is enough to finish what is left; coarser in slow builds.
template <typename F>
void ForEachSchedule(const std::vector<int64_t>& lengths, F try_schedule) {
  std::vector<int64_t> runs(lengths.size(), 0);
  for (int64_t number = 0;; ++number) {
    if (number % (Rounds(5) == 5 ? 1 : 7) == 0) {
      try_schedule(runs);
      for (size_t run = 0; run < runs.size(); ++run) {
        ASSERT_FALSE(runs[run] == lengths[run] && Turns::Interrupted(run))
            << "run " << run << " is too short";
      }
    }
    size_t at = 0;
    while (at < runs.size() && ++runs[at] > lengths[at]) runs[at++] = 0;
    if (at == runs.size() || testing::Test::HasFatalFailure()) return;
  }
}

template <typename Value>
class ConcurrentScheduleTest : public testing::Test {
 protected:
  using Table = HandleTable<Value, TurnsTraits>;
  using Handle = typename Table::Handle;

  // Where a value lies when the calls begin: in its slot's own cell, as it was
  // pinned or as a Write has left it, in another, or back from there.
  enum class Start { kPinned, kWritten, kDisplaced, kBack };

  static std::vector<Start> Starts() {
    if (Table::kComparesValues) return {Start::kPinned, Start::kWritten};
    return {Start::kPinned, Start::kWritten, Start::kDisplaced, Start::kBack};
  }

  // A handle of Make(1, 0).
  static Handle Pin(Table& table, Start start) {
    const Handle handle = table.Pin(Value::Make(1, 0));
    if (start != Start::kPinned) {
      EXPECT_TRUE(table.Write(handle, Value::Make(1, 0)));
    }
    typename Table::TestAccess access(table);
    if (start == Start::kDisplaced || start == Start::kBack) {
      access.Displace(handle);
    }
    if (start == Start::kBack) access.Displace(handle);
    return handle;
  }

  // Accesses of a call that nobody comes between. In cells a value has two
  // words here.
  static int64_t ReadSteps(Start start) {
    if (Table::kInlineValues) return 1;
    if (Table::kPairedValues) return 3;  // The word twice, and the value.
    // The copy, and the word before and after; also its version, and the word
    // and version again.
    return start == Start::kPinned || start == Start::kWritten ? 4 : 7;
  }
  static int64_t WriteSteps(Start start) {
    if (Table::kInlineValues) return 2;
    if (Table::kPairedValues) return 3;  // The word, the value and the CAS.
    // The word, the spare's version twice, its fill and a CAS; another fill and
    // CAS if the value is brought back; two more looks at the own cell's
    // version, and one at the word, if it was elsewhere before.
    if (start == Start::kDisplaced) return 7;
    return start == Start::kBack ? 12 : 9;
  }
  static int64_t ExchangeSteps(Start start) {
    return WriteSteps(start) + (Table::kComparesValues ? 0 : 2);
  }

  // Run lengths: of values inline, and of those beside their words or in cells.
  static std::vector<int64_t> Either(std::vector<int64_t> inline_values,
                                     std::vector<int64_t> in_cells) {
    return Table::kInlineValues ? inline_values : in_cells;
  }

  // Without caches, so that every Pin and Unpin shows on the free list.
  // No actor's Write is the first of its thread: that takes more steps.
  static Table NewTable(uint64_t max_slots) {
    auto table = *Table::Create({max_slots, /*thread_cache_slots=*/0});
    typename Table::TestAccess(table).GiveSpares(8);
    return table;
  }

  static void ExpectWhole(const Table& table) {
    ASSERT_EQ(typename Table::TestAccess(table).Problem(), "");
  }

  // Expects that `table` has `count` slots left, unlike each other.
  static void ExpectFree(Table& table, uint64_t count) {
    std::set<uint64_t> handles;
    while (const Handle handle = table.Pin(Value::Make(9, handles.size()))) {
      ASSERT_TRUE(handles.insert(handle.bits()).second);
      ASSERT_LE(handles.size(), count);
    }
    ASSERT_EQ(handles.size(), count);
    for (const uint64_t bits : handles) {
      ASSERT_TRUE(table.Unpin(Handle::FromBits(bits)));
    }
  }
};

using Values = testing::Types<Stamped<4>, Stamped<8>, Stamped<16>>;
TYPED_TEST_SUITE(ConcurrentScheduleTest, Values);

TYPED_TEST(ConcurrentScheduleTest, AReadAmidWritesIsWhole) {
  using Value = TypeParam;
  for (const auto start : TestFixture::Starts()) {
    if (start == TestFixture::Start::kPinned) continue;
    for (const int64_t writes : {1, 2, 3}) {
      const int64_t read = TestFixture::ReadSteps(start);
      const int64_t write = TestFixture::WriteSteps(start);
      const auto lengths = TestFixture::Either({read, write * writes, 1},
                                               {read, write * writes, 13});
      ForEachSchedule(lengths, [&](const std::vector<int64_t>& runs) {
        auto table = TestFixture::NewTable(2);
        const auto handle = TestFixture::Pin(table, start);
        std::optional<Value> seen;
        Turns::Run(
            runs, [&] { seen = table.Read(handle); },
            [&] {
              for (int64_t n = 1; n <= writes; ++n) {
                table.Write(handle, Value::Make(1, static_cast<uint64_t>(n)));
              }
            });
        ASSERT_TRUE(seen.has_value());
        ASSERT_TRUE(seen->IsWhole());
        ASSERT_EQ(seen->pin(), 1u);
        const uint64_t last = static_cast<uint64_t>(writes);
        ASSERT_LE(seen->sequence(), last);
        ASSERT_EQ(table.Read(handle)->sequence(), last);
      });
    }
  }
}

TYPED_TEST(ConcurrentScheduleTest, AReadNeverSeesTheNextLife) {
  using Value = TypeParam;
  for (const auto start : TestFixture::Starts()) {
    const int64_t read = TestFixture::ReadSteps(start);
    const auto lengths = TestFixture::Either({read, 16, 1}, {read, 36, 7});
    ForEachSchedule(lengths, [&](const std::vector<int64_t>& runs) {
      auto table = TestFixture::NewTable(1);
      const auto handle = TestFixture::Pin(table, start);
      std::optional<Value> seen;
      typename TestFixture::Handle next;
      Turns::Run(
          runs, [&] { seen = table.Read(handle); },
          [&] {
            table.Unpin(handle);
            next = table.Pin(Value::Make(2, 0));
            table.Write(next, Value::Make(2, 1));
            table.Write(next, Value::Make(2, 2));
          });
      if (seen) {
        ASSERT_TRUE(*seen == Value::Make(1, 0));
      }
      ASSERT_TRUE(next);
      ASSERT_TRUE(table.Read(next) == Value::Make(2, 2));
    });
  }
}

TYPED_TEST(ConcurrentScheduleTest, AWriteNeverReachesTheNextLife) {
  using Value = TypeParam;
  for (const auto start : TestFixture::Starts()) {
    const int64_t exchange = TestFixture::ExchangeSteps(start);
    const auto lengths =
        TestFixture::Either({exchange, 12, exchange}, {exchange, 24, exchange});
    ForEachSchedule(lengths, [&](const std::vector<int64_t>& runs) {
      auto table = TestFixture::NewTable(1);
      const auto handle = TestFixture::Pin(table, start);
      std::optional<Value> replaced;
      std::optional<Value> taken;
      typename TestFixture::Handle next;
      Turns::Run(
          runs, [&] { replaced = table.Exchange(handle, Value::Make(1, 1)); },
          [&] {
            taken = table.Take(handle);
            next = table.Pin(Value::Make(2, 0));
          });
      // Either the exchange came before the end of that life or not at all.
      ASSERT_TRUE(taken.has_value());
      ASSERT_TRUE(*taken == Value::Make(1, replaced.has_value()));
      if (replaced) {
        ASSERT_TRUE(*replaced == Value::Make(1, 0));
      }
      ASSERT_TRUE(table.Read(next) == Value::Make(2, 0));
      TestFixture::ExpectWhole(table);
      // No cell has two owners.
      ASSERT_TRUE(table.Write(next, Value::Make(2, 1)));
      ASSERT_TRUE(table.Exchange(next, Value::Make(2, 2)) == Value::Make(2, 1));
    });
  }
}

TYPED_TEST(ConcurrentScheduleTest, ExchangesFollowEachOther) {
  using Value = TypeParam;
  for (const auto start : TestFixture::Starts()) {
    const int64_t exchange = TestFixture::ExchangeSteps(start);
    const auto lengths =
        TestFixture::Either({exchange, 2, exchange}, {exchange, 14, exchange});
    ForEachSchedule(lengths, [&](const std::vector<int64_t>& runs) {
      auto table = TestFixture::NewTable(1);
      const auto handle = TestFixture::Pin(table, start);
      std::optional<Value> first;
      std::optional<Value> second;
      Turns::Run(
          runs, [&] { first = table.Exchange(handle, Value::Make(1, 1)); },
          [&] { second = table.Exchange(handle, Value::Make(1, 2)); });
      ASSERT_TRUE(first && second);
      TestFixture::ExpectWhole(table);
      const std::optional<Value> last = table.Take(handle);
      ASSERT_TRUE(last && first->IsWhole() && second->IsWhole() &&
                  last->IsWhole());
      const std::set<uint64_t> all = {first->sequence(), second->sequence(),
                                      last->sequence()};
      ASSERT_EQ(all, (std::set<uint64_t>{0, 1, 2}));
    });
  }
}

TYPED_TEST(ConcurrentScheduleTest, OneOfTwoUnpinsWins) {
  using Value = TypeParam;
  const auto lengths = TestFixture::Either({6, 6, 6}, {7, 9, 7});
  ForEachSchedule(lengths, [](const std::vector<int64_t>& runs) {
    auto table = TestFixture::NewTable(2);
    const auto handle = table.Pin(Value::Make(1, 0));
    bool first = false;
    std::optional<Value> second;
    Turns::Run(
        runs, [&] { first = table.Unpin(handle); },
        [&] { second = table.Take(handle); });
    ASSERT_NE(first, second.has_value());
    if (second) {
      ASSERT_TRUE(*second == Value::Make(1, 0));
    }
    TestFixture::ExpectFree(table, 2);
  });
}

// The classic of stacks without tags: between a Pop's look at the top and its
// CAS the top goes away, so does what lay below, and the top comes back.
TYPED_TEST(ConcurrentScheduleTest, APinIsNotMisledByASlotThatCameBack) {
  using Value = TypeParam;
  const auto lengths = TestFixture::Either({7, 20, 9}, {10, 27, 13});
  ForEachSchedule(lengths, [](const std::vector<int64_t>& runs) {
    auto table = TestFixture::NewTable(3);
    for (uint64_t i = 0; i < 3; ++i) {
      ASSERT_TRUE(table.Pin(Value::Make(0, i)));
    }
    ASSERT_EQ(table.UnpinAll(), 3u);
    typename TestFixture::Handle first, second, third;
    Turns::Run(
        runs, [&] { first = table.Pin(Value::Make(1, 0)); },
        [&] {
          second = table.Pin(Value::Make(2, 0));
          third = table.Pin(Value::Make(3, 0));
          table.Unpin(second);
        });
    ASSERT_TRUE(first && second && third);
    ASSERT_TRUE(table.Read(first) == Value::Make(1, 0));
    ASSERT_TRUE(table.Read(third) == Value::Make(3, 0));
    ASSERT_FALSE(table.Read(second).has_value());
    TestFixture::ExpectFree(table, 1);
  });
}

TYPED_TEST(ConcurrentScheduleTest, UnpinsBesidePinsLoseNoSlot) {
  using Value = TypeParam;
  const auto lengths = TestFixture::Either({12, 19, 13}, {16, 24, 17});
  ForEachSchedule(lengths, [](const std::vector<int64_t>& runs) {
    auto table = TestFixture::NewTable(3);
    const auto one = table.Pin(Value::Make(1, 0));
    const auto two = table.Pin(Value::Make(2, 0));
    typename TestFixture::Handle three, four;
    Turns::Run(
        runs,
        [&] {
          table.Unpin(one);
          three = table.Pin(Value::Make(3, 0));
        },
        [&] {
          table.Unpin(two);
          four = table.Pin(Value::Make(4, 0));
          table.Unpin(four);
        });
    ASSERT_TRUE(three && four);
    ASSERT_TRUE(table.Read(three) == Value::Make(3, 0));
    TestFixture::ExpectFree(table, 2);
  });
}

}  // namespace
}  // namespace holdfast
