// A lock-free stack of batches of free slots, shared by all threads.
//
// A Treiber stack (R. K. Treiber, "Systems programming: coping with
// parallelism", IBM RJ 5118, 1986) whose elements are trees of slots: one CAS
// takes or gives a whole batch. The head names the first slot of the top batch
// and carries that slot's generation as the tag. The slot that led a batch is
// pinned before it leads another, and its generation never wraps, so an equal
// head means that its batch has lain on the stack, unchanged, all the time:
// there is no ABA. [INV-5]
//
//   head = {slot index, generation}
//     |
//     v         first             first
//   slot 7 --------------> slot 3 ------> slot 9
//     | second: the batch     | second
//     v below                 +---------> slot 2
//   slot 4 --------------> slot 1
//
// A tree, because whoever takes a batch then fetches its slots, which another
// thread has touched last, level by level instead of one after another.

#ifndef HOLDFAST_INTERNAL_FREE_LIST_H_
#define HOLDFAST_INTERNAL_FREE_LIST_H_

#include <atomic>
#include <cstdint>

#include "holdfast/internal/words.h"

namespace holdfast::internal {

// `Slots` keeps the links and the generations: CellSlots or InlineSlots.
template <typename Slots, typename Traits>
class FreeList {
  template <typename U>
  using Atomic = typename Traits::Atomics::template Atomic<U>;
  using Word = Words<Traits::kGenerationBits>;

 public:
  using Head = Atomic<uint64_t>;

  static constexpr uint64_t kEmpty = Word::kNoSlot;

  FreeList() = default;
  // `*head` must hold kEmpty at first. Slots have indexes below `max_slots`,
  // and below `*high_water` if they were ever handed out; which is looked at
  // only where the others cannot be read.
  FreeList(Head* head, Slots slots, uint64_t max_slots,
           const Head* high_water = nullptr)
      : head_(head),
        slots_(slots),
        max_slots_(max_slots),
        high_water_(high_water) {}

  // Gives the batch that `first` leads. Lock-free: a retry means that another
  // thread's Push or Pop succeeded.
  //
  // Requires that the caller owns every slot of it, and that `first` has not
  // led a batch since it was last freed. [INV-5]
  void Push(uint64_t first) noexcept {
    const uint64_t pushed = first & ~Word::kMoved;
    // order: relaxed. Nothing is read through it; the CAS validates it.
    uint64_t head = head_->load(std::memory_order_relaxed);
    do {
      slots_.SetBelow(first, Word::Index(head));
      // order: release -> recycle. Links, words and cells of the batch, and all
      // that was done to the slots before, pass to who pops it. Failure
      // relaxed: the new head is only linked to.
    } while (!head_->compare_exchange_weak(
        head, pushed, std::memory_order_release, std::memory_order_relaxed));
  }

  // Takes the top batch: its first slot, or kNoSlot if there is none. The
  // caller then owns every slot of the batch. Lock-free, as Push.
  uint64_t Pop() noexcept {
    // order: acquire <- recycle, exhaust. Every push and pop is an RMW on the
    // head, so this acquires from each push of a batch that is still on the
    // stack, and from each pop of one that is not.
    uint64_t head = head_->load(std::memory_order_acquire);
    for (;;) {
      const uint32_t first = Word::Index(head);
      if (first == Word::kNil) return Word::kNoSlot;
      const uint32_t below = slots_.Below(first);
      uint64_t popped = kEmpty;
      if (IsSlot(below)) {
        popped = Word::Pack(below, slots_.Generation(below));
      } else if (below != Word::kNil) {
        // Not a link: `first` is no longer on top, as the head will show.
        // order: acquire <- recycle.
        head = head_->load(std::memory_order_acquire);
        continue;
      }
      // order: release -> exhaust: that the shard which the batch goes to
      // counts. Acquire, stronger than needed: what it reads was acquired
      // before, but g++ 12 takes a success order below the failure order for
      // seq_cst. Failure acquire <- recycle: the next round follows links.
      if (head_->compare_exchange_weak(head, popped, std::memory_order_acq_rel,
                                       std::memory_order_acquire)) {
        return slots_.FreeSlot(first);
      }
    }
  }

 private:
  // Whether there is such a slot to look at.
  bool IsSlot(uint32_t index) const noexcept {
    if constexpr (Traits::Memory::kReadsAsZeros) {
      return index < max_slots_;
    } else {
      // order: relaxed. A link of a batch that lies on the list is below it:
      // the slot was handed out before it was pushed, which the head has shown.
      return index < high_water_->load(std::memory_order_relaxed);
    }
  }

  Head* head_ = nullptr;
  Slots slots_;
  uint64_t max_slots_ = 0;
  const Head* high_water_ = nullptr;
};

}  // namespace holdfast::internal

#endif  // HOLDFAST_INTERNAL_FREE_LIST_H_
