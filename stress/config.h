// What a run is told, and which operations a soak is made of.

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
  kContend,  // Read, Exchange, Write, Unpin, Take what all others do, too.
  kWalk,     // ForEach.
  kClear,    // UnpinAll.
  kCount,
};

constexpr size_t kOperations = static_cast<size_t>(Operation::kCount);

struct Mix {
  const char* name;
  // How often each operation is drawn, relative to the sum of all.
  std::array<uint32_t, kOperations> weights;

  uint32_t weight(Operation operation) const {
    return weights[static_cast<size_t>(operation)];
  }
  // Handles may end without their owner's doing.
  bool clears() const { return weight(Operation::kClear) != 0; }
};

// The mix of that name, or null.
const Mix* FindMix(absl::string_view name);

// "balanced, churn, ...".
std::string MixNames();

// "invariants", the soak, or "linearizability".
constexpr const char kInvariants[] = "invariants";
constexpr const char kLinearizability[] = "linearizability";

// How a window's calls are known to have ended: see Recorder.
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

  // From one quiescent point to the next: of a soak, and of each thread while
  // it is recorded.
  double round_seconds = 0.25;
  uint32_t window_calls = 8192;
  Drains drains = Drains::kInTurn;
  uint32_t contended = 8;  // Entries of each worker that all race for: 1 to 8.
  bool print_progress = true;
  // A bit for each Check that counts; what other checks find is ignored.
  uint64_t checks = ~uint64_t{0};

  // The most that a table may hand out: what all threads but one may keep comes
  // on top of max_slots, here for a few threads more.
  uint64_t most_slots() const {
    const uint64_t cache =
        std::min<uint64_t>(thread_cache_slots, max_slots / 16);
    return max_slots + (cache == 0 ? 0 : (threads + 2) * (cache + 1));
  }
};

// InvalidArgument names the flag, its value and what is allowed.
absl::Status Validate(const Config& config);

// The command line that runs the same again.
std::string CommandLine(const Config& config);

}  // namespace holdfast::stress

#endif  // HOLDFAST_STRESS_CONFIG_H_
