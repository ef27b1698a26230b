// What one thread has of one table: its cache of free slots and its spare cell.
// Found by the thread's ordinal, touched by the owner of that ordinal alone
// [INV-6], and handed on with it, as it stands.
//
// A thread may leave a call halfway and then go on, or exit: a signal handler
// jumps out of the call, or the thread is cancelled in it. So whatever the
// owner does, the shard is whole between any two of its instructions: what is
// lost then is what the thread had in hand. [INV-9]

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

  // What `last` is in a shard that is open and has no slot there.
  static constexpr uint64_t kNoLast = 1;

  // What `spare` is if it is not the spare cell's index plus kFirstSpare: the
  // shard has had no spare cell; or a Write has the cell in its hands, or left
  // halfway with it.
  static constexpr uint32_t kNoSpare = 0;
  static constexpr uint32_t kSpareTaken = 1;
  static constexpr uint32_t kFirstSpare = 2;

  // A variable of the owner's that others may look at, to count and to find a
  // shard that is worth claiming.
  template <typename U>
  class Owned {
   public:
    U Get() const noexcept {
      // order: relaxed. The owner finds what it stored, or what the bequeath
      // edge brought. Others read nothing through it. [INV-6]
      return value_.load(std::memory_order_relaxed);
    }

    void Set(U value) noexcept {
      // order: relaxed. Only the owner stores, and whoever owns the shard next
      // has it by the bequeath edge. [INV-6]
      value_.store(value, std::memory_order_relaxed);
    }

    // Set, after all that the owner stored before: should it leave the call
    // here, the next owner finds either everything or nothing.
    void SetLast(U value) noexcept {
      // order: release -> bequeath. Between threads the claim of the ordinal
      // does it; this keeps the compiler from moving the stores. [INV-9]
      value_.store(value, std::memory_order_release);
    }

   private:
    Atomic<U> value_;
  };

  // Free slots in the shard, and those of them in `slots`.
  uint32_t Count() const noexcept {
    return ArrayCount() + (last.Get() > kNoLast ? 1 : 0);
  }
  uint32_t ArrayCount() const noexcept {
    const uint32_t plus_one = level.Get();
    return plus_one == 0 ? 0 : plus_one - 1;
  }

  // The free slots in `slots` are `count`, and complete. Opens the shard.
  void SetArrayCount(uint32_t count) noexcept { level.SetLast(count + 1); }

  // A free slot, see words.h: the next that is taken, and the last one given if
  // there was none; kNoLast if it is taken again (no free slot is 1, as its
  // generation is even); 0 until the shard is opened. It has a place of its own
  // because a pin that follows an unpin would otherwise wait for `level` before
  // it can look for its slot.
  Owned<uint64_t> last;

  // The number of free slots in `slots` plus one; 0 until the shard is opened,
  // so that nothing can be put in or taken out.
  Owned<uint32_t> level;

  // The ordinal plus one of the shard that was opened before this one, or this
  // one's if there was none; 0 if it is not in the list. Written once.
  Owned<uint32_t> next_opened;

  Plain<uint32_t> spare;

  // A stack of more free slots, of all but one: the last in is the first out.
  Plain<uint64_t> slots[kCapacity > 1 ? kCapacity - 1 : 1];
};

}  // namespace holdfast::internal

#endif  // HOLDFAST_INTERNAL_SHARD_H_
