// The time of a thread's own clock. A counter that the threads share would
// order their calls, and hide the defects that this is to find.

#ifndef HOLDFAST_STRESS_LINEARIZABILITY_TIME_STAMP_H_
#define HOLDFAST_STRESS_LINEARIZABILITY_TIME_STAMP_H_

#include <chrono>
#include <cstdint>

namespace holdfast::stress {

// A call begins with BeginStamp(), a time before all of its memory accesses,
// and ends with EndStamp(), a time after them all, when others see its stores.
// So if one call's end is less than another's begin, then all that the one did
// was done, for every thread, before the other loaded anything.
//
// A store is not visible when its instruction is done: it waits in the store
// buffer until the core has the line. No store may pass a locked instruction
// (a compare-and-swap), yet a locked instruction that is done proves nothing
// about time. On AMD's Zen 3, LFENCE; RDTSC after one was seen to tell a time
// up to thousands of ticks before the stores in front of it were visible: RDTSC
// is no memory access, and so not ordered with them. So EndStamp() relies only
// on what the manuals of Intel and AMD promise:
//
// * MFENCE: the accesses before it are complete before one after it is; and so
//   before the load that EndStamp() makes for that purpose.
// * LFENCE: what follows does not begin before the loads in front of it, that
//   load among them, are complete. (AMD: where LFENCE serializes dispatch,
//   which Linux turns on.)
// * The time stamp counters of all cores run at one rate and in step, as Linux
//   demands of them for its own clock.
//
// On AArch64, DSB waits for the stores, ISB holds back what follows. Elsewhere
// it is not known how far a store has come: what a run then finds is to be
// looked at twice.
//
// Two times that are equal give no order, so that a coarse clock finds less,
// but nothing that is not there.
#if defined(__x86_64__)

// Does not wait for stores: those of the thread's last calls may be under way.
inline uint64_t BeginStamp() {
  uint32_t low;
  uint32_t high;
  asm volatile("lfence\n\trdtsc\n\tlfence"
               : "=a"(low), "=d"(high)
               :
               : "memory");
  return uint64_t{high} << 32 | low;
}

inline uint64_t EndStamp() {
  uint32_t low;
  uint32_t high;
  asm volatile("mfence\n\tmovl (%%rsp), %%eax\n\tlfence\n\trdtsc"
               : "=a"(low), "=d"(high)
               :
               : "memory");
  return uint64_t{high} << 32 | low;
}

#else

inline uint64_t BeginStamp() {
  const auto now = std::chrono::steady_clock::now();
#if defined(__aarch64__)
  asm volatile("isb" : : : "memory");
#endif
  return static_cast<uint64_t>(now.time_since_epoch().count());
}

inline uint64_t EndStamp() {
#if defined(__aarch64__)
  asm volatile("dsb ish\n\tisb" : : : "memory");
#endif
  return static_cast<uint64_t>(
      std::chrono::steady_clock::now().time_since_epoch().count());
}

#endif

}  // namespace holdfast::stress

#endif  // HOLDFAST_STRESS_LINEARIZABILITY_TIME_STAMP_H_
