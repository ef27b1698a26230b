#include "team.h"

#include <sched.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <set>
#include <thread>
#include <vector>

#include "gtest/gtest.h"
#include "ring.h"

namespace holdfast::bench {
namespace {

const auto kNothing = [](int) { return 0; };

TEST(TeamTest, EveryThreadWorksOnceInEachRun) {
  Team team(3);
  std::vector<int> works(3);
  for (int run = 1; run <= 100; ++run) {
    team.Run(kNothing, [&](int i) { ++works[static_cast<size_t>(i)]; });
    EXPECT_EQ(works, std::vector<int>(3, run));
  }
}

TEST(TeamTest, ThreadsPersist) {
  Team team(2);
  std::vector<std::thread::id> first(2);
  std::vector<std::thread::id> second(2);
  const auto note = [](std::vector<std::thread::id>& ids) {
    return [&ids](int i) {
      ids[static_cast<size_t>(i)] = std::this_thread::get_id();
    };
  };
  team.Run(kNothing, note(first));
  team.Run(kNothing, note(second));
  EXPECT_EQ(first, second);
  EXPECT_NE(first[0], first[1]);
  EXPECT_NE(first[0], std::this_thread::get_id());
}

// More threads than most machines have cpus.
TEST(TeamTest, NobodyWorksBeforeAllArePrepared) {
  Team team(16);
  for (int run = 0; run < 20; ++run) {
    std::atomic<int> prepared{0};
    std::atomic<int> early{0};
    team.Run(
        [&](int) {
          // order: relaxed, and below. The start line orders them.
          prepared.fetch_add(1, std::memory_order_relaxed);
          return 0;
        },
        [&](int) {
          if (prepared.load(std::memory_order_relaxed) != 16) {
            early.fetch_add(1, std::memory_order_relaxed);
          }
        });
    EXPECT_EQ(early.load(std::memory_order_relaxed), 0);
  }
}

TEST(TeamTest, WhatIsPreparedLivesUntilTheWorkIsDone) {
  struct Scope {
    explicit Scope(int* to_count) : count(to_count) { ++*count; }
    ~Scope() { --*count; }
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;
    int* count;
  };
  Team team(2);
  int live[2] = {0, 0};
  int seen[2] = {0, 0};
  team.Run([&](int i) { return Scope(&live[i]); },
           [&](int i) { seen[i] = live[i]; });
  EXPECT_EQ(seen[0] + seen[1], 2);
  EXPECT_EQ(live[0] + live[1], 0);
}

TEST(TeamTest, TimeIsThatOfTheSlowest) {
  using Clock = std::chrono::steady_clock;
  const auto busy = [](int milliseconds) {
    const Clock::time_point begin = Clock::now();
    while (Clock::now() - begin < std::chrono::milliseconds(milliseconds)) {
    }
  };
  Team team(2);
  const auto prepare = [&](int) { return busy(15), 0; };
  const auto work = [&](int i) { busy(10 * i); };
  // The shortest of several: on a busy machine any one may take longer.
  double of_all = 1e9;
  double of_first = 1e9;
  for (int run = 0; run < 20; ++run) {
    const double seconds = team.Run(prepare, work);
    EXPECT_GE(seconds, 0.010);
    of_all = std::min(of_all, seconds);
    of_first = std::min(of_first, team.Run(kNothing, work, 1));
  }
  EXPECT_LT(of_all, 0.024) << "what was prepared was timed, too";
  EXPECT_LT(of_first, 0.009) << "the second thread was timed, too";
}

TEST(TeamTest, ThreadsHaveCpusOfTheirOwnWhereThereAreEnough) {
  const int cpus = static_cast<int>(AllowedCpus().size());
  Team team(cpus);
  if (team.pinning() != "yes") GTEST_SKIP() << team.pinning();
  std::vector<int> at(static_cast<size_t>(cpus));
  team.Run(kNothing,
           [&](int i) { at[static_cast<size_t>(i)] = sched_getcpu(); });
  EXPECT_EQ(std::set<int>(at.begin(), at.end()).size(), at.size());
  EXPECT_NE(Team(cpus + 1).pinning(), "yes");
}

TEST(RingTest, BlocksArriveWholeAndInOrder) {
  constexpr uint64_t kBlocks = 2000;
  BlockRing ring;
  uint64_t wrong = 0;
  Team team(2);
  team.Run(kNothing, [&](int thread) {
    for (uint64_t block = 0; block < kBlocks; ++block) {
      if (thread == 0) {
        ring.Next().fill(block);
        ring.Push();
      } else {
        for (const uint64_t handle : ring.Oldest()) wrong += handle != block;
        ring.Pop();
      }
    }
  });
  EXPECT_EQ(wrong, 0);
}

}  // namespace
}  // namespace holdfast::bench
