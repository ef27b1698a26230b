// Helpers that prepare workloads: they fill tables, and make orders that are
// random but the same in each run.

#ifndef HOLDFAST_BENCH_PREPARE_H_
#define HOLDFAST_BENCH_PREPARE_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <random>
#include <vector>

#include "subject.h"
#include "trial.h"

namespace holdfast::bench {

using Handles = std::vector<uint64_t>;

// The numbers of threads of most workloads.
inline const std::vector<int>& ThreadCounts() {
  static const auto* const counts = new std::vector<int>{1, 2, 4, 8, 16};
  return *counts;
}

// The capacity of a table in which `threads` threads can keep `live` values. It
// includes room for free slots in the threads' caches.
inline size_t Capacity(size_t live, int threads) {
  return live + 256 * (static_cast<size_t>(threads) + 1);
}

// 0 + 1 + ... + (n - 1).
inline uint64_t SumBelow(uint64_t n) { return n * (n - 1) / 2; }

// Pins n values with the numbers first, first + 1, ...
Handles PinAll(Trial& trial, Table& table, size_t n, uint64_t first = 0);

// Returns 0 to n - 1 in random order. Keeps the result for the next call, since
// shuffling many numbers takes long.
const std::vector<uint32_t>& Permutation(size_t n);

// Puts the handles into a random order that depends on the seed.
inline void Shuffle(Handles& handles, uint64_t seed) {
  std::shuffle(handles.begin(), handles.end(), std::mt19937_64(seed));
}

// Returns the handles in another random order for each thread.
inline std::vector<Handles> ShuffledForEach(int threads,
                                            const Handles& handles) {
  std::vector<Handles> orders(static_cast<size_t>(threads), handles);
  uint64_t seed = 1;
  for (Handles& order : orders) Shuffle(order, seed++);
  return orders;
}

template <typename T>
T& Of(std::vector<T>& parts, int thread) {
  return parts[static_cast<size_t>(thread)];
}

}  // namespace holdfast::bench

#endif  // HOLDFAST_BENCH_PREPARE_H_
