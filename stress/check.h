// The kinds of checks, how many of each ran, and the first that failed.

#ifndef HOLDFAST_STRESS_CHECK_H_
#define HOLDFAST_STRESS_CHECK_H_

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"

namespace holdfast::stress {

enum class Check : size_t {
  kIssue,         // No handle is issued twice.
  kOwnRead,       // A worker reads from its own handle what it wrote last.
  kOwnWrite,      // Write to an own handle succeeds.
  kOwnExchange,   // Exchange on an own handle returns what it wrote last.
  kOwnEnd,        // Unpin and Take of an own handle succeed; Take as Exchange.
  kSharedRead,    // Another worker's value is whole, and of the right entry.
  kSequence,      // One reader of one handle never reads an older value.
  kStale,         // A handle that has been stale once is refused.
  kForeign,       // Another table's, random and malformed handles are refused.
  kDiagnose,      // Diagnose tells live, stale and null.
  kWin,           // Exactly one of several racing Unpins and Takes succeeds.
  kConservation,  // What Exchange and Take return is what was put in.
  kWalkValue,     // ForEach shows whole values, of the entry they name.
  kWalkOnce,      // ForEach shows anchors once, and nothing twice.
  kParallelWalk,  // The same for ParallelForEach, by all workers together.
  kExclusive,     // ForEachExclusive shows all, and keeps what is changed.
  kClear,         // UnpinAll makes handles stale, and returns their number.
  kStats,         // At rest live, free and retired are exact.
  kWhole,         // At rest each slot and each cell is in one place.
  kCapacity,      // At rest all slots that are not retired can be pinned.
  kWearOut,       // All lives of all slots can be used, and no more.
  kCount,
};

constexpr size_t kChecks = static_cast<size_t>(Check::kCount);

constexpr const char* kCheckNames[kChecks] = {
    "issue",      "own-read",    "own-write",     "own-exchange",
    "own-end",    "shared-read", "sequence",      "stale",
    "foreign",    "diagnose",    "win",           "conservation",
    "walk-value", "walk-once",   "parallel-walk", "exclusive",
    "clear",      "stats",       "whole",         "capacity",
    "wear-out",
};

inline const char* Name(Check check) {
  return kCheckNames[static_cast<size_t>(check)];
}

// The counts of one worker. Only its thread writes them; they are added up when
// no worker runs.
struct Counts {
  uint64_t operations = 0;
  std::array<uint64_t, kChecks> checks = {};

  uint64_t& operator[](Check check) {
    return checks[static_cast<size_t>(check)];
  }

  void Add(const Counts& other) {
    operations += other.operations;
    for (size_t i = 0; i < kChecks; ++i) checks[i] += other.checks[i];
  }
};

// What one worker did to the present table. The sums over all workers must
// balance.
struct Ledger {
  uint64_t pins = 0;
  uint64_t ends = 0;  // Lives ended by Unpin, Take and UnpinAll.

  // For entries that only Exchange and Take change: how many values were put in
  // and came out, and the sums of the values' hashes, modulo 2^64.
  uint64_t put = 0;
  uint64_t got = 0;
  uint64_t put_sum = 0;
  uint64_t got_sum = 0;

  void Add(const Ledger& other) {
    pins += other.pins;
    ends += other.ends;
    put += other.put;
    got += other.got;
    put_sum += other.put_sum;
    got_sum += other.got_sum;
  }
};

// Keeps the first failure, and tells all threads to stop.
class FailureLog {
 public:
  void Report(std::string text) {
    absl::MutexLock lock(&mutex_);
    if (first_.empty()) first_ = std::move(text);
    // order: relaxed. A thread that reads the text takes the lock.
    failed_.store(true, std::memory_order_relaxed);
  }

  bool failed() const {
    // order: relaxed. As above.
    return failed_.load(std::memory_order_relaxed);
  }

  std::string first() const {
    absl::MutexLock lock(&mutex_);
    return first_;
  }

 private:
  mutable absl::Mutex mutex_;
  std::string first_ ABSL_GUARDED_BY(mutex_);
  std::atomic<bool> failed_{false};
};

}  // namespace holdfast::stress

#endif  // HOLDFAST_STRESS_CHECK_H_
