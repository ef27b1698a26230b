#include "report.h"

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/time.h"
#include "check.h"
#include "config.h"

namespace holdfast::stress {
namespace {

std::string CountsText(const Counts& counts) {
  std::string text;
  for (size_t i = 0; i < kChecks; ++i) {
    if (counts.checks[i] == 0) continue;
    absl::StrAppend(&text, "  ", kCheckNames[i], " ", Short(counts.checks[i]));
  }
  return text;
}

// Returns whether a run of this configuration must make this kind of check.
bool IsEnabled(Check check, const Config& config) {
  const Mix& mix = *FindMix(config.mix);
  switch (check) {
    case Check::kWin:
    case Check::kConservation:
      return mix.weight(Operation::kContend) != 0;
    case Check::kDiagnose:
      return !mix.clears() || mix.weight(Operation::kStale) != 0;
    case Check::kWearOut:
      return config.generation_bits < 32 &&
             config.max_slots << (config.generation_bits - 1) <= uint64_t{1}
                                                                     << 22;
    default:
      return true;
  }
}

}  // namespace

std::string Short(uint64_t count) {
  const double x = static_cast<double>(count);
  if (x < 1e3) return absl::StrCat(count);
  if (x < 1e6) return absl::StrFormat("%.3gk", x / 1e3);
  if (x < 1e9) return absl::StrFormat("%.3gM", x / 1e6);
  return absl::StrFormat("%.3gG", x / 1e9);
}

void PrintProgress(absl::Duration elapsed, const Counts& counts,
                   uint64_t rounds, uint64_t tables) {
  const double seconds = absl::ToDoubleSeconds(elapsed);
  absl::PrintF("%7.1f s  %s op/s  rounds %d  tables %d |%s\n", seconds,
               Short(static_cast<uint64_t>(
                   static_cast<double>(counts.operations) / seconds)),
               rounds, tables, CountsText(counts));
  std::fflush(stdout);
}

Verdict MakeVerdict(const Config& config, const std::string& failure,
                    const Counts& counts) {
  if (!failure.empty()) return {false, absl::StrCat("FAILED: ", failure)};
  for (size_t i = 0; i < kChecks; ++i) {
    if (counts.checks[i] != 0 || !IsEnabled(Check{i}, config)) continue;
    return {false,
            absl::StrCat("FAILED: no check of kind ", kCheckNames[i],
                         " was made\n  run       ", CommandLine(config), "\n")};
  }
  return {true, absl::StrCat("PASSED: ", Short(counts.operations),
                             " operations; checks:", CountsText(counts), "\n")};
}

}  // namespace holdfast::stress
