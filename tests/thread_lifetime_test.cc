// Goal: threads may come and go, and there may be more threads than shards or
// ordinals. No slots, memory or values are lost.
//
// Method: thousands of short-lived threads use small tables, which would soon
// miss what a thread leaves behind. Threads without an ordinal of their own.
// Destructors of thread_local objects that use tables. Tables that end before
// and after their threads.

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <thread>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "holdfast/handle_table.h"
#include "tests/support/concurrent_hooked_atomics.h"
#include "tests/support/concurrent_ordinals.h"
#include "tests/support/concurrent_threads.h"
#include "tests/support/concurrent_value.h"

namespace holdfast {
namespace {

using Value = Stamped<24>;

// Returns how many more values `table` can hold. Ends even if a defect makes it
// take too many.
template <typename Table>
uint64_t CountFree(Table& table) {
  std::vector<typename Table::Handle> handles;
  const uint64_t capacity = table.GetStats().capacity;
  while (const auto handle = table.Pin(Value::Make(0, 0))) {
    handles.push_back(handle);
    if (handles.size() > capacity) break;
  }
  for (const auto handle : handles) table.Unpin(handle);
  return handles.size();
}

TEST(ThreadLifetimeTest, TenThousandShortThreadsLeaveMemoryFlat) {
  using Table = HandleTable<Value, CalmTraits>;
  TestSeed();
  constexpr int kAtOnce = 4;
  constexpr uint64_t kPins = 100;
  auto table = *Table::Create({/*max_slots=*/2048});
  std::atomic<uint64_t> wrong{0};
  const auto run = [&](int threads) {
    for (int i = 0; i < threads; i += kAtOnce) {
      RunThreads(kAtOnce, [&](int) {
        Table::Handle handles[kPins];
        for (auto& handle : handles) handle = table.Pin(Value::Make(1, 0));
        for (auto handle : handles) {
          if (!table.Write(handle, Value::Make(1, 1))) wrong.fetch_add(1);
        }
        for (auto handle : handles) {
          if (!table.Unpin(handle)) wrong.fetch_add(1);
        }
      });
    }
  };
  run(1000);
  const TableStats early = table.GetStats();
  run(9000);
  const TableStats late = table.GetStats();

  EXPECT_EQ(wrong.load(), 0u);
  EXPECT_EQ(late.live, 0u);
  EXPECT_EQ(late.free, late.high_water);
  // The values and the caches of the threads that run at once, and a batch
  // each.
  EXPECT_LE(late.high_water, kAtOnce * (kPins + 64 + 32));
  // Each slot that was not used before takes a word, a cell and a version.
  // Parts of the table that lie on their own pages add a few pages. A leak of 8
  // bytes a thread would come to more.
  EXPECT_LE(late.bytes_touched,
            early.bytes_touched + 8 * 4096 +
                (late.high_water - early.high_water) * (8 + sizeof(Value) + 8));
  EXPECT_GE(CountFree(table), 2048u);
}

TEST(ThreadLifetimeTest, AFullTableReclaimsTheCachesOfExitedThreads) {
  using Table = HandleTable<Value, CalmTraits>;
  TestSeed();
  constexpr uint64_t kSlots = 1024;
  for (int round = 0; round < 100; ++round) {
    auto table = *Table::Create({kSlots, /*thread_cache_slots=*/64});
    std::vector<Table::Handle> handles;
    while (const auto handle = table.Pin(Value::Make(0, 0))) {
      handles.push_back(handle);
    }
    ASSERT_EQ(handles.size(), kSlots);
    RunThreads(4, [&](int thread) {
      for (size_t i = 0; i < 64; ++i) {
        table.Unpin(handles[static_cast<size_t>(thread) * 64 + i]);
      }
    });
    ASSERT_EQ(table.GetStats().free, 256u);
    // A thread may have inherited a full cache, and given some of it back.
    ASSERT_GE(table.GetStats().cached, 48u) << "nothing to reclaim";
    // Several threads reclaim slots at once, and get every slot once.
    std::atomic<uint64_t> pinned{0};
    RunThreads(2, [&](int) {
      for (int i = 0; i < 64; ++i) {
        if (table.Pin(Value::Make(1, 0))) pinned.fetch_add(1);
      }
    });
    ASSERT_GE(pinned.load() + CountFree(table), 256u);
    ASSERT_GE(table.GetStats().high_water, kSlots);
  }
}

// --- More threads than ordinals ----------------------------------------------

template <uint32_t kThreads>
struct FewShards : JitteryTraits {
  static constexpr uint32_t kMaxThreads = kThreads;
};

template <uint32_t kThreads>
struct FewThreads : JitteryTraits {
  using Threads = FewOrdinals<kThreads>;
};

template <typename Traits>
class CrowdedTableTest : public testing::Test {};

using CrowdedTraits =
    testing::Types<FewShards<0>, FewShards<2>, FewThreads<1>, FewThreads<3>>;
TYPED_TEST_SUITE(CrowdedTableTest, CrowdedTraits);

TYPED_TEST(CrowdedTableTest, ExchangesThroughSharedCellsAreExact) {
  using Table = HandleTable<Value, TypeParam>;
  const uint64_t seed = TestSeed();
  constexpr int kThreads = 8;
  constexpr uint64_t kSlots = 3;
  // The table is full, so there is no free slot whose cell a Write could use.
  auto table = *Table::Create({kSlots});
  std::vector<typename Table::Handle> handles;
  for (uint64_t i = 0; i < kSlots; ++i) {
    handles.push_back(table.Pin(Value::Make(i, 0)));
    ASSERT_TRUE(handles.back());
  }
  std::vector<Value> hands(kThreads);
  std::atomic<uint64_t> wrong{0};
  RunThreads(kThreads, [&](int thread) {
    Random random(seed, static_cast<uint64_t>(thread));
    Value hand = Value::Make(kSlots + static_cast<uint64_t>(thread), 0);
    for (int round = 0; round < Rounds(20'000); ++round) {
      const auto handle = handles[random.Below(kSlots)];
      const std::optional<Value> seen = table.Read(handle);
      if (!seen || !seen->IsWhole()) wrong.fetch_add(1);
      const std::optional<Value> replaced = table.Exchange(handle, hand);
      if (!replaced || !replaced->IsWhole()) {
        wrong.fetch_add(1);
      } else {
        hand = *replaced;
      }
    }
    hands[static_cast<size_t>(thread)] = hand;
  });

  EXPECT_EQ(wrong.load(), 0u);
  std::set<uint64_t> left;
  for (const Value& hand : hands) left.insert(hand.pin());
  for (const auto handle : handles) left.insert(table.Take(handle)->pin());
  EXPECT_EQ(left.size(), kThreads + kSlots);
  EXPECT_GE(CountFree(table), kSlots);
}

TYPED_TEST(CrowdedTableTest, PinsAndUnpinsWithoutAnOrdinalLoseNoSlot) {
  using Table = HandleTable<Value, TypeParam>;
  const uint64_t seed = TestSeed();
  constexpr int kThreads = 8;
  constexpr uint64_t kSlots = 200;
  auto table = *Table::Create({kSlots});
  std::atomic<uint64_t> wrong{0};
  RunThreads(kThreads, [&](int thread) {
    Random random(seed, static_cast<uint64_t>(thread));
    std::vector<typename Table::Handle> held;
    const auto take = [&] {
      const std::optional<Value> value = table.Take(held.back());
      if (!value || !value->IsWhole() ||
          value->pin() != static_cast<uint64_t>(thread)) {
        wrong.fetch_add(1);
      }
      held.pop_back();
    };
    for (int round = 0; round < Rounds(20'000); ++round) {
      if (random.OneIn(2)) {
        const auto handle =
            table.Pin(Value::Make(static_cast<uint64_t>(thread), 0));
        if (handle) held.push_back(handle);
      } else if (!held.empty()) {
        table.Write(held.back(), Value::Make(static_cast<uint64_t>(thread), 1));
        take();
      }
    }
    while (!held.empty()) take();
  });
  EXPECT_EQ(wrong.load(), 0u);
  EXPECT_EQ(table.GetStats().live, 0u);
  EXPECT_GE(CountFree(table), kSlots);
}

// --- thread_local destructors ------------------------------------------------

// Its destructor uses a table while the thread exits.
template <typename Table>
struct LastWord {
  ~LastWord() {
    if (table == nullptr) return;
    const auto mine = table->Pin(Value::Make(7, 0));
    const bool right =
        mine && table->Write(mine, Value::Make(7, 1)) &&
        table->Exchange(mine, Value::Make(7, 2)) == Value::Make(7, 1) &&
        table->Read(mine) == Value::Make(7, 2) && table->Unpin(mine) &&
        !table->Unpin(mine) && table->Unpin(earlier);
    if (!right) wrong->fetch_add(1);
  }
  void Prepare(Table* of, std::atomic<int>* count,
               typename Table::Handle handle) {
    table = of;
    wrong = count;
    earlier = handle;
  }

  Table* table = nullptr;
  std::atomic<int>* wrong = nullptr;
  typename Table::Handle earlier;
};

template <typename Traits>
class ThreadLocalDestructorTest : public testing::Test {};

using DestructorTraits = testing::Types<CalmTraits, FewShards<0>, FewShards<2>,
                                        FewThreads<1>, FewThreads<64>>;
TYPED_TEST_SUITE(ThreadLocalDestructorTest, DestructorTraits);

// A thread has two thread_local objects whose destructors use the table: one
// was constructed before the thread's first use of the table, the other one
// after it.
TYPED_TEST(ThreadLocalDestructorTest, MayUseTablesBeforeAndAfterTheRelease) {
  using Table = HandleTable<Value, TypeParam>;
  TestSeed();
  auto table = *Table::Create({/*max_slots=*/256});
  std::atomic<int> wrong{0};
  for (int round = 0; round < Rounds(150); ++round) {
    RunThreads(4, [&](int) {
      static thread_local LastWord<Table> after;
      after.Prepare(nullptr, &wrong, {});
      const auto first = table.Pin(Value::Make(1, 0));
      const auto second = table.Pin(Value::Make(2, 0));
      static thread_local LastWord<Table> before;
      before.Prepare(&table, &wrong, first);
      after.Prepare(&table, &wrong, second);
    });
  }
  EXPECT_EQ(wrong.load(), 0);
  EXPECT_EQ(table.GetStats().live, 0u);
  EXPECT_GE(CountFree(table), 256u);
}

// The thread uses a table only in a destructor.
TYPED_TEST(ThreadLocalDestructorTest, MayBeTheFirstUseOfATable) {
  using Table = HandleTable<Value, TypeParam>;
  TestSeed();
  auto table = *Table::Create({/*max_slots=*/256});
  std::atomic<int> wrong{0};
  for (int round = 0; round < Rounds(100); ++round) {
    const auto handle = table.Pin(Value::Make(1, 0));
    RunThreads(1, [&](int) {
      static thread_local LastWord<Table> only;
      only.Prepare(&table, &wrong, handle);
    });
  }
  EXPECT_EQ(wrong.load(), 0);
  EXPECT_GE(CountFree(table), 256u);
}

// --- Tables and threads end in any order -------------------------------------

TEST(ThreadLifetimeTest, TablesMayEndBeforeTheirThreads) {
  using Table = HandleTable<Value, CalmTraits>;
  TestSeed();
  constexpr int kThreads = 4;
  std::unique_ptr<Table> table;
  std::atomic<int> wrong{0};
  // In each phase, this thread creates a table, all threads use it, and this
  // thread destroys it. After the last phase, the threads exit without a table.
  std::atomic<int> phase{0};
  std::atomic<int> arrived{0};
  std::vector<std::thread> threads;
  constexpr int kTables = 100;
  for (int thread = 0; thread < kThreads; ++thread) {
    threads.emplace_back([&] {
      for (int n = 1; n <= kTables; ++n) {
        while (phase.load() < n) std::this_thread::yield();
        for (int i = 0; i < 50; ++i) {
          const auto handle = table->Pin(Value::Make(1, 0));
          if (!table->Write(handle, Value::Make(1, 1)) ||
              !table->Unpin(handle)) {
            wrong.fetch_add(1);
          }
        }
        arrived.fetch_add(1);
      }
    });
  }
  for (int n = 1; n <= kTables; ++n) {
    table = std::make_unique<Table>(*Table::Create({/*max_slots=*/1024}));
    arrived.store(0);
    phase.store(n);
    while (arrived.load() < kThreads) std::this_thread::yield();
    table.reset();
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong.load(), 0);
}

TEST(ThreadLifetimeTest, TablesMayMoveBetweenPhases) {
  using Table = HandleTable<Value, CalmTraits>;
  TestSeed();
  constexpr int kThreads = 4;
  auto table = *Table::Create({/*max_slots=*/1024});
  std::vector<Table::Handle> handles(kThreads);
  for (int phase = 0; phase < 100; ++phase) {
    RunThreads(kThreads, [&](int thread) {
      auto& handle = handles[static_cast<size_t>(thread)];
      const uint64_t pin = static_cast<uint64_t>(thread);
      if (handle) {
        const std::optional<Value> value = table.Take(handle);
        ASSERT_TRUE(value && value->pin() == pin);
      }
      handle = table.Pin(Value::Make(pin, 0));
      ASSERT_TRUE(table.Write(handle, Value::Make(pin, 1)));
    });
    Table moved = std::move(table);
    // NOLINTNEXTLINE(bugprone-use-after-move): it refuses everything.
    ASSERT_FALSE(table.Pin(Value::Make(0, 0)));
    ASSERT_FALSE(table.Contains(handles[0]));
    table = std::move(moved);
  }
  EXPECT_EQ(table.GetStats().live, static_cast<uint64_t>(kThreads));
  EXPECT_GE(CountFree(table), 1024u - kThreads);
}

}  // namespace
}  // namespace holdfast
