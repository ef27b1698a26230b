// Who owns the free slots. A slot that is neither live nor retired is in
// exactly one place [INV-7]:
//
//   never used  --Grow-->  a thread's hand  --Publish-->  live
//                            |        ^
//                     Release|        |Acquire
//                            v        |
//                          the thread's shard  <--batches-->  the free list
//
// Acquire and Release work on the thread's own shard, without atomic
// read-modify-writes; every Batch() calls one batch moves between shard and
// free list, with one CAS (J. Bonwick and J. Adams, "Magazines and Vmem",
// USENIX 2001, with the depot's magazines strung through the free slots
// themselves). A thread without a shard goes to the free list each time.
//
// Threads keep free slots in their shards even while they do nothing. So that a
// table nevertheless holds as many values as it was made for, growth may go
// beyond max_slots by what the shards can keep: see SlotLimit().

#ifndef HOLDFAST_INTERNAL_SLOT_POOL_H_
#define HOLDFAST_INTERNAL_SLOT_POOL_H_

#include <algorithm>
#include <atomic>
#include <cstdint>

#include "absl/base/attributes.h"
#include "absl/base/optimization.h"
#include "holdfast/internal/free_list.h"
#include "holdfast/internal/growing_part.h"
#include "holdfast/internal/shard.h"
#include "holdfast/internal/shard_array.h"
#include "holdfast/internal/thread_ordinals.h"
#include "holdfast/internal/words.h"

namespace holdfast::internal {

template <typename Slots, typename Traits>
class SlotPool {
  template <typename U>
  using Atomic = typename Traits::Atomics::template Atomic<U>;
  using Word = Words<Traits::kGenerationBits>;
  using List = FreeList<Slots, Traits>;
  using Numbering = typename Traits::Threads::Numbering;
  using Lease = OrdinalLease<Numbering>;
  using Part = GrowingPart<Traits>;

 public:
  // What all threads write to, each on cache lines of its own (two, because
  // processors fetch them in pairs).
  struct Control {
    alignas(128) typename List::Head head;
    // Slots [0, high_water) have been handed out at least once. [INV-8]
    alignas(128) Atomic<uint64_t> high_water;
    alignas(128) typename ShardArray<Traits>::Opened opened;
    // Slots that serve by their cells alone, see TakeCell.
    Atomic<uint32_t> replaced;
  };

  // The slots that there are.
  struct Space {
    uint64_t max_slots;  // Values that can be live, whatever threads keep.
    uint64_t all_slots;  // And what growth may use beyond.
    Part slots = {};
    Part sides = {};
  };

  SlotPool() = default;

  // `*control` and the shards are zeroed. `cache_slots` is at most
  // Shard::kCapacity; if it is 0, every slot goes through the free list.
  SlotPool(Control* control, ShardArray<Traits> shards, Slots slots,
           const Space& space, uint32_t cache_slots, Numbering numbering)
      : numbering_(numbering),
        shards_(shards),
        shard_limit_(cache_slots == 0 ? 0 : ShardArray<Traits>::kLimit),
        array_slots_(cache_slots == 0 ? 0 : cache_slots - 1),
        cache_slots_(cache_slots),
        control_(control),
        slots_(slots),
        list_(&control->head, slots, space.all_slots, &control->high_water),
        space_(space) {
    // order: relaxed. Nobody else has the table yet.
    control->head.store(List::kEmpty, std::memory_order_relaxed);
  }

  // A free slot from the thread's own shard, now the caller's, in `*free`;
  // false if there is none. Wait-free.
  ABSL_ATTRIBUTE_ALWAYS_INLINE bool AcquireFast(uint64_t* free) noexcept {
    const uint64_t ordinal = numbering_.Current();
    return ABSL_PREDICT_TRUE(ordinal < shard_limit_) &&
           TryTake(shards_[ordinal], free);
  }

  // A free slot from anywhere, or kNoSlot if none is left. Lock-free.
  ABSL_ATTRIBUTE_NOINLINE uint64_t AcquireSlow() noexcept {
    if (control_ == nullptr) return Word::kNoSlot;  // Moved from.
    const Lease lease(numbering_);
    Shard<Traits>* const shard = OpenShard(lease.ordinal());
    if (shard == nullptr) return AcquireDirect();
    // The ordinal may be new to this thread, and its shard not empty.
    uint64_t free;
    return TryTake(*shard, &free) ? free : Refill(*shard);
  }

