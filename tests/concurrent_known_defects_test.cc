// Goal: none of the defects that are known from other code of this kind, where
// it takes several threads to see them. Those that other files test:
//
//  1 A tag from a stale copy after a failed CAS: ConcurrentFreeListTest,
//    ConcurrentScheduleTest.APinIsNotMisledByASlotThatCameBack.
//  2 A losing pop reads a link that is not atomic:
//    ConcurrentFreeListTest.LosingPopsTolerateWhateverTheyRead.
//  4 A stack without tags: ConcurrentFreeListTest.EverySlotHasOneOwnerAtATime.
//  5 Tags that wrap:
//  ConcurrentRecyclingTest.EverySlotServesAllItsLivesAndNoMore
//    and ConcurrentRetirementTest.
//  9 Side effects repeated when a CAS is tried again: ConcurrentUnpinTest.
//    ExchangeAndTakeNeitherLoseNorDoubleAValue.
// 10 A counter that overshoots: ConcurrentRecyclingTest.
//    TwentyThreadsNeverHoldMoreThanTwoSlots; here as the table grows.
// 12 Slots lost at thread exit: ThreadLifetimeTest.
// 13 Thread-local state after its end: ThreadLocalDestructorTest.
// 16 Iteration that skips, doubles or trips over an empty table:
//    ConcurrentIterationTest.
// 17 A stalled thread that blocks others: ConcurrentStallTest.
//
// Method: as each test says.

#include <atomic>
#include <cstdint>
#include <optional>
#include <set>
#include <thread>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "holdfast/handle_table.h"
#include "tests/support/concurrent_fill.h"
#include "tests/support/concurrent_hooked_atomics.h"
#include "tests/support/concurrent_threads.h"
#include "tests/support/concurrent_value.h"

