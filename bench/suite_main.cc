// Runs the suite: every workload with every peer.
//
//   suite [--suite_quick] [Google Benchmark's flags]
//
// --suite_quick uses smaller tables and takes less time. --suite_smoke runs
// everything once, and measures nothing. --benchmark_min_time is the least time
// of all timed rounds of a run. The program fails if a result was wrong. Each
// run writes a line to stderr, such as "progress 17/420
// read_hit/holdfast/threads:1/slots:1000/bytes:8".

#include <regex.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "benchmark/benchmark.h"
#include "clock.h"
#include "peers.h"
#include "subject.h"
#include "suite.h"
#include "team.h"
#include "trial.h"

namespace holdfast::bench {
namespace {

constexpr Scale kFull = {0.03, 200e-6, 2e-3, 1 << 20, 1 << 20, 24, 100'000, 1};
constexpr Scale kQuick = {0.004, 100e-6, 1e-3, 1 << 18, 1 << 18, 18, 20'000, 1};
constexpr Scale kSmoke = {0, 0, 0, 1 << 12, 1 << 16, 12, 2'000, 10};

// The parsed command line. `rest` is for Google Benchmark: the defaults, and
// the flags that are not the suite's own.
struct Arguments {
  Scale scale = kFull;
  int repetitions = 5;
  bool list = false;
  bool writes_file = false;
  std::vector<std::string> rest;
};

Arguments Parse(int argc, char** argv) {
  Arguments arguments;
  std::vector<std::string> given;
  for (int i = 1; i < argc; ++i) {
    const absl::string_view argument = argv[i];
    if (argument == "--suite_quick") {
      arguments.scale = kQuick;
      arguments.repetitions = 3;
    } else if (argument == "--suite_smoke") {
      arguments.scale = kSmoke;
      arguments.repetitions = 1;
    } else {
      given.emplace_back(argument);
    }
  }
  for (const std::string& argument : given) {
    absl::string_view value = argument;
    if (absl::ConsumePrefix(&value, "--benchmark_min_time=")) {
      arguments.scale.min_seconds = std::atof(value.data());
    } else if (absl::ConsumePrefix(&value, "--benchmark_repetitions=")) {
      arguments.repetitions = std::atoi(value.data());
    } else if (absl::ConsumePrefix(&value, "--benchmark_list_tests")) {
      arguments.list = value.empty() || value == "=true";
    } else if (absl::StartsWith(argument, "--benchmark_out=")) {
      arguments.writes_file = true;
    }
  }
  arguments.rest = {
      argv[0], absl::StrCat("--benchmark_repetitions=", arguments.repetitions),
      "--benchmark_enable_random_interleaving=true",
      "--benchmark_display_aggregates_only=true"};
  arguments.rest.insert(arguments.rest.end(), given.begin(), given.end());
  return arguments;
}

// Applies --benchmark_filter, as Google Benchmark does: a regular expression,
// or '-' and one that says what to leave out.
std::vector<Suite::Benchmark> Filtered(const Suite& suite) {
  std::string spec = benchmark::GetBenchmarkFilter();
  if (spec.empty() || spec == "all") spec = ".";
  const bool leave_out = spec[0] == '-';
  if (leave_out) spec.erase(0, 1);
  std::vector<Suite::Benchmark> chosen;
  regex_t pattern;
  if (regcomp(&pattern, spec.c_str(), REG_EXTENDED | REG_NOSUB) != 0) {
    std::cerr << "not a regular expression: " << spec << "\n";
    return chosen;
  }
  for (const Suite::Benchmark& each : suite.benchmarks()) {
    const bool matches =
        regexec(&pattern, each.name.c_str(), 0, nullptr, 0) == 0;
    if (matches != leave_out) chosen.push_back(each);
  }
  regfree(&pattern);
  return chosen;
}

struct Progress {
  size_t runs = 0;
  size_t all = 0;
  size_t failed = 0;
};

void Register(const Suite::Benchmark& chosen, const Scale& scale,
              Progress& progress) {
  const auto run = [chosen, &scale, &progress](benchmark::State& state) {
    std::cerr << absl::StrCat("progress ", ++progress.runs, "/", progress.all,
                              " ", chosen.name, "\n");
    Trial trial(state, scale, chosen.peer);
    chosen.run(trial);
    if (trial.failed()) ++progress.failed;
  };
  benchmark::RegisterBenchmark(chosen.name.c_str(), run)
      ->Iterations(1)
      ->UseManualTime();
}

std::string CpuModel() {
  std::ifstream cpus("/proc/cpuinfo");
  for (std::string line; std::getline(cpus, line);) {
    const size_t colon = line.find(": ");
    if (absl::StartsWith(line, "model name") && colon != std::string::npos) {
      return line.substr(colon + 2);
    }
  }
  return "unknown";
}

// Returns the ids of the peers with their names, such as "holdfast=holdfast;
// mutex=mutex + slot map; ...".
std::string PeerNames(const std::vector<Suite::Benchmark>& benchmarks) {
  std::map<std::string, std::string> names;
  for (const Suite::Benchmark& each : benchmarks) {
    names[each.peer.id] = each.peer.name;
  }
  return absl::StrJoin(names, "; ", absl::PairFormatter("="));
}

void AddContext(const Suite& suite) {
  const auto add = [](const char* key, const std::string& value) {
    benchmark::AddCustomContext(key, value);
  };
  add("cpu_model", CpuModel());
  add("cpus", absl::StrCat(AllowedCpus().size()));
  add("compiler", __VERSION__);
#if defined(__OPTIMIZE__) && defined(NDEBUG)
  add("build_mode", "opt");
#else
  add("build_mode", "dbg");
#endif
  add("peers", PeerNames(suite.benchmarks()));
  const std::string skipped = SkippedPeers();
  add("peers_skipped", skipped.empty() ? "none" : skipped);
  add("pinning", Team(static_cast<int>(AllowedCpus().size())).pinning());
  add("counters", CountersNote());
  add("clock", ClockDescription());
}

// Leaves out of the names what all benchmarks have in common: one iteration,
// and manual time. With kMedians, reports only the median of the repetitions.
template <typename Reporter, bool kMedians>
class ShortNames : public Reporter {
 public:
  using Reporter::Reporter;
  using Run = benchmark::BenchmarkReporter::Run;

  void ReportRuns(const std::vector<Run>& runs) override {
    std::vector<Run> reported;
    for (Run run : runs) {
      if (kMedians && run.run_type == Run::RT_Aggregate &&
          run.aggregate_name != "median") {
        continue;
      }
      run.run_name.iterations.clear();
      run.run_name.time_type.clear();
      run.run_name.repetitions.clear();
      reported.push_back(std::move(run));
    }
    Reporter::ReportRuns(reported);
  }
};

int Main(int argc, char** argv) {
  absl::string_view first = argc == 2 ? argv[1] : "";
  if (absl::ConsumePrefix(&first, kMemoryFlag)) return PrintMemory(first);
  Arguments arguments = Parse(argc, argv);
  std::vector<char*> rest;
  for (std::string& argument : arguments.rest) rest.push_back(argument.data());
  int count = static_cast<int>(rest.size());
  benchmark::Initialize(&count, rest.data());
  if (benchmark::ReportUnrecognizedArguments(count, rest.data())) return 1;

  Suite suite(arguments.scale);
  AddAll(suite);
  const std::vector<Suite::Benchmark> chosen = Filtered(suite);
  if (arguments.list) {
    for (const Suite::Benchmark& each : chosen) std::puts(each.name.c_str());
    return 0;
  }
  Progress progress;
  progress.all = chosen.size() * static_cast<size_t>(arguments.repetitions);
  for (const Suite::Benchmark& each : chosen) {
    Register(each, arguments.scale, progress);
  }
  AddContext(suite);
  ShortNames<benchmark::ConsoleReporter, true> console(
      benchmark::ConsoleReporter::OO_Tabular);
  ShortNames<benchmark::JSONReporter, false> json;
  benchmark::RunSpecifiedBenchmarks(
      &console, arguments.writes_file ? &json : nullptr, ".");
  benchmark::Shutdown();
  if (progress.failed > 0) {
    std::cerr << progress.failed << " runs gave a wrong result\n";
  }
  return progress.failed > 0 || chosen.empty() ? 1 : 0;
}

}  // namespace
}  // namespace holdfast::bench

int main(int argc, char** argv) { return holdfast::bench::Main(argc, argv); }
