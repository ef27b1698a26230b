// Replays the kept corpus on tables with a defect: the checks are to notice
// each, and none in the same tables without.

#include <cstdint>
#include <iostream>
#include <map>
#include <string>
#include <vector>

#include "corpus.h"
#include "gtest/gtest.h"
#include "run_input.h"
#include "tests/mutants/planted.h"

namespace holdfast::fuzz {
namespace {

using Corpus = std::map<std::string, std::vector<uint8_t>>;

const Corpus& KeptCorpus() {
  static const Corpus* const corpus = new Corpus(LoadCorpus("fuzz/corpus"));
  return *corpus;
}

// What the first input that shows the defect leads to; empty if none does.
std::string FirstProblem(int defect) {
  std::string problem;
  mutants::mutation.defect = defect;
  for (const auto& [name, input] : KeptCorpus()) {
    problem = InputRunner::Run(input.data(), input.size());
    if (!problem.empty()) break;
  }
  mutants::mutation.defect = -1;
  return problem;
}

class DetectsTest : public testing::TestWithParam<mutants::Defect> {};

TEST_P(DetectsTest, Finds) {
  const std::string problem = FirstProblem(GetParam().number);
  EXPECT_NE(problem, "");
  std::cout << problem << std::endl;
}

INSTANTIATE_TEST_SUITE_P(Defects, DetectsTest,
                         testing::ValuesIn(mutants::DefectsFor("fuzz")),
                         mutants::TestName());

TEST(DetectsTest, NothingWithoutADefect) {
  ASSERT_GT(KeptCorpus().size(), 0u);
  EXPECT_EQ(FirstProblem(-1), "");
}

}  // namespace
}  // namespace holdfast::fuzz
