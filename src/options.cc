#include "holdfast/options.h"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <random>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace holdfast::internal {

absl::Status FitOptions(uint64_t max_slots_limit,
                        uint32_t thread_cache_slots_limit,
                        TableOptions* options) {
  constexpr TableOptions kDefault;
  if (options->max_slots == kDefault.max_slots) {
    options->max_slots = std::min(options->max_slots, max_slots_limit);
  }
  if (options->thread_cache_slots == kDefault.thread_cache_slots) {
    options->thread_cache_slots =
        std::min(options->thread_cache_slots, thread_cache_slots_limit);
  }
  if (options->max_slots < 1 || options->max_slots > max_slots_limit) {
    return absl::InvalidArgumentError(
        absl::StrCat("HandleTable: Options::max_slots is ", options->max_slots,
                     ", must be between 1 and ", max_slots_limit));
  }
  if (options->thread_cache_slots > thread_cache_slots_limit) {
    return absl::InvalidArgumentError(
        absl::StrCat("HandleTable: Options::thread_cache_slots is ",
                     options->thread_cache_slots, ", must be between 0 and ",
                     thread_cache_slots_limit));
  }
  // A small table is not to lie in the caches of a few threads.
  options->thread_cache_slots = static_cast<uint32_t>(
      std::min<uint64_t>(options->thread_cache_slots, options->max_slots / 16));
  return absl::OkStatus();
}

absl::Status ReservationError(const absl::Status& cause, uint64_t bytes,
                              uint64_t max_slots) {
  return absl::Status(
      cause.code(),
      absl::StrCat(
          "HandleTable: cannot reserve ", bytes,
          " bytes of address space for Options::max_slots = ", max_slots, " (",
          cause.message(), "); choose a smaller max_slots or raise the limit"));
}

uint64_t NewTableKey() {
  static const uint64_t seed = [] {
    std::random_device random;
    return uint64_t{random()} << 32 | random();
  }();
  static std::atomic<uint64_t> tables{0};
  // order: relaxed. Only the number counts.
  const uint64_t number = tables.fetch_add(1, std::memory_order_relaxed);
  // The output function of SplitMix64 (G. Steele et al., OOPSLA 2014): distinct
  // inputs give distinct outputs. A forked child shares the seed and the
  // number.
  const uint64_t process = static_cast<uint64_t>(getpid());
  uint64_t mixed = (seed ^ process << 40) + number * 0x9E3779B97F4A7C15u;
  mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9u;
  mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EBu;
  mixed ^= mixed >> 31;
  return mixed & ~(uint64_t{1} << 63 | 1);
}

}  // namespace holdfast::internal
