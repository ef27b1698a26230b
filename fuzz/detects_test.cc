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

// How many inputs show `defect`; the first of them says how.
int CountDetections(Defect defect, std::string* first) {
  planted = defect;
  int detections = 0;
  for (const auto& [name, input] : KeptCorpus()) {
    const std::string problem =
        InputRunner<BrokenTable>::Run(input.data(), input.size());
    if (!problem.empty() && detections++ == 0) *first = problem;
  }
  planted = Defect::kNone;
  return detections;
}

struct Case {
  const char* name;
  Defect defect;
};

class DetectsTest : public testing::TestWithParam<Case> {};

TEST_P(DetectsTest, Finds) {
  std::string first;
  const int detections = CountDetections(GetParam().defect, &first);
  EXPECT_GT(detections, 0);
  std::cout << detections << " of " << KeptCorpus().size()
            << " inputs show it. The first: " << first << std::endl;
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
    {"StatsLive", Defect::kStatsLive},
    {"MovedFromLives", Defect::kMovedFromLives},
};

INSTANTIATE_TEST_SUITE_P(Defects, DetectsTest, testing::ValuesIn(kCases),
                         [](const testing::TestParamInfo<Case>& param) {
                           return param.param.name;
                         });

TEST(DetectsTest, NothingWithoutADefect) {
  ASSERT_GT(KeptCorpus().size(), 0u);
  std::string first;
  EXPECT_EQ(CountDetections(Defect::kNone, &first), 0) << first;
}

}  // namespace
}  // namespace holdfast::fuzz
