#include "trial.h"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "benchmark/benchmark.h"
#include "perf_counters.h"
#include "subject.h"
#include "team.h"

namespace holdfast::bench {

const std::string& CountersNote() {
  static const auto* const note = [] {
    const PerfCounters counters(HardwareEvents());
    return new std::string(
        counters.error().empty() ? "yes" : "no: " + counters.error());
  }();
  return *note;
}

bool Trial::Require(bool met, const std::string& what) {
  if (!met && error_.empty()) error_ = what;
  return met;
}

void Trial::SetCounter(const char* name, double value) {
  state_.counters[name] = value;
}

void Trial::Report(double seconds_each) {
  if (failed()) state_.SkipWithError(error_.c_str());
  // To Google Benchmark, this is one iteration that takes one operation's time.
  for (auto _ : state_) state_.SetIterationTime(seconds_each);
  state_.SetItemsProcessed(1);
}

void Trial::Run(const Work& work) {
  Team team(work.threads);
  uint64_t passes = 1;
  if (!work.one_pass && !work.one_round) {
    passes = Calibrate(team, work);
  } else if (!work.one_round) {
    Round(team, work, passes, false);
  }
  double seconds = 0;
  uint64_t operations = 0;
  // If preparing takes longer than the work, there are fewer rounds.
  using Clock = std::chrono::steady_clock;
  const Clock::time_point patience =
      Clock::now() + std::chrono::duration_cast<Clock::duration>(
                         std::chrono::duration<double>(3 * scale_.min_seconds));
  do {
    seconds += Round(team, work, passes, false);
    operations += operations_;
  } while (!failed() && !work.one_round && seconds < scale_.min_seconds &&
           Clock::now() < patience);
  if (!failed()) CountEvents(team, work, passes);
  if (!failed() && work.after) work.after();
  const double each = seconds / static_cast<double>(operations);
  SetCounter("ns", each * 1e9);
  Report(each);
}

double Trial::Round(Team& team, const Work& work, uint64_t passes, bool count) {
  if (work.before) work.before();
  parts_.assign(static_cast<size_t>(work.threads), Part());
  Table* const table = work.table ? work.table() : nullptr;
  const double seconds = team.Run(
      [&](int thread) {
        auto scope = table != nullptr ? table->Enter() : nullptr;
        if (work.before_in_thread) work.before_in_thread(thread);
        return scope;
      },
      [&](int thread) { Do(work, thread, passes, count); }, work.timed_threads);
  Check();
  return seconds;
}

void Trial::Do(const Work& work, int thread, uint64_t passes, bool count) {
  Part& part = parts_[static_cast<size_t>(thread)];
  if (!count) {
    part.outcome = work.work(thread, passes);
    return;
  }
  PerfCounters counters(HardwareEvents());
  counters.Start();
  part.outcome = work.work(thread, passes);
  part.counts = counters.Stop();
}

void Trial::Check() {
  operations_ = 0;
  uint64_t result = 0;
  uint64_t expected = 0;
  for (const Part& part : parts_) {
    operations_ += part.outcome.operations;
    result += part.outcome.result;
    expected += part.outcome.expected;
  }
  Require(operations_ > 0, "no operation worked");
  Require(result == expected, absl::StrCat("the result is ", result,
                                           ", which should be ", expected));
}

uint64_t Trial::Calibrate(Team& team, const Work& work) {
  const double cpus = static_cast<double>(AllowedCpus().size());
  const double enough = work.threads <= cpus
                            ? scale_.round_seconds
                            : scale_.slice_seconds * work.threads / cpus;
  for (uint64_t passes = 1;;) {
    const double seconds = Round(team, work, passes, false);
    if (failed() || seconds >= enough) return passes;
    const double factor = std::clamp(1.2 * enough / seconds, 1.5, 16.0);
    passes = static_cast<uint64_t>(static_cast<double>(passes) * factor) + 1;
  }
}

void Trial::CountEvents(Team& team, const Work& work, uint64_t passes) {
  if (CountersNote() != "yes") return;
  Round(team, work, passes, true);
  for (size_t i = 0; i < HardwareEvents().size(); ++i) {
    uint64_t sum = 0;
    for (const Part& part : parts_) {
      if (part.counts.size() <= i) return;  // The thread got no counters.
      sum += part.counts[i];
    }
    SetCounter(HardwareEvents()[i].name,
               static_cast<double>(sum) / static_cast<double>(operations_));
  }
}

}  // namespace holdfast::bench
