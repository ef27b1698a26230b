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
#include "tests/support/random.h"

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
