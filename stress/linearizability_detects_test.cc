// A run fails for a table with a defect, and shows calls without explanation;
// it passes for the same table without. Whether the calls' ends are exact or
// those of batches.

#include <string>
#include <tuple>

#include "broken_table.h"
#include "config.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "holdfast/handle_table.h"
#include "linearizability/linearizability_run.h"
#include "payload.h"
#include "report.h"

namespace holdfast::stress {
namespace {

using ::testing::AllOf;
using ::testing::Combine;
using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::Values;
using ::testing::ValuesIn;

using Table = BrokenTable<HandleTable<Payload<16>>>;

// Ends with the first failure; the defects that need luck are given time.
Verdict RunWith(Defect defect, Drains drains, double seconds) {
  Config config;
  config.check = kLinearizability;
  config.threads = Table::kCoordinator;
  config.seconds = seconds;
  config.value_bytes = 16;
  config.drains = drains;
  config.print_progress = false;
  Table::next_defect = defect;
  return LinearizabilityRun<Table>(config).Run();
}

struct Case {
  const char* name;
  Defect defect;
  const char* shown;  // Of the calls that no order explains.
};

class LinearizabilityDetectsTest
    : public ::testing::TestWithParam<std::tuple<Case, Drains>> {};

TEST_P(LinearizabilityDetectsTest, Defect) {
  const auto& [planted, drains] = GetParam();
  const Verdict verdict = RunWith(planted.defect, drains, 60);
  EXPECT_FALSE(verdict.passed);
  EXPECT_THAT(verdict.text,
              AllOf(ContainsRegex("window [0-9]+ (no order explains|the )"),
                    ContainsRegex(planted.shown), HasSubstr("--seed=1")));
}

// The defect may show in other calls, after the call or before it returns.
constexpr char kAnything[] = "->";

constexpr Case kCases[] = {
    {"TornRead", Defect::kTornRead, "Read.*damaged"},
    {"ForeignRead", Defect::kForeignRead, "Read"},
    {"OldRead", Defect::kOldRead, "Read"},
    {"CachedRead", Defect::kCachedRead, "Read"},
    {"StaleRead", Defect::kStaleRead, "Read"},
    {"StaleContains", Defect::kStaleContains, "Contains.*true"},
    {"StaleWrite", Defect::kStaleWrite, "Write.*true"},
    {"LostWrite", Defect::kLostWrite, "Write"},
    {"LateWrite", Defect::kLateWrite, kAnything},
    {"RefusedWrite", Defect::kRefusedWrite, "Write.*false"},
    {"ExchangeNew", Defect::kExchangeNew, "Exchange"},
    {"ExchangeLost", Defect::kExchangeLost, "Exchange"},
    {"SplitExchange", Defect::kSplitExchange, "Exchange"},
    {"TwoWinners", Defect::kTwoWinners, "Unpin.*true"},
    {"NoWinner", Defect::kNoWinner, kAnything},
    {"LateUnpin", Defect::kLateUnpin, "Unpin.*true"},
    {"TwoTakers", Defect::kTwoTakers, "Take"},
    {"NoTaker", Defect::kNoTaker, kAnything},
    {"SplitTake", Defect::kSplitTake, "Take"},
    {"IssuedTwice", Defect::kIssuedTwice, "Pin"},
    {"EvenHandle", Defect::kEvenHandle, "Pin"},
    {"LostLife", Defect::kLostLife, "Pin"},
    {"LostPin", Defect::kLostPin, "UnpinAll have returned|Pin"},
    {"ClearMiscounts", Defect::kClearMiscounts, "UnpinAll have returned"},
    {"ClearNothing", Defect::kClearNothing, "UnpinAll"},
    {"ClearSkips", Defect::kClearSkips, "UnpinAll"},
};

using Param = LinearizabilityDetectsTest::ParamType;

std::string NameOf(const ::testing::TestParamInfo<Param>& info) {
  const auto& [planted, drains] = info.param;
  return std::string(planted.name) +
         (drains == Drains::kAfterCalls ? "AfterCalls" : "AfterBatches");
}

INSTANTIATE_TEST_SUITE_P(Defects, LinearizabilityDetectsTest,
                         Combine(ValuesIn(kCases),
                                 Values(Drains::kAfterCalls,
                                        Drains::kAfterBatches)),
                         NameOf);

TEST(LinearizabilityDetectsTest, NothingInATableWithoutDefect) {
  const Verdict verdict = RunWith(Defect::kNone, Drains::kInTurn, 1);
  EXPECT_TRUE(verdict.passed) << verdict.text;
}

}  // namespace
}  // namespace holdfast::stress
