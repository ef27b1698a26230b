// Goal: a call that begins after another call's end sees what that call stored.
//
// Method: one thread stores to a cache line that another core has, and reads
// EndStamp(). Another thread reads BeginStamp(), and then that line. The two
// lists are compared afterwards.
//
// Stores wait in a core only while other cores compete for their lines. So with
// a wrong end stamp, thousands of reads fail on most machines, and none if both
// threads share a core. The tests print how often a stamp that does not wait
// fails.

#include "linearizability/time_stamp.h"

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <thread>
#include <vector>

#include "gtest/gtest.h"
#include "linearizability/own_core.h"

namespace holdfast::stress {
namespace {

constexpr uint64_t kWrites = 200'000;
constexpr size_t kMaxReads = 4'000'000;
constexpr int kMaxRounds = 16;
constexpr uint64_t kEnough = 1'000;

struct alignas(128) Line {
  std::atomic<uint64_t> value{0};
};

struct Read {
  uint64_t begin;
  uint64_t value;
};

class TimeStampTest : public ::testing::Test {
 protected:
  // Repeats the test until a stamp that does not wait has failed often: then
  // the threads have really competed.
  template <typename Write>
  void ExpectNoneLate(Write write) {
    uint64_t late = 0;
    for (int round = 0; round < kMaxRounds && late < kEnough; ++round) {
      EXPECT_EQ(CountLate(write, EndStamp), 0);
      late += CountLate(write, BeginStamp);
    }
    std::printf("%llu reads are late if the end does not wait\n",
                static_cast<unsigned long long>(late));
  }

  Line shared_;
  Line own_;

 private:
  // Returns how many reads began after the end of a write and did not see it.
  template <typename Write, typename End>
  uint64_t CountLate(Write write, End end_stamp) {
    // order: relaxed. The threads do not exist yet.
    shared_.value.store(0, std::memory_order_relaxed);
    std::vector<uint64_t> ends(kWrites);
    std::vector<Read> reads;
    reads.reserve(kMaxReads);
    // order: relaxed, all. These flags only start both threads at about the
    // same time, and stop the reader. `ends` is read after the writer was
    // joined.
    std::atomic<bool> reading{false};
    std::atomic<bool> done{false};
    std::thread writer([&] {
      MoveToOwnCore(1);
      while (!reading.load(std::memory_order_relaxed)) {
        std::this_thread::yield();
      }
      for (uint64_t i = 1; i <= kWrites; ++i) {
        // Other stores, so that the store to `shared_` has to wait for them.
        Disturb(i * 7, 8, i);
        write(i);
        ends[i - 1] = end_stamp();
      }
      done.store(true, std::memory_order_relaxed);
    });
    std::thread reader([&] {
      MoveToOwnCore(0);
      reading.store(true, std::memory_order_relaxed);
      for (uint64_t i = 1; !done.load(std::memory_order_relaxed); ++i) {
        // order: relaxed. It only takes the line away from the writer's core.
        shared_.value.fetch_add(0, std::memory_order_relaxed);
        Disturb(i * 3, 3, i);
        const uint64_t begin = BeginStamp();
        // order: relaxed. The stamp alone must be enough.
        const uint64_t value = shared_.value.load(std::memory_order_relaxed);
        if (reads.size() < kMaxReads) reads.push_back({begin, value});
      }
    });
    writer.join();
    reader.join();
    return CountLate(ends, reads);
  }

  static uint64_t CountLate(const std::vector<uint64_t>& ends,
                            const std::vector<Read>& reads) {
    uint64_t late = 0;
    size_t ended = 0;  // The last value whose write has ended.
    for (const Read& read : reads) {
      while (ended < ends.size() && ends[ended] < read.begin) ++ended;
      if (read.value < ended) ++late;
    }
    EXPECT_GT(reads.size(), 0);
    return late;
  }

  void Disturb(uint64_t first, uint64_t count, uint64_t value) {
    for (uint64_t i = 0; i < count; ++i) {
      // order: relaxed. No thread reads it.
      disturbed_[(first + 5 * i) % disturbed_.size()].value.store(
          value, std::memory_order_relaxed);
    }
  }

  std::array<Line, 64> disturbed_;
};

TEST_F(TimeStampTest, EndIsAfterAStoreIsVisible) {
  const auto write = [this](uint64_t i) {
    // order: relaxed. As above.
    shared_.value.store(i, std::memory_order_relaxed);
  };
  ExpectNoneLate(write);
}

// A store, and then a locked instruction: like a Pin in the recorder, and like
// a Write, which fills a cell before its compare-and-swap. On AMD's Zen 3, a
// stamp that does not wait is too early even here.
TEST_F(TimeStampTest, EndIsAfterAStoreBeforeALockedInstructionIsVisible) {
  const auto write = [this](uint64_t i) {
    // order: relaxed. As above.
    shared_.value.store(i, std::memory_order_relaxed);
    // order: acq_rel. On x86-64 this is a locked instruction, in any order.
    own_.value.exchange(i, std::memory_order_acq_rel);
  };
  ExpectNoneLate(write);
}

// A begin that is too late would be as wrong as an end that is too early.
TEST(TimeStampOrderTest, AThreadsTimesDoNotGoBack) {
  uint64_t last = 0;
  for (int i = 0; i < 100'000; ++i) {
    const uint64_t begin = BeginStamp();
    const uint64_t end = EndStamp();
    ASSERT_LE(last, begin);
    ASSERT_LE(begin, end);
    last = end;
  }
}

}  // namespace
}  // namespace holdfast::stress
