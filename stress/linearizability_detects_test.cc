// A run fails for a table with a defect, and shows calls without explanation;
// it passes for the same table without. Whether the calls' ends are exact or
// those of batches.

#include <string>
#include <tuple>

#include "config.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "holdfast/handle_table.h"
#include "linearizability/linearizability_run.h"
#include "payload.h"
#include "report.h"
#include "tests/mutants/planted.h"

namespace holdfast::stress {
namespace {

using ::testing::AllOf;
using ::testing::Combine;
using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::Values;
using ::testing::ValuesIn;

// Ends with the first failure; the defects that need luck are given time.
template <uint32_t kBytes>
Verdict RunWith(int defect, Drains drains, double seconds) {
  Config config;
  config.check = kLinearizability;
  config.threads = 3;
  config.seconds = seconds;
  config.value_bytes = kBytes;
  config.drains = drains;
  config.print_progress = false;
  mutants::mutation.defect = defect;
  return LinearizabilityRun<HandleTable<Payload<kBytes>>>(config).Run();
}

// Whether only tables have it that compare values.
bool IsOfComparisons(const mutants::Defect& defect) {
  return defect.name.find("compare_") == 0 || defect.name.find("update_") == 0;
}

class LinearizabilityDetectsTest
    : public ::testing::TestWithParam<std::tuple<mutants::Defect, Drains>> {};

TEST_P(LinearizabilityDetectsTest, Defect) {
  const auto& [defect, drains] = GetParam();
  const Verdict verdict = IsOfComparisons(defect)
                              ? RunWith<8>(defect.number, drains, 60)
                              : RunWith<16>(defect.number, drains, 60);
  EXPECT_FALSE(verdict.passed);
  EXPECT_THAT(
      verdict.text,
      AllOf(ContainsRegex("window [0-9]+ (no order explains|the )"),
            ContainsRegex(defect.details.at(0)), HasSubstr("--seed=1")));
}

using Param = LinearizabilityDetectsTest::ParamType;

std::string NameOf(const ::testing::TestParamInfo<Param>& info) {
  const auto& [defect, drains] = info.param;
  return defect.name +
         (drains == Drains::kAfterCalls ? "AfterCalls" : "AfterBatches");
}

INSTANTIATE_TEST_SUITE_P(
    Defects, LinearizabilityDetectsTest,
    Combine(ValuesIn(mutants::DefectsFor("linearizability")),
            Values(Drains::kAfterCalls, Drains::kAfterBatches)),
    NameOf);

TEST(LinearizabilityDetectsTest, NothingInATableWithoutDefect) {
  const Verdict verdict = RunWith<16>(-1, Drains::kInTurn, 1);
  EXPECT_TRUE(verdict.passed) << verdict.text;
}

}  // namespace
}  // namespace holdfast::stress
