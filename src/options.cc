#include "holdfast/options.h"

#include <algorithm>
#include <cinttypes>
#include <cstddef>
#include <cstdint>

#include "holdfast/internal/cache_shape.h"
#include "holdfast/internal/creation_error.h"

namespace holdfast::internal {
namespace {

// How many slots a thread of a small table may keep. With more, the caches of a
// few threads could take far more memory than the table's values, or leave the
// table too few slots. The slots that make up for caches take address space.
uint64_t LargestCache(const OptionLimits& limits, uint64_t max_slots) noexcept {
  constexpr uint64_t kAlways =
      1 + CacheShape::kMostFront + CacheShape::kMostTree;
  const uint64_t not_made_up_for = std::min<uint64_t>(64, max_slots / 16);
  if constexpr (sizeof(void*) < 8) return not_made_up_for;
  const uint64_t room = limits.max_slots - max_slots;
  const uint64_t for_each = room / std::max(limits.max_threads, 1U);
  // For a cache and one slot in the thread's hand.
  const uint64_t made_up_for = for_each == 0 ? 0 : for_each - 1;
  return std::max(not_made_up_for,
                  std::min(made_up_for, std::max(kAlways, max_slots / 8)));
}

}  // namespace

CreationError FitOptions(const OptionLimits& limits,
                         TableOptions* options) noexcept {
  constexpr TableOptions kDefault;
  if (options->max_slots == kDefault.max_slots) {
    options->max_slots = std::min(options->max_slots, limits.max_slots);
  }
  if (options->thread_cache_slots == kDefault.thread_cache_slots) {
    options->thread_cache_slots =
        std::min(options->thread_cache_slots, limits.thread_cache_slots);
  }
  if (options->max_slots < 1 || options->max_slots > limits.max_slots) {
    return MakeCreationError(CreationError::Code::kInvalidArgument,
                             "HandleTable: Options::max_slots is %" PRIu64
                             ", must be between 1 and %" PRIu64,
                             options->max_slots, limits.max_slots);
  }
  if (options->thread_cache_slots > limits.thread_cache_slots) {
    return MakeCreationError(CreationError::Code::kInvalidArgument,
                             "HandleTable: Options::thread_cache_slots is "
                             "%" PRIu32 ", must be between 0 and %" PRIu32,
                             options->thread_cache_slots,
                             limits.thread_cache_slots);
  }
  if (options->key.has_value() && (*options->key & ~limits.key_mask) != 0) {
    return MakeCreationError(CreationError::Code::kInvalidArgument,
                             "HandleTable: Options::key is %" PRIu64
                             ", must be even and at most %" PRIu64,
                             *options->key, limits.key_mask);
  }
  const uint64_t cache = std::min<uint64_t>(
      options->thread_cache_slots, LargestCache(limits, options->max_slots));
  options->thread_cache_slots =
      CacheShape(static_cast<uint32_t>(cache)).slots();
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
