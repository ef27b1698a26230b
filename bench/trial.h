// One run of one benchmark: rounds of work by a team of threads, timed and
// checked.

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

// How much is done, in a mode of the suite.
struct Scale {
  double min_seconds;    // What the rounds of one run come to.
  double round_seconds;  // What one round comes to,
  double slice_seconds;  // or each thread's part, if there are more than cpus.
  size_t big_slots;      // What is 2^20 in full mode.
  size_t memory_slots;
  int max_working_set_log2;
  size_t latency_operations;
  size_t shrink;  // Divides other large sizes; not 1 if nothing is measured.
};

// What a thread did in a round.
struct Outcome {
  uint64_t operations;
  // Sums or counts that show that all of it was done, modulo 2^64. They may
  // differ for one thread, but not in sum over all.
  uint64_t result;
  uint64_t expected;
};

// What Trial::Run runs.
struct Work {
  int threads = 1;
  // The round ends with the last of these; 0: of all.
  int timed_threads = 0;
  // What the threads use, if it is there before the round; asked for each
  // round.
  std::function<Table*()> table = {};
  // Before each round, untimed: on the main thread, then in each thread.
  std::function<void()> before = {};
  std::function<void(int thread)> before_in_thread = {};
  // Timed. `passes` is 1, or what it takes for a round to be long enough.
  std::function<Outcome(int thread, uint64_t passes)> work = {};
  bool one_pass = false;
  // One round only, and none to warm up: for what is slow to prepare.
  bool one_round = false;
  // After all rounds: more to Require.
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
  // `size`, or less if nothing is measured.
  size_t Shrunk(size_t size) const { return size / scale_.shrink; }

  std::unique_ptr<Table> NewTable(size_t capacity) const {
    return peer_.make(capacity);
  }

  // A figure comes only of a trial in which every requirement was met.
  bool Require(bool met, const std::string& what);
  bool failed() const { return !error_.empty(); }

  // Runs the work until there is enough of it, and reports what an operation
  // takes.
  void Run(const Work& work);

  // For what is not a matter of rounds.
  void SetCounter(const char* name, double value);

  // Ends the run, with the time of an operation, or with what went wrong.
  void Report(double seconds_each);

 private:
  // What the threads did, on lines of their own.
  struct alignas(128) Part {
    Outcome outcome;
    std::vector<uint64_t> counts;
  };

  // A round: its seconds. What was done is in parts_ and operations_ then.
  double Round(Team& team, const Work& work, uint64_t passes, bool count);
  void Do(const Work& work, int thread, uint64_t passes, bool count);
  void Check();

  // The passes that a round needs to be long enough; warms up, too.
  uint64_t Calibrate(Team& team, const Work& work);
  // In a round of its own, since it takes time to start and stop counters.
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
