// Goal: none of the defects that are known from other code of this kind, where
// it takes several threads to see them, and where concurrent_soak_test would
// not notice: what is published by a table, and what all threads write to.
//
// Method: as each test says. What is published is plain data, so that
// ThreadSanitizer tells what does not order it.

#include <atomic>
#include <cstdint>
#include <optional>
#include <set>
#include <thread>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "holdfast/handle_table.h"
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
