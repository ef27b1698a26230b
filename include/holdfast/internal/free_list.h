// A lock-free stack of batches of free slots, shared by all threads.
//
// A Treiber stack (R. K. Treiber, "Systems programming: coping with
// parallelism", IBM RJ 5118, 1986) whose elements are trees of slots (chains,
// where a slot has one link): one CAS takes or gives a whole batch. The head
// names the first slot of the top batch and carries that slot's generation as
// the tag. The slot that led a batch is pinned before it leads another, and its
// generation never wraps, so an equal head means that its batch has lain on the
// stack, unchanged, all the time: there is no ABA. [INV-5]
//
//   head = {slot index, generation}
//     |
//     v         first             first
//   slot 7 --------------> slot 3 ------> slot 9
//     | second: the batch     | second
//     v below                 +---------> slot 2
//   slot 4 --------------> slot 1
//
// A batch is a tree so that a thread that takes it fetches its cache lines
// level by level, not one after another.

#ifndef HOLDFAST_INTERNAL_FREE_LIST_H_
#define HOLDFAST_INTERNAL_FREE_LIST_H_

#include <atomic>
#include <cstdint>

#include "holdfast/internal/atomic_word.h"
#include "holdfast/internal/fresh_slots.h"
#include "holdfast/internal/slot_names.h"

namespace holdfast::internal {

// `Links` is that of a kind of slots, see slot_kind.h.
template <typename Links, typename Traits>
class FreeList {
  using Top = ListHead<Traits::kGenerationBits>;
  using Free = FreeSlot<Traits::kGenerationBits>;
  using Fresh = FreshSlots<typename Links::Array, Traits>;
  static constexpr uint32_t kNone = IndexLimits<Traits::kGenerationBits>::kNone;

 public:
  using Head = AtomicWord<Top, typename Traits::Atomics>;

  FreeList() = default;

  // `*head` must hold an empty Top at first. `high_water` says which slots can
  // be read, and is looked at only where slots that were never used cannot be
  // read.
  FreeList(Head* head, Links links, uint64_t all_slots,
           const typename Fresh::HighWater* high_water = nullptr)
      : head_(head),
        links_(links),
        all_slots_(all_slots),
        high_water_(high_water) {}

  // Gives the batch that `first` leads. Lock-free: a retry means that another
  // thread's Push or Pop succeeded.
  //
  // Requires that the caller owns every slot of the batch, and that `first` has
  // not led a pushed batch since it was last freed. [INV-5]
  void Push(Free first) noexcept {
    const Top pushed = Top::Of(first);
    // order: relaxed. Nothing is read through it; the CAS validates it.
    Top head = head_->load(std::memory_order_relaxed);
    do {
      links_.SetBelow(first, head.index());
      // order: release -> recycle. Links, words and cells of the batch, and all
      // that was done to the slots before, pass to the thread that pops it.
      // Failure relaxed: the new head is only linked to.
    } while (!head_->compare_exchange_weak(
        head, pushed, std::memory_order_release, std::memory_order_relaxed));
  }

  // Takes the top batch: its first slot, or none if the list is empty. The
  // caller then owns every slot of the batch. Lock-free, as Push.
  Free Pop() noexcept {
    // order: acquire <- recycle, exhaust. Every push and pop is an RMW on the
    // head, so this acquires from each push of a batch that is still on the
    // stack, and from each pop of one that is not.
    Top head = head_->load(std::memory_order_acquire);
    for (;;) {
      if (head.IsEmpty()) return Free();
      const uint32_t first = head.index();
      const uint32_t below = links_.Below(first);
      Top popped;
      if (IsSlot(below)) {
        popped = Top(below, links_.GenerationAt(below));
      } else if (below != kNone) {
        // This is no link: `first` is no longer on top, as the head will show.
        // order: acquire <- recycle.
        head = head_->load(std::memory_order_acquire);
        continue;
      }
      // order: release -> exhaust: that the shard which the batch goes to has
      // been counted. Acquire, stronger than needed: what it reads was acquired
      // before, but g++ 12 takes a success order below the failure order for
      // seq_cst. Failure acquire <- recycle: the next round follows links.
      if (head_->compare_exchange_weak(head, popped, std::memory_order_acq_rel,
                                       std::memory_order_acquire)) {
        return links_.FreeSlotAt(first);
      }
    }
  }

 private:
  // Whether there is such a slot to look at.
  bool IsSlot(uint32_t index) const noexcept {
    if constexpr (Traits::Memory::kReadsAsZeros) {
      return index < all_slots_;
    } else {
      // order: relaxed. A link of a batch that lies on the list is below the
      // high-water mark that this reads: the slot was handed out before it was
      // pushed, and the acquire load of the head has synchronized with the
      // push.
      return index < high_water_->load(std::memory_order_relaxed);
    }
  }

  Head* head_ = nullptr;
  Links links_;
  uint64_t all_slots_ = 0;
  const typename Fresh::HighWater* high_water_ = nullptr;
};

}  // namespace holdfast::internal

#endif  // HOLDFAST_INTERNAL_FREE_LIST_H_