namespace holdfast {
namespace {

constexpr int kThreads = 4;

struct Node {
  uint64_t data = 0;  // Plain: ThreadSanitizer tells what does not order it.
};

// A table of one slot is a lock: only what the slot's last owner did before its
// Unpin makes the next one's use of the plain data right.
template <typename T, typename Traits>
void CountUnderATableOfOneSlot() {
  auto table = *HandleTable<T, Traits>::Create({/*max_slots=*/1, /*cache=*/0});
  uint64_t data = 0;
  std::atomic<uint64_t> expected{0};
  RunThreads(kThreads, [&](int) {
    uint64_t mine = 0;
    for (int round = 0; round < Rounds(50'000); ++round) {
      const auto handle = table.Pin(T{});
      if (!handle) continue;
      ++data;
      ++mine;
      table.Unpin(handle);
    }
    expected.fetch_add(mine);
  });
  EXPECT_EQ(data, expected.load());
}

TEST(KnownDefectsConcurrent, Point3_NoEdgeBetweenAnUnpinAndTheNextPin) {
  TestSeed();
  CountUnderATableOfOneSlot<uint32_t, CalmTraits>();
  CountUnderATableOfOneSlot<uint32_t, JitteryTraits>();
  CountUnderATableOfOneSlot<Stamped<16>, CalmTraits>();
  CountUnderATableOfOneSlot<Stamped<16>, JitteryTraits>();
}

// Pins on a full table that fail over and over cost no slot, and no handle is
// issued again.
TEST(KnownDefectsConcurrent, Point8_AFailedPinThatLeaksOrReissues) {
  using Table = HandleTable<Stamped<8>, JitteryTraits>;
  const uint64_t seed = TestSeed();
  for (const uint32_t cache : {0u, 2u}) {
    auto table = *Table::Create({/*max_slots=*/32, cache});
    std::vector<std::vector<uint64_t>> issued(kThreads);
    std::atomic<uint64_t> refused{0};
    RunThreads(kThreads, [&](int thread) {
      Random random(seed, static_cast<uint64_t>(thread));
      std::vector<Table::Handle> held;
      for (int round = 0; round < Rounds(40'000); ++round) {
        if (!random.OneIn(4)) {
          const auto handle = table.Pin(Stamped<8>::Make(1, 0));
          if (!handle) {
            refused.fetch_add(1, std::memory_order_relaxed);
            continue;
          }
          held.push_back(handle);
          issued[static_cast<size_t>(thread)].push_back(handle.bits());
        } else if (!held.empty()) {
          table.Unpin(held.back());
          held.pop_back();
        }
      }
    });
    EXPECT_GT(refused.load(), 1000u);
    std::set<uint64_t> distinct;
    size_t total = 0;
    for (const auto& each : issued) {
      distinct.insert(each.begin(), each.end());
      total += each.size();
    }
    EXPECT_EQ(distinct.size(), total);
    table.UnpinAll();
    EXPECT_GE(FillUp(table), 32u);
  }
}

// Twenty threads grow small tables past their end, by batches and one by one.
TEST(KnownDefectsConcurrent, Point10_ACounterThatOvershootsCapacity) {
  using Table = HandleTable<Stamped<8>, JitteryTraits>;
  TestSeed();
  for (int round = 0; round < Rounds(100); ++round) {
    for (const uint64_t max_slots : {2u, 33u, 100u}) {
      auto table = *Table::Create({max_slots, /*thread_cache_slots=*/6});
      std::atomic<uint64_t> pinned{0};
      RunThreads(20, [&](int) {
        for (int i = 0; i < 7; ++i) {
          pinned.fetch_add(bool(table.Pin(Stamped<8>::Make(1, 0))));
        }
      });
      const TableStats stats = table.GetStats();
      // What 21 threads' caches may keep; without caches, nothing.
      const uint64_t cache = stats.thread_cache_slots;
      const uint64_t most = max_slots + (cache == 0 ? 0 : 20 * (cache + 1));
      ASSERT_LE(pinned.load(), most);
      ASSERT_EQ(stats.live, pinned.load());
      ASSERT_LE(stats.high_water, most);
      const uint64_t filled = pinned.load() + FillUp(table);
      ASSERT_GE(filled, max_slots);
      ASSERT_LE(filled, most);
    }
  }
}

// The handle travels by a relaxed atomic, which orders nothing; the data that
// the value points to is plain. Values arrive by Pin, Write and Exchange, and
// are had by Read, Exchange and Take.
template <typename T, typename Traits>
void PublishNodes(T (*to_value)(uint32_t), uint32_t (*to_index)(const T&)) {
  using Table = HandleTable<T, Traits>;
  constexpr uint32_t kNodes = 500'000;
  const uint32_t nodes = static_cast<uint32_t>(Rounds(20'000));
  auto table = *Table::Create({/*max_slots=*/64});
  std::vector<Node> data(kNodes + 1);
  std::atomic<uint64_t> box{0};
  std::atomic<bool> done{false};
  std::atomic<uint64_t> wrong{0};
  std::atomic<uint64_t> had[4] =
      {};  // Values that each thread had of thread 0.
  RunThreads(4, [&](int thread) {
    if (thread == 0) {
      typename Table::Handle handle;
      // Goes on until every other thread has had some, within limits.
      const auto enough = [&] {
        return had[1].load(std::memory_order_relaxed) >= 100 &&
               had[2].load(std::memory_order_relaxed) >= 100 &&
               had[3].load(std::memory_order_relaxed) >= 100;
      };
      for (uint32_t i = 1; i <= nodes || (i <= kNodes && !enough()); ++i) {
        data[i].data = i;
        if (i % 3 == 0) {
          table.Write(handle, to_value(i));
        } else if (i % 3 == 1) {
          table.Exchange(handle, to_value(i));
        } else {
          table.Unpin(handle);
          handle = table.Pin(to_value(i));
          box.store(handle.bits(), std::memory_order_relaxed);
        }
        if (i % 8 == 0) std::this_thread::yield();
      }
      done.store(true, std::memory_order_relaxed);
      return;
    }
    while (!done.load(std::memory_order_relaxed)) {
      const auto handle =
          Table::Handle::FromBits(box.load(std::memory_order_relaxed));
      // Node 0 was there before the threads.
      const std::optional<T> value = thread == 1 ? table.Read(handle)
                                     : thread == 2
                                         ? table.Exchange(handle, to_value(0))
                                         : table.Take(handle);
      if (!value) continue;
      const uint32_t index = to_index(*value);
      if (data[index].data != index) wrong.fetch_add(1);
      if (index != 0) had[thread].fetch_add(1, std::memory_order_relaxed);
    }
  });
  EXPECT_EQ(wrong.load(), 0u);
}

template <typename Traits>
void PublishNodesOfBothKinds() {
  PublishNodes<uint32_t, Traits>([](uint32_t i) { return i; },
                                 [](const uint32_t& value) { return value; });
  PublishNodes<Stamped<16>, Traits>(
      [](uint32_t i) { return Stamped<16>::Make(i, 0); },
      [](const Stamped<16>& value) {
        return static_cast<uint32_t>(value.pin());
      });
}

TEST(KnownDefectsConcurrent, Point11_PublicationByTheWayTheHandleTravelled) {
  TestSeed();
  PublishNodesOfBothKinds<CalmTraits>();
  PublishNodesOfBothKinds<JitteryTraits>();
}

// While one thread grows the table, others try random bits, handles of another
// table, and live handles with another generation.
TEST(KnownDefectsConcurrent, Point15_RandomAndForeignHandlesDuringGrowth) {
  using Value = Stamped<16>;
  using Table = HandleTable<Value, CalmTraits>;
  const uint64_t seed = TestSeed();
  constexpr uint64_t kSlots = 200'000;
  auto table = *Table::Create({kSlots});
  auto other = *Table::Create({kSlots});
  std::vector<Table::Handle> foreign;
  for (uint64_t i = 0; i < 1000; ++i) {
    foreign.push_back(other.Pin(Value::Make(2, i)));
  }
  std::atomic<uint64_t> latest{0};
  std::atomic<bool> done{false};
  std::atomic<uint64_t> accepted{0};
  RunThreads(kThreads, [&](int thread) {
    if (thread == 0) {
      for (uint64_t i = 0; i < kSlots; ++i) {
        latest.store(table.Pin(Value::Make(1, i)).bits(),
                     std::memory_order_relaxed);
      }
      done.store(true, std::memory_order_relaxed);
      return;
    }
    Random random(seed, static_cast<uint64_t>(thread));
    uint64_t mine = 0;
    const auto attack = [&](Table::Handle handle) {
      const Value value = Value::Make(3, 0);
      mine += table.Contains(handle) || table.Read(handle) ||
              table.Write(handle, value) || table.Exchange(handle, value) ||
              table.Unpin(handle) || table.Take(handle) ||
              table.Diagnose(handle).state == HandleState::kLive;
    };
    while (!done.load(std::memory_order_relaxed)) {
      attack(Table::Handle::FromBits(random.Next()));
      attack(foreign[random.Below(foreign.size())]);
      const uint64_t bits = latest.load(std::memory_order_relaxed);
      if (bits == 0) continue;
      attack(Table::Handle::FromBits(bits ^ uint64_t{1} << random.Below(32)));
    }
    accepted.fetch_add(mine);
  });
  EXPECT_EQ(accepted.load(), 0u);
  EXPECT_EQ(table.GetStats().live, kSlots);
  uint64_t intact = 0;
  table.ForEach([&](Table::Handle, const Value& value) {
    intact += value.IsWhole() && value.pin() == 1;
  });
  EXPECT_EQ(intact, kSlots);
}

// Records which atomics a thread writes to.
class WriteLog {
 public:
  static void BeforeAtomic(const void* object, bool writes) {
    if (writes && log_ != nullptr) log_->insert(object);
  }
  static void SetLog(std::set<const void*>* log) { log_ = log; }

 private:
  static inline thread_local std::set<const void*>* log_ = nullptr;
};

struct LoggedTraits : CalmTraits {
  using Atomics = HookedAtomics<WriteLog>;
};

// Threads that work out of their own caches have no atomic that two of them
// write to: neither a counter nor anything else.
TEST(KnownDefectsConcurrent, Point19_OneCounterThatAllThreadsWriteTo) {
  using Value = Stamped<16>;
  using Table = HandleTable<Value, LoggedTraits>;
  TestSeed();
  auto table = *Table::Create({/*max_slots=*/4096});
  std::vector<std::set<const void*>> logs(kThreads);
  StartLine warm(kThreads);
  StartLine finished(kThreads);  // No thread is to inherit another's ordinal.
  RunThreads(kThreads, [&](int thread) {
    const auto work = [&] {
      const auto handle = table.Pin(Value::Make(1, 0));
      table.Write(handle, Value::Make(1, 1));
      table.Exchange(handle, Value::Make(1, 2));
      table.Unpin(handle);
    };
    work();
    warm.Arrive();
    WriteLog::SetLog(&logs[static_cast<size_t>(thread)]);
    for (int i = 0; i < 1000; ++i) work();
    WriteLog::SetLog(nullptr);
    finished.Arrive();
  });
  std::set<const void*> all;
  size_t total = 0;
  for (const auto& log : logs) {
    EXPECT_FALSE(log.empty());
    all.insert(log.begin(), log.end());
    total += log.size();
  }
  EXPECT_EQ(all.size(), total);
}

}  // namespace
}  // namespace holdfast
