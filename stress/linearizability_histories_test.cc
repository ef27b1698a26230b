// Tests the search on histories that were made by hand, with and without an
// order.

#include <cstdint>
#include <ostream>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "linearizability/call.h"
#include "linearizability/calls_by_hand.h"
#include "linearizability/search.h"

namespace holdfast::stress {
namespace {

constexpr uint64_t kMaxSteps = 1'000'000;

// The calls on a slot that is live before, with generation 1 and value 1.
struct History {
  const char* name;
  std::vector<Call> calls;
};

void PrintTo(const History& history, std::ostream* os) {
  *os << history.name << "\n" << CallsText(Sorted(history.calls), 0);
}

class ExplainedTest : public ::testing::TestWithParam<History> {};

TEST_P(ExplainedTest, HasAnOrder) {
  const std::vector<Call> calls = Sorted(GetParam().calls);
  EXPECT_EQ(Search(calls, kLive, kMaxSteps).outcome, Outcome::kExplained);
}

class UnexplainedTest : public ::testing::TestWithParam<History> {};

TEST_P(UnexplainedTest, HasNoOrder) {
  const std::vector<Call> calls = Sorted(GetParam().calls);
  EXPECT_EQ(Search(calls, kLive, kMaxSteps).outcome, Outcome::kUnexplained);
}

std::string NameOf(const ::testing::TestParamInfo<History>& param) {
  return param.param.name;
}

const History kExplained[] = {
    {"NoCalls", {}},
    {"OneLifeAfterTheOther",
     {Read({0, 1}, 1, 1), Unpin({2, 3}, 1), Pin({4, 5}, 3, 7),
      Read({6, 7}, 1, kNothing), Read({8, 9}, 3, 7)}},
    {"ReadOverlapsWriteAndSeesTheOldValue",
     {Write({0, 9}, 1, 2), Read({1, 2}, 1, 1), Read({3, 4}, 1, 2)}},
    {"ReadOverlapsWriteAndSeesTheNewValue",
     {Write({0, 9}, 1, 2), Read({1, 2}, 1, 2)}},
    {"ReadsOverlapAndSeeDifferentValues",
     {Write({0, 9}, 1, 2), Read({1, 4}, 1, 2), Read({2, 5}, 1, 1)}},
    {"ReadOverlapsUnpin",
     {Unpin({0, 9}, 1), Read({1, 2}, 1, 1), Read({3, 4}, 1, kNothing)}},
    {"PinOverlapsUnpin", {Unpin({0, 9}, 1), Pin({1, 2}, 3, 7)}},
    {"ReadBeforePinHasReturned",
     {Unpin({0, 1}, 1), Pin({2, 9}, 3, 7), Read({3, 4}, 3, 7)}},
    {"EqualTimesAreNoOrder", {Write({0, 5}, 1, 2), Read({5, 6}, 1, 1)}},
    {"OneOfTwoUnpinsWins", {Unpin({0, 3}, 1), Unpin({1, 2}, 1, false)}},
    {"ExchangesFormAChain",
     {Exchange({0, 9}, 1, 2, 3), Exchange({1, 8}, 1, 3, 4),
      Exchange({2, 7}, 1, 4, 1), Read({10, 11}, 1, 2)}},
    {"TakeReturnsAnOverlappingWrite",
     {Write({0, 9}, 1, 2), Take({1, 2}, 1, 2)}},
    {"WriteIsRefusedBesideTake",
     {Write({0, 9}, 1, 2, false), Take({1, 2}, 1, 1)}},
    {"UnpinAllEndsALife", {UnpinAll({0, 1}), Read({2, 3}, 1, kNothing)}},
    {"UnpinAllFindsNothing",
     {Unpin({0, 1}, 1), UnpinAll({2, 3}), Unpin({4, 5}, 1, false)}},
    {"UnpinAllIsBeforeThePinBesideIt",
     {UnpinAll({0, 9}), Pin({1, 2}, 3, 7), Read({10, 11}, 3, 7)}},
    {"UnpinAllIsAfterThePinBesideIt",
     {Unpin({0, 1}, 1), UnpinAll({2, 9}), Pin({3, 4}, 3, 7),
      Read({10, 11}, 3, kNothing)}},
    {"UnpinAllMeetsALifeThatAnotherEnds",
     {UnpinAll({0, 9}), Unpin({1, 2}, 1), Pin({3, 4}, 3, 7),
      Read({10, 11}, 3, 7)}},
    {"APendingWriteTookEffect",
     {Write({0, kNever}, 1, 2), Read({1, 2}, 1, 1), Read({3, 4}, 1, 2)}},
    {"APendingWriteTookNone",
     {Write({0, kNever}, 1, 2), Read({1, 2}, 1, 1), Unpin({3, 4}, 1)}},
    {"APreemptedWriteTakesEffectLate",
     {Write({0, 99}, 1, 2), Write({1, 2}, 1, 3), Read({3, 4}, 1, 3),
      Write({5, 6}, 1, 4), Read({7, 8}, 1, 4), Read({9, 10}, 1, 2)}},
    {"ContainsBesideUnpin",
     {Unpin({0, 9}, 1), Contains({1, 4}, 1, false), Contains({2, 3}, 1, true)}},
    {"AThreadReadsWhatOthersDoNotSeeYet",
     {Unpin({0, 1}, 1), InOrder(1, Pin({2, 9}, 3, 7)),
      InOrder(1, Read({3, 9}, 3, 7)), UnpinAll({5, 6}), Read({10, 11}, 3, 7)}},
    {"ThreadsKeepTheirOrderAlone",
     {InOrder(1, Write({0, 9}, 1, 2)), InOrder(1, Read({1, 9}, 1, 2)),
      InOrder(2, Write({0, 9}, 1, 3)), InOrder(2, Read({1, 9}, 1, 3))}},
    {"EqualBeginsAreNoOrder",
     {InOrder(1, Write({0, 9}, 1, 2)), InOrder(1, Read({0, 9}, 1, 1))}},
};

const History kUnexplained[] = {
    {"ReadAfterUnpinReturned", {Unpin({0, 1}, 1), Read({2, 3}, 1, 1)}},
    {"ContainsAfterUnpinReturned",
     {Unpin({0, 1}, 1), Contains({2, 3}, 1, true)}},
    {"WriteAfterUnpinReturned", {Unpin({0, 1}, 1), Write({2, 3}, 1, 2)}},
    {"TwoUnpinsWin", {Unpin({0, 3}, 1), Unpin({1, 2}, 1)}},
    {"UnpinAndTakeWin", {Unpin({0, 3}, 1), Take({1, 2}, 1, 1)}},
    {"NobodyWins", {Unpin({0, 3}, 1, false), Unpin({1, 2}, 1, false)}},
    {"ReadOfAValueThatNobodyWrote", {Read({0, 1}, 1, 8)}},
    {"ReadOfADamagedValue", {Read({0, 1}, 1, kDamagedValue)}},
    {"ReadOfAValueBeforeItsWriteBegan",
     {Read({0, 1}, 1, 2), Write({2, 3}, 1, 2)}},
    {"LostWrite", {Write({0, 1}, 1, 2), Read({2, 3}, 1, 1)}},
    {"RefusedWrite", {Write({0, 1}, 1, 2, false), Read({2, 3}, 1, 1)}},
    {"RefusedWriteThatTookEffect",
     {Write({0, 9}, 1, 2, false), Read({1, 2}, 1, 2), Unpin({3, 4}, 1)}},
    {"ReadsGoBackwards",
     {Write({0, 9}, 1, 2), Read({1, 2}, 1, 2), Read({3, 4}, 1, 1)}},
    {"ReadsGoBackwardsInTwoThreads",
     {Write({0, 9}, 1, 2), Write({0, 9}, 1, 3), Read({1, 2}, 1, 2),
      Read({3, 4}, 1, 3), Read({5, 6}, 1, 2)}},
    {"ExchangeReturnsWhatWasPutIn", {Exchange({0, 1}, 1, 2, 2)}},
    {"TwoExchangesReturnTheSame",
     {Exchange({0, 9}, 1, 2, 1), Exchange({1, 8}, 1, 3, 1)}},
    {"TakeReturnsTheValueBeforeTheLast",
     {Write({0, 1}, 1, 2), Take({2, 3}, 1, 1)}},
    {"TakeReturnsAValueThatWasExchanged",
     {Exchange({0, 9}, 1, 2, 1), Take({1, 8}, 1, 1)}},
    {"AHandleIsIssuedTwice",
     {Unpin({0, 1}, 1), Pin({2, 3}, 3, 7), Unpin({4, 5}, 3),
      Pin({6, 7}, 3, 8)}},
    {"AnOldHandleIsIssued",
     {Unpin({0, 1}, 1), Pin({2, 3}, 3, 7), Unpin({4, 5}, 3),
      Pin({6, 7}, 1, 8)}},
    {"ASlotSkipsALife", {Unpin({0, 1}, 1), Pin({2, 3}, 5, 7)}},
    {"PinOfALiveSlot", {Pin({0, 1}, 3, 7), Unpin({2, 3}, 1)}},
    {"RefusedAfterItsPin",
     {Unpin({0, 1}, 1), Pin({2, 3}, 3, 7), Read({4, 5}, 3, kNothing),
      Unpin({6, 7}, 3)}},
    {"KnownBeforeItsPin",
     {Unpin({0, 1}, 1), Read({2, 3}, 3, kNothing), Pin({4, 5}, 3, 7)}},
    {"UnpinAllMissesAHandlePinnedBefore",
     {Unpin({0, 1}, 1), Pin({2, 3}, 3, 7), UnpinAll({4, 5}),
      Read({6, 7}, 3, 7)}},
    {"UnpinAllEndsTwoLivesOfASlot",
     {UnpinAll({0, 9}), Pin({1, 2}, 3, 7), Read({10, 11}, 3, kNothing)}},
    {"UnpinAllEndsNothing", {UnpinAll({0, 1}), Unpin({2, 3}, 1)}},
    {"APendingWriteTookEffectAndDidNot",
     {Write({0, kNever}, 1, 2), Read({1, 2}, 1, 2), Read({3, 4}, 1, 1)}},
    {"TheValueOfAnEarlierLife",
     {Write({0, 9}, 1, 2, false), Unpin({0, 1}, 1), Pin({2, 3}, 3, 7),
      Read({4, 5}, 3, 1)}},
    {"AThreadDoesNotSeeItsOwnWrite",
     {InOrder(1, Write({0, 9}, 1, 2)), InOrder(1, Read({1, 9}, 1, 1))}},
    {"AThreadReadsBackwards",
     {Write({0, 9}, 1, 2), InOrder(1, Read({1, 9}, 1, 2)),
      InOrder(1, Read({2, 9}, 1, 1))}},
    {"TwoThreadsDisagreeOnTheOrder",
     {InOrder(1, Write({0, 9}, 1, 2)), InOrder(2, Write({0, 9}, 1, 3)),
      InOrder(1, Read({1, 9}, 1, 3)), InOrder(2, Read({1, 9}, 1, 2))}},
    {"WhatAThreadReadsIsPinnedForUnpinAllAfterItsEnd",
     {Unpin({0, 1}, 1), InOrder(1, Pin({2, 4}, 3, 7)),
      InOrder(1, Read({3, 4}, 3, 7)), UnpinAll({5, 6}), Read({10, 11}, 3, 7)}},
};

INSTANTIATE_TEST_SUITE_P(ByHand, ExplainedTest, ::testing::ValuesIn(kExplained),
                         NameOf);
INSTANTIATE_TEST_SUITE_P(ByHand, UnexplainedTest,
                         ::testing::ValuesIn(kUnexplained), NameOf);

}  // namespace
}  // namespace holdfast::stress
