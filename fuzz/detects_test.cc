// Replays the kept corpus on tables with a defect: the checks are to notice
// each, and none in the same tables without.

#include <cstdint>
#include <iostream>
#include <map>
#include <string>
#include <vector>

#include "broken_table.h"
#include "corpus.h"
#include "gtest/gtest.h"
#include "run_input.h"

namespace holdfast::fuzz {
namespace {

using Corpus = std::map<std::string, std::vector<uint8_t>>;

const Corpus& KeptCorpus() {
  static const Corpus* const corpus = new Corpus(LoadCorpus("fuzz/corpus"));
  return *corpus;
}

// What the first input that shows `defect` leads to; empty if none does.
std::string FirstProblem(Defect defect) {
  std::string problem;
  planted = defect;
  for (const auto& [name, input] : KeptCorpus()) {
    problem = InputRunner<BrokenTable>::Run(input.data(), input.size());
    if (!problem.empty()) break;
  }
  planted = Defect::kNone;
  return problem;
}

struct Case {
  const char* name;
  Defect defect;
};

class DetectsTest : public testing::TestWithParam<Case> {};

TEST_P(DetectsTest, Finds) {
  const std::string problem = FirstProblem(GetParam().defect);
  EXPECT_NE(problem, "");
  std::cout << problem << std::endl;
}

constexpr Case kCases[] = {
    {"StaleRead", Defect::kStaleRead},
    {"StaleContains", Defect::kStaleContains},
    {"ForeignContains", Defect::kForeignContains},
    {"StaleUnpin", Defect::kStaleUnpin},
    {"UnpinOfSuccessor", Defect::kUnpinOfSuccessor},
    {"UnpinFails", Defect::kUnpinFails},
    {"UnpinNothing", Defect::kUnpinNothing},
    {"TakeNothing", Defect::kTakeNothing},
    {"WriteLost", Defect::kWriteLost},
    {"WriteStale", Defect::kWriteStale},
    {"ExchangeNew", Defect::kExchangeNew},
    {"ExchangeLost", Defect::kExchangeLost},
    {"PinRefused", Defect::kPinRefused},
    {"PinTwice", Defect::kPinTwice},
    {"PinSkipsLife", Defect::kPinSkipsLife},
    {"Wraps", Defect::kWraps},
    {"UnpinAllNothing", Defect::kUnpinAllNothing},
    {"UnpinAllCount", Defect::kUnpinAllCount},
    {"VisitSkipped", Defect::kVisitSkipped},
    {"VisitTwice", Defect::kVisitTwice},
    {"WorkSkipped", Defect::kWorkSkipped},
    {"UpdateLost", Defect::kUpdateLost},
    {"DiagnoseNull", Defect::kDiagnoseNull},
    {"IndexStale", Defect::kIndexStale},
    {"HandleAtNone", Defect::kHandleAtNone},
    {"StatsLive", Defect::kStatsLive},
    {"MovedFromLives", Defect::kMovedFromLives},
};

INSTANTIATE_TEST_SUITE_P(Defects, DetectsTest, testing::ValuesIn(kCases),
                         [](const testing::TestParamInfo<Case>& param) {
                           return param.param.name;
                         });

TEST(DetectsTest, NothingWithoutADefect) {
  ASSERT_GT(KeptCorpus().size(), 0u);
  EXPECT_EQ(FirstProblem(Defect::kNone), "");
}

}  // namespace
}  // namespace holdfast::fuzz
