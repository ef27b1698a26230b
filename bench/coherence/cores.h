// Cores that one real thread plays. Each core is a fiber with a workload of its
// own. Before an access to memory a core may have to let another one go on,
// which a seeded generator decides: so compare-exchanges fail and are tried
// again as on real cores, and the same seed gives the same execution.

#ifndef HOLDFAST_BENCH_COHERENCE_CORES_H_
#define HOLDFAST_BENCH_COHERENCE_CORES_H_

#include <ucontext.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "absl/functional/function_ref.h"
#include "tests/support/random.h"

namespace holdfast::coherence {

class Cores {
 public:
  // MaySwitch switches with a probability of 1 / `switch_one_in`.
  Cores(uint32_t cores, uint64_t seed, uint32_t switch_one_in)
      : switch_below_(~uint64_t{0} / switch_one_in),
        random_(seed, 0),
        fibers_(cores) {}
  Cores(const Cores&) = delete;
  Cores& operator=(const Cores&) = delete;

  // Calls body(core) on each of the first `count` cores. Returns when all these
  // calls have returned. The body must not throw.
  void Run(uint32_t count, absl::FunctionRef<void(uint32_t)> body);

  // Calls body() on that core, while the others stand still.
  void RunOn(uint32_t core, absl::FunctionRef<void()> body);

  // --- From within a body ----------------------------------------------------

  uint32_t current() const { return current_; }

  void MaySwitch() {
    if (random_.Next() <= switch_below_) Switch();
  }

  // Lets another core go on, chosen at random, if there is one left.
  void Switch();

 private:
  static constexpr size_t kStackBytes = 256 << 10;

  struct Fiber {
    ucontext_t context;
    std::unique_ptr<char[]> stack;
  };

  void Start(uint32_t core);
  static void Enter();
  [[noreturn]] void End();

  // makecontext passes no pointers.
  inline static Cores* entered_ = nullptr;

  const uint64_t switch_below_;
  Random random_;
  std::vector<Fiber> fibers_;
  ucontext_t outside_ = {};
  const absl::FunctionRef<void(uint32_t)>* body_ = nullptr;
  std::vector<uint32_t> going_;  // Cores whose body has not returned.
  size_t place_ = 0;             // Where among these the current one is.
  uint32_t current_ = 0;
};

}  // namespace holdfast::coherence

#endif  // HOLDFAST_BENCH_COHERENCE_CORES_H_
