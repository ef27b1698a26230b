// Goal: a call of ParallelForEach::Work may end early in any way. Still all
// calls together visit each value exactly once, including the value at which a
// call ended. The other walks end where they are told to.
//
// Method: end calls at each possible value, by an exception or by a Step, in
// one thread or in calls within calls; end a call at every value; end calls by
// the exit of a thread.

#include <pthread.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <new>
#include <utility>
#include <vector>

#include "absl/base/attributes.h"
#include "gtest/gtest.h"
#include "holdfast/handle_table.h"

namespace {

// How often this thread has called operator new.
thread_local int allocations = 0;

}  // namespace

// Not inline, or g++ warns that memory from malloc is freed by delete.
ABSL_ATTRIBUTE_NOINLINE void* operator new(size_t bytes) {
  ++allocations;
  if (void* const memory = std::malloc(bytes)) return memory;
  std::abort();
}
ABSL_ATTRIBUTE_NOINLINE void operator delete(void* memory) noexcept {
  std::free(memory);
}
ABSL_ATTRIBUTE_NOINLINE void operator delete(void* memory, size_t) noexcept {
  std::free(memory);
}

namespace holdfast {
namespace {

struct Thrown {};

class ParallelForEachTest : public testing::Test {
 protected:
  using Table = HandleTable<uint64_t>;
  using Handle = Table::Handle;
  using Walk = Table::ParallelForEach;

  // Three runs of up to 1,024 slots.
  static constexpr uint64_t kValues = 2500;

  ParallelForEachTest() {
    for (uint64_t i = 0; i < kValues; ++i) EXPECT_TRUE(table_.Pin(i));
  }

  void Visit(uint64_t value) {
    ASSERT_LT(value, kValues);
    ++visits_[value];
    ++count_;
  }

  // Calls walk.Work with a function that throws if leave(visits so far) is
  // true. Returns false if it has thrown.
  template <typename F>
  bool Work(Walk& walk, F leave) {
    try {
      walk.Work([&](Handle, uint64_t value) {
        Visit(value);
        if (leave(count_)) throw Thrown();
      });
    } catch (const Thrown&) {
      return false;
    }
    return true;
  }

  bool EachOnce() const {
    return visits_ == std::vector<int>(kValues, 1) && count_ == kValues;
  }

  void Reset() {
    visits_.assign(kValues, 0);
    count_ = 0;
  }

  static bool Never(uint64_t) { return false; }

