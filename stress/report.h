// The output of a run, and whether it has passed.

#ifndef HOLDFAST_STRESS_REPORT_H_
#define HOLDFAST_STRESS_REPORT_H_

#include <cstdint>
#include <string>

#include "absl/time/time.h"
#include "check.h"
#include "config.h"

namespace holdfast::stress {

struct Verdict {
  bool passed = false;
  std::string text;
};

// "831", "12.3k", "4.56M".
std::string Short(uint64_t count);

void PrintProgress(absl::Duration elapsed, const Counts& counts,
                   uint64_t rounds, uint64_t tables);

// The run has passed if `failure` is empty, and if every kind of check that the
// configuration asks for has run.
Verdict MakeVerdict(const Config& config, const std::string& failure,
                    const Counts& counts);

}  // namespace holdfast::stress

#endif  // HOLDFAST_STRESS_REPORT_H_
