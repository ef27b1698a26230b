// Runs random operations of many threads on a HandleTable. Checks every result,
// or checks whether some order of the calls explains all results. The exit code
// is 0 if the run has passed, 1 if a check failed, and 2 if a flag has a bad
// value.

#include <cstdint>
#include <string>

// GCC's -Wconversion objects to Abseil's bit fields.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"
#include "absl/flags/flag.h"
#pragma GCC diagnostic pop

#include "absl/flags/parse.h"
#include "absl/flags/usage.h"
#include "absl/status/status.h"
#include "absl/strings/str_format.h"
#include "config.h"
#include "report.h"
#include "run_soak.h"

ABSL_FLAG(std::string, check, holdfast::stress::kInvariants,
          "invariants: each result by itself, and sums at rest; "
          "linearizability: whether for each slot some order of the calls that "
          "respects real time explains all results, window by window");
ABSL_FLAG(uint32_t, threads, 4,
          "workers, 1 to 64; every other is served by short-lived threads");
ABSL_FLAG(double, seconds, 10, "how long to run");
ABSL_FLAG(uint64_t, seed, 1, "gives each worker its stream of operations");
ABSL_FLAG(std::string, mix, "balanced",
          "of --check=invariants. balanced: some of everything but UnpinAll; "
          "churn: Pin and Unpin; "
          "read; write: Write and Exchange; handover: all workers replace and "
          "end the same handles; clear: Pin and Unpin beside UnpinAll");
ABSL_FLAG(uint32_t, value_bytes, 8, "4, 8, 16, 24 or 64");
ABSL_FLAG(uint32_t, thread_cache_slots, 64,
          "Options::thread_cache_slots, 0 to 4096");
ABSL_FLAG(
    uint64_t, max_slots, 512,
    "Options::max_slots, 16 to 1048576; a worker pins at most 128 values, "
    "the coordinator 64");
ABSL_FLAG(int, generation_bits, 32,
          "Traits::kGenerationBits, 3, 8 or 32: with 3 a slot is retired "
          "after 3 lives, and tables are replaced as they wear out");

namespace holdfast::stress {
namespace {

Verdict RunConfig(const Config& config) {
  switch (config.value_bytes) {
    case 4:
      return RunSoak<4>(config);
    case 8:
      return RunSoak<8>(config);
    case 16:
      return RunSoak<16>(config);
    case 24:
      return RunSoak<24>(config);
    default:
      return RunSoak<64>(config);
  }
}

Config ConfigFromFlags() {
  Config config;
  config.check = absl::GetFlag(FLAGS_check);
  config.threads = absl::GetFlag(FLAGS_threads);
  config.seconds = absl::GetFlag(FLAGS_seconds);
  config.seed = absl::GetFlag(FLAGS_seed);
  config.mix = absl::GetFlag(FLAGS_mix);
  config.value_bytes = absl::GetFlag(FLAGS_value_bytes);
  config.thread_cache_slots = absl::GetFlag(FLAGS_thread_cache_slots);
  config.max_slots = absl::GetFlag(FLAGS_max_slots);
  config.generation_bits = absl::GetFlag(FLAGS_generation_bits);
  return config;
}

int Main() {
  const Config config = ConfigFromFlags();
  if (const absl::Status status = Validate(config); !status.ok()) {
    absl::FPrintF(stderr, "stress: %s\n", status.message());
    return 2;
  }
  absl::PrintF("%s\n", CommandLine(config));
  const Verdict verdict = RunConfig(config);
  absl::FPrintF(verdict.passed ? stdout : stderr, "%s", verdict.text);
  return verdict.passed ? 0 : 1;
}

}  // namespace
}  // namespace holdfast::stress

int main(int argc, char** argv) {
  absl::SetProgramUsageMessage(
      "Soaks holdfast::HandleTable in random operations of many threads and "
      "checks every result.");
  absl::ParseCommandLine(argc, argv);
  return holdfast::stress::Main();
}
