#include "holdfast/options.h"

#include <cstddef>
#include <cstdint>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace holdfast::internal {

absl::Status ValidateOptions(const TableOptions& options,
                             uint64_t max_slots_limit,
                             uint32_t thread_cache_slots_limit) {
  if (options.max_slots < 1 || options.max_slots > max_slots_limit) {
    return absl::InvalidArgumentError(
        absl::StrCat("HandleTable: Options::max_slots is ", options.max_slots,
                     ", must be between 1 and ", max_slots_limit));
  }
  if (options.thread_cache_slots > thread_cache_slots_limit) {
    return absl::InvalidArgumentError(
        absl::StrCat("HandleTable: Options::thread_cache_slots is ",
                     options.thread_cache_slots, ", must be between 0 and ",
                     thread_cache_slots_limit));
  }
  return absl::OkStatus();
}

absl::Status ReservationError(const absl::Status& cause, size_t bytes,
                              uint64_t max_slots) {
  return absl::Status(
      cause.code(),
      absl::StrCat("HandleTable: cannot reserve ", bytes,
                   " bytes of address space for Options::max_slots = ",
                   max_slots, " (", cause.message(),
                   "); choose a smaller max_slots or raise the limit on "
                   "address space (ulimit -v, vm.overcommit_memory)"));
}

}  // namespace holdfast::internal
