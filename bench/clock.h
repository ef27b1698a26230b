// Ticks for the time of single operations: the time stamp counter on x86-64,
// the steady clock elsewhere.

#ifndef HOLDFAST_BENCH_CLOCK_H_
#define HOLDFAST_BENCH_CLOCK_H_

#include <chrono>
#include <cstdint>
#include <string>

#include "absl/base/attributes.h"

#if defined(__x86_64__)
#include <x86intrin.h>
#endif

namespace holdfast::bench {

// TicksBegin() before the operation, TicksEnd() after it. The fences keep the
// operation between the two: lfence waits until all earlier instructions are
// done, rdtscp until they are executed.
//
// Neither waits until others see what the operation has stored, on purpose:
// that would add a wait which the operation alone does not cause. A store that
// the core finishes on its own costs the thread nothing; one that holds up the
// next operation counts for that. So the two give a length in one thread, never
// an order between threads: for that, see stress/linearizability/time_stamp.h.
#if defined(__x86_64__)
ABSL_ATTRIBUTE_ALWAYS_INLINE inline uint64_t TicksBegin() {
  _mm_lfence();
  const uint64_t ticks = __rdtsc();
  _mm_lfence();
  return ticks;
}

ABSL_ATTRIBUTE_ALWAYS_INLINE inline uint64_t TicksEnd() {
  unsigned int cpu;
  const uint64_t ticks = __rdtscp(&cpu);
  _mm_lfence();
  return ticks;
}
#else
inline uint64_t TicksBegin() {
  return static_cast<uint64_t>(
      std::chrono::steady_clock::now().time_since_epoch() /
      std::chrono::nanoseconds(1));
}

inline uint64_t TicksEnd() { return TicksBegin(); }
#endif

// Measured against the steady clock, once, in 20 ms.
double TicksPerNanosecond();

// What TicksEnd() - TicksBegin() says of nothing: the median.
uint64_t OverheadTicks();

// "rdtsc, 2.60 GHz, in steps of 10.0 ns", or "steady_clock, ...".
std::string ClockDescription();

}  // namespace holdfast::bench

#endif  // HOLDFAST_BENCH_CLOCK_H_
