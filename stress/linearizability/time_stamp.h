// The time of a thread's own clock. A counter that the threads share would
// order their calls, and hide the defects that this is to find.

#ifndef HOLDFAST_STRESS_LINEARIZABILITY_TIME_STAMP_H_
#define HOLDFAST_STRESS_LINEARIZABILITY_TIME_STAMP_H_

#include <chrono>
#include <cstdint>

namespace holdfast::stress {

// A time after all loads and locked instructions that come before, and before
// all memory accesses that come after. A store that comes before may be visible
// to others later: see Recorder::Pin. On x86-64, in ticks of a time stamp
// counter that has to run at one rate and in step on all cores, as Linux
// demands of it for its own clock. Elsewhere in nanoseconds, and how far a
// store has come is not known there: what a run then finds is to be looked at
// twice.
//
// Two times that are equal give no order, so that a coarse clock finds less,
// but nothing that is not there.
inline uint64_t TimeStamp() {
#if defined(__x86_64__)
  // The first LFENCE waits for what comes before; the second holds back what
  // comes after until the counter is read. Neither waits for stores, so that
  // one call's are still under way in the next, as without time stamps.
  uint32_t low;
  uint32_t high;
  asm volatile("lfence\n\trdtsc\n\tlfence"
               : "=a"(low), "=d"(high)
               :
               : "memory");
  return uint64_t{high} << 32 | low;
#else
  return static_cast<uint64_t>(
      std::chrono::steady_clock::now().time_since_epoch().count());
#endif
}

}  // namespace holdfast::stress

#endif  // HOLDFAST_STRESS_LINEARIZABILITY_TIME_STAMP_H_
