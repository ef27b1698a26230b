#include "holdfast/options.h"

#include <algorithm>
#include <cinttypes>
#include <cstddef>
#include <cstdint>

#include "holdfast/internal/creation_error.h"

namespace holdfast::internal {

CreationError FitOptions(uint64_t max_slots_limit,
                         uint32_t thread_cache_slots_limit, uint64_t key_mask,
                         TableOptions* options) noexcept {
  constexpr TableOptions kDefault;
  if (options->max_slots == kDefault.max_slots) {
    options->max_slots = std::min(options->max_slots, max_slots_limit);
  }
  if (options->thread_cache_slots == kDefault.thread_cache_slots) {
    options->thread_cache_slots =
        std::min(options->thread_cache_slots, thread_cache_slots_limit);
  }
  if (options->max_slots < 1 || options->max_slots > max_slots_limit) {
    return MakeCreationError(CreationError::Code::kInvalidArgument,
                             "HandleTable: Options::max_slots is %" PRIu64
                             ", must be between 1 and %" PRIu64,
                             options->max_slots, max_slots_limit);
  }
  if (options->thread_cache_slots > thread_cache_slots_limit) {
    return MakeCreationError(CreationError::Code::kInvalidArgument,
                             "HandleTable: Options::thread_cache_slots is "
                             "%" PRIu32 ", must be between 0 and %" PRIu32,
                             options->thread_cache_slots,
                             thread_cache_slots_limit);
  }
  if (options->key.has_value() && (*options->key & ~key_mask) != 0) {
    return MakeCreationError(CreationError::Code::kInvalidArgument,
                             "HandleTable: Options::key is %" PRIu64
                             ", must be even and at most %" PRIu64,
                             *options->key, key_mask);
  }
  // Otherwise the caches of a few threads could hold most slots of a small
  // table.
  options->thread_cache_slots = static_cast<uint32_t>(
      std::min<uint64_t>(options->thread_cache_slots, options->max_slots / 16));
  return {};
}

CreationError ReservationError(const CreationError& cause, uint64_t bytes,
                               uint64_t max_slots) noexcept {
  return MakeCreationError(
      cause.code,
      "HandleTable: cannot reserve %" PRIu64
      " bytes of address space for Options::max_slots = %" PRIu64
      " (%s); choose a smaller max_slots or raise the limit",
      bytes, max_slots, cause.message);
}

}  // namespace holdfast::internal
