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
// read-modify-writes. Where the shard is full or empty, one batch moves between
// the shard and the free list, with one CAS. (J. Bonwick and J. Adams,
// "Magazines and Vmem", USENIX 2001; here the depot's magazines are strung
// through the free slots themselves.) A batch is a full one, of
// CacheShape::batch() slots, or a single slot. A thread without a shard goes to
// the free list each time.
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
#include "holdfast/internal/cache_shape.h"
#include "holdfast/internal/free_list.h"
#include "holdfast/internal/fresh_range.h"
#include "holdfast/internal/fresh_slots.h"
#include "holdfast/internal/shard.h"
#include "holdfast/internal/shard_array.h"
#include "holdfast/internal/slot_names.h"
#include "holdfast/internal/slot_trees.h"
#include "holdfast/internal/thread_ordinals.h"

namespace holdfast::internal {

// `Links` is the Links of a kind of slots, see slot_kind.h.
template <typename Links, typename Traits>
class SlotPool {
  using List = FreeList<Links, Traits>;
  using Numbering = typename Traits::Threads::Numbering;
  using Lease = OrdinalLease<Numbering>;
  using Link = SlotLink<Traits::kGenerationBits>;

 public:
  using Free = FreeSlot<Traits::kGenerationBits>;
  using Fresh = FreshSlots<typename Links::Array, Traits>;

  // The variables that all threads write to, on cache lines of their own (two,
  // because processors fetch them in pairs; see FreeList for the stacks).
  struct Control {
    alignas(128) typename List::Stack stacks[List::kStacks];
    alignas(128) typename Fresh::HighWater high_water;
    typename Fresh::Swept swept;
    alignas(128) typename ShardArray<Traits>::Opened opened;
    typename Fresh::Replaced replaced;
  };

  SlotPool() = default;

  // `*control` and the shards are zeroed, and `fresh` looks at the same
  // `*control`. `max_slots` values can be live, whatever threads keep.
  // `cache_slots` is at most Traits::kMaxThreadCacheSlots; if it is 0, every
  // slot goes through the free list.
  SlotPool(Control* control, ShardArray<Traits> shards, Links links,
           const Fresh& fresh, uint64_t max_slots, uint32_t cache_slots,
           Numbering numbering)
      : numbering_(numbering),
        shards_(shards),
        shard_limit_(cache_slots == 0 ? 0 : ShardArray<Traits>::kLimit),
        shape_(cache_slots),
        max_slots_(max_slots),
        links_(links),
        list_(control->stacks, links, fresh.all_slots(), &control->high_water),
        fresh_(fresh) {}

  // Takes a free slot that is at hand; false if there is none. Wait-free.
  ABSL_ATTRIBUTE_ALWAYS_INLINE bool AcquireFast(Free* free) noexcept {
    const uint64_t ordinal = numbering_.Current();
    return ABSL_PREDICT_TRUE(ordinal < shard_limit_) &&
           TryTake(shards_[ordinal], free);
  }

  // Calls take(Free) for free slots of the thread's front, as many as there
  // are, but at most `wanted` and at most a batch. Wait-free. If the thread
  // leaves the call inside `take`, the slots that `take` has not received yet
  // are lost. [INV-9]
  template <typename F>
  ABSL_ATTRIBUTE_ALWAYS_INLINE void AcquireFromFront(uint64_t wanted,
                                                     F&& take) noexcept {
    const uint64_t ordinal = numbering_.Current();
    if (ABSL_PREDICT_FALSE(ordinal >= shard_limit_)) return;
    Shard<Traits>& shard = shards_[ordinal];
    const uint32_t count = shard.FrontCount();
    if (count == 0) return;
    const auto rest = static_cast<uint32_t>(
        count - std::min<uint64_t>({wanted, count, shape_.batch()}));
    // First they leave the shard, and then they are used: the stores that make
    // them live are releases, which this store cannot pass. [INV-9]
    shard.level.Set(rest + 1);
    for (uint32_t i = count; i-- > rest;) take(Free(shard.front[i]));
  }

