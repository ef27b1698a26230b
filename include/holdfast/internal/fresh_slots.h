// The slots that were never used: those from the high-water mark on. They are
// zeros, and that makes them free slots of generation 0, each with its own
// cell. [INV-1] Besides, the range of swept slots: used ones that
// UnpinAllExclusive has freed, and that nothing links.

#ifndef HOLDFAST_INTERNAL_FRESH_SLOTS_H_
#define HOLDFAST_INTERNAL_FRESH_SLOTS_H_

#include <algorithm>
#include <atomic>
#include <cstdint>

#include "holdfast/internal/atomic_word.h"
#include "holdfast/internal/fresh_range.h"
#include "holdfast/internal/growing_array.h"

namespace holdfast::internal {

// `Array` is a SlotArray.
template <typename Array, typename Traits>
class FreshSlots {
  template <typename U>
  using Atomic = typename Traits::Atomics::template Atomic<U>;

 public:
  // Slots [0, high_water) have been handed out at least once. [INV-8]
  using HighWater = Atomic<uint64_t>;
  // How often TakeCell was called: at most that many slots serve by their cells
  // alone.
  using Replaced = Atomic<uint32_t>;
  // The swept slots that are left.
  using Swept = AtomicWord<FreshRange, typename Traits::Atomics>;

  FreshSlots() = default;

  // `*high_water`, `*swept` and `*replaced` are zeros at first. `all_slots` is
  // how many slots there are.
  FreshSlots(HighWater* high_water, Swept* swept, Replaced* replaced,
             uint64_t all_slots, const GrowingArray<Array, Traits>& array)
      : high_water_(high_water),
        swept_(swept),
        replaced_(replaced),
        all_slots_(all_slots),
        array_(array) {}

  // Hands out up to `wanted` slots below `limit`, from `*first` on. Returns how
  // many; 0 if there is none, or if the system refuses the memory. Lock-free: a
  // retry means that another thread took some.
  uint32_t Take(uint32_t wanted, uint64_t limit, uint64_t* first) noexcept {
    // order: acquire <- exhaust. See SlotPool::SlotLimit.
    uint64_t begin = high_water_->load(std::memory_order_acquire);
    uint64_t end;
    do {
      if (begin >= limit) return 0;
      end = std::min(begin + wanted, limit);
      if (!array_.Reach(end - 1)) return 0;
      // order: release -> exhaust: that this thread's shard has been counted.
      // Acquire, stronger than needed: `begin` was acquired, but see
      // FreeList::Pop. Failure acquire <- exhaust. The slots themselves are
      // zeros to every thread.
    } while (!high_water_->compare_exchange_weak(
        begin, end, std::memory_order_acq_rel, std::memory_order_acquire));
    *first = begin;
    return static_cast<uint32_t>(end - begin);
  }

  // As Take, of swept slots.
  uint32_t TakeSwept(uint32_t wanted, uint64_t* first) noexcept {
    // order: acquire <- exhaust. As in Take.
    FreshRange swept = swept_->load(std::memory_order_acquire);
    FreshRange rest;
    do {
      if (swept.count() == 0) return 0;
      const uint32_t count = std::min(wanted, swept.count());
      rest = FreshRange(swept.begin() + count, swept.end());
      // order: release -> exhaust; acquire, stronger than needed. Failure
      // acquire <- exhaust. All as in Take. The words of the slots are this
      // thread's to read, since UnpinAllExclusive happened before, as its
      // contract says.
    } while (!swept_->compare_exchange_weak(
        swept, rest, std::memory_order_acq_rel, std::memory_order_acquire));
    *first = swept.begin();
    return rest.begin() - swept.begin();
  }

  // Sweeps all slots below the high-water mark together, for a thread that has
  // stopped every other one. Requires that all of them are free or retired, and
  // that no other place has one of them.
  void Sweep() noexcept {
    // order: release, stronger than needed between threads, since no other one
    // runs. It keeps the compiler from moving the stores that empty all other
    // places, for a thread that leaves the call before this one. [INV-9]
    swept_->store(FreshRange(0, high_water()), std::memory_order_release);
  }

  // The cell of a slot that is then never used for anything else. False if
  // there is none. Lock-free, as Take.
  bool TakeCell(uint32_t* cell) noexcept {
    // order: relaxed. Nothing is read through the number. It grows before the
    // slot is taken: see replaced().
    replaced_->fetch_add(1, std::memory_order_relaxed);
    uint64_t index;
    if (Take(1, all_slots_, &index) == 0) return false;
    *cell = static_cast<uint32_t>(index);
    return true;
  }

  uint64_t high_water() const noexcept {
    // order: relaxed. A bound: a thread that has a handle of a slot, or knows
    // that its pin has happened, reads a value beyond that slot by coherence.
    return high_water_->load(std::memory_order_relaxed);
  }

  uint32_t replaced() const noexcept {
    // order: relaxed. It is counted before the slot is taken, so the exhaust
    // edge shows it to a thread that finds no slot left.
    return replaced_->load(std::memory_order_relaxed);
  }

  uint64_t all_slots() const noexcept { return all_slots_; }

 private:
  HighWater* high_water_ = nullptr;
  Swept* swept_ = nullptr;
  Replaced* replaced_ = nullptr;
  uint64_t all_slots_ = 0;
  GrowingArray<Array, Traits> array_;
};

}  // namespace holdfast::internal

#endif  // HOLDFAST_INTERNAL_FRESH_SLOTS_H_