  Table table_ = *Table::Create({/*max_slots=*/10'000});
  std::vector<int> visits_ = std::vector<int>(kValues);
  uint64_t count_ = 0;
};

TEST_F(ParallelForEachTest, ATableThatWasMovedFromHasNothingToVisit) {
  const Table moved = std::move(table_);
  Walk walk(table_);  // NOLINT(bugprone-use-after-move): that is allowed.
  for (int call = 0; call < 2; ++call) {
    EXPECT_TRUE(walk.Work([&](Handle, uint64_t value) { Visit(value); }));
  }
  EXPECT_EQ(moved.GetStats().live, kValues);
  EXPECT_EQ(count_, 0);
}

TEST_F(ParallelForEachTest, NextCallVisitsWhatAnExceptionHasLeftOver) {
  for (uint64_t at = 1; at <= kValues; ++at) {
    Reset();
    Walk walk(table_);
    ASSERT_FALSE(Work(walk, [at](uint64_t count) { return count == at; }));
    ASSERT_EQ(count_, at);
    ASSERT_TRUE(Work(walk, Never));
    ASSERT_TRUE(EachOnce()) << "thrown at visit " << at;
    ASSERT_TRUE(Work(walk, Never));
    ASSERT_TRUE(EachOnce());
  }
}

TEST_F(ParallelForEachTest, NextCallVisitsWhatAStopHasLeftOver) {
  for (uint64_t at = 1; at <= kValues; at += 17) {  // The last is 2,500.
    Reset();
    Walk walk(table_);
    const auto work = [&] {
      return walk.Work([&](Handle, uint64_t value) {
        Visit(value);
        return count_ == at ? Step::kStop : Step::kNext;
      });
    };
    ASSERT_FALSE(work());
    ASSERT_EQ(count_, at);
    ASSERT_TRUE(work());
    ASSERT_TRUE(EachOnce()) << "stopped at visit " << at;
    ASSERT_TRUE(work());
    ASSERT_TRUE(EachOnce());
  }
}

TEST_F(ParallelForEachTest, RunningCallVisitsWhatAStopHasLeftOver) {
  Walk walk(table_);
  EXPECT_TRUE(walk.Work([&](Handle, uint64_t value) {
    Visit(value);
    if (value != 0) return;
    // Another call takes the second run, and stops at its tenth value.
    EXPECT_FALSE(walk.Work([&](Handle, uint64_t other) {
      Visit(other);
      return count_ == 11 ? Step::kStop : Step::kNext;
    }));
    EXPECT_EQ(visits_[1024 + 9], 1);
  }));
  EXPECT_TRUE(EachOnce());
}

TEST_F(ParallelForEachTest, AnExceptionAtEachValueLosesNone) {
  Walk walk(table_);
  for (uint64_t i = 1; i <= kValues; ++i) {
    ASSERT_FALSE(Work(walk, [](uint64_t) { return true; }));
    ASSERT_EQ(count_, i);
  }
  EXPECT_TRUE(Work(walk, Never));
  EXPECT_TRUE(EachOnce());
}

TEST_F(ParallelForEachTest, RunningCallVisitsWhatAnotherHasLeftOver) {
  Walk walk(table_);
  walk.Work([&](Handle, uint64_t value) {
    Visit(value);
    if (value != 0) return;
    // Another call takes the second run, and throws at its tenth value.
    EXPECT_FALSE(Work(walk, [](uint64_t count) { return count == 11; }));
    EXPECT_EQ(visits_[1024 + 9], 1);
  });
  EXPECT_TRUE(EachOnce());
}

// At the same time, there are more workers than places in which a worker can
// leave slots for others. Each worker runs inside a visit of the one before.
TEST_F(ParallelForEachTest, AnyNumberOfWorkersMayLeave) {
  constexpr uint64_t kWorkers = 100;
  for (const uint64_t leaving : {uint64_t{0}, uint64_t{1}, kWorkers}) {
    Reset();
    Table large = *Table::Create({/*max_slots=*/200'000});
    const uint64_t values = kWorkers * 1024;
    visits_.assign(values, 0);
    for (uint64_t i = 0; i < values; ++i) EXPECT_TRUE(large.Pin(i));
    Walk walk(large);
    // Each starts the next one in its first visit; the last `leaving` of them
    // then throw.
    const auto work = [&](const auto& self, uint64_t worker) -> void {
      bool first = true;
      try {
        walk.Work([&](Handle, uint64_t value) {
          ++visits_[value];
          if (!first) return;
          first = false;
          if (worker + 1 < kWorkers) self(self, worker + 1);
          if (worker + leaving >= kWorkers) throw Thrown();
        });
      } catch (const Thrown&) {
      }
    };
    work(work, 0);
    walk.Work([&](Handle, uint64_t value) { ++visits_[value]; });
    EXPECT_EQ(visits_, std::vector<int>(values, 1)) << leaving << " leave";
  }
}

TEST_F(ParallelForEachTest, NextCallVisitsWhatAnExitedThreadHasLeftOver) {
  Walk walk(table_);
  std::function<void()> body = [&] {
    walk.Work([&](Handle, uint64_t value) {
      Visit(value);
      if (value == 10) pthread_exit(nullptr);
    });
  };
  const auto run = [](void* arg) -> void* {
    (*static_cast<std::function<void()>*>(arg))();
    return nullptr;
  };
  pthread_t thread;
  ASSERT_EQ(pthread_create(&thread, nullptr, run, &body), 0);
  ASSERT_EQ(pthread_join(thread, nullptr), 0);
  EXPECT_EQ(count_, 11u);
  EXPECT_TRUE(Work(walk, Never));
  EXPECT_TRUE(EachOnce());
}

TEST_F(ParallelForEachTest, WhatWasPinnedMeanwhileDoesNotShiftTheRest) {
  Walk walk(table_);
  EXPECT_FALSE(Work(walk, [](uint64_t count) { return count == 5; }));
  const Handle late = table_.Pin(kValues - 1);
  walk.Work([&](Handle handle, uint64_t value) {
    if (handle != late) Visit(value);
  });
  EXPECT_TRUE(EachOnce());
}

// Threads that a collector has stopped may hold the allocator's locks, so a
// walk must not allocate.
TEST_F(ParallelForEachTest, NothingIsAllocated) {
  uint64_t sum = 0;
  const int before = allocations;
  Walk walk(table_);
  walk.Work([&](Handle, uint64_t value) { sum += value; });
  EXPECT_EQ(allocations, before);
  EXPECT_EQ(sum, kValues * (kValues - 1) / 2);
}

// --- The other walks ---------------------------------------------------------

TEST_F(ParallelForEachTest, ForEachPassesAnExceptionOn) {
  EXPECT_THROW(table_.ForEach([&](Handle, uint64_t value) {
    Visit(value);
    if (count_ == 7) throw Thrown();
  }),
               Thrown);
  EXPECT_EQ(count_, 7u);
  Reset();
  table_.ForEach([&](Handle, uint64_t value) { Visit(value); });
  EXPECT_TRUE(EachOnce());
}

TEST_F(ParallelForEachTest, ForEachEndsWhereItIsStopped) {
  for (uint64_t at = 1; at <= kValues; at += 17) {  // The last is 2,500.
    Reset();
    ASSERT_FALSE(table_.ForEach([&](Handle, uint64_t value) {
      Visit(value);
      return count_ == at ? Step::kStop : Step::kNext;
    }));
    ASSERT_EQ(count_, at);
  }
  Reset();
  EXPECT_TRUE(table_.ForEach([&](Handle, uint64_t value) {
    Visit(value);
    return Step::kNext;
  }));
  EXPECT_TRUE(EachOnce());
}

// Only a Step stops a walk. Functions may return values of other types.
TEST_F(ParallelForEachTest, WhatElseAFunctionReturnsDoesNotStop) {
  EXPECT_TRUE(table_.ForEach([&](Handle, uint64_t value) {
    Visit(value);
    return false;
  }));
  EXPECT_TRUE(EachOnce());
}

// Values beside their words, and in them.
template <typename T>
void WalksEndWhereTheyAreStopped() {
  auto table = *HandleTable<T>::Create({/*max_slots=*/100});
  std::vector<Handle<T>> handles;
  for (T i = 0; i < 10; ++i) handles.push_back(table.Pin(i));
  int visits = 0;
  const auto stop_at_third = [&](Handle<T>, const T&) {
    return ++visits == 3 ? Step::kStop : Step::kNext;
  };
  EXPECT_FALSE(table.ForEach(stop_at_third));
  EXPECT_EQ(visits, 3);
  visits = 0;
  EXPECT_FALSE(table.ForEachExclusive([&](Handle<T> handle, T& value) {
    value += 100;
    return stop_at_third(handle, value);
  }));
  EXPECT_EQ(visits, 3);
  // The change of the last value is kept, too.
  for (T i = 0; i < 10; ++i) {
    EXPECT_EQ(table.Read(handles[i]), i < 3 ? i + 100 : i) << i;
  }
  EXPECT_TRUE(table.ForEachExclusive([](Handle<T>, T& value) { ++value; }));
  EXPECT_EQ(table.Read(handles[9]), T{10});
}

TEST(StepTest, WalksEndWhereTheyAreStopped) {
  WalksEndWhereTheyAreStopped<uint32_t>();
  WalksEndWhereTheyAreStopped<uint64_t>();
}

// Values beside their words, and in them.
template <typename T>
void ExclusiveKeepsWhatWasDoneBefore() {
  auto table = *HandleTable<T>::Create({/*max_slots=*/100});
  std::vector<Handle<T>> handles;
  for (T i = 0; i < 10; ++i) handles.push_back(table.Pin(i));
  table.Write(handles[7], 7);  // One of the values was written before.
  int visits = 0;
  EXPECT_THROW(table.ForEachExclusive([&](Handle<T>, T& value) {
    value += 100;
    if (++visits == 8) throw Thrown();
  }),
               Thrown);
  for (T i = 0; i < 10; ++i) {
    EXPECT_EQ(table.Read(handles[i]), i < 7 ? i + 100 : i) << i;
  }
  EXPECT_TRUE(table.Write(handles[7], 1));
  EXPECT_EQ(table.UnpinAll(), 10u);
}

TEST(ForEachExclusiveTest, AnExceptionLeavesItsValueAsItWas) {
  ExclusiveKeepsWhatWasDoneBefore<uint32_t>();
  ExclusiveKeepsWhatWasDoneBefore<uint64_t>();
}

}  // namespace
}  // namespace holdfast
