#include "holdfast/options.h"

#include <algorithm>
#include <cinttypes>
#include <cstddef>
#include <cstdint>
#include <limits>

#include "holdfast/internal/cache_shape.h"
#include "holdfast/internal/creation_error.h"

namespace holdfast::internal {
namespace {

// How many slots a thread may keep. Otherwise the caches of a few threads could
// take far more memory than the values of a small table, or leave it too few
// slots. What is to make up for caches takes address space.
uint32_t LargestCache(const OptionLimits& limits,
                      const TableOptions& options) noexcept {
  constexpr uint32_t kAlways =
      1 + CacheShape::kMostFront + CacheShape::kMostTree;
  constexpr bool kHasAddressSpace = sizeof(void*) >= 8;
  constexpr uint64_t kMost = std::numeric_limits<uint32_t>::max();
  const auto eighth = static_cast<uint32_t>(
      std::min(kMost, std::max<uint64_t>(kAlways, options.max_slots / 8)));
  const uint64_t cache = std::min(options.thread_cache_slots, eighth);
  const uint64_t room = limits.max_slots - options.max_slots;
  if (kHasAddressSpace && room / (cache + 1) >= limits.max_threads) {
    return eighth;
  }
  return static_cast<uint32_t>(
      std::min(kHasAddressSpace ? kMost : 64, options.max_slots / 16));
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
  options->thread_cache_slots =
      CacheShape(
          std::min(options->thread_cache_slots, LargestCache(limits, *options)))
          .slots();
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
