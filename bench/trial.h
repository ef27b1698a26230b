// One run of one benchmark: a team of threads does rounds of work, whose time
// is measured and whose results are checked.

#ifndef HOLDFAST_BENCH_TRIAL_H_
#define HOLDFAST_BENCH_TRIAL_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "benchmark/benchmark.h"
#include "subject.h"
#include "team.h"

namespace holdfast::bench {

// How much work is done, in a mode of the suite.
struct Scale {
  double min_seconds;    // The least time of all rounds of a run.
  double round_seconds;  // The least time of one round,
  double slice_seconds;  // or of each thread, if there are more than cpus.
  size_t big_slots;      // The size of big tables: 2^20 in full mode.
  size_t memory_slots;
  int max_working_set_log2;
  size_t latency_operations;
  size_t shrink;  // Divides other large sizes. 1 if times are measured.
};

// The result of one thread in a round.
struct Outcome {
  uint64_t operations;
  // Sums or counts, modulo 2^64, that show that all of the work was done. For
  // one thread they may differ, but not their sums over all threads.
  uint64_t result;
  uint64_t expected;
};

// The work that Trial::Run does.
struct Work {
  int threads = 1;
  // The round ends when the first timed_threads threads are done; 0: all
  // threads.
  int timed_threads = 0;
  // Returns the table that the threads use, if it exists before the round. It
  // is called once for each round.
  std::function<Table*()> table = {};
  // Called before each round, and not timed: on the main thread, and then in
  // each thread.
  std::function<void()> before = {};
  std::function<void(int thread)> before_in_thread = {};
  // The work that is timed. `passes` is 1, or as many as make a round long
  // enough.
  std::function<Outcome(int thread, uint64_t passes)> work = {};
  bool one_pass = false;
  // Does only one round, and none to warm up: for work that is slow to prepare.
  bool one_round = false;
  // Called after all rounds, for further checks by Require.
  std::function<void()> after = {};
};

class Trial {
 public:
  Trial(benchmark::State& state, const Scale& scale, const Subject& peer)
      : state_(state), scale_(scale), peer_(peer) {}

  Trial(const Trial&) = delete;
  Trial& operator=(const Trial&) = delete;

  const Scale& scale() const { return scale_; }
  const Subject& peer() const { return peer_; }
  // Returns `size`, or less in modes that measure nothing.
  size_t Shrunk(size_t size) const { return size / scale_.shrink; }

  std::unique_ptr<Table> NewTable(size_t capacity) const {
    return peer_.make(capacity);
  }

  // Fails the trial if a requirement is not met. Then it reports no result.
  bool Require(bool met, const std::string& what);
  bool failed() const { return !error_.empty(); }

  // Does rounds of work for min_seconds, and reports the time of an operation.
  void Run(const Work& work);

  // Reports a figure of another kind.
  void SetCounter(const char* name, double value);

  // Ends the run, with the time of an operation, or with what went wrong.
  void Report(double seconds_each);

 private:
  // The results of a thread, on its own cache lines.
  struct alignas(128) Part {
    Outcome outcome;
    std::vector<uint64_t> counts;
  };

  // Does a round, and returns its seconds. Sets parts_ and operations_.
  double Round(Team& team, const Work& work, uint64_t passes, bool count);
  void Do(const Work& work, int thread, uint64_t passes, bool count);
  void Check();

  // Returns how many passes make a round long enough. This also warms up.
  uint64_t Calibrate(Team& team, const Work& work);
  // Counts hardware events in another round, since starting and stopping the
  // counters takes time.
  void CountEvents(Team& team, const Work& work, uint64_t passes);

  benchmark::State& state_;
  const Scale& scale_;
  const Subject& peer_;
  std::string error_;
  std::vector<Part> parts_;
  uint64_t operations_ = 0;  // Of the last round.
};

// Whether hardware counters can be had: "yes", or why not.
const std::string& CountersNote();

}  // namespace holdfast::bench

#endif  // HOLDFAST_BENCH_TRIAL_H_
