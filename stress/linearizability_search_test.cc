// Compares the search with all permutations, and tests what it shows, and when
// it gives up.

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "linearizability/call.h"
#include "linearizability/calls_by_hand.h"
#include "linearizability/search.h"
#include "linearizability/slot_model.h"
#include "tests/support/random.h"

namespace holdfast::stress {
namespace {

constexpr uint64_t kMaxSteps = 1'000'000;

// --- Against all permutations ----------------------------------------------

bool IsBefore(const Call& a, const Call& b) {
  return a.end < b.begin ||
         (a.in_order && a.thread == b.thread && a.begin < b.begin);
}

// Returns whether any order of the calls is possible, with or without each call
// that has not returned.
bool HasOrder(const std::vector<Call>& calls, const SlotState& state,
              uint32_t placed) {
  bool done = true;
  for (size_t i = 0; i < calls.size(); ++i) {
    if ((placed >> i & 1) != 0) continue;
    done = done && calls[i].end == kNever;
    bool may_come = true;
    for (size_t j = 0; j < calls.size(); ++j) {
      const bool is_left = (placed >> j & 1) == 0;
      if (is_left && IsBefore(calls[j], calls[i])) may_come = false;
    }
    SlotState next = state;
    if (may_come && Step(calls[i], &next) &&
        HasOrder(calls, next, placed | 1u << i)) {
      return true;
    }
  }
  return done;
}

Call RandomCall(Random* random) {
  const uint64_t begin = random->Below(12);
  const uint64_t end = random->OneIn(12) ? kNever : begin + random->Below(8);
  Call call = Make(
      {begin, end},
      static_cast<Verb>(random->Below(static_cast<uint64_t>(Verb::kCount))),
      1 + 2 * random->Below(2), random->Below(4) != 0);
  call.argument = 2 + random->Below(3);
  call.result = 1 + random->Below(4);
  return call;
}

// Makes some threads keep the order of their calls: none of these ends before
// an earlier one.
void KeepOrder(Random* random, std::vector<Call>* calls) {
  std::array<uint64_t, 3> ends = {};
  for (Call& call : *calls) {
    call.thread = static_cast<uint32_t>(random->Below(ends.size()));
    if (call.thread == 0) continue;
    call.in_order = true;
    uint64_t& end = ends[call.thread];
    call.end = end = std::max(end, call.end);
  }
}

// Returns calls in [0, 20). Each takes effect at a random point in its time,
// and has the result that follows from that.
std::vector<Call> RandomHistory(Random* random, size_t size) {
  std::vector<Call> calls;
  for (size_t i = 0; i < size; ++i) calls.push_back(RandomCall(random));
  calls = Sorted(calls);
  if (random->OneIn(2)) KeepOrder(random, &calls);
  std::vector<std::pair<uint64_t, Call*>> order;
  std::array<uint64_t, 3> points = {};
  for (Call& call : calls) {
    const uint64_t last = std::min<uint64_t>(call.end, 20);
    uint64_t point = call.begin + random->Below(last - call.begin + 1);
    if (call.in_order) {
      point = points[call.thread] = std::max(points[call.thread], point);
    }
    order.emplace_back(point, &call);
  }
  std::sort(order.begin(), order.end());
  SlotState state = kLive;
  for (const auto& [time, call] : order) {
    if (call->verb == Verb::kPin) call->generation = state.generation + 2;
    call->generation = std::min(call->generation, state.generation + 2);
    call->ok = state.live && call->generation == state.generation;
    call->result = state.value;
    Step(*call, &state);
  }
  return calls;
}

TEST(SearchTest, AgreesWithAllPermutations) {
  Random random(1, 0);
  int explained = 0;
  int unexplained = 0;
  for (int i = 0; i < 20'000; ++i) {
    std::vector<Call> calls = RandomHistory(&random, 1 + random.Below(7));
    if (random.OneIn(2)) {
      Call& call = calls[random.Below(calls.size())];
      if (random.OneIn(2)) call.ok = !call.ok;
      call.result = 1 + random.Below(4);
    }
    const bool expected = HasOrder(calls, kLive, 0);
    ++(expected ? explained : unexplained);
    const SearchResult result = Search(calls, kLive, kMaxSteps);
    ASSERT_EQ(result.outcome,
              expected ? Outcome::kExplained : Outcome::kUnexplained)
        << "history " << i << "\n"
        << CallsText(calls, 0);
  }
  EXPECT_GT(explained, 2'000);
  EXPECT_GT(unexplained, 2'000);
}

// The calls up to the culprit's return have no order. Those up to any earlier
// return have one.
TEST(SearchTest, NamesTheFirstCallWithoutExplanation) {
  Random random(2, 0);
  int found = 0;
  for (int i = 0; i < 5'000; ++i) {
    std::vector<Call> calls = RandomHistory(&random, 2 + random.Below(6));
    calls[random.Below(calls.size())].result = 1 + random.Below(4);
    const SearchResult result = Search(calls, kLive, kMaxSteps);
    if (result.outcome != Outcome::kUnexplained) continue;
    ++found;
    const uint64_t end = calls[result.culprit].end;
    for (const uint64_t until : {end - 1, end}) {
      std::vector<Call> part;
      for (Call call : calls) {
        if (call.begin > until) continue;
        if (call.end > until) call.end = kNever;
        part.push_back(call);
      }
      ASSERT_EQ(HasOrder(part, kLive, 0), until < end) << CallsText(calls, 0);
    }
  }
  EXPECT_GT(found, 500);
}

// --- Reports -----------------------------------------------------------------

// Returns a long history with the calls `wrong` in the middle.
std::vector<Call> LongHistoryWith(const std::vector<Call>& wrong) {
  std::vector<Call> calls;
  uint64_t time = 0;
  for (uint64_t i = 0; i < 1'000; ++i) {
    if (i == 500) calls.insert(calls.end(), wrong.begin(), wrong.end());
    if (i >= 500) time = std::max<uint64_t>(time, 10'000);
    calls.push_back(Write({time, time + 3}, 1, 1'000 + i));
    calls.push_back(Read({time + 4, time + 7}, 1, 1'000 + i));
    time += 8;
  }
  return Sorted(calls);
}

TEST(SearchTest, ShowsNoMoreThanTheContradiction) {
  const std::vector<Call> calls = LongHistoryWith(
      {Write({9'000, 9'010}, 1, 2), Contains({9'011, 9'013}, 1, true),
       Read({9'015, 9'020}, 1, 1'400)});
  const SearchResult result = Search(calls, kLive, kMaxSteps);
  ASSERT_EQ(result.outcome, Outcome::kUnexplained);
  EXPECT_EQ(calls[result.culprit].begin, 9'015);
  const std::vector<Call> shortest =
      ShortestUnexplained(calls, result.culprit, kMaxSteps);
  EXPECT_EQ(shortest.size(), 2) << CallsText(shortest, 0);
  EXPECT_THAT(CallsText(shortest, 9'000),
              ::testing::ContainsRegex("0 +10  Write.*#2.* -> true\n"
                                       ".*15 +20  Read.* -> #1400\n$"));
}

// The result includes a preempted call that may have a part in the
// contradiction.
TEST(SearchTest, ShowsWhatMayHaveHadAPart) {
  const std::vector<Call> calls =
      LongHistoryWith({Write({100, 11'000}, 1, 3), Write({9'000, 9'010}, 1, 2),
                       Read({9'015, 9'020}, 1, 3), Read({9'025, 9'030}, 1, 2)});
  const SearchResult result = Search(calls, kLive, kMaxSteps);
  ASSERT_EQ(result.outcome, Outcome::kUnexplained);
  const std::vector<Call> shortest =
      ShortestUnexplained(calls, result.culprit, kMaxSteps);
  EXPECT_LE(shortest.size(), 4) << CallsText(shortest, 0);
  EXPECT_EQ(shortest.front().begin, 100);
}

TEST(SearchTest, GivesUpInsteadOfPassing) {
  std::vector<Call> calls;
  for (uint64_t i = 0; i < 30; ++i) {
    calls.push_back(Write({i, 1'000 + i}, 1, 2 + i));
  }
  calls.push_back(Read({2'000, 2'001}, 1, 99));
  const SearchResult result = Search(calls, kLive, 10'000);
  EXPECT_EQ(result.outcome, Outcome::kGaveUp);
  EXPECT_GT(result.steps, 9'999);
}

// A thread keeps the order of its calls, and has begun one before the calls
// that are shown. That call may have taken effect before them, so the thread's
// later Read alone is no contradiction.
TEST(SearchTest, ShowsACallInOrderThatBeganBefore) {
  const std::vector<Call> calls = LongHistoryWith(
      {InOrder(7, Write({8'990, 9'030}, 1, 3)), Write({9'000, 9'010}, 1, 2),
       Read({9'011, 9'013}, 1, 2), InOrder(7, Read({9'015, 9'030}, 1, 1'400))});
  const SearchResult result = Search(calls, kLive, kMaxSteps);
  ASSERT_EQ(result.outcome, Outcome::kUnexplained);
  EXPECT_EQ(calls[result.culprit].begin, 9'015);
  const std::vector<Call> shortest =
      ShortestUnexplained(calls, result.culprit, kMaxSteps);
  ASSERT_EQ(shortest.size(), 3) << CallsText(shortest, 0);
  EXPECT_EQ(shortest[0].begin, 8'990);
  EXPECT_EQ(shortest[0].end, kNever);
  EXPECT_EQ(shortest[1].begin, 9'011);
}

// Ten calls were preempted while hundreds of others ran. The search finds an
// order at once, since it places the ten only when they are needed.
TEST(SearchTest, PlacesPreemptedCallsJustInTime) {
  std::vector<Call> calls;
  for (uint64_t i = 0; i < 10; ++i) {
    calls.push_back(Write({i, 100'000 + i}, 1, 2 + i));
  }
  for (uint64_t i = 0; i < 1'000; ++i) {
    const uint64_t time = 100 + 10 * i;
    calls.push_back(i % 2 == 0 ? Write({time, time + 5}, 1, 100 + i)
                               : Read({time, time + 5}, 1, 99 + i));
  }
  calls.push_back(Read({99'000, 99'001}, 1, 7));
  const SearchResult result = Search(calls, kLive, 10'000);
  EXPECT_EQ(result.outcome, Outcome::kExplained);
}

}  // namespace
}  // namespace holdfast::stress