  // A free slot for a thread that has none at hand, or none if there is none
  // left. Wait-free if the thread's shard has one, else lock-free.
  ABSL_ATTRIBUTE_NOINLINE Free AcquireSlow() noexcept {
    const uint64_t ordinal = numbering_.Current();
    Free free;
    const bool found =
        ordinal < shard_limit_ && TakeStored(shards_[ordinal], &free);
    return found ? free : AcquireFromAll(ordinal);
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

  // Whether SweepExclusive may be called. If not, the cells of some slots are
  // in use, although these slots are free.
  bool CanSweep() const noexcept {
    return !IsMovedFrom() && fresh_.replaced() == 0;
  }

  // Takes all free slots back from where they are, and sweeps all slots
  // together, for a thread that has stopped every other one. So they are used
  // again in the order of their indexes, and none was linked. Requires that all
  // slots are free or retired.
  void SweepExclusive() noexcept {
    list_.Forget();
    shards_.ForEachOpened([&](uint32_t ordinal) noexcept {
      if (shards_[ordinal].level.Get() != 0) shards_[ordinal].Forget();
    });
    fresh_.Sweep();
  }

  uint64_t high_water() const noexcept {
    return IsMovedFrom() ? 0 : fresh_.high_water();
  }

  // Free slots in the shards, dead threads' included. Approximate while other
  // threads go on.
  uint64_t CachedSlots() const noexcept {
    uint64_t cached = 0;
    if (IsMovedFrom()) return 0;
    shards_.ForEachOpened([&](uint32_t ordinal) noexcept {
      cached += shards_[ordinal].Count(shape_);
    });
    return cached;
  }

  // Makes the shards zeros again, for a thread that has the table to itself.
  // Only the first `shards` were ever used.
  void Clear(uint64_t shards) const noexcept { shards_.Clear(shards); }

  // From now on, no thread finds a slot in its shard.
  void StopCaching() noexcept { shard_limit_ = 0; }

  // Makes this pool one that was moved from.
  void Forget() noexcept {
    shard_limit_ = 0;
    max_slots_ = 0;
  }

  uint64_t max_slots() const noexcept { return max_slots_; }
  uint32_t cache_slots() const noexcept { return shape_.slots(); }

 private:
  bool IsMovedFrom() const noexcept { return max_slots_ == 0; }

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
    *free = shard.front[level - 2];
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
    if (ABSL_PREDICT_FALSE(count >= shape_.front())) return false;
    shard.front[count] = free;
    shard.SetFrontCount(count + 1);
    return true;
  }

  // Takes slots of a shard that has none at hand: one for the caller, and some
  // more to be at hand. False if the shard is empty.
  bool TakeStored(Shard<Traits>& shard, Free* free) noexcept {
    uint32_t count;
    do {
      if (shard.taken.Count() != 0) {
        count = shard.taken.CopySome(links_, shard.front, shape_.tree());
        shard.taken.Leave(count);
      } else if (shard.fresh.Get().count() != 0) {
        count = TakeFresh(shard);
      } else if (shard.kept.Get().count() != 0) {
        count = TakeKept(shard);
      } else {
        return false;
      }
    } while (count == 0);
    *free = shard.front[count - 1];
    shard.SetFrontCount(count - 1);
    return true;
  }

  // Moves the slots that were never used to an empty front, which does not
  // count them yet, so that they come out in their order. Returns how many.
  uint32_t TakeFresh(Shard<Traits>& shard) noexcept {
    const FreshRange fresh = shard.fresh.Get();
    uint32_t count = 0;
    for (uint32_t i = fresh.end(); i-- > fresh.begin();) {
      const Free free = links_.FreeSlotAt(i);
      if (!IsRetired(free)) shard.front[count++] = free;
    }
    shard.fresh.SetLast({});
    return count;
  }

  // The same with a batch that the shard keeps. It leaves at once: the thread
  // has linked it itself, not long ago.
  uint32_t TakeKept(Shard<Traits>& shard) noexcept {
    const Free leader = PopKept(shard);
    const Link tree = links_.LinksOf(leader.link()).first;
    uint32_t count = 0;
    if (!tree.IsNone()) {
      shard.taken.Start(tree, shape_.tree());
      count = shard.taken.CopyAll(links_, shard.front, shape_.tree());
      shard.taken.Leave(count);
    }
    shard.front[count] = leader;
    return count + 1;
  }

  // Takes the first batch that the shard keeps. Returns the slot that leads it.
  // Requires that there is one.
  Free PopKept(Shard<Traits>& shard) noexcept {
    const KeptBatches kept = shard.kept.Get();
    shard.kept.SetLast(
        KeptBatches(kept.count() - 1, links_.Below(kept.first())));
    return links_.FreeSlotAt(kept.first());
  }

  // As AcquireSlow, for a thread whose `ordinal` has no slots in its shard.
  ABSL_ATTRIBUTE_NOINLINE Free AcquireFromAll(uint64_t ordinal) noexcept {
    if (IsMovedFrom()) return Free();
    const Lease lease(numbering_);
    Shard<Traits>* const shard = OpenShard(lease.ordinal());
    if (shard == nullptr) return AcquireDirect(lease.ordinal());
    // The ordinal may be new to this thread, and its shard not empty.
    Free free;
    const bool found = lease.ordinal() != ordinal &&
                       (TryTake(*shard, &free) || TakeStored(*shard, &free));
    return found ? free : Refill(*shard, lease.ordinal());
  }

