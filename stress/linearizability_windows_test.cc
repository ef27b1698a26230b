// Tests how WindowChecker divides a window's calls by slots, and what it keeps
// from one window to the next.

#include <cstdint>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "linearizability/call.h"
#include "linearizability/calls_by_hand.h"
#include "linearizability/window_checker.h"

namespace holdfast::stress {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr int kBits = 8;
constexpr uint64_t kKey = 0x5A5A'5A5A'5A5A'5A5A;

uint64_t HandleOf(uint64_t slot, uint64_t generation) {
  return (slot << kBits | generation) ^ kKey;
}

Call Of(uint64_t slot, Call call) {
  call.handle = HandleOf(slot, call.generation);
  call.generation = 0;  // The checker must find it out.
  return call;
}

Call Returning(uint64_t count, Call unpin_all) {
  unpin_all.result = count;
  return unpin_all;
}

class WindowCheckerTest : public ::testing::Test {
 protected:
  // The table's first handle may be that of any slot, with generation 1.
  WindowChecker checker_{HandleOf(5, 1), kBits, 100'000};
};

TEST_F(WindowCheckerTest, TakesSlotsApart) {
  checker_.Add(Of(0, Pin({0, 1}, 1, 10)));
  checker_.Add(Of(1, Pin({2, 3}, 1, 11)));
  checker_.Add(Of(5, Pin({4, 5}, 3, 12)));
  checker_.Add(Of(0, Unpin({6, 7}, 1)));
  EXPECT_EQ(checker_.LastHandles().size(), 3);
  checker_.AddAtRest(Of(0, Read({20, 21}, 1, kNothing)));
  checker_.AddAtRest(Of(1, Read({22, 23}, 1, 11)));
  checker_.AddAtRest(Of(5, Read({24, 25}, 3, 12)));
  EXPECT_THAT(checker_.Check(), IsEmpty());
  EXPECT_EQ(checker_.counts().calls, 7);
  EXPECT_EQ(checker_.counts().histories, 3);
}

TEST_F(WindowCheckerTest, KnowsTheStateThatTheLastWindowLeft) {
  checker_.Add(Of(0, Pin({0, 1}, 1, 10)));
  checker_.AddAtRest(Of(0, Read({2, 3}, 1, 10)));
  EXPECT_THAT(checker_.Check(), IsEmpty());

  EXPECT_THAT(checker_.LastHandles(), ElementsAre(HandleOf(0, 1)));
  checker_.Add(Of(0, Exchange({10, 11}, 1, 20, 10)));
  checker_.AddAtRest(Of(0, Read({12, 13}, 1, 20)));
  EXPECT_THAT(checker_.Check(), IsEmpty());

  checker_.Add(Of(0, Read({20, 21}, 1, 10)));
  checker_.AddAtRest(Of(0, Read({22, 23}, 1, 20)));
  EXPECT_THAT(checker_.Check(), HasSubstr("no order explains"));
}

TEST_F(WindowCheckerTest, RemembersWhatWasIssuedInEarlierWindows) {
  checker_.Add(Of(0, Pin({0, 1}, 1, 10)));
  checker_.Add(Of(0, Unpin({2, 3}, 1)));
  checker_.AddAtRest(Of(0, Read({4, 5}, 1, kNothing)));
  EXPECT_THAT(checker_.Check(), IsEmpty());
  EXPECT_THAT(checker_.LastHandles(), IsEmpty());

  checker_.Add(Of(0, Pin({10, 11}, 1, 11)));
  checker_.AddAtRest(Of(0, Read({12, 13}, 1, 11)));
  EXPECT_THAT(checker_.Check(), HasSubstr("no order explains"));
}

TEST_F(WindowCheckerTest, KnowsThatTheLifeOfTheFirstHandleIsOver) {
  checker_.Add(Of(5, Pin({0, 1}, 1, 10)));
  checker_.AddAtRest(Of(5, Read({2, 3}, 1, 10)));
  EXPECT_THAT(checker_.Check(), HasSubstr("no order explains"));
}

TEST_F(WindowCheckerTest, ReadsAtRestTheLastHandleOfEachSlot) {
  checker_.Add(Of(0, Pin({4, 5}, 3, 11)));
  checker_.Add(Of(0, Pin({0, 1}, 1, 10)));
  checker_.Add(Of(0, Unpin({2, 3}, 1)));
  EXPECT_THAT(checker_.LastHandles(), ElementsAre(HandleOf(0, 3)));
}

TEST_F(WindowCheckerTest, UnpinAllCountsForEachSlot) {
  checker_.Add(Of(0, Pin({0, 1}, 1, 10)));
  checker_.Add(Of(1, Pin({2, 3}, 1, 11)));
  checker_.Add(Returning(2, UnpinAll({4, 5})));
  checker_.AddAtRest(Of(0, Read({6, 7}, 1, kNothing)));
  checker_.AddAtRest(Of(1, Read({8, 9}, 1, kNothing)));
  EXPECT_THAT(checker_.Check(), IsEmpty());
}

TEST_F(WindowCheckerTest, UnpinAllMissesASlot) {
  checker_.Add(Of(0, Pin({0, 1}, 1, 10)));
  checker_.Add(Of(1, Pin({2, 3}, 1, 11)));
  checker_.Add(Returning(1, UnpinAll({4, 5})));
  checker_.AddAtRest(Of(0, Read({6, 7}, 1, kNothing)));
  checker_.AddAtRest(Of(1, Read({8, 9}, 1, 11)));
  EXPECT_THAT(checker_.Check(),
              HasSubstr("no order explains these 2 of the 3"));
}

TEST_F(WindowCheckerTest, UnpinAllMissesASlotOfAnEarlierWindow) {
  checker_.Add(Of(0, Pin({0, 1}, 1, 10)));
  checker_.AddAtRest(Of(0, Read({2, 3}, 1, 10)));
  EXPECT_THAT(checker_.Check(), IsEmpty());
  checker_.Add(Returning(0, UnpinAll({4, 5})));
  checker_.AddAtRest(Of(0, Read({6, 7}, 1, 10)));
  EXPECT_THAT(checker_.Check(), HasSubstr("no order explains"));
}

TEST_F(WindowCheckerTest, UnpinAllMiscounts) {
  checker_.Add(Of(0, Pin({0, 1}, 1, 10)));
  checker_.Add(Returning(2, UnpinAll({2, 3})));
  checker_.AddAtRest(Of(0, Read({4, 5}, 1, kNothing)));
  EXPECT_THAT(checker_.Check(),
              HasSubstr("returned 2 in all, but there were 1 lives"));
}

// One counts the other's life: their sum is right, and no call of a slot tells.
TEST_F(WindowCheckerTest, UnpinAllsThatRaceAreCountedTogether) {
  checker_.Add(Of(0, Pin({0, 1}, 1, 10)));
  checker_.Add(Returning(1, UnpinAll({2, 9})));
  checker_.Add(Returning(0, UnpinAll({3, 8})));
  checker_.AddAtRest(Of(0, Read({10, 11}, 1, kNothing)));
  EXPECT_THAT(checker_.Check(), IsEmpty());
}

}  // namespace
}  // namespace holdfast::stress
