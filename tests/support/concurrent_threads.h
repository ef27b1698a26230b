// Helpers of the concurrent tests: threads that start together, and random
// numbers by whose seed a failed run can be repeated.

#ifndef HOLDFAST_TESTS_SUPPORT_CONCURRENT_THREADS_H_
#define HOLDFAST_TESTS_SUPPORT_CONCURRENT_THREADS_H_

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <random>
#include <thread>
#include <vector>

#include "absl/base/config.h"

namespace holdfast {

// Returns `rounds`, or fewer in builds in which a round takes much longer.
constexpr int Rounds(int rounds) {
#if defined(ABSL_HAVE_THREAD_SANITIZER) || defined(ABSL_HAVE_ADDRESS_SANITIZER)
  return rounds / 5 + 1;
#else
  return rounds;
#endif
}

// Returns and prints the seed of this run: $HOLDFAST_SEED, or a new one.
inline uint64_t TestSeed() {
  const char* const given = std::getenv("HOLDFAST_SEED");
  const uint64_t seed = given != nullptr ? std::strtoull(given, nullptr, 10)
                                         : std::random_device()();
  std::cout << "HOLDFAST_SEED=" << seed << std::endl;
  return seed;
}

// SplitMix64 (G. Steele et al., OOPSLA 2014).
class Random {
 public:
  Random(uint64_t seed, uint64_t stream)
      : state_(seed * 0xD1342543DE82EF95u + stream * 0x2545F4914F6CDD1Du) {}

  uint64_t Next() {
    state_ += 0x9E3779B97F4A7C15u;
    uint64_t mixed = state_;
    mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9u;
    mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EBu;
    return mixed ^ (mixed >> 31);
  }

  // A number below `bound`.
  uint64_t Below(uint64_t bound) { return Next() % bound; }

  // True once in `n` times.
  bool OneIn(uint64_t n) { return Below(n) == 0; }

 private:
  uint64_t state_;
};

// Holds threads until `count` of them have arrived.
class StartLine {
 public:
  explicit StartLine(int count) : missing_(count) {}

  void Arrive() {
    missing_.fetch_sub(1);
    while (missing_.load() > 0) std::this_thread::yield();
  }

 private:
  std::atomic<int> missing_;
};

// Runs work(0) to work(count - 1), each in a thread of its own, from one start
// line; returns when all are done.
template <typename F>
void RunThreads(int count, F work) {
  StartLine line(count);
  std::vector<std::thread> threads;
  for (int i = 0; i < count; ++i) {
    threads.emplace_back([&line, &work, i] {
      line.Arrive();
      work(i);
    });
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace holdfast

#endif  // HOLDFAST_TESTS_SUPPORT_CONCURRENT_THREADS_H_
