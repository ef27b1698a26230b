// The planted defects that a detector has to find, as `killed by` names them.

#ifndef HOLDFAST_TESTS_MUTANTS_PLANTED_H_
#define HOLDFAST_TESTS_MUTANTS_PLANTED_H_

#include <ostream>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "tests/mutants/mutation.h"

namespace holdfast::mutants {

struct Defect {
  int number;
  std::string name;
  std::vector<std::string> details;  // Words after the detector.

  friend std::ostream& operator<<(std::ostream& out, const Defect& defect) {
    return out << defect.name;
  }
};

// One for each time that `detector` is named.
inline std::vector<Defect> DefectsFor(const std::string& detector) {
  std::vector<Defect> found;
  const auto add = [&](int number, const char* name, const char* killers) {
    std::istringstream all(killers);
    for (std::string killer; std::getline(all, killer, ',');) {
      std::istringstream words(killer);
      std::string word;
      words >> word;
      if (word != detector) continue;
      Defect defect = {number, name, {}};
      while (words >> word) defect.details.push_back(word);
      found.push_back(std::move(defect));
    }
  };
#define PLANTED(number, name, killers) add(number, name, killers);
#include "tests/mutants/planted.inc"
#undef PLANTED
  return found;
}

// Names tests for INSTANTIATE_TEST_SUITE_P.
struct TestName {
  template <typename Info>
  std::string operator()(const Info& test) const {
    return test.param.name + "_" + std::to_string(test.index);
  }
};

}  // namespace holdfast::mutants

#endif  // HOLDFAST_TESTS_MUTANTS_PLANTED_H_