  // Gives back a slot whose life the caller has just ended. Wait-free while
  // there is room in the thread's shard, else lock-free.
  ABSL_ATTRIBUTE_ALWAYS_INLINE void Release(uint64_t free) noexcept {
    const uint64_t ordinal = numbering_.Current();
    if (ABSL_PREDICT_FALSE(ordinal >= shard_limit_ ||
                           !TryPut(shards_[ordinal], free))) {
      ReleaseSlow(free);
    }
  }

  // The cell of a slot that was never used and never will be. False if there is
  // none. Lock-free, as Grow.
  bool TakeCell(uint32_t* cell) noexcept {
    // order: relaxed. Only the number counts. It is counted first, as a shard.
    control_->replaced.fetch_add(1, std::memory_order_relaxed);
    uint64_t index;
    if (Grow(1, space_.all_slots, &index) == 0) return false;
    *cell = static_cast<uint32_t>(index);
    return true;
  }

  uint64_t high_water() const noexcept {
    if (control_ == nullptr) return 0;  // Moved from.
    // order: relaxed. A bound: a thread that has a handle of a slot, or knows
    // that its pin has happened, reads a value beyond that slot by coherence.
    return control_->high_water.load(std::memory_order_relaxed);
  }

  // Free slots in the shards, dead threads' included. Approximate while other
  // threads go on.
  uint64_t CachedSlots() const noexcept {
    uint64_t cached = 0;
    if (control_ == nullptr) return 0;  // Moved from.
    shards_.ForEachOpened(
        [&](uint32_t ordinal) { cached += shards_[ordinal].Count(); });
    return cached;
  }

  uint64_t max_slots() const noexcept { return space_.max_slots; }
  uint32_t cache_slots() const noexcept { return cache_slots_; }

 private:
  uint32_t Batch() const noexcept {
    return cache_slots_ < 2 ? 1 : cache_slots_ / 2;
  }

  ABSL_ATTRIBUTE_ALWAYS_INLINE static bool TryTake(Shard<Traits>& shard,
                                                   uint64_t* free) noexcept {
    *free = shard.last.Get();
    if (*free > Shard<Traits>::kNoLast) {
      shard.last.Set(Shard<Traits>::kNoLast);
      return true;
    }
    const uint32_t level = shard.level.Get();
    if (ABSL_PREDICT_FALSE(level <= 1)) return false;
    *free = shard.slots[level - 2];
    shard.level.Set(level - 1);
    return true;
  }

  ABSL_ATTRIBUTE_ALWAYS_INLINE bool TryPut(Shard<Traits>& shard,
                                           uint64_t free) noexcept {
    if (shard.last.Get() == Shard<Traits>::kNoLast) {
      shard.last.Set(free);
      return true;
    }
    const uint32_t count = shard.level.Get() - 1;  // Huge if closed.
    if (ABSL_PREDICT_FALSE(count >= array_slots_)) return false;
    shard.slots[count] = free;
    shard.SetArrayCount(count + 1);
    return true;
  }

  // The open shard of `ordinal`, or null if there is none: then the caller goes
  // to the free list each time.
  Shard<Traits>* OpenShard(uint32_t ordinal) const {
    const bool has_one = ordinal < shard_limit_ && shards_.Open(ordinal);
    return has_one ? &shards_[ordinal] : nullptr;
  }

  // Takes shard.slots[begin...] out and links them as a heap: entry i leads to
  // entries kLinks * i + 1 and on. Returns its root, a short form, or kNil.
  uint32_t Unload(Shard<Traits>& shard, uint32_t begin) noexcept {
    const uint32_t count = shard.ArrayCount() - begin;
    const auto entry = [&](uint32_t i) {
      return i < count ? Word::ShortForm(shard.slots[begin + i]) : Word::kNil;
    };
    for (uint32_t i = 0; i < count; ++i) {
      const uint32_t first = Slots::kLinks * i + 1;
      slots_.SetLinks(shard.slots[begin + i], entry(first), entry(first + 1));
    }
    shard.SetArrayCount(begin);
    return entry(0);
  }

