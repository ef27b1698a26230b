// A machine of some cores with private caches, on which the production
// templates run: MachineTraits sends every access to memory that threads share
// through the caches of the core that runs.

#ifndef HOLDFAST_BENCH_COHERENCE_MACHINE_H_
#define HOLDFAST_BENCH_COHERENCE_MACHINE_H_

#include <cstdint>

#include "bench/coherence/cache_model.h"
#include "bench/coherence/cores.h"
#include "holdfast/internal/mapped_memory.h"
#include "holdfast/traits.h"
#include "tests/support/concurrent_hooked_atomics.h"

namespace holdfast::coherence {

// While a Machine exists, it gets all accesses. Without one, and there is at
// most one, none is counted.
class Machine {
 public:
  Machine(uint32_t count, uint64_t seed, uint32_t switch_one_in)
      : caches(count), cores(count, seed, switch_one_in) {
    current_ = this;
  }
  ~Machine() { current_ = nullptr; }
  Machine(const Machine&) = delete;
  Machine& operator=(const Machine&) = delete;

  CacheModel caches;
  Cores cores;

  // --- MachineTraits calls these ---------------------------------------------

  static void BeforeAtomic(const void* at, bool writes) {
    if (current_ != nullptr) current_->cores.MaySwitch();
    BeforePlain(at, writes);
  }
  static void BeforePlain(const void* at, bool writes) {
    if (current_ == nullptr) return;
    if (writes) {
      current_->caches.Write(Core(), at);
    } else {
      current_->caches.Read(Core(), at);
    }
  }
  static uint32_t Core() {
    return current_ == nullptr ? 0 : current_->cores.current();
  }
  static void Yield() {
    if (current_ != nullptr) current_->cores.Switch();
  }

 private:
  inline static Machine* current_ = nullptr;
};

using MachineAtomics = HookedAccesses<Machine>;

// Each core is one thread, whose ordinal is the number of the core. It never
// exits.
class MachineThreads {
 public:
  static constexpr uint32_t kNone = ~uint32_t{0};

  using Numbering = MachineThreads;
  static MachineThreads OfThisCopy() noexcept { return {}; }

  static uint32_t Current() noexcept { return Machine::Core(); }
  static uint32_t Register() noexcept { return Machine::Core(); }
  static uint32_t Claim() noexcept { return kNone; }
  static bool TryClaim(uint32_t) noexcept { return false; }
  static void Release(uint32_t) noexcept {}
  static void YieldThread() noexcept { Machine::Yield(); }
};

// Memory that grows by steps which do not depend on its address: so the same
// seed gives the same execution wherever the system puts a table.
struct MachineMemory : internal::MappedMemory {
  // So no part of a table is large.
  static constexpr uint64_t kLargePage = uint64_t{1} << 40;
};

template <uint32_t kStacks>
struct MachineTraits : DefaultTraits {
  static constexpr uint32_t kFreeListStacks = kStacks;
  using Atomics = MachineAtomics;
  using Memory = MachineMemory;
  using Threads = MachineThreads;
};

}  // namespace holdfast::coherence

#endif  // HOLDFAST_BENCH_COHERENCE_MACHINE_H_
