// The reports that the host prints on standard output.

#ifndef HOLDFAST_EXAMPLES_SCRIPT_HOST_REPORT_H_
#define HOLDFAST_EXAMPLES_SCRIPT_HOST_REPORT_H_

#include <deque>

#include "absl/time/time.h"
#include "examples/script_host/collector.h"
#include "examples/script_host/host.h"
#include "examples/script_host/worker.h"

namespace script_host {

// Prints one line of progress while the host runs.
void PrintProgress(const std::deque<Worker>& workers,
                   const Collector& collector, absl::Duration elapsed);

// Prints the summary. All threads must have ended. Returns whether all is well:
// no script failed, nothing is pinned, and the collector saw no fault.
bool PrintSummary(const Host& host, const std::deque<Worker>& workers,
                  const Collector& collector, absl::Duration elapsed);

}  // namespace script_host

#endif  // HOLDFAST_EXAMPLES_SCRIPT_HOST_REPORT_H_