  ABSL_ATTRIBUTE_NOINLINE void ReleaseSlow(uint64_t free) noexcept {
    const Lease lease(numbering_);
    Shard<Traits>* const shard = OpenShard(lease.ordinal());
    uint32_t rest = Word::kNil;
    if (shard != nullptr) {
      if (TryPut(*shard, free)) return;
      // A full batch goes: half of the shard.
      rest = Unload(*shard, cache_slots_ - Batch());
    }
    slots_.SetLinks(free, rest, Word::kNil);
    list_.Push(free);
  }

  // A free slot for the owner of an empty shard, and the rest of its batch into
  // the shard. kNoSlot if none is left. The slot that led the batch is the one
  // that is pinned, here as in AcquireDirect: so no slot in a shard has led a
  // batch since it was freed, and any of them may. [INV-5]
  uint64_t Refill(Shard<Traits>& shard) noexcept {
    const Found found = Find(Batch(), cache_slots_ + 1);
    if (found.fresh != 0) {
      LoadFresh(shard, Word::Index(found.first) + 1, found.fresh - 1);
    } else if (found.first != Word::kNoSlot) {
      Load(shard, slots_.LinksOf(Word::ShortForm(found.first)).first);
    }
    return found.first;
  }

  // What Find returns: a slot, and how many there are from it on that were
  // never used; or the first slot of a popped batch, and 0.
  struct Found {
    uint64_t first;
    uint32_t fresh;
  };

  // Slots for a caller that has none; `own` is what SlotLimit asks for. kNoSlot
  // if the table was full at one moment of the call: every slot that the caller
  // may use had been handed out, and then the free list was empty. Lock-free.
  Found Find(uint32_t wanted, uint64_t own) noexcept {
    bool exhausted = false;  // All slots below `limit` have been handed out.
    for (uint64_t limit = space_.max_slots;;) {
      const uint64_t first = list_.Pop();
      if (first != Word::kNoSlot) return {first, 0};
      if (exhausted && limit == SlotLimit(own)) return {Word::kNoSlot, 0};
      uint64_t fresh;
      uint32_t count = Grow(wanted, space_.max_slots, &fresh);
      if (count == 0 && Scavenge()) continue;
      if (count == 0) {
        limit = SlotLimit(own);
        count = Grow(wanted, limit, &fresh);
      }
      if (count != 0) return {Word::Pack(fresh, 0), count};
      exhausted = true;
    }
  }

  // Slots that may be handed out to a caller whose own shard, if it has one,
  // is empty and counts `own` slots. A thread has at most cache_slots_ slots in
  // its shard and one in its hand (while it moves a batch, fewer in the shard).
  // So where this many have been handed out and none is on the free list, at
  // least max_slots are live.
  uint64_t SlotLimit(uint64_t own) const noexcept {
    const uint64_t kept = shards_.OpenedCount() * (cache_slots_ + 1) - own;
    // order: relaxed. As OpenedCount: counted before the slot was taken.
    const uint64_t lost = control_->replaced.load(std::memory_order_relaxed);
    return std::min(space_.all_slots, space_.max_slots + kept + lost);
  }

  // Puts the rest of a batch, at most Batch() - 1 slots from `root` on, into an
  // empty shard, so that `root` comes out first.
  void Load(Shard<Traits>& shard, uint32_t root) noexcept {
    const uint32_t expected = Batch() - 1;
    uint32_t room = expected;
    const auto add = [&](uint32_t link) {
      if (link != Word::kNil) shard.slots[--room] = link;
    };
    add(root);
    for (uint32_t at = expected; at-- > room;) {
      const uint32_t free = static_cast<uint32_t>(shard.slots[at]);
      const Links links = slots_.LinksOf(free);
      shard.slots[at] = slots_.LongForm(free);
      add(links.first);
      add(links.second);
    }
    const uint32_t count = expected - room;
    if (ABSL_PREDICT_FALSE(room != 0)) {  // A part of a batch.
      for (uint32_t i = 0; i < count; ++i) {
        shard.slots[i] = shard.slots[room + i];
      }
    }
    shard.SetArrayCount(count);
  }

