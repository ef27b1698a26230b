#include "examples/script_host/report.h"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <iostream>
#include <map>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "examples/script_host/collector.h"
#include "examples/script_host/host.h"
#include "examples/script_host/host_object.h"
#include "examples/script_host/worker.h"

namespace script_host {
namespace {

// The sums of some workers' counters.
struct Totals {
  void Add(const Worker& worker) {
    const Counters& counters = worker.counters();
    requests += counters.requests.value();
    pins += counters.pins.value();
    reads += counters.reads.value();
    writes += counters.writes.value();
    unpins += counters.unpins.value();
    refused += counters.refused.value();
  }

  uint64_t requests = 0;
  uint64_t pins = 0;
  uint64_t reads = 0;
  uint64_t writes = 0;
  uint64_t unpins = 0;
  uint64_t refused = 0;
};

std::string FileName(absl::string_view path) {
  return std::string(path.substr(path.rfind('/') + 1));
}

void PrintRow(absl::string_view name, const Totals& totals,
              absl::Duration elapsed) {
  const double per_second =
      static_cast<double>(totals.requests) / absl::ToDoubleSeconds(elapsed);
  std::cout << absl::StreamFormat("%-17s%10d%10.0f%10d%10d%10d%10d%10d\n", name,
                                  totals.requests, per_second, totals.pins,
                                  totals.reads, totals.writes, totals.unpins,
                                  totals.refused);
}

void PrintRows(const Host& host, const std::deque<Worker>& workers,
               absl::Duration elapsed) {
  std::cout << absl::StreamFormat("\n%-17s%10s%10s%10s%10s%10s%10s%10s\n",
                                  "script", "requests", "per s", "pins",
                                  "reads", "writes", "unpins", "refused");
  Totals all;
  for (size_t script = 0; script < host.scripts.size(); ++script) {
    Totals of_script;
    for (const Worker& worker : workers) {
      if (worker.script() == script) of_script.Add(worker);
    }
    PrintRow(FileName(host.scripts[script]), of_script, elapsed);
  }
  for (const Worker& worker : workers) all.Add(worker);
  PrintRow("all", all, elapsed);
}

// Prints which scripts failed. Returns how many workers failed.
size_t PrintFailures(const Host& host, const std::deque<Worker>& workers) {
  std::map<std::string, int> failures;
  size_t count = 0;
  for (const Worker& worker : workers) {
    if (!worker.failed()) continue;
    ++failures[FileName(host.scripts[worker.script()])];
    ++count;
  }
  std::cout << "workers failed:       " << count << '\n';
  for (const auto& [script, workers_of_it] : failures) {
    std::cout << "  " << workers_of_it << " of " << script << '\n';
  }
  return count;
}

// Prints how many objects each script has left pinned. Returns the sum.
size_t PrintLive(const Host& host) {
  std::map<std::pair<uint32_t, uint32_t>, size_t> leaks;
  size_t live = 0;
  host.table.ForEach([&](Handle, const HostObject& object) {
    ++leaks[{object.script, object.kind}];
    ++live;
  });
  std::cout << "live at the end:      " << live << '\n';
  for (const auto& [whose, count] : leaks) {
    const auto [script, kind] = whose;
    std::cout << "  " << FileName(host.scripts[script]) << " leaked " << count
              << ' ' << kKindNames[kind] << (count == 1 ? "" : "s") << '\n';
  }
  return live;
}

}  // namespace

void PrintProgress(const std::deque<Worker>& workers,
                   const Collector& collector, absl::Duration elapsed) {
  Totals totals;
  for (const Worker& worker : workers) totals.Add(worker);
  std::cout << absl::StreamFormat(
                   "%4d s: %d requests, %d pins, %d unpins, %d refused, "
                   "%d roots visited\n",
                   absl::ToInt64Seconds(elapsed), totals.requests, totals.pins,
                   totals.unpins, totals.refused, collector.roots())
            << std::flush;
}

bool PrintSummary(const Host& host, const std::deque<Worker>& workers,
                  const Collector& collector, absl::Duration elapsed) {
  PrintRows(host, workers, elapsed);
  std::cout << "\nroots visited:        " << collector.roots() << " in "
            << collector.walks() << " walks\n"
            << "faults seen:          " << collector.faults() << '\n';
  const size_t failed = PrintFailures(host, workers);
  const size_t live = PrintLive(host);
  const bool good = collector.faults() == 0 && failed == 0 && live == 0;
  std::cout << "exit code:            " << (good ? 0 : 1) << std::endl;
  return good;
}

}  // namespace script_host
