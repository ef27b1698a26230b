#include "ratio_reporter.h"

#include <string>
#include <vector>

#include "absl/strings/str_format.h"
#include "benchmark/benchmark.h"

namespace holdfast {

void RatioReporter::ReportRuns(const std::vector<Run>& runs) {
  for (const Run& run : runs) {
    if (run.run_type != Run::RT_Aggregate) continue;
    const double time = run.GetAdjustedRealTime();
    if (run.aggregate_name == "median") {
      medians_[run.run_name.str()] = time;
    } else if (run.aggregate_name == "cv") {
      spreads_[run.run_name.str()] = run.real_accumulated_time;
    }
  }
  ConsoleReporter::ReportRuns(runs);
}

void RatioReporter::Finalize() {
  std::string table =
      absl::StrFormat("\n%-46s %9s %9s %7s %8s\n", "median of repetitions",
                      "ns", "limit ns", "ratio", "at most");
  for (const Ratio& ratio : ratios_) {
    const auto measured = medians_.find(ratio.measured);
    const auto limit = medians_.find(ratio.limit);
    if (measured == medians_.end() || limit == medians_.end()) continue;
    const double value = measured->second / limit->second;
    absl::StrAppendFormat(
        &table, "%-46s %9.1f %9.1f %7.2f %8.2f %s(spread %.0f %%, %.0f %%)\n",
        ratio.what, measured->second, limit->second, value, ratio.at_most,
        value <= ratio.at_most ? "" : "MISSED ", 100 * spreads_[ratio.measured],
        100 * spreads_[ratio.limit]);
  }
  GetOutputStream() << table;
  GetOutputStream().flush();
}

}  // namespace holdfast