  // Puts `count` slots that were never used into an empty shard, so that they
  // come out in their order.
  void LoadFresh(Shard<Traits>& shard, uint64_t first,
                 uint32_t count) noexcept {
    for (uint32_t i = 0; i < count; ++i) {
      shard.slots[i] = Word::Pack(first + count - 1 - i, 0);
    }
    shard.SetArrayCount(count);
  }

  // One slot for a thread without a shard.
  uint64_t AcquireDirect() noexcept {
    const Found found = Find(1, 0);
    if (found.fresh == 0 && found.first != Word::kNoSlot) {
      PushRest(slots_.LinksOf(Word::ShortForm(found.first)).first);
    }
    return found.first;
  }

  // Pushes what is left of a batch whose first slot is taken: `root` leads it
  // now, and has one link for the trees that its two led to.
  void PushRest(uint32_t root) noexcept {
    if (root == Word::kNil) return;
    const Links links = slots_.LinksOf(root);
    if (links.second != Word::kNil) {
      uint32_t end = Word::kNil;
      for (uint32_t next = links.first; next != Word::kNil;
           next = slots_.LinksOf(next).first) {
        end = next;
      }
      slots_.SetLinks(slots_.LongForm(end), links.second, Word::kNil);
    }
    const uint64_t first = slots_.LongForm(root);
    slots_.SetLinks(first, links.first, Word::kNil);
    list_.Push(first);
  }

  // Hands out up to `wanted` slots below `limit` that were never used, from
  // `*first` on: they are zeros, and so free slots of generation 0. [INV-1]
  // None if the system refuses the memory. Lock-free: a retry means that
  // another thread grew the table.
  uint32_t Grow(uint32_t wanted, uint64_t limit, uint64_t* first) noexcept {
    // order: acquire <- exhaust. See SlotLimit.
    uint64_t begin = control_->high_water.load(std::memory_order_acquire);
    uint64_t end;
    do {
      if (begin >= limit) return 0;
      end = std::min(begin + wanted, limit);
      if (!Reach(end - 1)) return 0;
      // order: release -> exhaust: that this thread's shard counts. Acquire,
      // stronger than needed: `begin` was acquired, but see Pop. Failure
      // acquire <- exhaust. The slots themselves are zeros to every thread.
    } while (!control_->high_water.compare_exchange_weak(
        begin, end, std::memory_order_acq_rel, std::memory_order_acquire));
    *first = begin;
    return static_cast<uint32_t>(end - begin);
  }

  // Makes the slots up to `index` writable.
  bool Reach(uint64_t index) const noexcept {
    return space_.slots.Reach(slots_.slot(index),
                              sizeof(typename Slots::Slot)) &&
           space_.sides.Reach(slots_.side(index), sizeof(typename Slots::Side));
  }

  // Moves what exited threads left in their shards to the free list. False if
  // there was nothing.
  bool Scavenge() noexcept {
    bool found = false;
    shards_.ForEachOpened([&](uint32_t ordinal) {
      if (shards_[ordinal].Count() == 0 || !numbering_.TryClaim(ordinal))
        return;
      found |= Drain(shards_[ordinal]);
      numbering_.Release(ordinal);
    });
    return found;
  }

  // Requires that the caller owns the shard.
  bool Drain(Shard<Traits>& shard) noexcept {
    bool found = false;
    uint64_t last;
    while (TryTake(shard, &last)) {
      const uint32_t count = shard.ArrayCount();
      const uint32_t rest = count < Batch() ? 0 : count - (Batch() - 1);
      slots_.SetLinks(last, Unload(shard, rest), Word::kNil);
      list_.Push(last);
      found = true;
    }
    return found;
  }

  // Read on every operation, written by none.
  Numbering numbering_;
  ShardArray<Traits> shards_;
  uint64_t shard_limit_ = 0;  // Threads from this ordinal on have no shard.
  uint32_t array_slots_ = 0;  // Of a shard's, those that `slots` may hold.
  uint32_t cache_slots_ = 0;

  Control* control_ = nullptr;
  Slots slots_;
  List list_;
  Space space_ = {};
};

}  // namespace holdfast::internal

#endif  // HOLDFAST_INTERNAL_SLOT_POOL_H_
