// Random words that tell tables apart, of this process or another.

#ifndef HOLDFAST_INTERNAL_TABLE_KEY_H_
#define HOLDFAST_INTERNAL_TABLE_KEY_H_

#include <cstdint>

#include "holdfast/internal/export.h"

namespace holdfast::internal {

// Where the bits of a key come from, the first that works. All but the last one
// may be false: then there are none. (noexcept: a thread that is cancelled in a
// caller unwinds through it. See docs/design.md.)
struct KeySources {
  bool (*processor)(uint64_t* bits) noexcept;  // An instruction (x86-64).
  bool (*system)(
      uint64_t* bits) noexcept;  // The kernel's random numbers, by a call.
  bool (*device)(uint64_t* bits) noexcept;  // Those of std::random_device.
  uint64_t (*at_hand)() noexcept;  // A mix of clocks, ids and a counter.
};

HOLDFAST_API KeySources DefaultKeySources() noexcept;

// A random word that tells tables apart, of this process or another; two tables
// share one with probability 2^-62. Bits 0 and 63 are clear. Nothing random is
// kept from one call to the next: so processes that are copies of each other,
// by fork or from a snapshot of a virtual machine, come to different keys, even
// if their process ids are equal. Never throws and never waits. Where the
// system refuses, by a filter or for lack of file descriptors, the next best
// source is asked.
HOLDFAST_API uint64_t
NewTableKey(const KeySources& sources = DefaultKeySources()) noexcept;

// The words that differ from call to call, for a system that gives no random
// numbers.
struct AtHand {
  uint64_t exec[2];  // Random bits from the process's start (AT_RANDOM), or 0.
  uint64_t process;
  uint64_t nanoseconds;  // Of the day, and since the start, as they are now.
  uint64_t uptime;
  uint64_t address;  // Of the thread's stack.
  uint64_t number;   // Of the call.
};

// Keys of one process differ by `number`; those of others by the rest.
uint64_t MixAtHand(const AtHand& from) noexcept;

}  // namespace holdfast::internal

#endif  // HOLDFAST_INTERNAL_TABLE_KEY_H_
