// -----------------------------------------------------------------------------
// File: options.h
// -----------------------------------------------------------------------------

#ifndef HOLDFAST_OPTIONS_H_
#define HOLDFAST_OPTIONS_H_

#include "holdfast/internal/cpp17.h"
// Below C++17 that is as far as a compiler comes.

#include <cstddef>
#include <cstdint>
#include <optional>

#include "holdfast/internal/creation_error.h"
#include "holdfast/internal/export.h"

namespace holdfast {

// What `HandleTable::Create` is told; there it is called `Options`.
struct TableOptions {
  // Values that can be live at the same time, 1 to the table's kMaxSlots. The
  // default becomes kMaxSlots if that is less. This is address space, not
  // memory: pages come with the slots that are used.
  uint64_t max_slots = uint64_t{1} << 24;

  // Free slots that a thread may keep for itself, 0 to kMaxThreadCacheSlots of
  // the Traits. The default becomes that if it is less. A table uses
  // max_slots / 16 if that is less. With 0, every Pin and Unpin goes to the
  // shared free list.
  //
  // As long as fewer than max_slots values are live, and no slot is retired or
  // was lost by a thread that left a call halfway, Pin finds a slot, whatever
  // other threads keep (a value counts as live until its Unpin has returned):
  // the table may hand out thread_cache_slots + 1 slots more for each other
  // thread that has used it. (Within kMaxThreads times that of kMaxSlots, half
  // of the numbers that are left are for this. Threads past kMaxThreads are not
  // counted while they are inside a Pin.) With 0, or with one thread, max_slots
  // values fit and no more.
  uint32_t thread_cache_slots = 64;

  // What is XORed into every handle of the table; random if it is not given. It
  // is even and less than 2^kHandleBits. With a key of one's own, a program
  // that does the same in one thread issues the same handles: for a replay, or
  // for files to compare with. Tables with the same key do not tell each
  // other's handles from their own.
  std::optional<uint64_t> key = std::nullopt;
};

// What `HandleTable::GetStats` tells. Exact if no other thread works on the
// table meanwhile; else each figure is one that was true of each slot at some
// time during the call.
struct TableStats {
  uint64_t live = 0;        // Values pinned.
  uint64_t free = 0;        // Other slots in use, `cached` included.
  uint64_t cached = 0;      // Free slots that threads keep for themselves.
  uint64_t retired = 0;     // Slots whose generations have run out.
  uint64_t high_water = 0;  // Slots ever handed out, by batches.
  uint64_t capacity = 0;    // As used. Retired slots are lost to it.

  // The largest generation of any slot, at most last_generation, at the end of
  // which a slot is retired. Generations grow by 2 with each life.
  uint64_t oldest_generation = 0;
  uint64_t last_generation = 0;

  uint32_t thread_cache_slots = 0;  // As used, see Options.

  size_t bytes_reserved = 0;  // Address space.
  size_t bytes_touched = 0;   // Of these, in memory now, in whole pages.
};

namespace internal {

// Makes of `*options` what a table uses: defaults fit its limits, a small table
// has smaller caches. kInvalidArgument, naming the option, its value and its
// range, if another value is out of range.
HOLDFAST_API CreationError FitOptions(uint64_t max_slots_limit,
                                      uint32_t thread_cache_slots_limit,
                                      uint64_t key_mask,
                                      TableOptions* options) noexcept;

// What Create returns if `bytes` for `max_slots` could not be reserved.
HOLDFAST_API CreationError ReservationError(const CreationError& cause,
                                            uint64_t bytes,
                                            uint64_t max_slots) noexcept;

}  // namespace internal
}  // namespace holdfast

#endif  // HOLDFAST_OPTIONS_H_
