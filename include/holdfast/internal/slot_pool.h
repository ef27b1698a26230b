// The owners of free slots. A slot that is neither live nor retired is in
// exactly one of these places [INV-7]:
//
//   never used  --fresh-->  a thread's hand  --Publish-->  live
//                            |        ^
//                     Release|        |Acquire
//                            v        |
//                          the thread's shard  <--batches-->  the free list
//
// Acquire and Release work on the thread's own shard, without atomic
// read-modify-writes. After every Batch() such calls, one batch moves between
// the shard and the free list, with one CAS. (J. Bonwick and J. Adams,
// "Magazines and Vmem", USENIX 2001; here the depot's magazines are strung
// through the free slots themselves.) A thread without a shard goes to the free
// list each time.
//
// Threads keep free slots in their shards even while they do nothing. So that a
// table nevertheless holds as many values as it was made for, more than
// max_slots slots may be handed out, by what the shards can keep: see
// SlotLimit().

#ifndef HOLDFAST_INTERNAL_SLOT_POOL_H_
#define HOLDFAST_INTERNAL_SLOT_POOL_H_

#include <algorithm>
#include <atomic>
#include <cstdint>

#include "absl/base/attributes.h"
#include "absl/base/optimization.h"
#include "holdfast/internal/free_list.h"
#include "holdfast/internal/fresh_slots.h"
#include "holdfast/internal/shard.h"
#include "holdfast/internal/shard_array.h"
#include "holdfast/internal/slot_names.h"
#include "holdfast/internal/thread_ordinals.h"

namespace holdfast::internal {

// `Links` is the Links of a kind of slots, see slot_kind.h.
template <typename Links, typename Traits>
class SlotPool {
  using List = FreeList<Links, Traits>;
  using Numbering = typename Traits::Threads::Numbering;
  using Lease = OrdinalLease<Numbering>;
  using Pair = LinkPair<Traits::kGenerationBits>;
  using Link = SlotLink<Traits::kGenerationBits>;

 public:
  using Free = FreeSlot<Traits::kGenerationBits>;
  using Fresh = FreshSlots<typename Links::Array, Traits>;

  // The variables that all threads write to, each on cache lines of its own
  // (two, because processors fetch them in pairs).
  struct Control {
    alignas(128) typename List::Head head;
    alignas(128) typename Fresh::HighWater high_water;
    alignas(128) typename ShardArray<Traits>::Opened opened;
    typename Fresh::Replaced replaced;
  };

  SlotPool() = default;

  // `*control` and the shards are zeroed, and `fresh` looks at the same
  // `*control`. `max_slots` values can be live, whatever threads keep.
  // `cache_slots` is at most Shard::kCapacity; if it is 0, every slot goes
  // through the free list.
  SlotPool(Control* control, ShardArray<Traits> shards, Links links,
           const Fresh& fresh, uint64_t max_slots, uint32_t cache_slots,
           Numbering numbering)
      : numbering_(numbering),
        shards_(shards),
        shard_limit_(cache_slots == 0 ? 0 : ShardArray<Traits>::kLimit),
        array_slots_(cache_slots == 0 ? 0 : cache_slots - 1),
        cache_slots_(cache_slots),
        max_slots_(max_slots),
        links_(links),
        list_(&control->head, links, fresh.all_slots(), &control->high_water),
        fresh_(fresh) {
    // order: relaxed. No other thread has the table yet.
    control->head.store({}, std::memory_order_relaxed);
  }

  // Takes a free slot from the thread's own shard; false if there is none.
  // Wait-free.
  ABSL_ATTRIBUTE_ALWAYS_INLINE bool AcquireFast(Free* free) noexcept {
    const uint64_t ordinal = numbering_.Current();
    return ABSL_PREDICT_TRUE(ordinal < shard_limit_) &&
           TryTake(shards_[ordinal], free);
  }

