// Tests of the explorer: does it report data races, and does its search reach
// the executions that it should?

#include "tests/model/explorer.h"

#include <string>
#include <utility>

#include "gtest/gtest.h"
#include "tests/model/litmus.h"

namespace holdfast::model {
namespace {

Result PassData(std::memory_order store, std::memory_order load) {
  return Explore({[=](State& s) {
                    s.data = 1;
                    s.x.store(1, store);
                  },
                  [=](State& s) {
                    if (s.x.load(load) == 1) s.r[0] = s.data;
                  }},
                 [](State&) {});
}

TEST(Races, DataRacesAreFoundAndReported) {
  EXPECT_EQ(PassData(kRelease, kAcquire).failure, "");
  for (const auto& [store, load] :
       {std::pair{kRelaxed, kAcquire}, std::pair{kRelease, kRelaxed},
        std::pair{kRelaxed, kRelaxed}}) {
    const Result result = PassData(store, load);
    EXPECT_EQ(result.failure,
              "data race: read of a variable, which T1 has written");
    EXPECT_FALSE(result.complete);
    EXPECT_NE(result.trace.find("T2 load a variable"), std::string::npos)
        << result.trace;
  }
}

TEST(Races, WhatFollowsAReleaseIsNotPassedOn) {
  EXPECT_NE(Explore({[](State& s) {
                       s.x.store(1, kRelease);
                       s.data = 1;
                     },
                     [](State& s) {
                       if (s.x.load(kAcquire) == 1) s.r[0] = s.data;
                     }},
                    [](State&) {})
                .failure,
            "");
}

TEST(Races, ReadsRaceWithWritesEitherWayRound) {
  const auto write = [](State& s) { s.data = 1; };
  const auto read = [](State& s) { s.r[0] = s.data; };
  const auto nothing = [](State&) {};
  EXPECT_NE(Explore({write, read}, nothing).failure, "");
  EXPECT_NE(Explore({read, write}, nothing).failure, "");
  EXPECT_NE(Explore({write, write}, nothing).failure, "");
  EXPECT_EQ(Explore({read, read}, nothing).failure, "");
  // Thread 0 looks after all threads have ended, so it does not race with them.
  EXPECT_EQ(Explore({write}, [](State& s) { EXPECT_EQ(s.data, 1); }).failure,
            "");
}

// --- Searches ----------------------------------------------------------------

TEST(Search, WithoutPreemptionsOrOldValuesThreadsRunOneAfterAnother) {
  Outcomes outcomes;
  Search search = Unbounded();
  search.bounds.preemptions = 0;
  search.bounds.stale = 0;
  const Result result = Explore(
      {StoreThenLoad(&State::x, &State::y, 0),
       StoreThenLoad(&State::y, &State::x, 1)},
      [&](State& s) {
        outcomes.insert(std::to_string(s.r[0]) + std::to_string(s.r[1]));
      },
      search);
  EXPECT_EQ(outcomes, (Outcomes{"01", "10"}));
  EXPECT_EQ(result.executions, 2u);
}

TEST(Search, RandomExecutionsFindWhatAllExecutionsFindAndRepeat) {
  const auto run = [](uint64_t seed) {
    Search search = Unbounded();
    search.seed = seed;
    search.executions = 10'000;
    return Explore(
        {[](State& s) {
           s.x.store(1, kRelaxed);
           s.y.store(1, kRelaxed);
         },
         [](State& s) {
           s.r[0] = s.y.load(kRelaxed);
           s.r[1] = s.x.load(kRelaxed);
           if (s.r[0] > s.r[1]) Explorer::Get().Fail("found");
         }},
        [](State&) {}, search);
  };
  const Result first = run(1);
  EXPECT_EQ(first.failure, "found");
  EXPECT_EQ(run(1).executions, first.executions);
  EXPECT_EQ(run(1).trace, first.trace);
  EXPECT_FALSE(first.complete);
}

TEST(Search, AFailureEndsTheExecutionInAnyThread) {
  const Body fail = [](State&) {
    Explorer::Get().Fail("it fails");
    ADD_FAILURE() << "and goes on";
  };
  const Body nothing = [](State&) {};
  EXPECT_EQ(Explore({nothing, fail}, nothing).failure, "it fails");
  EXPECT_EQ(Explore({nothing, nothing}, fail).failure, "it fails");
  EXPECT_EQ(Explore({nothing, nothing}, nothing).failure, "");
}

TEST(SearchDeathTest, WhatIsNotModelledIsRefused) {
  const auto run = [](const Body& body) { Explore({body}, [](State&) {}); };
  constexpr auto kSeqCst = std::memory_order_seq_cst;
  const char* const refusal = "an order that is not modelled";
  EXPECT_DEATH(run([](State& s) { s.x.load(kSeqCst); }), refusal);
  EXPECT_DEATH(run([](State& s) { s.x.store(1, kSeqCst); }), refusal);
  EXPECT_DEATH(run([](State& s) { s.x.fetch_add(1, kSeqCst); }), refusal);
  EXPECT_DEATH(run([](State& s) {
                 int expected = 0;
                 s.x.compare_exchange_strong(expected, 1, kSeqCst, kRelaxed);
               }),
               refusal);
}

TEST(SearchDeathTest, ScenariosMustBeRepeatable) {
  int runs = 0;
  EXPECT_DEATH(Explore({[&](State& s) {
                         if (++runs > 1) Explorer::Get().Choose(3);
                         s.r[0] = Explorer::Get().Choose(2);
                       }},
                       [](State&) {}),
               "the same choices led to another execution");
}

// Takes a lock and releases it. If the owner of the lock stops, a thread that
// waits for the lock never ends.
void Lock(State& s) {
  for (int free = 0; !s.x.compare_exchange_weak(free, 1, kAcquire, kRelaxed);
       free = 0) {
    Explorer::Get().Yield();
  }
  s.data = s.data + 1;
  s.x.store(0, kRelease);
}

TEST(Search, AStalledThreadShowsWhoDependsOnIt) {
  Search search = Unbounded();
  search.bounds.preemptions = 1;
  const auto done = [](State&) {};
  EXPECT_EQ(Explore({Lock, Lock}, done, search).failure, "");
  search.stalled_thread = 1;
  search.stalled_after = 0;  // The thread stops before it has the lock.
  EXPECT_EQ(Explore({Lock, Lock}, done, search).failure, "");
  search.stalled_after = 1;
  EXPECT_EQ(Explore({Lock, Lock}, done, search).failure, "no end in sight");
  const Body add = [](State& s) { s.x.fetch_add(1, kRelaxed); };
  EXPECT_EQ(Explore({add, add}, done, search).failure, "");
}

// Even after a thread has read what was stored later (y), it may read the old
// value of x again: as often in a row as `rereads` allows.
TEST(Search, AnOldValueIsReadAgain) {
  const auto read = [](int rereads) {
    Outcomes outcomes;
    Search search = Unbounded();
    search.bounds.rereads = rereads;
    Explore(
        {[](State& s) {
           s.x.store(1, kRelaxed);
           s.y.store(1, kRelaxed);
         },
         [](State& s) {
           s.r[0] = s.y.load(kRelaxed);
           for (int i = 1; i < 4; ++i) s.r[i] = s.x.load(kRelaxed);
         }},
        [&](State& s) {
          if (s.r[0] == 0) return;
          std::string text;
          for (int i = 1; i < 4; ++i) text += std::to_string(s.r[i]);
          outcomes.insert(text);
        },
        search);
    return outcomes;
  };
  EXPECT_EQ(read(2), (Outcomes{"001", "011", "111"}));
  EXPECT_EQ(read(3), (Outcomes{"000", "001", "011", "111"}));
}

TEST(Search, AnOldValueIsNotReadForEver) {
  const Result result = Explore({[](State& s) { s.x.store(1, kRelaxed); },
                                 [](State& s) {
                                   while (s.x.load(kRelaxed) == 0)
                                     Explorer::Get().Yield();
                                 }},
                                [](State&) {});
  EXPECT_EQ(result.failure, "");
  EXPECT_TRUE(result.complete);
}

}  // namespace
}  // namespace holdfast::model
