// -----------------------------------------------------------------------------
// File: options.h
// -----------------------------------------------------------------------------

#ifndef HOLDFAST_OPTIONS_H_
#define HOLDFAST_OPTIONS_H_

#include "holdfast/internal/cpp17.h"
// Before C++17, compilation ends there with an error that says why.

#include <cstddef>
#include <cstdint>
#include <optional>

#include "holdfast/internal/creation_error.h"
#include "holdfast/internal/export.h"

namespace holdfast {

// The argument of `HandleTable::Create`; that class calls it `Options`.
struct TableOptions {
  // How many values can be live at the same time, from 1 to the table's
  // kMaxSlots. If kMaxSlots is less than the default, the default is kMaxSlots.
  // The number costs address space, not memory: the table takes memory as it
  // uses more slots.
  uint64_t max_slots = uint64_t{1} << 24;

  // How many free slots a thread may keep for itself at most, from 0 to
  // kMaxThreadCacheSlots of the Traits. If this limit is less than the default,
  // it is the default. With 0, every Pin and Unpin goes to the shared free
  // list. The table uses the next smaller number that it can divide into
  // batches, as TableStats says; a small table uses at most max_slots / 8 or
  // 75, whichever is more. (In a 32-bit process, at most 64 and at most
  // max_slots / 16.)
  //
  // Pin finds a slot as long as fewer than max_slots values are live, whatever
  // other threads keep. To make up for what they keep, the table may hand out
  // thread_cache_slots + 1 more slots than max_slots for each other thread that
  // has used it. With thread_cache_slots = 0, or with one thread, max_slots
  // values fit and no more. In detail:
  //  * A value counts as live from the start of its Pin to the end of its
  //    Unpin.
  //  * Slots that are retired, and slots that were lost because a thread left a
  //    call halfway, count as if they were live.
  //  * Threads beyond kMaxThreads are not made up for: what they have in hand
  //    during a Pin may be missing.
  //  * If there are not enough indexes between max_slots and kMaxSlots to make
  //    up for kMaxThreads threads, a thread keeps only as many slots as can be
  //    made up for; but at least 64, or max_slots / 16 if that is less, for
  //    which half of these indexes or more are used.
  uint32_t thread_cache_slots = 256;

  // A number that is XORed into every handle of the table; a random one if none
  // is given. It must be even and less than 2^kHandleBits. If it is given, a
  // program with one thread issues the same handles each time it runs, as a
  // replay or a comparison with kept output may need. But tables with the same
  // key do not recognize each other's handles as foreign.
  std::optional<uint64_t> key = std::nullopt;
};

// The result of `HandleTable::GetStats`. It is exact if no other thread changes
// the table meanwhile. Otherwise each slot is counted in a state that it had at
// some time during the call.
struct TableStats {
  uint64_t live = 0;        // Values that are pinned.
  uint64_t free = 0;        // Slots handed out before, but free now.
  uint64_t cached = 0;      // Those of `free` that are in threads' caches.
  uint64_t retired = 0;     // Slots that have served all their lives.
  uint64_t high_water = 0;  // live + free + retired; as IndexLimit(). In an
                            // ObjectTable, waiting objects' slots besides.
  uint64_t capacity = 0;    // max_slots as used. `retired` of it are lost.

  // The generation of a slot grows by 2 with each life. This is the largest one
  // of any slot, at most last_generation; the slot retires when that is over.
  uint64_t oldest_generation = 0;
  uint64_t last_generation = 0;

  uint32_t thread_cache_slots = 0;  // The number that the table uses.

  size_t bytes_reserved = 0;  // Address space.
  size_t bytes_touched = 0;   // The part of it that is in memory now; whole
                              // pages. 0 if the system does not tell.
};

namespace internal {

// What a class of tables has room for.
struct OptionLimits {
  uint64_t max_slots;
  uint32_t thread_cache_slots;
  uint64_t key_mask;
  uint32_t max_threads;  // That keep slots.
};

// Changes `*options` to what a table uses: a default that is beyond a limit
// becomes that limit, and a small table gets smaller caches. If a value other
// than a default is out of range, returns kInvalidArgument with a message that
// names the option, its value and its range.
HOLDFAST_API CreationError FitOptions(const OptionLimits& limits,
                                      TableOptions* options) noexcept;

// Returns the error of Create for a table of `max_slots` whose `bytes` could
// not be reserved because of `cause`.
HOLDFAST_API CreationError ReservationError(const CreationError& cause,
                                            uint64_t bytes,
                                            uint64_t max_slots) noexcept;

}  // namespace internal
}  // namespace holdfast

#endif  // HOLDFAST_OPTIONS_H_
