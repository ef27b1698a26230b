// Runs every scenario in every execution within its bounds; and then again, in
// narrower bounds, with each of its threads stopped for good after each of its
// operations.
//
// The environment variable HOLDFAST_MODEL_MORE_PREEMPTIONS adds its number to
// the bounds of preemptions and of old values in a row, for a longer run.

#include "tests/model/scenarios.h"

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "gtest/gtest.h"
#include "tests/model/explorer.h"

namespace holdfast::model {
namespace {

std::string TestName(const testing::TestParamInfo<Entry>& info) {
  std::string name = info.param.name;
  for (char& c : name) {
    if (c == '/' || c == ' ') c = '_';
  }
  return name;
}

std::string Limit(int bound) {
  return bound < 0 ? "any number of" : std::to_string(bound);
}

class ScenarioTest : public testing::TestWithParam<Entry> {};

TEST_P(ScenarioTest, HoldsInEveryExecution) {
  const Entry& entry = GetParam();
  Search search;
  search.bounds = entry.bounds;
  if (const char* more = std::getenv("HOLDFAST_MODEL_MORE_PREEMPTIONS")) {
    if (search.bounds.preemptions >= 0) {
      search.bounds.preemptions += std::atoi(more);
    }
    search.bounds.rereads += std::atoi(more);
  }
  if (entry.random != 0) {
    search.seed = 1;
    search.executions = entry.random;
  }
  const Result result = Explorer::Get().Run(entry.make, search);
  EXPECT_EQ(result.failure, "") << result.trace;
  EXPECT_EQ(result.complete, entry.random == 0);
  std::printf(
      "%s: %llu executions, %s, with %s preemptions, %s old values, "
      "each %d times in a row\n",
      entry.name.c_str(), static_cast<unsigned long long>(result.executions),
      entry.random == 0 ? "all" : "at random",
      Limit(search.bounds.preemptions).c_str(),
      Limit(search.bounds.stale).c_str(), search.bounds.rereads);
}

// Tests lock-freedom: wherever one thread stops, the other threads must come to
// their ends. If one does not, the execution fails with "no end in sight".
TEST_P(ScenarioTest, OthersGoOnWhenAThreadStops) {
  const Entry& entry = GetParam();
  if (entry.waits) GTEST_SKIP() << "waits for a spare cell by design";
  if (entry.leaves) GTEST_SKIP() << "a thread leaves its call in any case";
  Search search;
  search.bounds = {/*preemptions=*/1, /*stale=*/1, /*spurious=*/0,
                   /*steps=*/500};
  if (entry.random != 0) {
    search.seed = 1;
    search.executions = 100;
  }
  uint64_t executions = 0;
  Result result;
  result.threads = 1;
  for (int thread = 1; thread <= result.threads; ++thread) {
    search.stalled_thread = thread;
    search.stalled_after = -1;
    // Stops the thread one operation later each time, until it ends first.
    do {
      ++search.stalled_after;
      result = Explorer::Get().Run(entry.make, search);
      ASSERT_EQ(result.failure, "")
          << "T" << thread << " stopped after " << search.stalled_after << "\n"
          << result.trace;
      executions += result.executions;
    } while (result.steps[static_cast<size_t>(thread)] == search.stalled_after);
  }
  std::printf("%s: %llu executions with a thread that stops\n",
              entry.name.c_str(), static_cast<unsigned long long>(executions));
}

INSTANTIATE_TEST_SUITE_P(, ScenarioTest, testing::ValuesIn(AllScenarios()),
                         TestName);

}  // namespace
}  // namespace holdfast::model
