// The configuration of a run, and the operations of a soak (a run that checks
// all the time).

#ifndef HOLDFAST_STRESS_CONFIG_H_
#define HOLDFAST_STRESS_CONFIG_H_

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace holdfast::stress {

enum class Operation : size_t {
  kReadOwn,
  kReadShared,
  kWriteOwn,
  kExchangeOwn,
  kChurn,    // Pin, Unpin, Take.
  kStale,    // Probe a stale handle.
  kForeign,  // Probe a handle that the table never issued.
  kContend,  // Use a handle that all other workers change and end, too.
  kWalk,     // ForEach.
  kClear,    // UnpinAll.
  kCount,
};

constexpr size_t kOperations = static_cast<size_t>(Operation::kCount);

struct Mix {
  const char* name;
  // How often each operation is drawn, relative to the sum of the weights.
  std::array<uint32_t, kOperations> weights;

  uint32_t weight(Operation operation) const {
    return weights[static_cast<size_t>(operation)];
  }
  // Whether handles may become stale without an action of their owner.
  bool clears() const { return weight(Operation::kClear) != 0; }
};

// Returns the mix of that name, or null.
const Mix* FindMix(absl::string_view name);

// Returns the names of all mixes: "balanced, churn, ...".
std::string MixNames();

// The values of Config::check: the soak, and the linearizability check.
constexpr const char kInvariants[] = "invariants";
constexpr const char kLinearizability[] = "linearizability";

// When a recorded call counts as ended: see Recorder.
enum class Drains { kAfterCalls, kAfterBatches, kInTurn };

struct Config {
  std::string check = kInvariants;
  uint32_t threads = 4;
  double seconds = 10;
  uint64_t seed = 1;
  std::string mix = "balanced";
  uint32_t value_bytes = 8;
  uint32_t thread_cache_slots = 64;
  uint64_t max_slots = 512;
  int generation_bits = 32;

  // How long a soak runs, and how many calls a recorded thread makes, until all
  // threads stop for the checks at rest.
  double round_seconds = 0.25;
  uint32_t window_calls = 8192;
  Drains drains = Drains::kInTurn;
  uint32_t contended = 8;  // Entries of each worker that all race for: 1 to 8.
  bool print_progress = true;
  // A bit for each Check that counts; what other checks find is ignored.
  uint64_t checks = ~uint64_t{0};

  // The most slots that a table may hand out: max_slots, and those that all
  // threads but one may keep. This allows for a few threads more.
  uint64_t most_slots() const {
    const uint64_t cache = std::min<uint64_t>(
        thread_cache_slots, std::max<uint64_t>(75, max_slots / 8));
    return max_slots + (cache == 0 ? 0 : (threads + 2) * (cache + 1));
  }
};

// Returns InvalidArgument if a flag has a bad value. The message names the
// flag, the value and what is allowed.
absl::Status Validate(const Config& config);

// Returns the command line that repeats the run.
std::string CommandLine(const Config& config);

}  // namespace holdfast::stress

#endif  // HOLDFAST_STRESS_CONFIG_H_