  // A free slot from anywhere, or none if there is none left. Lock-free.
  ABSL_ATTRIBUTE_NOINLINE Free AcquireSlow() noexcept {
    if (IsMovedFrom()) return Free();
    const Lease lease(numbering_);
    Shard<Traits>* const shard = OpenShard(lease.ordinal());
    if (shard == nullptr) return AcquireDirect();
    // The ordinal may be new to this thread, and its shard not empty.
    Free free;
    return TryTake(*shard, &free) ? free : Refill(*shard);
  }

  // Gives back a slot whose life the caller has just ended. Wait-free while
  // there is room in the thread's shard, else lock-free.
  ABSL_ATTRIBUTE_ALWAYS_INLINE void Release(Free free) noexcept {
    const uint64_t ordinal = numbering_.Current();
    if (ABSL_PREDICT_FALSE(ordinal >= shard_limit_ ||
                           !TryPut(shards_[ordinal], free))) {
      ReleaseSlow(free);
    }
  }

  uint64_t high_water() const noexcept {
    return IsMovedFrom() ? 0 : fresh_.high_water();
  }

  // Free slots in the shards, dead threads' included. Approximate while other
  // threads go on.
  uint64_t CachedSlots() const noexcept {
    uint64_t cached = 0;
    if (IsMovedFrom()) return 0;
    shards_.ForEachOpened(
        [&](uint32_t ordinal) { cached += shards_[ordinal].Count(); });
    return cached;
  }

  uint64_t max_slots() const noexcept { return max_slots_; }
  uint32_t cache_slots() const noexcept { return cache_slots_; }

 private:
  bool IsMovedFrom() const noexcept { return max_slots_ == 0; }

  uint32_t Batch() const noexcept {
    return cache_slots_ < 2 ? 1 : cache_slots_ / 2;
  }

  ABSL_ATTRIBUTE_ALWAYS_INLINE static bool TryTake(Shard<Traits>& shard,
                                                   Free* free) noexcept {
    const auto last = shard.last.Get();
    if (last.HasSlot()) {
      *free = last.slot();
      shard.last.Set(Shard<Traits>::Last::Empty());
      return true;
    }
    const uint32_t level = shard.level.Get();
    if (ABSL_PREDICT_FALSE(level <= 1)) return false;
    *free = shard.slots[level - 2];
    shard.level.Set(level - 1);
    return true;
  }

