// Goal: threads stop for good at any instruction, one after another. The other
// threads keep their speed, and each stopped thread costs no more capacity than
// a thread may hold.
//
// Method: a signal stops a thread that does random operations: the signal
// handler does not return before the end of the test. Meanwhile two workers go
// on, and check every result. Their pace is measured in processor time, which
// does not depend on other programs. A deadline finds a worker that waits.
// (ThreadSanitizer delays signals to the next atomic operation.)

#include <pthread.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <iostream>
#include <thread>
#include <vector>

#include "gtest/gtest.h"
#include "holdfast/handle_table.h"
#include "tests/support/concurrent_fill.h"
#include "tests/support/concurrent_hooked_atomics.h"
#include "tests/support/concurrent_load.h"
#include "tests/support/concurrent_threads.h"
#include "tests/support/concurrent_value.h"

namespace holdfast {
namespace {

constexpr int kWorkers = 2;
constexpr uint64_t kSlots = 65'536;
constexpr int kBlock = 1000;  // Steps that are timed together.
constexpr auto kDeadline = std::chrono::seconds(60);

// --- Where threads stop ------------------------------------------------------

std::atomic<int> stopped{0};
int stopped_until_closed = -1;  // Stopped threads read this end of a pipe.

void StopHere(int) {
  const int saved_errno = errno;
  stopped.fetch_add(1);
  char byte;
  while (read(stopped_until_closed, &byte, 1) < 0 && errno == EINTR) {
  }
  errno = saved_errno;
}

class Stops {
 public:
  Stops() {
    int ends[2];
    EXPECT_EQ(pipe(ends), 0);
    stopped_until_closed = ends[0];
    open_ = ends[1];
    stopped.store(0);
    struct sigaction action = {};
    action.sa_handler = &StopHere;
    EXPECT_EQ(sigaction(SIGUSR1, &action, &before_), 0);
  }
  Stops(const Stops&) = delete;
  Stops& operator=(const Stops&) = delete;
  ~Stops() {
    EXPECT_EQ(sigaction(SIGUSR1, &before_, nullptr), 0);
    close(stopped_until_closed);
  }

  static void Stop(pthread_t thread) {
    const int before = stopped.load();
    ASSERT_EQ(pthread_kill(thread, SIGUSR1), 0);
    while (stopped.load() == before) std::this_thread::yield();
  }

  void LetAllGo() const { close(open_); }

 private:
  int open_ = -1;
  struct sigaction before_ = {};
};

// --- Threads -----------------------------------------------------------------

template <typename Table>
struct Victim {
  Victim(SharedLoad<Table>& shared, uint64_t seed, uint64_t number)
      : load(shared, seed, number), thread([this] {
          while (!over.load(std::memory_order_relaxed)) {
            load.Step();
            steps.fetch_add(1, std::memory_order_relaxed);
          }
        }) {}