  // The open shard of `ordinal`, or null if there is none: then the caller goes
  // to the free list each time.
  Shard<Traits>* OpenShard(uint32_t ordinal) const noexcept {
    const bool has_one = ordinal < shard_limit_ && shards_.Open(ordinal);
    return has_one ? &shards_[ordinal] : nullptr;
  }

  ABSL_ATTRIBUTE_NOINLINE void ReleaseSlow(Free free) noexcept {
    const uint64_t ordinal = numbering_.Current();
    if (ordinal < shard_limit_ && shards_[ordinal].level.Get() != 0) {
      return Store(shards_[ordinal], free, ordinal);
    }
    const Lease lease(numbering_);
    Shard<Traits>* const shard = OpenShard(lease.ordinal());
    if (shard == nullptr) return PushBatch(free, Link(), lease.ordinal());
    if (!TryPut(*shard, free)) Store(*shard, free, lease.ordinal());
  }

  // Puts a slot into a shard whose front is full: the slot leads a batch of
  // those that came before it.
  void Store(Shard<Traits>& shard, Free free, uint64_t ordinal) noexcept {
    const uint32_t rest = shape_.front() - shape_.tree();
    const Link tree = MakeTree(&shard.front[rest]);
    shard.SetFrontCount(rest);
    const KeptBatches kept = shard.kept.Get();
    if (kept.count() == shape_.kept_batches()) {
      return PushBatch(free, tree, ordinal);
    }
    links_.SetLinks(free, {tree, Link()});
    links_.SetBelow(free, kept.first());
    shard.kept.SetLast(KeptBatches(kept.count() + 1, free.index()));
  }

  // Links `slots`, as many as a tree has. Returns the root, or none if a tree
  // has no slots.
  Link MakeTree(
      const typename Traits::Atomics::template Plain<Free>* slots) noexcept {
    return LinkAsTree(links_, slots, shape_.tree());
  }

  // Pushes the batch that `first` leads, with a tree or without.
  void PushBatch(Free first, Link tree, uint64_t home) noexcept {
    links_.SetLinks(first, {tree, Link()});
    list_.Push(first, home);
  }

  // A free slot for the owner of an empty shard, and the rest of its batch into
  // the shard. None if no slot is left. The slot that led the batch is the one
  // that is pinned, here as in AcquireDirect: so no slot in a shard has led a
  // pushed batch since it was freed, and any of them may. [INV-5]
  Free Refill(Shard<Traits>& shard, uint64_t ordinal) noexcept {
    const Found found = Find(shape_.batch(), OwnShare(shard), ordinal);
    if (found.fresh_count != 0) {
      const uint64_t first = found.first.index();
      shard.fresh.SetLast(FreshRange(first + 1, first + found.fresh_count));
    } else if (!found.first.IsNone()) {
      const Link tree = links_.LinksOf(found.first.link()).first;
      if (!tree.IsNone()) {
        links_.Prefetch(tree);
        shard.taken.Start(tree, shape_.tree());
      }
    }
    return found.first;
  }

  // The result of Find: a slot, and the number of slots from it on that are not
  // linked; or the first slot of a popped batch, and 0; or no slot.
  struct Found {
    Free first;
    uint32_t fresh_count;
  };

  // Slots for a caller that has none; `own` is what SlotLimit asks for. None if
  // the table was full at one moment of the call: every slot that the caller
  // may use had been handed out, and then the free list was empty. Lock-free.
  Found Find(uint32_t wanted, uint64_t own, uint64_t home) noexcept {
    bool exhausted = false;  // All slots below `limit` have been handed out.
    for (uint64_t limit = max_slots_;;) {
      typename List::Seen seen;
      const Free first = list_.Pop(home, &seen);
      if (!first.IsNone()) return {first, 0};
      if (exhausted && limit == SlotLimit(own) &&
          list_.WereEmptyTogether(seen)) {
        return {Free(), 0};
      }
      uint64_t at;
      uint32_t count = fresh_.TakeSwept(wanted, &at);
      if (count == 0) count = fresh_.Take(wanted, max_slots_, &at);
      if (count == 0 && Scavenge(home)) continue;
      if (count == 0) {
        limit = SlotLimit(own);
        count = fresh_.Take(wanted, limit, &at);
      }
      exhausted = count == 0;
      for (; count != 0; ++at, --count) {
        const Free free = links_.FreeSlotAt(static_cast<uint32_t>(at));
        if (!IsRetired(free)) return {free, count};
      }
    }
  }

