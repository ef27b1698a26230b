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

namespace holdfast {
namespace {

struct TurnsTraits : DefaultTraits {
  static constexpr uint32_t kMaxThreads = 64;
  using Atomics = HookedAtomics<Turns>;
};

// Calls try_schedule(runs) with all combinations of runs up to those lengths,
// each of which is enough to finish what is left; coarser in slow builds.
template <typename F>
void ForEachSchedule(const std::vector<int64_t>& lengths, F try_schedule) {
  std::vector<int64_t> runs(lengths.size(), 0);
  for (int64_t number = 0;; ++number) {
    if (number % (Rounds(5) == 5 ? 1 : 7) == 0) try_schedule(runs);
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

  // Without caches, so that every Pin and Unpin shows on the free list.
  static Table NewTable(uint64_t max_slots) {
    return *Table::Create({max_slots, /*thread_cache_slots=*/0});
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

using Values = testing::Types<Stamped<4>, Stamped<16>>;
TYPED_TEST_SUITE(ConcurrentScheduleTest, Values);

TYPED_TEST(ConcurrentScheduleTest, AReadAmidWritesIsWhole) {
  using Value = TypeParam;
  for (const uint64_t writes : {1u, 2u, 3u}) {
    const int64_t writer_steps = static_cast<int64_t>(8 * writes);
    ForEachSchedule({7, writer_steps, 6},
                    [&](const std::vector<int64_t>& runs) {
                      auto table = TestFixture::NewTable(2);
                      const auto handle = table.Pin(Value::Make(1, 0));
                      ASSERT_TRUE(table.Write(handle, Value::Make(1, 0)));
                      std::optional<Value> seen;
                      Turns::Run(
                          runs, [&] { seen = table.Read(handle); },
                          [&] {
                            for (uint64_t n = 1; n <= writes; ++n) {
                              table.Write(handle, Value::Make(1, n));
                            }
                          });
                      ASSERT_TRUE(seen.has_value());
                      ASSERT_TRUE(seen->IsWhole());
                      ASSERT_EQ(seen->pin(), 1u);
                      ASSERT_LE(seen->sequence(), writes);
                      ASSERT_EQ(table.Read(handle)->sequence(), writes);
                    });
  }
}

TYPED_TEST(ConcurrentScheduleTest, AReadNeverSeesTheNextLife) {
  using Value = TypeParam;
  for (const bool rewritten : {false, true}) {
    ForEachSchedule({8, 30, 3}, [&](const std::vector<int64_t>& runs) {
      auto table = TestFixture::NewTable(1);
      const auto handle = table.Pin(Value::Make(1, 0));
      if (rewritten) {
        ASSERT_TRUE(table.Write(handle, Value::Make(1, 0)));
      }
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
  ForEachSchedule({9, 20, 8}, [](const std::vector<int64_t>& runs) {
    auto table = TestFixture::NewTable(1);
    const auto handle = table.Pin(Value::Make(1, 0));
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
    // No cell has two owners.
    ASSERT_TRUE(table.Write(next, Value::Make(2, 1)));
    ASSERT_TRUE(table.Exchange(next, Value::Make(2, 2)) == Value::Make(2, 1));
  });
}

TYPED_TEST(ConcurrentScheduleTest, ExchangesFollowEachOther) {
  using Value = TypeParam;
  ForEachSchedule({9, 9, 8}, [](const std::vector<int64_t>& runs) {
    auto table = TestFixture::NewTable(1);
    const auto handle = table.Pin(Value::Make(1, 0));
    std::optional<Value> first;
    std::optional<Value> second;
    Turns::Run(
        runs, [&] { first = table.Exchange(handle, Value::Make(1, 1)); },
        [&] { second = table.Exchange(handle, Value::Make(1, 2)); });
    ASSERT_TRUE(first && second);
    const std::optional<Value> last = table.Take(handle);
    ASSERT_TRUE(last && first->IsWhole() && second->IsWhole() &&
                last->IsWhole());
    const std::set<uint64_t> all = {first->sequence(), second->sequence(),
                                    last->sequence()};
    ASSERT_EQ(all, (std::set<uint64_t>{0, 1, 2}));
  });
}

TYPED_TEST(ConcurrentScheduleTest, OneOfTwoUnpinsWins) {
  using Value = TypeParam;
  ForEachSchedule({8, 8, 4}, [](const std::vector<int64_t>& runs) {
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
  ForEachSchedule({10, 40, 3}, [](const std::vector<int64_t>& runs) {
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
  ForEachSchedule({16, 40, 3}, [](const std::vector<int64_t>& runs) {
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
