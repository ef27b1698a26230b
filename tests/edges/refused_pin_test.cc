// Goal: the cost of a refused Pin depends on the number of threads that have
// used the table, not on the number of threads of the process.
//
// Method: count the atomic operations of a Pin into a full table, before and
// after thousands of threads have existed at the same time and used another
// table. Measure its time as well: the least of many times, so that other
// programs do not matter.

#include <pthread.h>
#include <time.h>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <iostream>
#include <thread>
#include <vector>

#include "gtest/gtest.h"
#include "holdfast/handle_table.h"
#include "tests/support/concurrent_hooked_atomics.h"
#include "tests/support/concurrent_threads.h"

namespace holdfast {
namespace {

class Counter {
 public:
  static void BeforeAtomic(const void* /*object*/, bool /*writes*/) {
    operations_.fetch_add(1, std::memory_order_relaxed);
  }
  static uint64_t operations() {
    return operations_.load(std::memory_order_relaxed);
  }

 private:
  static inline std::atomic<uint64_t> operations_{0};
};

struct CountingTraits : DefaultTraits {
  using Atomics = HookedAtomics<Counter>;
};

template <typename Table>
Table FullTable() {
  TableOptions options;
  options.max_slots = 1024;
  Table table = *Table::Create(options);
  while (table.Pin(1)) {
  }
  return table;
}

// Runs `work` in `count` threads that all exist at the same time.
template <typename F>
void CrowdRuns(int count, F work) {
  struct Crowd {
    pthread_barrier_t barrier;
    F* work;
  } crowd;
  crowd.work = &work;
  pthread_barrier_init(&crowd.barrier, nullptr, static_cast<unsigned>(count));
  pthread_attr_t small;
  pthread_attr_init(&small);
  pthread_attr_setstacksize(&small, 128 << 10);
  std::vector<pthread_t> threads(static_cast<size_t>(count));
  for (pthread_t& thread : threads) {
    const auto body = [](void* argument) -> void* {
      auto& its = *static_cast<Crowd*>(argument);
      (*its.work)();
      pthread_barrier_wait(&its.barrier);
      return nullptr;
    };
    ASSERT_EQ(pthread_create(&thread, &small, body, &crowd), 0);
  }
  for (const pthread_t thread : threads) pthread_join(thread, nullptr);
  pthread_attr_destroy(&small);
  pthread_barrier_destroy(&crowd.barrier);
}

constexpr int kCrowd = 2000;

// Lets kCrowd threads exist at the same time and use another table.
void StrangersHaveLived() {
  using Other = HandleTable<uint64_t>;
  static Other& other = *new Other(*Other::Create());
  CrowdRuns(kCrowd, [] { other.Unpin(other.Pin(1)); });
}

// Returns the processor time of this thread, in nanoseconds.
uint64_t Now() {
  timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000 +
         static_cast<uint64_t>(now.tv_nsec);
}

// Returns the least time of a hundred refusals, in nanoseconds.
template <typename Table>
uint64_t TimeOfRefusals(Table& table) {
  uint64_t least = ~uint64_t{0};
  for (int block = 0; block < 100; ++block) {
    const uint64_t begin = Now();
    for (int i = 0; i < 100; ++i) {
      if (table.Pin(1)) return 0;
    }
    least = std::min(least, Now() - begin);
  }
  return least;
}

template <typename Table>
uint64_t OperationsOfRefusals(Table& table) {
  uint64_t most = 0;
  for (int i = 0; i < 10; ++i) {
    const uint64_t before = Counter::operations();
    if (table.Pin(1)) return 0;
    most = std::max(most, Counter::operations() - before);
  }
  return most;
}

TEST(RefusedPinTest, ItCostsNoMoreAfterThreadsThatNeverUsedTheTable) {
  auto counted = FullTable<HandleTable<uint64_t, CountingTraits>>();
  auto timed = FullTable<HandleTable<uint64_t>>();
  const uint64_t operations = OperationsOfRefusals(counted);
  const uint64_t time = TimeOfRefusals(timed);
  ASSERT_GT(operations, 0u);
  ASSERT_GT(time, 0u);
  const size_t touched = timed.GetStats().bytes_touched;

  StrangersHaveLived();

  const uint64_t operations_after = OperationsOfRefusals(counted);
  const uint64_t time_after = TimeOfRefusals(timed);
  std::cout << "100 refusals: " << operations * 100 << " operations, " << time
            << " ns; after " << kCrowd << " other threads "
            << operations_after * 100 << " operations, " << time_after
            << " ns\n";
  EXPECT_LE(operations_after, 2 * operations + 16);
  EXPECT_LE(time_after, 10 * time + 20'000);
  EXPECT_LE(timed.GetStats().bytes_touched, touched + (16 << 10))
      << "a search touches what nobody has used";
}

// The table is created after all those threads have existed.
TEST(RefusedPinTest, ANewTableKnowsNothingOfThreadsOfBefore) {
  StrangersHaveLived();
  auto counted = FullTable<HandleTable<uint64_t, CountingTraits>>();
  EXPECT_LE(OperationsOfRefusals(counted), 200u);
  auto timed = FullTable<HandleTable<uint64_t>>();
  TimeOfRefusals(timed);
  EXPECT_LE(timed.GetStats().bytes_touched, size_t{128} << 10);
}

// The table finds the slots in the caches of threads that have used it and are
// gone.
TEST(RefusedPinTest, WhatThreadsLeftIsFound) {
  using Table = HandleTable<uint64_t>;
  TableOptions options;
  options.max_slots = 4096;
  Table table = *Table::Create(options);
  StrangersHaveLived();
  CrowdRuns(100, [&] {
    for (int i = 0; i < 3; ++i) table.Unpin(table.Pin(1));
  });
  uint64_t pinned = 0;
  while (pinned < 3 * options.max_slots && table.Pin(1)) ++pinned;
  EXPECT_GE(pinned, options.max_slots);
}

}  // namespace
}  // namespace holdfast
