// The main example: a host that embeds Lua. Scripts run in threads, each with a
// Lua state of its own. They share one HandleTable of the host's objects, whose
// handles they know as integers. Meanwhile a collector walks the table.
// host_module.h describes what scripts can do.
//
//   bazel run //examples:script_host -- [--workers=2] [--seconds=5] [--seed=1]
//       [script.lua...]
//
// The exit code is 0 if no script failed and no object was left pinned, else 1.

#include <cstddef>
#include <cstdint>
#include <deque>
#include <iostream>
#include <string>
#include <utility>
#include <vector>

#include "absl/flags/parse.h"
#include "absl/flags/usage.h"
#include "absl/status/statusor.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "examples/script_host/collector.h"
#include "examples/script_host/host.h"
#include "examples/script_host/host_object.h"
#include "examples/script_host/ranged_flag.h"
#include "examples/script_host/report.h"
#include "examples/script_host/script_paths.h"
#include "examples/script_host/worker.h"

using Workers = script_host::Ranged<1, 64>;
using Seconds = script_host::Ranged<1, 3600>;
using Seed = script_host::Ranged<0, 4'294'967'295>;

ABSL_FLAG(Workers, workers, Workers{2},
          "workers, threads with a Lua state each, that run each script: "
          "1 to 64");
ABSL_FLAG(Seconds, seconds, Seconds{5},
          "how long scripts get requests: 1 to 3600");
ABSL_FLAG(Seed, seed, Seed{1},
          "for math.random, 0 to 4294967295: worker i has this plus i");

namespace script_host {
namespace {

// The time in which a script must end after the last request.
constexpr absl::Duration kGrace = absl::Seconds(5);

constexpr uint64_t kMaxObjects = 1 << 20;

void StartWorkers(Host& host, uint32_t per_script, uint64_t seed,
                  std::deque<Worker>& workers) {
  for (uint32_t script = 0; script < host.scripts.size(); ++script) {
    for (uint32_t i = 0; i < per_script; ++i) {
      const uint32_t number = static_cast<uint32_t>(workers.size()) + 1;
      workers.emplace_back(host, number, script, seed + number);
    }
  }
}

// Waits until all workers are done, or until the deadline. Returns whether all
// are done.
bool WaitForAll(const std::deque<Worker>& workers, absl::Time deadline) {
  for (const Worker& worker : workers) {
    if (!worker.WaitUntil(deadline)) return false;
  }
  return true;
}

// Lets the workers serve requests for `seconds`, and stops them.
void Serve(Host& host, const std::deque<Worker>& workers,
           const Collector& collector, absl::Time start, uint32_t seconds) {
  for (uint32_t i = 1; i <= seconds; ++i) {
    if (WaitForAll(workers, start + absl::Seconds(i))) break;
    PrintProgress(workers, collector, absl::Seconds(i));
  }
  host.Stop();
  if (WaitForAll(workers, absl::Now() + kGrace)) return;
  host.Abandon();
  WaitForAll(workers, absl::InfiniteFuture());
}

int Run(const std::vector<std::string>& scripts) {
  ObjectTable::Options options;
  options.max_slots = kMaxObjects;
  absl::StatusOr<ObjectTable> table = ObjectTable::Create(options);
  if (!table.ok()) {
    std::cerr << "error: " << table.status() << std::endl;
    return 1;
  }
  const uint32_t per_script = absl::GetFlag(FLAGS_workers).value;
  const uint32_t seconds = absl::GetFlag(FLAGS_seconds).value;
  const uint32_t seed = absl::GetFlag(FLAGS_seed).value;
  std::cout << scripts.size() << " scripts with " << per_script
            << " workers each, for " << seconds << " s, seed " << seed
            << std::endl;
  Host host(*std::move(table), scripts);
  std::deque<Worker> workers;
  const absl::Time start = absl::Now();
  StartWorkers(host, per_script, seed, workers);
  Collector collector(host);
  Serve(host, workers, collector, start, seconds);
  const absl::Duration elapsed = absl::Now() - start;
  collector.Stop();
  return PrintSummary(host, workers, collector, elapsed) ? 0 : 1;
}

}  // namespace
}  // namespace script_host

int main(int argc, char** argv) {
  absl::SetProgramUsageMessage(
      "runs Lua scripts, or all those of this example, that share one table");
  const std::vector<char*> arguments = absl::ParseCommandLine(argc, argv);
  std::vector<std::string> scripts;
  for (size_t i = 1; i < arguments.size(); ++i) {
    scripts.push_back(script_host::ResolveScript(arguments[i]));
  }
  if (scripts.empty()) scripts = script_host::DefaultScripts(argv[0]);
  if (scripts.empty()) {
    std::cerr << "error: found no examples/script_host/*.lua: start this in "
                 "the workspace, or name scripts"
              << std::endl;
    return 1;
  }
  return script_host::Run(scripts);
}
