// The output of a run with --check=linearizability, and whether it has passed.

#ifndef HOLDFAST_STRESS_LINEARIZABILITY_WINDOW_REPORT_H_
#define HOLDFAST_STRESS_LINEARIZABILITY_WINDOW_REPORT_H_

#include <cstdint>
#include <string>

#include "absl/time/time.h"
#include "config.h"
#include "linearizability/window_checker.h"
#include "report.h"

namespace holdfast::stress {

struct WindowTotals {
  uint64_t operations = 0;  // Including refused Pins.
  uint64_t windows = 0;
  uint64_t tables = 0;
  CheckCounts counts;
};

void PrintWindows(absl::Duration elapsed, const WindowTotals& totals);

// The run has passed if `failure` is empty, if calls were checked, and if at
// most one search in a hundred has given up.
Verdict MakeWindowVerdict(const Config& config, const std::string& failure,
                          const WindowTotals& totals);

}  // namespace holdfast::stress

#endif  // HOLDFAST_STRESS_LINEARIZABILITY_WINDOW_REPORT_H_