  std::atomic<bool> over{false};
  std::atomic<uint64_t> steps{0};
  LoadThread<Table> load;
  std::thread thread;
};

int64_t ProcessorTimeOfThread() {
  timespec time;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

enum Phase { kBefore, kMeanwhile, kAfter, kOver };

// Works in blocks, and keeps the time of each block that it did before any
// thread was stopped, and after all had been stopped.
template <typename Table>
struct Worker {
  Worker(SharedLoad<Table>& shared, uint64_t seed, uint64_t number)
      : load(shared, seed, number), thread([this] { Work(); }) {}

  void Work() {
    for (;;) {
      const Phase begun = phase.load();
      if (begun == kOver) return;
      const int64_t start = ProcessorTimeOfThread();
      for (int i = 0; i < kBlock; ++i) load.Step();
      const int64_t took = ProcessorTimeOfThread() - start;
      if (phase.load() == begun) times[begun].push_back(took);
      load.CheckOwn();
      blocks.fetch_add(1);
    }
  }

  int64_t Median(Phase of) {
    std::vector<int64_t>& all = times[of];
    std::nth_element(all.begin(),
                     all.begin() + static_cast<ptrdiff_t>(all.size() / 2),
                     all.end());
    return all[all.size() / 2];
  }

  std::atomic<Phase> phase{kBefore};
  std::atomic<uint64_t> blocks{0};
  std::vector<int64_t> times[kOver];
  LoadThread<Table> load;
  std::thread thread;
};

// --- The test ----------------------------------------------------------------

template <size_t kBytes, uint32_t kCache, uint32_t kThreads>
struct Config {
  using Value = Stamped<kBytes>;
  struct Traits : DefaultTraits {
    static constexpr uint32_t kMaxThreads = kThreads;
  };
  static constexpr uint32_t kCacheSlots = kCache;
};

template <typename Config>
class StoppedThreadsTest : public testing::Test {
 protected:
  using Table = HandleTable<typename Config::Value, typename Config::Traits>;
  using WorkerType = Worker<Table>;

  // Only stops inside a call count. At least one in three is inside a call.
  static constexpr int kStopsInside = 16;
  static constexpr int kMostStops = 200;
  static constexpr uint64_t kBlocks = 20;

  // The most slots that a thread may hold: its cache, a batch (half of that),
  // and a slot.
  static constexpr uint64_t kMostHeld =
      Config::kCacheSlots + Config::kCacheSlots / 2 + 1;
  // The most values that fit if all threads that ever ran have caches.
  static constexpr uint64_t kMostSlots =
      kSlots + (kMostStops + kWorkers) * (Config::kCacheSlots + 1);

  // Waits until each worker has done `count` more blocks, or fails the test.
  void AwaitBlocks(uint64_t count) {
    const auto deadline = std::chrono::steady_clock::now() + kDeadline;
    for (WorkerType& worker : workers_) {
      const uint64_t until = worker.blocks.load() + count;
      while (worker.blocks.load() < until) {
        ASSERT_LT(std::chrono::steady_clock::now(), deadline)
            << "a worker waits, after " << victims_.size() << " stops";
        std::this_thread::yield();
      }
    }
  }

  void SetPhase(Phase phase) {
    for (WorkerType& worker : workers_) worker.phase.store(phase);
  }

  void StopVictims() {
    Random random(seed_, 0);
    while (inside_ < kStopsInside && victims_.size() < kMostStops) {
      Victim<Table>& victim =
          victims_.emplace_back(shared_, seed_, 200 + victims_.size());
      const uint64_t steps = 100 + random.Below(1000);
      while (victim.steps.load() < steps) std::this_thread::yield();
      ASSERT_NO_FATAL_FAILURE(Stops::Stop(victim.thread.native_handle()));
      inside_ += victim.load.doing() != Doing::kNothing;
      ASSERT_NO_FATAL_FAILURE(AwaitBlocks(3));
    }
    EXPECT_EQ(inside_, kStopsInside);
  }

  // Checks how many values fit while the victims are still stopped.
  void CheckCapacity() {
    uint64_t live = 0;
    table_.ForEach([&](auto, const auto& value) {
      EXPECT_TRUE(value.IsWhole());
      ++live;
    });
    const uint64_t held = victims_.size() * kMostHeld;
    const uint64_t filled = FillUp(table_);
    EXPECT_LE(live + filled, kMostSlots);
    EXPECT_GE(live + filled + held, kSlots);
    EXPECT_EQ(table_.GetStats().live, live + filled);
    EXPECT_EQ(table_.UnpinAll(), live + filled);
    EXPECT_GE(FillUp(table_) + held, kSlots);
    table_.UnpinAll();
  }

  void LetVictimsGo() {
    for (Victim<Table>& victim : victims_) victim.over.store(true);
    stops_.LetAllGo();
    for (Victim<Table>& victim : victims_) victim.thread.join();
    table_.UnpinAll();
    EXPECT_GE(FillUp(table_), kSlots);
  }

  const uint64_t seed_ = TestSeed();
  Stops stops_;
  Table table_ = *Table::Create({kSlots, Config::kCacheSlots});
  SharedLoad<Table> shared_{table_};
  std::deque<WorkerType> workers_;
  std::deque<Victim<Table>> victims_;
  int inside_ = 0;
};

using Configs = testing::Types<Config<4, 16, 256>, Config<24, 16, 256>,
                               Config<24, 0, 256>, Config<24, 0, 0>>;
TYPED_TEST_SUITE(StoppedThreadsTest, Configs);

TYPED_TEST(StoppedThreadsTest, LeaveTheOthersTheirSpeed) {
  for (uint64_t i = 0; i < kWorkers; ++i) {
    this->workers_.emplace_back(this->shared_, this->seed_, 101 + i);
  }
  ASSERT_NO_FATAL_FAILURE(this->AwaitBlocks(this->kBlocks));
  this->SetPhase(kMeanwhile);
  ASSERT_NO_FATAL_FAILURE(this->StopVictims());
  this->SetPhase(kAfter);
  ASSERT_NO_FATAL_FAILURE(this->AwaitBlocks(this->kBlocks));
  this->SetPhase(kOver);
  for (auto& worker : this->workers_) {
    worker.thread.join();
    worker.load.UnpinOwn();
    const int64_t before = worker.Median(kBefore);
    const int64_t after = worker.Median(kAfter);
    std::cout << "ns a step, before and after " << this->victims_.size()
              << " stops, " << this->inside_
              << " inside a call: " << before / kBlock << ", " << after / kBlock
              << std::endl;
    EXPECT_LE(after, 10 * before);
  }
  EXPECT_EQ(this->shared_.wrong.load(), 0u);
  this->CheckCapacity();
  // The victims' handles are stale after UnpinAll, so what they do now is not
  // checked.
  this->LetVictimsGo();
}

}  // namespace
}  // namespace holdfast
