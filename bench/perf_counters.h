// Counters of the processor or of the kernel, over the calling thread.

#ifndef HOLDFAST_BENCH_PERF_COUNTERS_H_
#define HOLDFAST_BENCH_PERF_COUNTERS_H_

#include <cstdint>
#include <string>
#include <vector>

namespace holdfast::bench {

// An event for perf_event_open(2): its type and configuration.
struct PerfEvent {
  const char* name;
  uint32_t type;
  uint64_t config;
};

// cycles, instructions, cache_misses.
const std::vector<PerfEvent>& HardwareEvents();

// Counts `events` in user mode, all of them at the same time. Only the thread
// that has constructed it may call Start and Stop.
class PerfCounters {
 public:
  explicit PerfCounters(const std::vector<PerfEvent>& events);
  ~PerfCounters();

  PerfCounters(const PerfCounters&) = delete;
  PerfCounters& operator=(const PerfCounters&) = delete;

  // Empty if it counts; otherwise says which event was refused, and why.
  const std::string& error() const { return error_; }

  void Start();

  // Returns the counts since Start, in the order of the events, or nothing if
  // it does not count.
  std::vector<uint64_t> Stop();

 private:
  void Close();

  std::vector<int> files_;  // The first leads the group.
  std::string error_;
};

}  // namespace holdfast::bench

#endif  // HOLDFAST_BENCH_PERF_COUNTERS_H_
