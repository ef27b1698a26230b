// The time of a thread's own clock. A counter that the threads share would
// order their calls, and hide defects.

#ifndef HOLDFAST_STRESS_LINEARIZABILITY_TIME_STAMP_H_
#define HOLDFAST_STRESS_LINEARIZABILITY_TIME_STAMP_H_

#include <chrono>
#include <cstdint>

namespace holdfast::stress {

// A call begins with BeginStamp(), a time before all of its memory accesses. It
// ends with EndStamp(), a time after all of them, when other threads see its
// stores. So if the end of one call is less than the begin of another, then
// every thread saw all effects of the first call before the other call loaded
// anything.
//
// A store is not visible yet when its instruction is done: it waits in the
// store buffer until the core has the cache line. No store may pass a locked
// instruction (a compare-and-swap). But a locked instruction that is done
// proves nothing about time. On AMD's Zen 3, LFENCE; RDTSC after one was seen
// to read a time that was up to thousands of ticks before the stores in front
// of it became visible. RDTSC is no memory access, and so it is not ordered
// with them. So EndStamp() relies only on what the manuals of Intel and AMD
// promise:
//
// * MFENCE: memory accesses before it are complete before any access after it,
//   and so before the load that EndStamp() makes for this purpose.
// * LFENCE: instructions after it do not begin before the loads in front of it,
//   including that load, are complete. (On AMD this holds if LFENCE serializes
//   dispatch, which Linux turns on.)
// * The time stamp counters of all cores run at one rate and in step, as Linux
//   demands of them for its own clock.
//
// On AArch64, DSB waits for the stores, and ISB holds back later instructions.
// On other processors it is not known how far a store has come, so what a run
// finds there may be wrong.
//
// Two equal times give no order. So a coarse clock finds fewer defects, but
// reports none that are not there.
#if defined(__x86_64__)

// Does not wait for stores of the thread's last calls, which may be under way.
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
