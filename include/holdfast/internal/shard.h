// What one thread has of one table: its cache of free slots and its spare cell.
// A shard is found by the thread's ordinal, is touched by the owner of that
// ordinal alone [INV-6], and passes to the next owner as it stands.
//
// Some free slots are at hand, as words. The others are linked to each other,
// and the shard has links to them: see cache_shape.h and slot_trees.h.
//
// A thread may leave a call halfway and then go on, or exit: a signal handler
// jumps out of the call, or the thread is cancelled in it. So the shard is
// whole between any two instructions of its owner; what such a thread loses is
// the slots that it had in hand. [INV-9]

#ifndef HOLDFAST_INTERNAL_SHARD_H_
#define HOLDFAST_INTERNAL_SHARD_H_

#include <algorithm>
#include <cstdint>

#include "holdfast/internal/announcement.h"
#include "holdfast/internal/atomic_word.h"
#include "holdfast/internal/cache_shape.h"
#include "holdfast/internal/fresh_range.h"
#include "holdfast/internal/owned.h"
#include "holdfast/internal/slot_names.h"
#include "holdfast/internal/slot_trees.h"
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

// A list of slots, or of batches, that a shard has: how many there are, and the
// first slot.
//
// {count:32 | slot index:32}
class SlotList {
 public:
  constexpr SlotList() noexcept = default;  // None. Zeroed memory is this.
  constexpr SlotList(uint32_t count, uint32_t first) noexcept
      : bits_(uint64_t{count} << 32 | first) {}
  static constexpr SlotList FromBits(uint64_t bits) noexcept {
    SlotList list;
    list.bits_ = bits;
    return list;
  }

  constexpr uint64_t bits() const noexcept { return bits_; }
  constexpr uint32_t count() const noexcept {
    return static_cast<uint32_t>(bits_ >> 32);
  }
  // Requires that there is one.
  constexpr uint32_t first() const noexcept {
    return static_cast<uint32_t>(bits_);
  }

 private:
  uint64_t bits_ = 0;
};

using KeptBatches = SlotList;   // The first slot leads the first batch.
using WaitingSlots = SlotList;  // See WaitingRoom.

// How many slots may wait in each shard of a table of objects that has so many
// open shards, those left out whose objects are in use. The more shards a
// thread has to look at, the more slots it collects before; but not many more
// than it may keep free ones.
template <typename Traits>
constexpr uint64_t MostWaiting(uint64_t shards, uint32_t cache_slots) noexcept {
  if (!Traits::kHoldsObjects) return 0;
  constexpr uint64_t kLeast = 32;
  return std::min<uint64_t>(
      Traits::kMostWaiting,
      std::clamp<uint64_t>(16 * shards, kLeast,
                           std::max<uint64_t>(kLeast, cache_slots)));
}

// The slots that wait in one list, and when to look at them. To look is to read
// all announcements, and to reclaim what is not in use.
template <typename Atomics>
struct WaitingRoom {
  using Number = Owned<uint32_t, typename Atomics::template Atomic<uint32_t>>;

  // Slots whose lives are over and whose objects still exist, linked by
  // WaitingLinks.
  Owned<WaitingSlots, AtomicWord<WaitingSlots, Atomics>> waiting;

  // How many slots may be waiting before the owner looks which of them can be
  // reclaimed. 0 until the first look.
  Number reclaim_at;

  // How many looks are under way, one in a destructor that the other one runs.
  // One that was left halfway counts for ever.
  Number depth;

  // How often the owner has looked in an Erase.
  Number looks;
};

// What a shard has besides, if its table is one of objects.
template <typename Traits, bool kHoldsObjects>
struct ObjectShard {};  // It is not.

template <typename Traits>
struct ObjectShard<Traits, true> {
  // Other threads look at this, and shake hands here.
  AnnouncementRecord<typename Traits::Atomics, Traits::kAnnouncements>
      announced;

  WaitingRoom<typename Traits::Atomics> room;
};

template <typename Traits>
struct alignas(64) Shard : ObjectShard<Traits, Traits::kHoldsObjects> {
  template <typename U>
  using Atomic = typename Traits::Atomics::template Atomic<U>;
  template <typename U>
  using Plain = typename Traits::Atomics::template Plain<U>;
  template <typename Word>
  using OwnedWord = Owned<Word, AtomicWord<Word, typename Traits::Atomics>>;
  using Free = FreeSlot<Traits::kGenerationBits>;
  using Last = LastFreed<Traits::kGenerationBits>;

  static constexpr uint32_t kMostFront =
      std::clamp(Traits::kMaxThreadCacheSlots, 2U, CacheShape::kMostFront + 1) -
      1;

  // Free slots in the shard; and those of them that are in `front`.
  uint32_t Count(const CacheShape& shape) const noexcept {
    return (last.Get().HasSlot() ? 1 : 0) + FrontCount() + taken.Count() +
           fresh.Get().count() + kept.Get().count() * shape.batch();
  }
  uint32_t FrontCount() const noexcept {
    const uint32_t plus_one = level.Get();
    return plus_one == 0 ? 0 : plus_one - 1;
  }

  // Whether anything was ever written here: the first that a thread writes is
  // `spare` or, when it opens the shard, `next_opened`.
  bool IsUsed() const noexcept {
    const SpareCell cell = spare;
    return next_opened.Get() != 0 || !cell.IsUnused();
  }

  // Forgets all free slots, for a thread that has stopped every other one.
  // Requires that the shard is open.
  void Forget() noexcept {
    last.Set(Last::Empty());
    SetFrontCount(0);
    fresh.Set({});
    kept.Set({});
    taken.Leave(taken.Count());
  }

  // Says that the first `count` of `front` are complete. Opens the shard.
  void SetFrontCount(uint32_t count) noexcept { level.SetLast(count + 1); }

  // A one-entry stack on top of `front`. A pin that follows an unpin finds its
  // slot here without waiting for `level`.
  OwnedWord<Last> last;

  // The number of free slots in `front` plus one; 0 until the shard is opened,
  // so that nothing can be put in or taken out.
  Owned<uint32_t, Atomic<uint32_t>> level;

  // The ordinal plus one of the shard that was opened before this one, or this
  // one's if there was none; 0 if it is not in the list. Written once.
  Owned<uint32_t, Atomic<uint32_t>> next_opened;

  Plain<SpareCell> spare;

  // The rest of the last slots that the thread took and that were never used.
  OwnedWord<FreshRange> fresh;

  OwnedWord<KeptBatches> kept;

  // A stack of free slots.
  Plain<Free> front[kMostFront];

  TakenTree<Traits> taken;
};

}  // namespace holdfast::internal

#endif  // HOLDFAST_INTERNAL_SHARD_H_
