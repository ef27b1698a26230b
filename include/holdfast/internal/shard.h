// What one thread has of one table: its cache of free slots and its spare cell.
// Found by the thread's ordinal, touched by the owner of that ordinal alone
// [INV-6], and handed on with it, as it stands.

#ifndef HOLDFAST_INTERNAL_SHARD_H_
#define HOLDFAST_INTERNAL_SHARD_H_

#include <atomic>
#include <cstdint>

namespace holdfast::internal {

template <typename Traits>
struct alignas(64) Shard {
  template <typename U>
  using Atomic = typename Traits::Atomics::template Atomic<U>;
  template <typename U>
  using Plain = typename Traits::Atomics::template Plain<U>;

  static constexpr uint32_t kCapacity =
      Traits::kMaxThreadCacheSlots > 0 ? Traits::kMaxThreadCacheSlots : 1;

  // A variable of the owner's that others may look at, to count and to find a
  // shard that is worth claiming.
  template <typename U>
  class Owned {
   public:
    U Get() const {
      // order: relaxed. The owner finds what it stored, or what the bequeath
      // edge brought. Others read nothing through it. [INV-6]
      return value_.load(std::memory_order_relaxed);
    }

    void Set(U value) {
      // order: relaxed. Only the owner stores, and whoever owns the shard next
      // has it by the bequeath edge. [INV-6]
      value_.store(value, std::memory_order_relaxed);
    }

   private:
    Atomic<U> value_;
  };

  // A free slot, see words.h: the next that is taken, and the last one given if
  // there was none; 0 if it is taken again (a slot that is given back has
  // lived, so its generation is not 0). It has a place of its own because a pin
  // that follows an unpin would otherwise wait for `count` before it can look
  // for its slot.
  Owned<uint64_t> last;

  // Free slots in `slots`.
  Owned<uint32_t> count;

  // The spare cell's index plus one; 0 for the cell that the shard starts with.
  Plain<uint32_t> spare_plus_one;

  // A stack of more free slots: the last in is the first out.
  Plain<uint64_t> slots[kCapacity];
};

}  // namespace holdfast::internal

#endif  // HOLDFAST_INTERNAL_SHARD_H_
