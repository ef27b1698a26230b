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

#ifndef HOLDFAST_INTERNAL_SLOT_POOL_H_
#define HOLDFAST_INTERNAL_SLOT_POOL_H_

#include <algorithm>
#include <atomic>
#include <cstdint>

#include "absl/base/attributes.h"
#include "absl/base/optimization.h"
#include "holdfast/internal/free_list.h"
#include "holdfast/internal/shard.h"
#include "holdfast/internal/thread_ordinals.h"
#include "holdfast/internal/words.h"

namespace holdfast::internal {

template <typename Slots, typename Traits>
class SlotPool {
  template <typename U>
  using Atomic = typename Traits::Atomics::template Atomic<U>;
  using Word = Words<Traits::kGenerationBits>;
  using Threads = typename Traits::Threads;
  using List = FreeList<Slots, Traits>;
  using Lease = OrdinalLease<Threads>;

 public:
  // What all threads write to, each on cache lines of its own (two, because
  // processors fetch them in pairs).
  struct Control {
    alignas(128) typename List::Head head;
    // Slots [0, high_water) have been handed out at least once. At most
    // max_slots. [INV-8]
    alignas(128) Atomic<uint64_t> high_water;
  };

  SlotPool() = default;

  // `*control` and `shards` are zeroed. `cache_slots` is at most
  // Shard::kCapacity; if it is 0, every slot goes through the free list.
  SlotPool(Control* control, Shard<Traits>* shards, Slots slots,
           uint64_t max_slots, uint32_t cache_slots)
      : shards_(shards),
        shard_limit_(cache_slots == 0 ? 0 : Traits::kMaxThreads),
        cache_slots_(cache_slots),
        control_(control),
        slots_(slots),
        list_(&control->head, slots, max_slots),
        max_slots_(max_slots) {
    // order: relaxed. Nobody else has the table yet.
    control->head.store(List::kEmpty, std::memory_order_relaxed);
  }

  // A free slot from the thread's own shard, now the caller's, in `*free`;
  // false if there is none. Wait-free.
  ABSL_ATTRIBUTE_ALWAYS_INLINE bool AcquireFast(uint64_t* free) {
    const uint32_t ordinal = Threads::Current();
    return ABSL_PREDICT_TRUE(ordinal < shard_limit_) &&
           TryTake(shards_[ordinal], free);
  }

  // A free slot from anywhere, or kNoSlot if none is left. Lock-free.
  ABSL_ATTRIBUTE_NOINLINE uint64_t AcquireSlow() {
    if (control_ == nullptr) return Word::kNoSlot;  // Moved from.
    const Lease lease;
    if (lease.ordinal() >= shard_limit_) return AcquireDirect();
    Shard<Traits>& shard = shards_[lease.ordinal()];
    // The ordinal may be new to this thread, and its shard not empty.
    uint64_t free;
    return TryTake(shard, &free) ? free : Refill(shard);
  }

  // Gives back a slot whose life the caller has just ended. Wait-free while
  // there is room in the thread's shard, else lock-free.
  ABSL_ATTRIBUTE_ALWAYS_INLINE void Release(uint64_t free) {
    const uint32_t ordinal = Threads::Current();
    if (ABSL_PREDICT_FALSE(ordinal >= shard_limit_ ||
                           !TryPut(shards_[ordinal], free))) {
      ReleaseSlow(free);
    }
  }

  uint64_t high_water() const {
    if (control_ == nullptr) return 0;  // Moved from.
    // order: relaxed. A bound: whoever has a handle of a slot, or knows that
    // its pin has happened, reads a value beyond that slot by coherence.
    return control_->high_water.load(std::memory_order_relaxed);
  }

  // Free slots in the shards, dead threads' included. Approximate while other
  // threads go on.
  uint64_t CachedSlots() const {
    uint64_t cached = 0;
    for (uint32_t i = 0; i < UsedShards(); ++i) {
      cached += CountOf(shards_[i]);
    }
    return cached;
  }

  uint32_t cache_slots() const { return cache_slots_; }

 private:
  uint32_t Batch() const { return cache_slots_ < 2 ? 1 : cache_slots_ / 2; }

  uint32_t UsedShards() const {
    return std::min(Threads::Limit(), shard_limit_);
  }

  ABSL_ATTRIBUTE_ALWAYS_INLINE static bool TryTake(Shard<Traits>& shard,
                                                   uint64_t* free) {
    *free = shard.last.Get();
    if (*free != 0) {
      shard.last.Set(0);
      return true;
    }
    const uint32_t count = shard.count.Get();
    if (ABSL_PREDICT_FALSE(count == 0)) return false;
    *free = shard.slots[count - 1];
    shard.count.Set(count - 1);
    return true;
  }

  ABSL_ATTRIBUTE_ALWAYS_INLINE bool TryPut(Shard<Traits>& shard,
                                           uint64_t free) {
    if (shard.last.Get() == 0) {
      shard.last.Set(free);
      return true;
    }
    const uint32_t count = shard.count.Get();
    if (ABSL_PREDICT_FALSE(count + 1 >= cache_slots_)) return false;
    shard.slots[count] = free;
    shard.count.Set(count + 1);
    return true;
  }

  static uint32_t CountOf(const Shard<Traits>& shard) {
    return shard.count.Get() + (shard.last.Get() != 0 ? 1 : 0);
  }

