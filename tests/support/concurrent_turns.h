// A hook for Traits::Atomics that makes the atomic operations of two threads,
// the actors, interleave as a schedule says. So a test can try every
// interleaving of two short calls, on any number of processors. All of them are
// sequentially consistent: what weaker orders allow is the model checker's
// part.

#ifndef HOLDFAST_TESTS_SUPPORT_CONCURRENT_TURNS_H_
#define HOLDFAST_TESTS_SUPPORT_CONCURRENT_TURNS_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <thread>
#include <utility>
#include <vector>

#include "tests/support/concurrent_hooked_atomics.h"

namespace holdfast {

class Turns {
 public:
  // Actor 0 runs `first`, and actor 1 runs `second` in another thread. Actor 0
  // runs for runs[0] atomic operations, then actor 1 for runs[1], then actor 0
  // for runs[2] and so on; at last each actor runs to its end.
  template <typename First, typename Second>
  static void Run(std::vector<int64_t> runs, First first, Second second) {
    runs_ = std::move(runs);
    interrupted_.assign(runs_.size(), false);
    run_ = 0;
    left_ = runs_.empty() ? kForever : runs_[0];
    finished_[0] = finished_[1] = false;
    turn_.store(0, std::memory_order_relaxed);
    std::thread thread([&second] { Act(1, second); });
    Act(0, first);
    thread.join();
  }

  // Returns whether, in the last call of Run, runs[run] ended before its actor
  // had come to its end.
  static bool Interrupted(size_t run) { return interrupted_[run]; }

  static void BeforeAtomic(const void* /*object*/, bool /*writes*/) {
    if (actor_ < 0) return;
    while (left_ == 0 && !finished_[1 - actor_]) {
      if (run_ < runs_.size()) interrupted_[run_] = true;
      ++run_;
      left_ = run_ < runs_.size() ? runs_[run_] : kForever;
      turn_.store(1 - actor_, std::memory_order_release);
      AwaitTurn();
    }
    if (left_ > 0) --left_;
  }

 private:
  static constexpr int64_t kForever = std::numeric_limits<int64_t>::max();

  template <typename F>
  static void Act(int actor, F act) {
    actor_ = actor;
    AwaitTurn();
    act();
    finished_[actor] = true;
    actor_ = -1;
    turn_.store(1 - actor, std::memory_order_release);
  }

  static void AwaitTurn() {
    while (turn_.load(std::memory_order_acquire) != actor_) {
      std::this_thread::yield();
    }
  }

  static inline thread_local int actor_ = -1;
  static inline std::atomic<int> turn_{0};
  // Only the actor whose turn it is uses the variables below.
  static inline std::vector<int64_t> runs_;
  static inline std::vector<bool> interrupted_;
  static inline size_t run_ = 0;
  static inline int64_t left_ = 0;
  static inline bool finished_[2] = {};
};

}  // namespace holdfast

#endif  // HOLDFAST_TESTS_SUPPORT_CONCURRENT_TURNS_H_
