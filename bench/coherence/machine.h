// A machine of some cores with private caches, on which the production
// templates run: MachineTraits sends every access to memory that threads share
// through the caches of the core that runs.

#ifndef HOLDFAST_BENCH_COHERENCE_MACHINE_H_
#define HOLDFAST_BENCH_COHERENCE_MACHINE_H_

#include <atomic>
#include <cstdint>
#include <utility>

#include "bench/coherence/cache_model.h"
#include "bench/coherence/cores.h"
#include "holdfast/internal/mapped_memory.h"
#include "holdfast/traits.h"

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

  static void MaySwitch() {
    if (current_ != nullptr) current_->cores.MaySwitch();
  }
  static void Read(const void* at) {
    if (current_ != nullptr) current_->caches.Read(Core(), at);
  }
  static void Write(const void* at) {
    if (current_ != nullptr) current_->caches.Write(Core(), at);
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

// The shape of std::atomic, as far as tables use it. Zeroed memory is a valid
// object, as it must be for tables.
template <typename U>
class MachineAtomic {
 public:
  MachineAtomic() = default;
  MachineAtomic(U value) : value_(value) {}  // NOLINT: as std::atomic.
  MachineAtomic(const MachineAtomic&) = delete;
  MachineAtomic& operator=(const MachineAtomic&) = delete;

  U load(std::memory_order) const {
    Machine::MaySwitch();
    Machine::Read(this);
    return value_;
  }
  void store(U value, std::memory_order) { ForWriting() = value; }
  U exchange(U value, std::memory_order) {
    return std::exchange(ForWriting(), value);
  }
  U fetch_add(U value, std::memory_order) {
    U& old = ForWriting();
    return std::exchange(old, static_cast<U>(old + value));
  }
  bool compare_exchange_strong(U& expected, U desired, std::memory_order,
                               std::memory_order) {
    U& found = ForWriting();
    const bool is_equal = found == expected;
    (is_equal ? found : expected) = is_equal ? desired : found;
    return is_equal;
  }
  bool compare_exchange_weak(U& expected, U desired, std::memory_order success,
                             std::memory_order failure) {
    return compare_exchange_strong(expected, desired, success, failure);
  }

 private:
  U& ForWriting() {
    Machine::MaySwitch();
    Machine::Write(this);
    return value_;
  }

  U value_;
};

template <typename U>
class MachinePlain {
 public:
  MachinePlain() = default;
  MachinePlain(U value) : value_(value) {}  // NOLINT: as the variable itself.
  MachinePlain(const MachinePlain& other) : value_(other) {}
  MachinePlain& operator=(const MachinePlain& other) {
    return *this = static_cast<U>(other);
  }
  MachinePlain& operator=(U value) {
    Machine::Write(this);
    value_ = value;
    return *this;
  }
  operator U() const {  // NOLINT: as the variable itself.
    Machine::Read(this);
    return value_;
  }

 private:
  U value_;
};

struct MachineAtomics {
  template <typename U>
  using Atomic = MachineAtomic<U>;
  template <typename U>
  using Plain = MachinePlain<U>;
};

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
