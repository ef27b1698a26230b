// What a run with --check=linearizability prints, and whether it has passed.

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
  uint64_t operations = 0;  // Refused Pins included.
  uint64_t windows = 0;
  uint64_t tables = 0;
  CheckCounts counts;
};

void PrintWindows(absl::Duration elapsed, const WindowTotals& totals);

// Passed if nothing has failed, `failure` being empty, if calls were checked,
// and if the search has given up on at most one history in a hundred.
Verdict MakeWindowVerdict(const Config& config, const std::string& failure,
                          const WindowTotals& totals);

}  // namespace holdfast::stress

#endif  // HOLDFAST_STRESS_LINEARIZABILITY_WINDOW_REPORT_H_
