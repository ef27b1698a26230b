#include "holdfast/options.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>

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

}  // namespace holdfast::internal
