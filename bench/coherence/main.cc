// Says, on a machine with few cores, how a table scales on many: plays
// workloads on cores with private caches, and counts how often a cache line
// passes from one core to another.
//
//   coherence [--cores=16,64] [--transfer_ns=60] [--json=FILE] [--seed=1]
//
// A count is not yet a time. But a line is with one core at a time: if an
// operation moves it r times, and a transfer takes t, then all cores together
// make at most 1 / (r * t) operations in a second. If nothing else holds a core
// up, it makes an operation in o + T * t, where an operation takes o by itself
// and moves T lines in all. So the busiest line holds the cores up if there are
// more than (o + T * t) / (r * t) of them: the column "enough for".

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

// GCC's -Wconversion objects to Abseil's bit fields.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"
#include "absl/flags/flag.h"
#pragma GCC diagnostic pop

#include "absl/flags/parse.h"
#include "absl/flags/usage.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "bench/coherence/workloads.h"

ABSL_FLAG(std::vector<std::string>, cores,
          std::vector<std::string>({"1", "2", "4", "8", "16", "64", "256",
                                    "1024"}),
          "the numbers of cores");
ABSL_FLAG(double, transfer_ns, 60, "how long a transfer takes");
ABSL_FLAG(double, operation_ns, 10,
          "how long an operation takes that moves no line");
ABSL_FLAG(std::string, json, "", "also write the counts to this file");
ABSL_FLAG(uint64_t, seed, 1, "decides how the cores interleave");
ABSL_FLAG(uint32_t, switch_one_in, 4,
          "another core goes on before one in so many accesses");
ABSL_FLAG(bool, one_stack, false, "let the free list have one stack only");
ABSL_FLAG(uint64_t, operations, 100'000,
          "at least so many operations of all cores together");
ABSL_FLAG(uint64_t, operations_each, 1'000,
          "at least so many operations of each core");

namespace holdfast::coherence {
namespace {

// Operations in a second that the busiest line allows; 0 if there is no limit.
double Limit(const Counts& counts) {
  const double moves = counts.OfBusiestLinePerOperation();
  return moves == 0 ? 0 : 1e9 / (moves * absl::GetFlag(FLAGS_transfer_ns));
}

// For how many cores the busiest line is enough; 0 if for any number.
double EnoughFor(const Counts& counts) {
  const double operation_ns =
      absl::GetFlag(FLAGS_operation_ns) +
      counts.PerOperation() * absl::GetFlag(FLAGS_transfer_ns);
  return Limit(counts) * operation_ns / 1e9;
}

void Print(const std::string& workload, uint32_t cores, const Counts& counts) {
  const auto show = [](double number) {
    return number == 0 ? "-" : absl::StrFormat("%.1f", number);
  };
  absl::PrintF("%-22s %5d %10.4f %12.5f %14s %10s  %s\n", workload, cores,
               counts.PerOperation(), counts.OfBusiestLinePerOperation(),
               show(Limit(counts) / 1e6), show(EnoughFor(counts)),
               counts.busiest_line);
  std::fflush(stdout);
}

// Names need no escapes.
std::string Json(const std::string& workload, uint32_t cores,
                 const Counts& counts) {
  const auto add_part = [](std::string* out, const auto& part) {
    absl::StrAppendFormat(out, "\"%s\": %d", part.first, part.second);
  };
  const auto or_null = [](double number) {
    return number == 0 ? "null" : absl::StrFormat("%.6g", number);
  };
  return absl::StrFormat(
      "    {\"workload\": \"%s\", \"cores\": %d, \"operations\": %d,\n"
      "     \"transfers_per_operation\": %.6g,\n"
      "     \"transfers_of_busiest_line_per_operation\": %.6g,\n"
      "     \"busiest_line\": \"%s\",\n"
      "     \"operations_per_second_of_busiest_line\": %s,\n"
      "     \"busiest_line_is_enough_for_cores\": %s,\n"
      "     \"transfers_of_parts\": {%s}}",
      workload, cores, counts.operations, counts.PerOperation(),
      counts.OfBusiestLinePerOperation(), counts.busiest_line,
      or_null(Limit(counts)), or_null(EnoughFor(counts)),
      absl::StrJoin(counts.of_parts, ", ", add_part));
}

// False if the file cannot be written.
bool WriteFile(const std::string& path,
               const std::vector<std::string>& results) {
  std::ofstream file(path);
  file << absl::StrFormat(
      "{\n  \"seed\": %d,\n  \"switch_one_in\": %d,\n  \"transfer_ns\": %g,\n"
      "  \"operation_ns\": %g,\n"
      "  \"counts\": [\n%s\n  ]\n}\n",
      absl::GetFlag(FLAGS_seed), absl::GetFlag(FLAGS_switch_one_in),
      absl::GetFlag(FLAGS_transfer_ns), absl::GetFlag(FLAGS_operation_ns),
      absl::StrJoin(results, ",\n"));
  file.close();
  if (file.fail()) std::perror(path.c_str());
  return !file.fail();
}

Setting SettingFromFlags() {
  Setting setting;
  setting.seed = absl::GetFlag(FLAGS_seed);
  setting.switch_one_in = absl::GetFlag(FLAGS_switch_one_in);
  setting.one_stack = absl::GetFlag(FLAGS_one_stack);
  setting.operations = absl::GetFlag(FLAGS_operations);
  setting.operations_each = absl::GetFlag(FLAGS_operations_each);
  return setting;
}

// Returns what main returns.
int Run() {
  Setting setting = SettingFromFlags();
  if (setting.switch_one_in == 0 || absl::GetFlag(FLAGS_transfer_ns) <= 0) {
    absl::FPrintF(stderr, "--switch_one_in, --transfer_ns: more than 0\n");
    return 2;
  }
  absl::PrintF("%-22s %5s %10s %12s %14s %10s\n", "", "", "transfers",
               "of one line", "million ops/s", "enough for");
  absl::PrintF("%-22s %5s %10s %12s %14s %10s  %s\n", "workload", "cores",
               "an op", "an op", "it allows", "cores", "the line");
  std::vector<std::string> results;
  for (const std::string& workload : Workloads()) {
    for (const std::string& cores : absl::GetFlag(FLAGS_cores)) {
      if (!absl::SimpleAtoi(cores, &setting.cores) || setting.cores == 0) {
        absl::FPrintF(stderr, "--cores: %s is no number of cores\n", cores);
        return 2;
      }
      const Counts counts = Count(workload, setting);
      Print(workload, setting.cores, counts);
      results.push_back(Json(workload, setting.cores, counts));
    }
  }
  const std::string path = absl::GetFlag(FLAGS_json);
  return path.empty() || WriteFile(path, results) ? 0 : 1;
}

}  // namespace
}  // namespace holdfast::coherence

int main(int argc, char** argv) {
  absl::SetProgramUsageMessage(
      "Counts the transfers of cache lines between cores.");
  absl::ParseCommandLine(argc, argv);
  return holdfast::coherence::Run();
}
