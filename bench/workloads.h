// Workloads that suit tables of values and tables of objects alike: for these,
// to read is to borrow an object, use it and drop it; to pin is to put one in,
// and to unpin to erase one.

#ifndef HOLDFAST_BENCH_WORKLOADS_H_
#define HOLDFAST_BENCH_WORKLOADS_H_

#include <cstddef>

#include "loops.h"
#include "trial.h"

namespace holdfast::bench {

void ReadHit(Trial& trial, int threads, size_t slots);
void ReadStale(Trial& trial, int threads, size_t slots);
void ReadHot(Trial& trial, int threads);
void ReadWorkingSet(Trial& trial, size_t slots);
void ReadChurn(Trial& trial, int threads);
void PinUnpin(Trial& trial, int threads);
void Burst(Trial& trial, int threads, size_t in_full);
void Latency(Trial& trial, int threads, Verb verb);

enum class Fill { kFull, kSparse, kChurned };
void ForEachLive(Trial& trial, int threads, size_t slots, Fill fill);

}  // namespace holdfast::bench

#endif  // HOLDFAST_BENCH_WORKLOADS_H_
