// The classic litmus tests, run in the explorer: each must have exactly the
// outcomes that the memory model allows, no more and no fewer.
//
// An outcome is a string: the values that the threads have read, in the order
// of r[0], r[1] and so on; then, where Final is passed, the last values of x
// and y.

#include "tests/model/litmus.h"

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "tests/model/explorer.h"

namespace holdfast::model {
namespace {

TEST(Litmus, StoreBuffering) {
  EXPECT_EQ(Reads(2, {StoreThenLoad(&State::x, &State::y, 0),
                      StoreThenLoad(&State::y, &State::x, 1)}),
            (Outcomes{"0 0", "0 1", "1 0", "1 1"}));
}

Outcomes MessagePassing(std::memory_order store, std::memory_order load) {
  return Reads(2, {[=](State& s) {
                     s.x.store(1, kRelaxed);
                     s.y.store(1, store);
                   },
                   [=](State& s) {
                     s.r[0] = s.y.load(load);
                     s.r[1] = s.x.load(kRelaxed);
                   }});
}

TEST(Litmus, MessagePassing) {
  const Outcomes all = {"0 0", "0 1", "1 0", "1 1"};
  EXPECT_EQ(MessagePassing(kRelaxed, kRelaxed), all);
  EXPECT_EQ(MessagePassing(kRelease, kRelaxed), all);
  EXPECT_EQ(MessagePassing(kRelaxed, kAcquire), all);
  EXPECT_EQ(MessagePassing(kRelease, kAcquire),
            (Outcomes{"0 0", "0 1", "1 1"}));
}

// C++ allows "1 1" too, since some processors do that. RC11 forbids it, because
// it forbids all values out of thin air by one simple rule.
TEST(Litmus, LoadBuffering) {
  EXPECT_EQ(Reads(2, {[](State& s) {
                        s.r[0] = s.x.load(kRelaxed);
                        s.y.store(1, kRelaxed);
                      },
                      [](State& s) {
                        s.r[1] = s.y.load(kRelaxed);
                        s.x.store(1, kRelaxed);
                      }}),
            (Outcomes{"0 0", "0 1", "1 0"}));
}

TEST(Litmus, IndependentReadsOfIndependentWrites) {
  const auto write = [](Atomic<int> State::*to) {
    return [=](State& s) { (s.*to).store(1, kRelease); };
  };
  const auto read = [](Atomic<int> State::*a, Atomic<int> State::*b, int at) {
    return [=](State& s) {
      s.r[at] = (s.*a).load(kAcquire);
      s.r[at + 1] = (s.*b).load(kAcquire);
    };
  };
  const Outcomes outcomes =
      Reads(4, {write(&State::x), write(&State::y),
                read(&State::x, &State::y, 0), read(&State::y, &State::x, 2)});
  // All combinations. In "1 0 1 0" the two readers see the two writes in
  // opposite orders.
  EXPECT_EQ(outcomes.size(), 16u);
}

Outcomes WriteToReadCausality(std::memory_order load) {
  return Reads(3, {[](State& s) { s.x.store(1, kRelease); },
                   [=](State& s) {
                     s.r[0] = s.x.load(load);
                     s.y.store(1, kRelease);
                   },
                   [](State& s) {
                     s.r[1] = s.y.load(kAcquire);
                     s.r[2] = s.x.load(kRelaxed);
                   }});
}

TEST(Litmus, WriteToReadCausality) {
  // Even after a relaxed load, the thread's view has the message that was read,
  // and the thread's release passes that on.
  for (const auto load : {kRelaxed, kAcquire}) {
    const Outcomes outcomes = WriteToReadCausality(load);
    EXPECT_EQ(outcomes.size(), 7u);
    EXPECT_EQ(outcomes.count("1 1 0"), 0u);
  }
}

// If the first thread writes to a third variable before it writes to x, the
// second thread passes that write on only if it acquires.
TEST(Litmus, CausalityAcrossLocations) {
  const auto reads = [](std::memory_order load) {
    return Explore({[](State& s) {
                      s.data = 1;
                      s.x.store(1, kRelease);
                    },
                    [=](State& s) {
                      if (s.x.load(load) == 1) s.y.store(1, kRelease);
                    },
                    [](State& s) {
                      if (s.y.load(kAcquire) == 1) s.r[0] = s.data;
                    }},
                   [](State&) {})
        .failure;
  };
  EXPECT_EQ(reads(kAcquire), "");
  EXPECT_EQ(reads(kRelaxed),
            "data race: read of a variable, which T1 has written");
}

TEST(Litmus, CoherenceOfReads) {
  EXPECT_EQ(Reads(2, {[](State& s) {
                        s.x.store(1, kRelaxed);
                        s.x.store(2, kRelaxed);
                      },
                      [](State& s) {
                        s.r[0] = s.x.load(kRelaxed);
                        s.r[1] = s.x.load(kRelaxed);
                      }}),
            (Outcomes{"0 0", "0 1", "0 2", "1 1", "1 2", "2 2"}));
}

TEST(Litmus, CoherenceOfAReadAndAWrite) {
  EXPECT_EQ(Reads(1,
                  {[](State& s) {
                     s.r[0] = s.x.load(kRelaxed);
                     s.x.store(1, kRelaxed);
                   },
                   [](State& s) { s.x.store(2, kRelaxed); }},
                  Final),
            (Outcomes{"0 10", "0 20", "2 10"}));
}

TEST(Litmus, CoherenceOfAWriteAndARead) {
  EXPECT_EQ(Reads(1,
                  {[](State& s) {
                     s.x.store(1, kRelaxed);
                     s.r[0] = s.x.load(kRelaxed);
                   },
                   [](State& s) { s.x.store(2, kRelaxed); }},
                  Final),
            (Outcomes{"1 10", "1 20", "2 20"}));
}

// Two readers agree on the order of two writes.
TEST(Litmus, CoherenceBetweenReaders) {
  const auto read = [](int at) {
    return [=](State& s) {
      s.r[at] = s.x.load(kRelaxed);
      s.r[at + 1] = s.x.load(kRelaxed);
    };
  };
  Outcomes expected;
  for (const auto& order : {std::vector<int>{0, 1, 2}, {0, 2, 1}}) {
    for (int i = 0; i < 81; ++i) {
      const int at[4] = {i / 27, i / 9 % 3, i / 3 % 3, i % 3};
      if (at[0] > at[1] || at[2] > at[3]) continue;
      std::string text;
      for (const int a : at) {
        text += (text.empty() ? "" : " ") +
                std::to_string(order[static_cast<size_t>(a)]);
      }
      expected.insert(text);
    }
  }
  EXPECT_EQ(
      Reads(4, {[](State& s) { s.x.store(1, kRelaxed); },
                [](State& s) { s.x.store(2, kRelaxed); }, read(0), read(2)}),
      expected);
}

// The modification orders of x and y need not fit into one order of all stores:
// in "11", each thread's first store is the last of its location.
TEST(Litmus, TwoWritesToTwoLocations) {
  EXPECT_EQ(Reads(0,
                  {[](State& s) {
                     s.x.store(1, kRelaxed);
                     s.y.store(2, kRelaxed);
                   },
                   [](State& s) {
                     s.y.store(1, kRelaxed);
                     s.x.store(2, kRelaxed);
                   }},
                  Final),
            (Outcomes{"11", "12", "21", "22"}));
}

TEST(Litmus, AWriteDoesNotComeBetweenAnRmwAndWhatItHasRead) {
  EXPECT_EQ(Reads(1,
                  {[](State& s) { s.r[0] = s.x.fetch_add(1, kRelaxed); },
                   [](State& s) { s.x.store(10, kRelaxed); }},
                  Final),
            (Outcomes{"0 100", "10 110"}));
}

Outcomes ThroughY(const Body& middle) {
  return Reads(2, {[](State& s) {
                     s.x.store(1, kRelaxed);
                     s.y.store(10, kRelease);
                   },
                   middle,
                   [](State& s) {
                     s.r[0] = s.y.load(kAcquire);
                     s.r[1] = s.x.load(kRelaxed);
                   }});
}

TEST(Litmus, AReleaseSequenceGoesThroughRelaxedRmws) {
  EXPECT_EQ(ThroughY([](State& s) { s.y.fetch_add(1, kRelaxed); }),
            (Outcomes{"0 0", "0 1", "1 0", "1 1", "10 1", "11 1"}));
}

TEST(Litmus, AReleaseSequenceEndsAtAStore) {
  EXPECT_EQ(ThroughY([](State& s) { s.y.store(20, kRelaxed); }),
            (Outcomes{"0 0", "0 1", "10 1", "20 0", "20 1"}));
}

TEST(Litmus, AReleaseSequenceEndsAtAStoreOfItsOwnThread) {
  EXPECT_EQ(Reads(2, {[](State& s) {
                        s.x.store(1, kRelaxed);
                        s.y.store(1, kRelease);
                        s.y.store(2, kRelaxed);
                      },
                      [](State& s) {
                        s.r[0] = s.y.load(kAcquire);
                        s.r[1] = s.x.load(kRelaxed);
                      }}),
            (Outcomes{"0 0", "0 1", "1 1", "2 0", "2 1"}));
}

TEST(Litmus, RmwsSeeEachOther) {
  const auto add = [](int at) {
    return [=](State& s) { s.r[at] = s.x.fetch_add(1, kRelaxed); };
  };
  EXPECT_EQ(Reads(2, {add(0), add(1)}, Final), (Outcomes{"0 1 20", "1 0 20"}));
}

TEST(Litmus, BitwiseAndExchange) {
  EXPECT_EQ(Reads(1, {[](State& s) {
                    s.x.fetch_or(6, kRelaxed);
                    s.x.fetch_and(3, kRelaxed);
                    s.r[0] = s.x.exchange(5, kAcqRel);
                  }},
                  Final),
            (Outcomes{"2 50"}));
}

Outcomes RacingCas(bool weak, int spurious) {
  const auto swap = [weak](int at) {
    return [=](State& s) {
      int expected = 0;
      const bool done =
          weak ? s.x.compare_exchange_weak(expected, at + 1, kRelaxed, kRelaxed)
               : s.x.compare_exchange_strong(expected, at + 1, kRelaxed,
                                             kRelaxed);
      s.r[at] = done ? 9 : expected;
    };
  };
  Outcomes outcomes;
  Search search = Unbounded();
  search.bounds.spurious = spurious;
  Explore(
      {swap(0), swap(1)},
      [&](State& s) {
        outcomes.insert(std::to_string(s.r[0]) + " " + std::to_string(s.r[1]));
      },
      search);
  return outcomes;
}

TEST(Litmus, OneOfRacingCompareExchangesWins) {
  EXPECT_EQ(RacingCas(false, 1), (Outcomes{"9 1", "2 9"}));
  EXPECT_EQ(RacingCas(true, 0), (Outcomes{"9 1", "2 9"}));
  // One of them may fail for no reason: then it has read 0, as it expected.
  EXPECT_EQ(RacingCas(true, 1), (Outcomes{"9 1", "2 9", "0 9", "9 0"}));
}

Outcomes FailedCas(std::memory_order failure) {
  return Reads(2, {[](State& s) {
                     s.x.store(1, kRelaxed);
                     s.y.store(2, kRelease);
                   },
                   [=](State& s) {
                     s.r[0] = 7;
                     s.y.compare_exchange_strong(s.r[0], 9, kRelaxed, failure);
                     s.r[1] = s.x.load(kRelaxed);
                   }});
}

TEST(Litmus, AFailedCompareExchangeIsALoad) {
  EXPECT_EQ(FailedCas(kRelaxed), (Outcomes{"0 0", "0 1", "2 0", "2 1"}));
  EXPECT_EQ(FailedCas(kAcquire), (Outcomes{"0 0", "0 1", "2 1"}));
}

// A weak compare-exchange may fail even on a value that another RMW has read.
// There it could not have succeeded.
TEST(Litmus, AWeakCompareExchangeFailsOnAnyValue) {
  const auto reads = [](bool weak) {
    return Reads(2, {[](State& s) {
                       s.x.fetch_add(1, kRelaxed);
                       s.y.store(1, kRelaxed);
                     },
                     [=](State& s) {
                       s.r[0] = s.y.load(kRelaxed);
                       int expected = 0;
                       const bool done =
                           weak ? s.x.compare_exchange_weak(expected, 9,
                                                            kRelaxed, kRelaxed)
                                : s.x.compare_exchange_strong(
                                      expected, 9, kRelaxed, kRelaxed);
                       s.r[1] = done ? 9 : expected;
                     }});
  };
  EXPECT_EQ(reads(false), (Outcomes{"0 1", "0 9", "1 1"}));
  EXPECT_EQ(reads(true), (Outcomes{"0 0", "0 1", "0 9", "1 0", "1 1"}));
}

// --- CASes of two variables at once ------------------------------------------

struct Two {
  uint64_t first;
  uint64_t second;
};

// Replaces x and y, which must both be `from`, by `to`.
bool Swap(State& s, uint64_t from, uint64_t to, std::memory_order order) {
  return PairAtomics::CompareExchangePair(s.x, s.y, Two{from, from},
                                          Two{to, to}, order);
}

TEST(LitmusOfTwo, OneOfTwoCasesSucceeds) {
  EXPECT_EQ(Reads(2,
                  {[](State& s) { s.r[0] = Swap(s, 0, 1, kRelaxed); },
                   [](State& s) { s.r[1] = Swap(s, 0, 2, kRelaxed); }},
                  Final),
            (Outcomes{"1 0 11", "0 1 22"}));
}

TEST(LitmusOfTwo, ACasComesBeforeAChangeOfOneOrAfterIt) {
  EXPECT_EQ(Reads(1,
                  {[](State& s) { s.r[0] = Swap(s, 0, 1, kRelaxed); },
                   [](State& s) { s.x.fetch_add(2, kRelaxed); }},
                  Final),
            (Outcomes{"1 31", "0 20"}));
}

// A plain store has no place between a CAS and what that has read, but any
// other place.
TEST(LitmusOfTwo, ACasComesBeforeAStoreToOneOrAfterIt) {
  EXPECT_EQ(Reads(1,
                  {[](State& s) { s.r[0] = Swap(s, 0, 1, kRelaxed); },
                   [](State& s) { s.y.store(2, kRelaxed); }},
                  Final),
            (Outcomes{"1 12", "0 02"}));
}

Outcomes MessageInTwo(std::memory_order swap, std::memory_order load,
                      bool second_first) {
  return Reads(2, {[=](State& s) { Swap(s, 0, 1, swap); },
                   [=](State& s) {
                     s.r[0] = (second_first ? s.y : s.x).load(load);
                     s.r[1] = (second_first ? s.x : s.y).load(kRelaxed);
                   }});
}

TEST(LitmusOfTwo, EitherVariableCarriesTheOther) {
  const Outcomes all = {"0 0", "0 1", "1 0", "1 1"};
  for (const bool second_first : {false, true}) {
    EXPECT_EQ(MessageInTwo(kRelaxed, kAcquire, second_first), all);
    EXPECT_EQ(MessageInTwo(kAcqRel, kRelaxed, second_first), all);
    EXPECT_EQ(MessageInTwo(kAcqRel, kAcquire, second_first),
              (Outcomes{"0 0", "0 1", "1 1"}));
  }
}

// Neither thread's second CAS can come between the halves of the other's first.
TEST(LitmusOfTwo, ChainsOfCasesHaveOneOrder) {
  const Outcomes outcomes =
      Reads(2,
            {[](State& s) {
               s.r[0] = Swap(s, 0, 1, kRelaxed);
               s.r[0] += 2 * Swap(s, 2, 3, kRelaxed);
             },
             [](State& s) { s.r[1] = Swap(s, 1, 2, kRelaxed); }},
            Final);
  EXPECT_EQ(outcomes, (Outcomes{"1 0 11", "1 1 22", "3 1 33"}));
}

TEST(LitmusOfTwo, AReadOfOneVariableAfterTheOtherIsAsNew) {
  const Outcomes outcomes = Reads(2, {[](State& s) {
                                        Swap(s, 0, 1, kAcqRel);
                                        Swap(s, 1, 2, kAcqRel);
                                      },
                                      [](State& s) {
                                        s.r[0] = s.y.load(kAcquire);
                                        s.r[1] = s.x.load(kRelaxed);
                                      }});
  EXPECT_EQ(outcomes, (Outcomes{"0 0", "0 1", "0 2", "1 1", "1 2", "2 2"}));
}

TEST(LitmusOfTwo, ACasThatSucceedsAcquiresFromEachVariable) {
  const auto race = [](bool by_second, std::memory_order order) {
    return Explore({[=](State& s) {
                      s.data = 7;
                      (by_second ? s.y : s.x).store(1, kRelease);
                    },
                    [=](State& s) {
                      const Two from = by_second ? Two{0, 1} : Two{1, 0};
                      if (PairAtomics::CompareExchangePair(s.x, s.y, from,
                                                           Two{2, 2}, order)) {
                        s.data = 8;
                      }
                    }},
                   [](State&) {})
        .failure;
  };
  for (const bool by_second : {false, true}) {
    EXPECT_EQ(race(by_second, kAcqRel), "");
    EXPECT_NE(race(by_second, kRelease), "");
  }
}

}  // namespace
}  // namespace holdfast::model