  ABSL_ATTRIBUTE_ALWAYS_INLINE bool TryPut(Shard<Traits>& shard,
                                           Free free) noexcept {
    if (shard.last.Get().IsEmpty()) {
      shard.last.Set(typename Shard<Traits>::Last(free));
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
  // entries kLinks * i + 1 and on. Returns its root, or none.
  Link Unload(Shard<Traits>& shard, uint32_t begin) noexcept {
    const uint32_t count = shard.ArrayCount() - begin;
    const auto entry = [&](uint32_t i) {
      return i < count ? Free(shard.slots[begin + i]).link() : Link();
    };
    for (uint32_t i = 0; i < count; ++i) {
      const uint32_t first = Links::kLinks * i + 1;
      const Link second = Links::kLinks == 2 ? entry(first + 1) : Link();
      links_.SetLinks(shard.slots[begin + i], {entry(first), second});
    }
    shard.SetArrayCount(begin);
    return entry(0);
  }

  ABSL_ATTRIBUTE_NOINLINE void ReleaseSlow(Free free) noexcept {
    const Lease lease(numbering_);
    Shard<Traits>* const shard = OpenShard(lease.ordinal());
    Link rest;
    if (shard != nullptr) {
      if (TryPut(*shard, free)) return;
      // A full batch goes: half of the shard.
      rest = Unload(*shard, cache_slots_ - Batch());
    }
    PushBatch(free, rest);
  }

  // Pushes a batch of one slot and the tree below `rest`.
  void PushBatch(Free first, Link rest) noexcept {
    links_.SetLinks(first, {rest, Link()});
    list_.Push(first);
  }

  // A free slot for the owner of an empty shard, and the rest of its batch into
  // the shard. None if no slot is left. The slot that led the batch is the one
  // that is pinned, here as in AcquireDirect: so no slot in a shard has led a
  // batch since it was freed, and any of them may. [INV-5]
  Free Refill(Shard<Traits>& shard) noexcept {
    const Found found = Find(Batch(), cache_slots_ + 1);
    if (found.fresh_count != 0) {
      LoadFresh(shard, found.first.index() + 1, found.fresh_count - 1);
    } else if (!found.first.IsNone()) {
      Load(shard, links_.LinksOf(found.first.link()).first);
    }
    return found.first;
  }

  // The result of Find: a slot, and the number of slots from it on that were
  // never used; or the first slot of a popped batch, and 0; or no slot.
  struct Found {
    Free first;
    uint32_t fresh_count;
  };

  // Slots for a caller that has none; `own` is what SlotLimit asks for. None if
  // the table was full at one moment of the call: every slot that the caller
  // may use had been handed out, and then the free list was empty. Lock-free.
  Found Find(uint32_t wanted, uint64_t own) noexcept {
    bool exhausted = false;  // All slots below `limit` have been handed out.
    for (uint64_t limit = max_slots_;;) {
      const Free first = list_.Pop();
      if (!first.IsNone()) return {first, 0};
      if (exhausted && limit == SlotLimit(own)) return {Free(), 0};
      uint64_t first_fresh;
      uint32_t count = fresh_.Take(wanted, max_slots_, &first_fresh);
      if (count == 0 && Scavenge()) continue;
      if (count == 0) {
        limit = SlotLimit(own);
        count = fresh_.Take(wanted, limit, &first_fresh);
      }
      if (count != 0) return {Free::Fresh(first_fresh), count};
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
    return std::min(fresh_.all_slots(), max_slots_ + kept + fresh_.replaced());
  }

  // Puts the rest of a batch, at most Batch() - 1 slots from `root` on, into an
  // empty shard, so that `root` comes out first.
  void Load(Shard<Traits>& shard, Link root) noexcept {
    const uint32_t expected = Batch() - 1;
    uint32_t room = expected;
    // Links that were not followed yet wait in the shard, as slots of
    // generation 0.
    const auto add = [&](Link link) {
      if (!link.IsNone()) shard.slots[--room] = Free(link, Generation());
    };
    add(root);
    for (uint32_t at = expected; at-- > room;) {
      const Link link = Free(shard.slots[at]).link();
      const Pair links = links_.LinksOf(link);
      shard.slots[at] = links_.FreeSlotOf(link);
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
      shard.slots[i] = Free::Fresh(first + count - 1 - i);
    }
    shard.SetArrayCount(count);
  }

  // One slot for a thread without a shard.
  Free AcquireDirect() noexcept {
    const Found found = Find(1, 0);
    if (found.fresh_count == 0 && !found.first.IsNone()) {
      PushRest(links_.LinksOf(found.first.link()).first);
    }
    return found.first;
  }

  // Pushes the rest of a batch whose first slot is taken. `root` leads it now,
  // and so has one link left for the two trees that its links led to.
  void PushRest(Link root) noexcept {
    if (root.IsNone()) return;
    const Pair links = links_.LinksOf(root);
    if (!links.second.IsNone()) {
      Link end;
      for (Link next = links.first; !next.IsNone();
           next = links_.LinksOf(next).first) {
        end = next;
      }
      links_.SetLinks(links_.FreeSlotOf(end), {links.second, Link()});
    }
    PushBatch(links_.FreeSlotOf(root), links.first);
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
    Free last;
    while (TryTake(shard, &last)) {
      const uint32_t count = shard.ArrayCount();
      const uint32_t rest = count < Batch() ? 0 : count - (Batch() - 1);
      PushBatch(last, Unload(shard, rest));
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

  uint64_t max_slots_ = 0;
  Links links_;
  List list_;
  Fresh fresh_;
};

}  // namespace holdfast::internal

#endif  // HOLDFAST_INTERNAL_SLOT_POOL_H_
