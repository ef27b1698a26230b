// The clock for the time of single operations, in ticks: the time stamp counter
// on x86-64, and the steady clock elsewhere.

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
// Neither waits until other threads see what the operation has stored, since
// the operation itself does not wait for that. A store that the core finishes
// later costs the thread nothing, unless it holds up the next operation; then
// its time counts for the next one. So the two measure a time in one thread,
// but they give no order between threads. stress/linearizability/time_stamp.h
// does that.
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

// The rate of the clock. The first call measures it against the steady clock,
// in 20 ms.
double TicksPerNanosecond();

// The median of TicksEnd() - TicksBegin() with no operation in between.
uint64_t OverheadTicks();

// "rdtsc, 2.60 GHz, in steps of 10.0 ns", or "steady_clock, ...".
std::string ClockDescription();

}  // namespace holdfast::bench

#endif  // HOLDFAST_BENCH_CLOCK_H_
