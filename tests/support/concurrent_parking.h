// A hook for Traits::Atomics that stops a thread before a chosen atomic
// operation for as long as a test likes, and that finds out if another thread
// waits for the stopped one.

#ifndef HOLDFAST_TESTS_SUPPORT_CONCURRENT_PARKING_H_
#define HOLDFAST_TESTS_SUPPORT_CONCURRENT_PARKING_H_

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <thread>

#include "tests/support/concurrent_hooked_atomics.h"

namespace holdfast {

class Parking {
 public:
  // Runs `stall` in a thread that stops before its atomic operation number `n`,
  // counted from 0. Then runs `meanwhile`, and lets the thread go on to its
  // end. Returns false if `stall` has no operation `n`; then `meanwhile` ran
  // after it.
  template <typename Stall, typename Meanwhile>
  static bool Run(int64_t n, Stall stall, Meanwhile meanwhile) {
    parked_.store(false);
    released_.store(false);
    std::atomic<bool> done{false};
    std::thread thread([&] {
      park_before_ = n;
      stall();
      park_before_ = -1;
      done.store(true);
    });
    while (!parked_.load() && !done.load()) std::this_thread::yield();
    meanwhile();
    const bool parked = parked_.load();
    released_.store(true);
    thread.join();
    return parked;
  }

  // `meanwhile` must call this before each of its calls on the table. If a call
  // then takes 100,000 atomic operations, it is waiting for the stopped thread,
  // and the process ends.
  static void BeginCall() { left_ = 100'000; }

  static void BeforeAtomic(const void* /*object*/, bool /*writes*/) {
    if (left_ > 0 && --left_ == 0) {
      std::cerr << "a call waits for the thread that stands still\n";
      std::abort();
    }
    if (park_before_ < 0 || park_before_-- != 0) return;
    parked_.store(true);
    while (!released_.load()) std::this_thread::yield();
  }

 private:
  static inline thread_local int64_t park_before_ = -1;
  static inline thread_local int64_t left_ = 0;
  static inline std::atomic<bool> parked_{false};
  static inline std::atomic<bool> released_{false};
};

}  // namespace holdfast

#endif  // HOLDFAST_TESTS_SUPPORT_CONCURRENT_PARKING_H_
