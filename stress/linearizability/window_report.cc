#include "linearizability/window_report.h"

#include <cstdio>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/time.h"
#include "config.h"
#include "linearizability/window_checker.h"
#include "report.h"

namespace holdfast::stress {
namespace {

std::string TotalsText(const WindowTotals& totals) {
  const CheckCounts& counts = totals.counts;
  return absl::StrCat(Short(counts.calls), " calls checked, ",
                      Short(counts.overlapping), " of them overlapping, in ",
                      Short(counts.histories), " histories of slots, gave up ",
                      counts.gave_up);
}

}  // namespace

void PrintWindows(absl::Duration elapsed, const WindowTotals& totals) {
  const double seconds = absl::ToDoubleSeconds(elapsed);
  absl::PrintF("%7.1f s  %s op/s  windows %d  tables %d |  %s\n", seconds,
               Short(static_cast<uint64_t>(
                   static_cast<double>(totals.operations) / seconds)),
               totals.windows, totals.tables, TotalsText(totals));
  std::fflush(stdout);
}

Verdict MakeWindowVerdict(const Config& config, const std::string& failure,
                          const WindowTotals& totals) {
  const std::string run =
      absl::StrCat("  run       ", CommandLine(config), "\n");
  if (!failure.empty()) return {false, absl::StrCat("FAILED: ", failure, run)};
  const std::string text = TotalsText(totals);
  if (totals.counts.calls == 0) {
    return {false, absl::StrCat("FAILED: nothing was checked\n", run)};
  }
  if (totals.counts.gave_up * 100 > totals.counts.histories) {
    return {false, absl::StrCat("FAILED: the search gave up too often: ", text,
                                "\n", run)};
  }
  return {true, absl::StrCat("PASSED: ", text, "\n")};
}

}  // namespace holdfast::stress