  // Of slots that UnpinAllExclusive has swept together.
  static bool IsRetired(Free free) noexcept {
    return free.generation() ==
           GenerationLimits<Traits::kGenerationBits>::kRetired;
  }

  // Slots that may be handed out to a caller that has `own` of them at most:
  // see OwnShare. A thread has at most cache_slots() slots in its shard and one
  // in its hand (while it moves a batch or pins many, fewer in the shard); in a
  // table of objects, MostWaiting() more may wait. So where this many have been
  // handed out and none is on the free list, at least max_slots are live.
  uint64_t SlotLimit(uint64_t own) const noexcept {
    const uint64_t opened = shards_.OpenedCount();
    const uint64_t each =
        shape_.slots() + 1 + MostWaiting<Traits>(opened, shape_.slots());
    const uint64_t kept = opened * each - own;
    return std::min(fresh_.all_slots(), max_slots_ + kept + fresh_.replaced());
  }

  // What SlotLimit leaves out for a caller whose shard is empty: all that it
  // might have. In a destructor of an object, it may have some waiting in its
  // hand; else it reclaims these itself before it gives up.
  uint64_t OwnShare(const Shard<Traits>& shard) const noexcept {
    uint64_t waiting = 0;
    if constexpr (Traits::kHoldsObjects) {
      if (shard.room.depth.Get() == 0) {
        waiting = MostWaiting<Traits>(shards_.OpenedCount(), shape_.slots());
      }
    }
    return shape_.slots() + 1 + waiting;
  }

  // The same, for a caller that keeps no free slots.
  uint64_t OwnShareDirect(uint64_t ordinal) const noexcept {
    const bool may_have_some = Traits::kHoldsObjects &&
                               ordinal < ShardArray<Traits>::kLimit &&
                               shards_[ordinal].level.Get() != 0;
    return may_have_some ? OwnShare(shards_[ordinal]) : 0;
  }

  // One slot for a thread without a shard. The rest of its batch goes back slot
  // by slot, so that each batch is either full or a single slot.
  Free AcquireDirect(uint64_t home) noexcept {
    const Found found = Find(1, OwnShareDirect(home), home);
    if (found.fresh_count != 0 || found.first.IsNone()) return found.first;
    Link tree[CacheShape::kMostTree];
    uint32_t known = 0;
    const auto add = [&](Link link) noexcept {
      if (!link.IsNone()) tree[known++] = link;
    };
    add(links_.LinksOf(found.first.link()).first);
    for (uint32_t i = 0; i < known; ++i) {
      const auto below = links_.LinksOf(tree[i]);
      PushBatch(links_.FreeSlotOf(tree[i]), Link(), home);
      add(below.first);
      add(below.second);
    }
    return found.first;
  }

  // Moves what exited threads left in their shards to the free list. False if
  // there was nothing.
  bool Scavenge(uint64_t home) noexcept {
    bool found = false;
    shards_.ForEachOpened([&](uint32_t ordinal) noexcept {
      if (shards_[ordinal].Count(shape_) == 0 || !numbering_.TryClaim(ordinal))
        return;
      found |= Drain(shards_[ordinal], home);
      numbering_.Release(ordinal);
    });
    return found;
  }

  // Moves all slots of a shard to the free list. False if there was none.
  // Requires that the caller owns the shard. At no time are more slots in the
  // caller's hand than a batch. [INV-9]
  bool Drain(Shard<Traits>& shard, uint64_t home) noexcept {
    bool found = false;
    while (shard.kept.Get().count() != 0) {
      list_.Push(PopKept(shard), home);
      found = true;
    }
    for (Free rest;;) {
      const uint32_t count = shard.FrontCount();
      if (count >= shape_.batch()) {
        const Free leader = shard.front[count - 1];
        const Link tree = MakeTree(&shard.front[count - shape_.batch()]);
        shard.SetFrontCount(count - shape_.batch());
        PushBatch(leader, tree, home);
      } else if (TryTake(shard, &rest) || TakeStored(shard, &rest)) {
        PushBatch(rest, Link(), home);
      } else {
        return found;
      }
      found = true;
    }
  }

  // Read on every operation, written by none.
  Numbering numbering_;
  ShardArray<Traits> shards_;
  uint64_t shard_limit_ = 0;  // Threads from this ordinal on have no shard.
  CacheShape shape_{0};       // Of each shard.

  uint64_t max_slots_ = 0;
  Links links_;
  List list_;
  Fresh fresh_;
};

}  // namespace holdfast::internal

#endif  // HOLDFAST_INTERNAL_SLOT_POOL_H_
