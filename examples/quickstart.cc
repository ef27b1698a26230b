// The example of README.md, as a program: two threads do a job, and look at its
// progress. Exits with 1 if a call does not do what the README says.

#include <cstdint>
#include <iostream>
#include <optional>
#include <thread>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "holdfast/handle_table.h"

namespace {

struct Progress {
  uint16_t done;
  uint16_t total;
};

Progress OneMoreDone(Progress progress) {
  ++progress.done;
  return progress;
}

absl::Status DoAJob() {
  auto created = holdfast::HandleTable<Progress>::Create();  // absl::StatusOr
  if (!created.ok()) return created.status();
  // Taken out once: a StatusOr checks at each use whether it has a value.
  holdfast::HandleTable<Progress> jobs = *std::move(created);

  const holdfast::Handle<Progress> job = jobs.Pin({0, 100});

  // Any thread uses the entry, given its number: whole values, without locks.
  const uint64_t bits = job.bits();  // Passes through C, a script, a message.
  std::thread helper([&jobs, bits] {
    const auto same = holdfast::Handle<Progress>::FromBits(bits);
    jobs.Update(same, OneMoreDone);  // No change is lost.
    if (std::optional<Progress> seen = jobs.Read(same)) {
      std::cout << seen->done << " of " << seen->total << " done\n";
    }
  });
  jobs.Update(job, OneMoreDone);
  helper.join();
  jobs.ForEach([](holdfast::Handle<Progress> handle, const Progress& seen) {
    std::cout << handle << ": " << seen.done << '\n';
  });

  jobs.Unpin(job);  // true: from here on all copies of the handle are stale.
  jobs.Unpin(job);  // false, and nothing is changed, whatever the slot now has.
  std::cout << jobs.Describe(job) << '\n';  // Handle(0x...) is stale: ...

  if (jobs.Contains(job) || jobs.GetStats().live != 0) {
    return absl::InternalError("the job is still in the table");
  }
  return absl::OkStatus();
}

}  // namespace

int main() {
  const absl::Status status = DoAJob();
  if (!status.ok()) std::cerr << status << '\n';
  return status.ok() ? 0 : 1;
}
