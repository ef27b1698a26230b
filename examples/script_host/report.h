// What the host prints on standard output.

#ifndef HOLDFAST_EXAMPLES_SCRIPT_HOST_REPORT_H_
#define HOLDFAST_EXAMPLES_SCRIPT_HOST_REPORT_H_

#include <deque>

#include "absl/time/time.h"
#include "examples/script_host/collector.h"
#include "examples/script_host/host.h"
#include "examples/script_host/worker.h"

namespace script_host {

// A line on how far it has come, while it runs.
void PrintProgress(const std::deque<Worker>& workers,
                   const Collector& collector, absl::Duration elapsed);

// The table at the end, when all threads have come to theirs. Returns whether
// all is well: no script failed, nothing is live, and no fault was seen.
bool PrintSummary(const Host& host, const std::deque<Worker>& workers,
                  const Collector& collector, absl::Duration elapsed);

}  // namespace script_host

#endif  // HOLDFAST_EXAMPLES_SCRIPT_HOST_REPORT_H_
