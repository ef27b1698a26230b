// Goal: what runtimes do with values that several threads change loses nothing:
// counters, roots that a moving collector heals, weak roots that a sweeper
// clears.
//
// Method: threads do that for a while, on tables with and without dawdling
// between atomic operations, and check each of their steps.

#include <atomic>
#include <cstdint>
#include <thread>
#include <vector>

#include "gtest/gtest.h"
#include "holdfast/handle_table.h"
#include "tests/support/concurrent_hooked_atomics.h"

namespace holdfast {
namespace {

template <typename T, typename Traits_>
struct Config {
  using Traits = Traits_;
  using Table = HandleTable<T, Traits>;
};

template <typename Config>
class ConcurrentUpdateTest : public testing::Test {
 protected:
  using Table = typename Config::Table;

  Table table_ = *Table::Create({/*max_slots=*/64});
};

using Configs = testing::Types<
#if defined(__x86_64__) || defined(__aarch64__)
    Config<uint64_t, CalmTraits>, Config<uint64_t, JitteryTraits>,
#endif
    Config<uint32_t, CalmTraits>, Config<uint32_t, JitteryTraits>>;
TYPED_TEST_SUITE(ConcurrentUpdateTest, Configs);

TYPED_TEST(ConcurrentUpdateTest, CountersLoseNoIncrement) {
  using Value = typename TestFixture::Table::value_type;
  using Handle = typename TestFixture::Table::Handle;
  constexpr Value kEach = 5'000;
  constexpr Value kThreads = 4;
  auto& table = this->table_;
  const Handle counters[2] = {table.Pin(0), table.Pin(0)};
  std::vector<std::thread> threads;
  std::atomic<uint64_t> refused{0};
  for (Value i = 0; i < kThreads; ++i) {
    threads.emplace_back([&, i] {
      Value last[2] = {0, 0};
      for (Value n = 0; n < kEach; ++n) {
        const uint32_t which = (n + i) % 2;
        const auto old = table.Update(counters[which],
                                      [](Value count) { return count + 1; });
        // A thread never sees a counter go back.
        refused += !old || *old < last[which] ? 1 : 0;
        last[which] = old.value_or(0) + 1;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(refused, 0);
  EXPECT_EQ(*table.Read(counters[0]) + *table.Read(counters[1]),
            kThreads * kEach);
}

// A collector moves objects and heals the roots that refer to them: each value
// gets a bit, unless the mutator has stored another one meanwhile. What the
// mutator has stored last is there, healed or not.
TYPED_TEST(ConcurrentUpdateTest, AMovingCollectorLosesNoStoreOfTheMutator) {
  using Value = typename TestFixture::Table::value_type;
  using Handle = typename TestFixture::Table::Handle;
  constexpr Value kMoved = Value{1} << (8 * sizeof(Value) - 1);
  constexpr Value kStores = 20'000;
  auto& table = this->table_;
  const Handle root = table.Pin(0);
  std::atomic<bool> stop{false};
  std::atomic<uint64_t> healed{0};
  uint64_t wrong = 0;
  std::thread collector([&] {
    while (!stop) {
      table.ForEach([&](Handle handle, Value seen) {
        if ((seen & kMoved) != 0) return;
        std::this_thread::yield();  // Copies the object to its new place.
        Value expected = seen;
        const Compared compared =
            table.CompareExchange(handle, &expected, seen | kMoved);
        if (compared == Compared::kEqual) ++healed;
        // The mutator has stored another object, and this one is not lost.
        if (compared != Compared::kEqual && expected == seen) ++wrong;
      });
    }
  });
  uint64_t lost = 0;
  Value i = 0;
  // Goes on until the collector has come between, which one processor delays.
  while (i < kStores || (healed == 0 && i < 100 * kStores)) {
    table.Write(root, ++i);
    if (i % 16 == 0) std::this_thread::yield();
    for (int look = 0; look < 4; ++look) {
      lost += (*table.Read(root) & ~kMoved) != i ? 1 : 0;
    }
  }
  stop = true;
  collector.join();
  EXPECT_EQ(lost, 0);
  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(*table.Read(root) & ~kMoved, i);
  EXPECT_GT(healed, 0);
}

// A sweeper unpins weak roots whose object is dead, which 0 stands for. The
// mutator revives some of them first; these stay.
TYPED_TEST(ConcurrentUpdateTest, ASweeperEndsNoRootThatWasRevived) {
  using Value = typename TestFixture::Table::value_type;
  using Handle = typename TestFixture::Table::Handle;
  auto& table = this->table_;
  std::atomic<bool> stop{false};
  uint64_t swept = 0;
  std::thread sweeper([&] {
    while (!stop) {
      swept += table.UnpinWhere([](Handle, Value value) { return value == 0; });
    }
  });
  uint64_t ended = 0;
  uint64_t lost = 0;
  for (int i = 0; i < 20'000 || (ended == 0 && i < 2'000'000); ++i) {
    const Handle weak = table.Pin(0);
    if (i % 4 == 0) std::this_thread::yield();
    Value dead = 0;
    switch (table.CompareExchange(weak, &dead, 5)) {
      case Compared::kEqual:
        lost += table.Take(weak) == Value{5} ? 0 : 1;
        break;
      case Compared::kStale:
        ++ended;
        break;
      case Compared::kDifferent:
        ADD_FAILURE() << "a value that nobody has stored";
    }
  }
  stop = true;
  sweeper.join();
  EXPECT_EQ(lost, 0);
  EXPECT_EQ(swept, ended);
  EXPECT_GT(ended, 0);
  EXPECT_EQ(table.GetStats().live, 0);
}

}  // namespace
}  // namespace holdfast
