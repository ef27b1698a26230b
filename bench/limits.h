// Limits that no table can pass, as peers which know more than a table can
// know. They are no tables; each says which operations it is a limit for.

#ifndef HOLDFAST_BENCH_LIMITS_H_
#define HOLDFAST_BENCH_LIMITS_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "loops.h"

namespace holdfast::bench {

// The limit of reads: an array that checks the bounds and the generation, as
// any table of handles must. One thread fills it, and slots are not used again.
template <typename V>
class RawArrayLimit {
 public:
  using Value = V;
  static constexpr char kName[] = "raw array";
  static constexpr char kId[] = "raw_array";
  static constexpr Features kFeatures = {true, false, false, false, false};

  struct ThreadScope {
    explicit ThreadScope(RawArrayLimit&) {}
  };

  explicit RawArrayLimit(size_t capacity) : slots_(capacity) {}

  uint64_t Pin(const V& value) {
    if (pinned_ == slots_.size()) return 0;
    slots_[pinned_] = {value, 1};
    return uint64_t{pinned_++} << 32 | 1;
  }

  bool Read(uint64_t handle, V* value) const {
    const uint64_t index = handle >> 32;
    if (index >= slots_.size()) return false;
    const Slot& slot = slots_[index];
    if (slot.generation != static_cast<uint32_t>(handle)) return false;
    *value = slot.value;
    return true;
  }

  bool Unpin(uint64_t handle) {
    Slot& slot = slots_[handle >> 32];
    if (slot.generation != static_cast<uint32_t>(handle)) return false;
    ++slot.generation;
    return true;
  }

 private:
  struct Slot {
    V value;
    uint32_t generation;
  };

  size_t pinned_ = 0;
  std::vector<Slot> slots_;
};

// The limit of operations that change one slot: one compare-and-swap of the
// slot's word, which succeeds. The n-th pin gets slot n, and each thread has
// its own slots.
template <typename V>
class CasLimit {
 public:
  using Value = V;
  static constexpr char kName[] = "one CAS";
  static constexpr char kId[] = "cas";
  static constexpr Features kFeatures = {false, true, false, false, false};

  struct ThreadScope {
    explicit ThreadScope(CasLimit&) {}
  };

  explicit CasLimit(size_t capacity) : words_(capacity) {}

  // The time of this is not measured.
  uint64_t Pin(const V& value) { return value.number() % words_.size() + 1; }

  bool Write(uint64_t handle, const V&) { return Change(handle); }
  bool Unpin(uint64_t handle) { return Change(handle); }

 private:
  bool Change(uint64_t handle) {
    std::atomic<uint64_t>& word = words_[handle - 1];
    // order: relaxed. The CAS checks it.
    uint64_t now = word.load(std::memory_order_relaxed);
    // order: acq_rel, as a table must. relaxed: nothing is done after a
    // failure.
    return word.compare_exchange_strong(now, now + 1, std::memory_order_acq_rel,
                                        std::memory_order_relaxed);
  }

  std::vector<std::atomic<uint64_t>> words_;
};

// The limit of a pin and an unpin if all threads share one word, as the head of
// a free list without caches: one successful compare-and-swap for both
// together.
template <typename V>
class ContendedCasLimit {
 public:
  using Value = V;
  static constexpr char kName[] = "one contended CAS";
  static constexpr char kId[] = "cas_contended";
  static constexpr Features kFeatures = {false, false, false, false, false};

  struct ThreadScope {
    explicit ThreadScope(ContendedCasLimit&) {}
  };

  explicit ContendedCasLimit(size_t) {}

  uint64_t Pin(const V&) { return 1; }

  bool Unpin(uint64_t) {
    // order: relaxed. The CAS checks it.
    uint64_t now = word_.load(std::memory_order_relaxed);
    // order: acq_rel, as a table must. relaxed: as the load above.
    while (!word_.compare_exchange_weak(now, now + 1, std::memory_order_acq_rel,
                                        std::memory_order_relaxed)) {
    }
    return true;
  }

 private:
  alignas(128) std::atomic<uint64_t> word_{0};
};

// The limit of pins and unpins: the memory operations that every table needs. A
// pin stores the value and publishes it. An unpin ends the slot's life for
// exactly one caller, and links the slot to the free ones. Finding a slot is
// left out: the value's number says which one to use. There are no checks, so
// only the thread that has a slot may use it.
template <typename V, uint64_t (*kSlotOf)(uint64_t number)>
class IrreducibleLimit {
 public:
  using Value = V;
  static constexpr char kName[] = "memory operations alone";
  static constexpr char kId[] = "irreducible";
  static constexpr Features kFeatures = {false, false, false, false, false};

  struct ThreadScope {
    explicit ThreadScope(IrreducibleLimit&) {}
  };

  explicit IrreducibleLimit(size_t capacity) : slots_(RoundUp(capacity)) {}

  uint64_t Pin(const V& value) {
    const uint64_t number = value.number();
    const uint64_t handle = kSlotOf(number) & (slots_.size() - 1);
    Slot& slot = slots_[handle];
    // order: release, both. The second store publishes the first; a table needs
    // both to be release.
    slot.value.store(number, std::memory_order_release);
    slot.word.store(number, std::memory_order_release);
    return handle + 1;
  }

  bool Unpin(uint64_t handle) {
    Slot& slot = slots_[handle - 1];
    // order: relaxed. The CAS checks it.
    uint64_t word = slot.word.load(std::memory_order_relaxed);
    // order: acq_rel, as a table must. relaxed: nothing is done after a
    // failure.
    const bool ended = slot.word.compare_exchange_strong(
        word, word + 1, std::memory_order_acq_rel, std::memory_order_relaxed);
    // order: release. In a table, another thread follows this link.
    slot.value.store(word, std::memory_order_release);
    return ended;
  }

 private:
  // Four slots share a cache line, as in a table.
  struct Slot {
    std::atomic<uint64_t> word{0};
    std::atomic<uint64_t> value{0};  // Or the link to the next free slot.
  };

  static size_t RoundUp(size_t capacity) {
    size_t power = 1;
    while (power < capacity) power *= 2;
    return power;
  }

  std::vector<Slot> slots_;
};

// Each number has its own slot, modulo the capacity.
inline uint64_t NumberedSlot(uint64_t number) { return number; }
template <typename V>
using IrreducibleSlotsLimit = IrreducibleLimit<V, NumberedSlot>;

// All numbers of a thread, which begin at thread << 32, have the same slot, on
// its own cache line. A table that uses the last freed slot first behaves like
// this.
inline uint64_t ThreadsSlot(uint64_t number) { return number >> 32 << 4; }
template <typename V>
using IrreduciblePairLimit = IrreducibleLimit<V, ThreadsSlot>;

}  // namespace holdfast::bench

#endif  // HOLDFAST_BENCH_LIMITS_H_
