// Every scenario, under every execution within its bounds; and with each of its
// threads stopped for good after each of its operations.

#include "tests/model/scenarios.h"

#include <cstdint>
#include <cstdio>
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
  if (entry.random != 0) {
    search.seed = 1;
    search.executions = entry.random;
  }
  const Result result = Explorer::Get().Run(entry.make, search);
  EXPECT_EQ(result.failure, "") << result.trace;
  EXPECT_EQ(result.complete, entry.random == 0);
  std::printf("%s: %llu executions, %s, with %s preemptions, %s old values\n",
              entry.name.c_str(),
              static_cast<unsigned long long>(result.executions),
              entry.random == 0 ? "all" : "at random",
              Limit(entry.bounds.preemptions).c_str(),
              Limit(entry.bounds.stale).c_str());
}

// Lock-freedom: whoever stops, wherever, the others end.
TEST_P(ScenarioTest, OthersGoOnWhenAThreadStops) {
  const Entry& entry = GetParam();
  if (entry.waits) GTEST_SKIP() << "waits for a spare cell by design";
  Search search;
  search.bounds = {/*preemptions=*/1, /*stale=*/0, /*spurious=*/0,
                   /*steps=*/500};
  uint64_t executions = 0;
  int threads = 1;
  for (search.stalled_thread = 1; search.stalled_thread <= threads;
       ++search.stalled_thread) {
    search.stalled_after = 0;
    // As many operations as the thread ever has.
    for (int steps = 1; search.stalled_after < steps; ++search.stalled_after) {
      if (entry.random != 0) {
        search.seed = 1;
        search.executions = 100;
      }
      const Result result = Explorer::Get().Run(entry.make, search);
      ASSERT_EQ(result.failure, "")
          << "T" << search.stalled_thread << " stopped after "
          << search.stalled_after << "\n"
          << result.trace;
      executions += result.executions;
      threads = result.threads;
      steps = result.steps[static_cast<size_t>(search.stalled_thread)] + 1;
    }
  }
  std::printf("%s: %llu executions with a thread that stops\n",
              entry.name.c_str(), static_cast<unsigned long long>(executions));
}

INSTANTIATE_TEST_SUITE_P(, ScenarioTest, testing::ValuesIn(AllScenarios()),
                         TestName);

}  // namespace
}  // namespace holdfast::model
