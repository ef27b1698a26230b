#include "perf_counters.h"

#include <linux/perf_event.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <string>
#include <system_error>
#include <vector>

#include "absl/strings/str_cat.h"

namespace holdfast::bench {
namespace {

int Open(const PerfEvent& event, int group) {
  perf_event_attr attributes = {};
  attributes.size = sizeof(attributes);
  attributes.type = event.type;
  attributes.config = event.config;
  attributes.disabled = group == -1;
  // Most systems do not let programs count in the kernel.
  attributes.exclude_kernel = 1;
  attributes.exclude_hv = 1;
  attributes.read_format = PERF_FORMAT_GROUP | PERF_FORMAT_TOTAL_TIME_ENABLED |
                           PERF_FORMAT_TOTAL_TIME_RUNNING;
  constexpr int kThisThread = 0;
  constexpr int kAnyCpu = -1;
  return static_cast<int>(syscall(SYS_perf_event_open, &attributes, kThisThread,
                                  kAnyCpu, group, PERF_FLAG_FD_CLOEXEC));
}

}  // namespace

const std::vector<PerfEvent>& HardwareEvents() {
  static const auto* const events = new std::vector<PerfEvent>{
      {"cycles", PERF_TYPE_HARDWARE, PERF_COUNT_HW_CPU_CYCLES},
      {"instructions", PERF_TYPE_HARDWARE, PERF_COUNT_HW_INSTRUCTIONS},
      {"cache_misses", PERF_TYPE_HARDWARE, PERF_COUNT_HW_CACHE_MISSES},
  };
  return *events;
}

PerfCounters::PerfCounters(const std::vector<PerfEvent>& events) {
  for (const PerfEvent& event : events) {
    const int file = Open(event, files_.empty() ? -1 : files_[0]);
    if (file < 0) {
      error_ = absl::StrCat(event.name, ": ",
                            std::generic_category().message(errno));
      Close();
      return;
    }
    files_.push_back(file);
  }
}

PerfCounters::~PerfCounters() { Close(); }

void PerfCounters::Close() {
  for (const int file : files_) close(file);
  files_.clear();
}

void PerfCounters::Start() {
  if (files_.empty()) return;
  ioctl(files_[0], PERF_EVENT_IOC_RESET, PERF_IOC_FLAG_GROUP);
  ioctl(files_[0], PERF_EVENT_IOC_ENABLE, PERF_IOC_FLAG_GROUP);
}

std::vector<uint64_t> PerfCounters::Stop() {
  if (files_.empty()) return {};
  ioctl(files_[0], PERF_EVENT_IOC_DISABLE, PERF_IOC_FLAG_GROUP);
  // {number of events, ns enabled, ns counted, counts...}
  constexpr size_t kHeader = 3;
  std::vector<uint64_t> words(kHeader + files_.size());
  const size_t bytes = words.size() * sizeof(words[0]);
  if (read(files_[0], words.data(), bytes) != static_cast<ssize_t>(bytes) ||
      words[2] == 0) {
    return {};
  }
  // If others have used the counters for a part of the time, scales the counts
  // up.
  const double scale =
      static_cast<double>(words[1]) / static_cast<double>(words[2]);
  std::vector<uint64_t> counts;
  for (size_t i = kHeader; i < words.size(); ++i) {
    counts.push_back(
        static_cast<uint64_t>(static_cast<double>(words[i]) * scale));
  }
  return counts;
}

}  // namespace holdfast::bench
