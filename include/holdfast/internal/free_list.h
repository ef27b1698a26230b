// The batches of free slots that all threads share: a few lock-free stacks.
// Each thread has one of them for its home. It pushes there, and pops there as
// long as it finds something; so threads on many cores do not all wait for one
// cache line.
//
// Each is a Treiber stack (R. K. Treiber, "Systems programming: coping with
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

#include <algorithm>
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

  static constexpr uint32_t kStacks = Traits::kFreeListStacks;
  static_assert(kStacks != 0 && (kStacks & (kStacks - 1)) == 0,
                "Traits::kFreeListStacks must be a power of two");

  // A stack's head, on a cache line of its own.
  struct alignas(64) Stack {
    Head head;
  };

  // The heads of all stacks. A Pop has found each of them empty.
  struct Seen {
    uint64_t heads[kStacks];  // Their bits. Not initialized.
  };

  FreeList() = default;

  // The kStacks stacks at `stacks` are zeroed. `high_water` says which slots
  // can be read, and is looked at only where slots that were never used cannot
  // be read.
  FreeList(Stack* stacks, Links links, uint64_t all_slots,
           const typename Fresh::HighWater* high_water = nullptr)
      : stacks_(stacks),
        links_(links),
        all_slots_(all_slots),
        high_water_(high_water) {}

  // Gives the batch that `first` leads. Any number will do for the caller's
  // `home`. Lock-free: a retry means that another thread's Push or Pop on the
  // same stack succeeded.
  //
  // Requires that the caller owns every slot of the batch, and that `first` has
  // not led a pushed batch since it was last freed. [INV-5]
  void Push(Free first, uint64_t home) noexcept {
    const Top pushed = Top::Of(first);
    Head& top = stacks_[PlaceOf(home)].head;
    // order: relaxed. Nothing is read through it; the CAS validates it.
    Top head = top.load(std::memory_order_relaxed);
    do {
      links_.SetBelow(first, head.index());
      // order: release -> recycle. Links, words and cells of the batch, and all
      // that was done to the slots before, pass to the thread that pops it.
      // Failure relaxed: the new head is only linked to.
    } while (!top.compare_exchange_weak(head, pushed, std::memory_order_release,
                                        std::memory_order_relaxed));
  }

  // Takes a batch, of the caller's home if there is one: its first slot. The
  // caller then owns every slot of the batch. None, and the heads in `*seen`,
  // if each stack was empty when the call came to it. Lock-free, as Push.
  Free Pop(uint64_t home, Seen* seen) noexcept {
    const uint32_t first_place = PlaceOf(home);
    for (uint32_t i = 0; i < kStacks; ++i) {
      const uint32_t at = (first_place + i) % kStacks;
      const Free first = PopFrom(stacks_[at].head, &seen->heads[at]);
      if (!first.IsNone()) return first;
    }
    return Free();
  }

  // Forgets all batches, for a thread that has stopped every other one.
  void Forget() noexcept {
    for (uint32_t i = 0; i < kStacks; ++i) {
      // order: relaxed. No other thread runs.
      stacks_[i].head.store({}, std::memory_order_relaxed);
    }
  }

  // Whether all stacks were empty at one moment. `seen` is from a Pop of this
  // thread that has found no batch. If not, another thread has pushed one since
  // that Pop began.
  bool WereEmptyTogether(const Seen& seen) const noexcept {
    if (kStacks == 1) return true;
    for (uint32_t i = 0; i < kStacks; ++i) {
      // order: relaxed. If a push happened before what the Pop has acquired,
      // then by coherence this load reads no older head; and no head of an
      // empty stack comes back (ListHead).
      const Top head = stacks_[i].head.load(std::memory_order_relaxed);
      if (head.bits() != seen.heads[i]) return false;
    }
    return true;
  }

 private:
  // Processors fetch cache lines in pairs. So the first half of the homes have
  // one stack of each pair.
  static uint32_t PlaceOf(uint64_t home) noexcept {
    if constexpr (kStacks == 1) return 0;
    const uint64_t turned = home * 2 + home / std::max(kStacks / 2, 1U) % 2;
    return static_cast<uint32_t>(turned % kStacks);
  }

  // The first slot of the top batch; or none, and the head's bits in `*empty`.
  Free PopFrom(Head& top, uint64_t* empty) noexcept {
    // order: acquire <- recycle, exhaust. Every push and pop is an RMW on the
    // head, so this acquires from each push of a batch that is still on the
    // stack, and from each pop of one that is not.
    Top head = top.load(std::memory_order_acquire);
    for (;;) {
      if (head.IsEmpty()) {
        *empty = head.bits();
        return Free();
      }
      const uint32_t first = head.index();
      const uint32_t below = links_.Below(first);
      Top popped = head.Emptied();
      if (IsSlot(below)) {
        popped = Top(below, links_.GenerationAt(below));
      } else if (below != kNone) {
        // This is no link: `first` is no longer on top, as the head will show.
        // order: acquire <- recycle.
        head = top.load(std::memory_order_acquire);
        continue;
      }
      // order: release -> exhaust: that the shard which the batch goes to has
      // been counted. Acquire, stronger than needed: what it reads was acquired
      // before, but g++ 12 takes a success order below the failure order for
      // seq_cst. Failure acquire <- recycle: the next round follows links.
      if (top.compare_exchange_weak(head, popped, std::memory_order_acq_rel,
                                    std::memory_order_acquire)) {
        return links_.FreeSlotAt(first);
      }
    }
  }

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

  Stack* stacks_ = nullptr;
  Links links_;
  uint64_t all_slots_ = 0;
  const typename Fresh::HighWater* high_water_ = nullptr;
};

}  // namespace holdfast::internal

#endif  // HOLDFAST_INTERNAL_FREE_LIST_H_
