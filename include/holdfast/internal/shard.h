// What one thread has of one table: its cache of free slots and its spare cell.
// A shard is found by the thread's ordinal, is touched by the owner of that
// ordinal alone [INV-6], and passes to the next owner as it stands.
//
// A thread may leave a call halfway and then go on, or exit: a signal handler
// jumps out of the call, or the thread is cancelled in it. So the shard is
// whole between any two instructions of its owner; what such a thread loses is
// the slots that it had in hand. [INV-9]

#ifndef HOLDFAST_INTERNAL_SHARD_H_
#define HOLDFAST_INTERNAL_SHARD_H_

#include <atomic>
#include <cstdint>

#include "holdfast/internal/atomic_word.h"
#include "holdfast/internal/slot_names.h"
#include "holdfast/internal/spare_cell.h"

namespace holdfast::internal {

// The free slot that a shard keeps in a place of its own; or the reason why it
// keeps none.
template <int kGenerationBits>
class LastFreed {
  using Free = FreeSlot<kGenerationBits>;

 public:
  // Nothing can be put here, because the shard was never opened. Zeroed memory
  // is this.
  constexpr LastFreed() noexcept = default;
  // A slot that has ended a life: so its generation is not 0.
  constexpr explicit LastFreed(Free slot) noexcept : bits_(slot.bits()) {}
  static constexpr LastFreed Empty() noexcept { return FromBits(kEmpty); }
  static constexpr LastFreed FromBits(uint64_t bits) noexcept {
    LastFreed last;
    last.bits_ = bits;
    return last;
  }

  constexpr uint64_t bits() const noexcept { return bits_; }
  constexpr bool IsClosed() const noexcept { return bits_ == 0; }
  constexpr bool IsEmpty() const noexcept { return bits_ == kEmpty; }
  constexpr bool HasSlot() const noexcept { return bits_ > kEmpty; }
  // Requires HasSlot().
  constexpr Free slot() const noexcept { return Free::FromBits(bits_); }

 private:
  // No free slot is 1, because the generation of a free slot is even.
  static constexpr uint64_t kEmpty = 1;

  uint64_t bits_ = 0;
};

template <typename Traits>
struct alignas(64) Shard {
  template <typename U>
  using Atomic = typename Traits::Atomics::template Atomic<U>;
  template <typename U>
  using Plain = typename Traits::Atomics::template Plain<U>;
  using Free = FreeSlot<Traits::kGenerationBits>;
  using Last = LastFreed<Traits::kGenerationBits>;

  static constexpr uint32_t kCapacity =
      Traits::kMaxThreadCacheSlots > 0 ? Traits::kMaxThreadCacheSlots : 1;

  // A variable that the owner alone stores to, and that others may look at: to
  // count, and to find a shard that is worth claiming.
  template <typename U, typename Variable = Atomic<U>>
  class Owned {
   public:
    U Get() const noexcept {
      // order: relaxed. The owner reads what it has stored itself, or what the
      // bequeath edge has brought. Others read nothing through it. [INV-6]
      return value_.load(std::memory_order_relaxed);
    }

    void Set(U value) noexcept {
      // order: relaxed. Only the owner stores, and the bequeath edge brings the
      // value to the next owner of the shard. [INV-6]
      value_.store(value, std::memory_order_relaxed);
    }

    // As Set, and after all that the owner has stored before: if the owner
    // leaves its call here, the shard's next owner finds either everything or
    // nothing.
    void SetLast(U value) noexcept {
      // order: release -> bequeath. Between threads, the claim of the ordinal
      // orders this; here it keeps the compiler from moving the stores. [INV-9]
      value_.store(value, std::memory_order_release);
    }

   private:
    Variable value_;
  };

  // Free slots in the shard; and those of them that are in `slots`.
  uint32_t Count() const noexcept {
    return ArrayCount() + (last.Get().HasSlot() ? 1 : 0);
  }
  uint32_t ArrayCount() const noexcept {
    const uint32_t plus_one = level.Get();
    return plus_one == 0 ? 0 : plus_one - 1;
  }

  // Says that the first `count` of `slots` are complete. Opens the shard.
  void SetArrayCount(uint32_t count) noexcept { level.SetLast(count + 1); }

  // A one-entry stack on top of `slots`. A pin that follows an unpin finds its
  // slot here without waiting for `level`.
  Owned<Last, AtomicWord<Last, typename Traits::Atomics>> last;

  // The number of free slots in `slots` plus one; 0 until the shard is opened,
  // so that nothing can be put in or taken out.
  Owned<uint32_t> level;

  // The ordinal plus one of the shard that was opened before this one, or this
  // one's if there was none; 0 if it is not in the list. Written once.
  Owned<uint32_t> next_opened;

  Plain<SpareCell> spare;

  // A stack of free slots, of all that the shard keeps but one.
  Plain<Free> slots[kCapacity > 1 ? kCapacity - 1 : 1];
};

}  // namespace holdfast::internal

#endif  // HOLDFAST_INTERNAL_SHARD_H_