  // Takes shard.slots[begin...] out and links them as a heap: entry i leads to
  // entries kLinks * i + 1 and on. Returns its root, a short form, or kNil.
  uint32_t Unload(Shard<Traits>& shard, uint32_t begin) {
    const uint32_t count = shard.count.Get() - begin;
    const auto entry = [&](uint32_t i) {
      return i < count ? Word::ShortForm(shard.slots[begin + i]) : Word::kNil;
    };
    for (uint32_t i = 0; i < count; ++i) {
      const uint32_t first = Slots::kLinks * i + 1;
      slots_.SetLinks(shard.slots[begin + i], entry(first), entry(first + 1));
    }
    shard.count.Set(begin);
    return entry(0);
  }

  ABSL_ATTRIBUTE_NOINLINE void ReleaseSlow(uint64_t free) {
    const Lease lease;
    if (lease.ordinal() >= shard_limit_) {
      slots_.SetLinks(free, Word::kNil, Word::kNil);
      return list_.Push(free);
    }
    Shard<Traits>& shard = shards_[lease.ordinal()];
    if (TryPut(shard, free)) return;
    // A full batch goes: half of the shard.
    const uint32_t rest = cache_slots_ - Batch();
    slots_.SetLinks(free, Unload(shard, rest), Word::kNil);
    list_.Push(free);
  }

  // A free slot for the owner of an empty shard, and the rest of its batch into
  // the shard. kNoSlot if none is left. The slot that led the batch is the one
  // that is pinned, here as in AcquireDirect: so no slot in a shard has led a
  // batch since it was freed, and any of them may. [INV-5]
  uint64_t Refill(Shard<Traits>& shard) {
    do {
      const uint64_t first = list_.Pop();
      if (first != Word::kNoSlot) {
        Load(shard, slots_.LinksOf(Word::ShortForm(first)).first);
        return first;
      }
      uint64_t fresh;
      const uint32_t count = Grow(Batch(), &fresh);
      if (count != 0) {
        LoadFresh(shard, fresh + 1, count - 1);
        return Word::Pack(fresh, 0);
      }
    } while (Scavenge());
    return Word::kNoSlot;
  }

  // Puts the rest of a batch, at most Batch() - 1 slots from `root` on, into an
  // empty shard, so that `root` comes out first.
  void Load(Shard<Traits>& shard, uint32_t root) {
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
    shard.count.Set(count);
  }

  // Puts `count` slots that were never used into an empty shard, so that they
  // come out in their order.
  void LoadFresh(Shard<Traits>& shard, uint64_t first, uint32_t count) {
    for (uint32_t i = 0; i < count; ++i) {
      shard.slots[i] = Word::Pack(first + count - 1 - i, 0);
    }
    shard.count.Set(count);
  }

  // One slot for a thread without a shard.
  uint64_t AcquireDirect() {
    do {
      const uint64_t first = list_.Pop();
      if (first != Word::kNoSlot) {
        PushRest(slots_.LinksOf(Word::ShortForm(first)).first);
        return first;
      }
      uint64_t fresh;
      if (Grow(1, &fresh) != 0) return Word::Pack(fresh, 0);
    } while (Scavenge());
    return Word::kNoSlot;
  }

  // Pushes what is left of a batch whose first slot is taken: `root` leads it
  // now, and has one link for the trees that its two led to.
  void PushRest(uint32_t root) {
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

  // Hands out up to `wanted` slots that were never used, from `*first` on: they
  // are zeros, and so free slots of generation 0. [INV-1]
  // Lock-free: a retry means that another thread grew the table.
  uint32_t Grow(uint32_t wanted, uint64_t* first) {
    // order: relaxed, all. It numbers slots and publishes nothing: who gets a
    // slot from whom is ordered by other edges.
    uint64_t begin = control_->high_water.load(std::memory_order_relaxed);
    uint64_t end;
    do {
      if (begin == max_slots_) return 0;
      end = std::min(begin + wanted, max_slots_);
    } while (!control_->high_water.compare_exchange_weak(
        begin, end, std::memory_order_relaxed, std::memory_order_relaxed));
    *first = begin;
    return static_cast<uint32_t>(end - begin);
  }

  // Moves what exited threads left in their shards to the free list. False if
  // there was nothing.
  bool Scavenge() {
    bool found = false;
    for (uint32_t i = 0; i < UsedShards(); ++i) {
      Shard<Traits>& shard = shards_[i];
      if (CountOf(shard) == 0 || !Threads::TryClaim(i)) continue;
      found |= Drain(shard);
      Threads::Release(i);
    }
    return found;
  }

  // Requires that the caller owns the shard.
  bool Drain(Shard<Traits>& shard) {
    bool found = false;
    uint64_t last;
    while (TryTake(shard, &last)) {
      const uint32_t count = shard.count.Get();
      const uint32_t rest = count < Batch() ? 0 : count - (Batch() - 1);
      slots_.SetLinks(last, Unload(shard, rest), Word::kNil);
      list_.Push(last);
      found = true;
    }
    return found;
  }

  // Read on every operation, written by none.
  Shard<Traits>* shards_ = nullptr;
  uint32_t shard_limit_ = 0;  // Threads from this ordinal on have no shard.
  uint32_t cache_slots_ = 0;

  Control* control_ = nullptr;
  Slots slots_;
  List list_;
  uint64_t max_slots_ = 0;
};

}  // namespace holdfast::internal

#endif  // HOLDFAST_INTERNAL_SLOT_POOL_H_
