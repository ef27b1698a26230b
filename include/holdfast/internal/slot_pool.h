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

  // A free slot, now the caller's, or nil if none is left. Wait-free while the
  // thread's shard has one; else lock-free.
  uint32_t Acquire() {
    const uint32_t ordinal = Threads::Current();
    if (ABSL_PREDICT_TRUE(ordinal < shard_limit_)) {
      Shard<Traits>& shard = shards_[ordinal];
      // order: relaxed. The owner reads its own store. [INV-6]
      const uint32_t count = shard.count.load(std::memory_order_relaxed);
      if (ABSL_PREDICT_TRUE(count != 0)) return Take(shard, count);
    }
    return AcquireSlow();
  }

  // Gives back a slot whose life the caller has just ended. Progress as
  // Acquire: wait-free while there is room in the shard.
  void Release(uint32_t index) {
    const uint32_t ordinal = Threads::Current();
    if (ABSL_PREDICT_TRUE(ordinal < shard_limit_)) {
      Shard<Traits>& shard = shards_[ordinal];
      // order: relaxed. The owner reads its own store.
      const uint32_t count = shard.count.load(std::memory_order_relaxed);
      if (ABSL_PREDICT_TRUE(count < cache_slots_)) {
        return Put(shard, count, index);
      }
    }
    ReleaseSlow(index);
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
      // order: relaxed. A statistic.
      cached += shards_[i].count.load(std::memory_order_relaxed);
    }
    return cached;
  }

  uint32_t cache_slots() const { return cache_slots_; }

 private:
  uint32_t Batch() const { return cache_slots_ < 2 ? 1 : cache_slots_ / 2; }

  uint32_t UsedShards() const {
    return std::min(Threads::Limit(), shard_limit_);
  }

  static uint32_t Take(Shard<Traits>& shard, uint32_t count) {
    const uint32_t index = shard.slots[count - 1];
    // order: relaxed. Only observers read it besides the owner.
    shard.count.store(count - 1, std::memory_order_relaxed);
    return index;
  }

  static void Put(Shard<Traits>& shard, uint32_t count, uint32_t index) {
    shard.slots[count] = index;
    // order: relaxed. Only observers read it besides the owner.
    shard.count.store(count + 1, std::memory_order_relaxed);
  }

  ABSL_ATTRIBUTE_NOINLINE uint32_t AcquireSlow() {
    if (control_ == nullptr) return Word::kNil;  // Moved from.
    const Lease lease;
    if (lease.ordinal() >= shard_limit_) return AcquireDirect();
    Shard<Traits>& shard = shards_[lease.ordinal()];
    // The ordinal may be new to this thread, and its shard not empty.
    // order: relaxed. The lease's claim acquired it: acquire <- bequeath.
    uint32_t count = shard.count.load(std::memory_order_relaxed);
    if (count == 0) count = Refill(shard);
    return count == 0 ? Word::kNil : Take(shard, count);
  }

  ABSL_ATTRIBUTE_NOINLINE void ReleaseSlow(uint32_t index) {
    const Lease lease;
    if (lease.ordinal() >= shard_limit_) {
      slots_.SetNext(index, Word::kNil);
      return list_.Push(index);
    }
    Shard<Traits>& shard = shards_[lease.ordinal()];
    // order: relaxed. The lease's claim acquired it: acquire <- bequeath.
    const uint32_t count = shard.count.load(std::memory_order_relaxed);
    if (count < cache_slots_) return Put(shard, count, index);
    // `index` leads the batch: its generation has just grown, as Push requires,
    // while the others may have been taken from the list and not used.
    const uint32_t rest = count - (Batch() - 1);
    slots_.SetNext(index, Chain(shard, rest, count));
    // order: relaxed. Only observers read it besides the owner.
    shard.count.store(rest, std::memory_order_relaxed);
    list_.Push(index);
  }

  // Links shard.slots[begin, end), the last of them first. Returns the first
  // of the chain, or nil if it is empty.
  uint32_t Chain(Shard<Traits>& shard, uint32_t begin, uint32_t end) {
    uint32_t first = Word::kNil;
    for (uint32_t i = begin; i < end; ++i) {
      slots_.SetNext(shard.slots[i], first);
      first = shard.slots[i];
    }
    return first;
  }

  // Fills an empty shard with one batch. Returns how many slots that is.
  uint32_t Refill(Shard<Traits>& shard) {
    do {
      uint32_t chain = list_.Pop();
      if (chain != Word::kNil) return Unchain(shard, chain);
      uint64_t first;
      uint32_t count = Grow(Batch(), &first);
      if (count != 0) {
        // The lowest slot comes out first.
        for (uint32_t i = 0; i < count; ++i) {
          shard.slots[i] = static_cast<uint32_t>(first + count - 1 - i);
        }
        return count;
      }
    } while (Scavenge());
    return 0;
  }

  // The reverse of Chain, for a shard that is empty: what was put last into
  // the shard that gave the batch comes out first.
  uint32_t Unchain(Shard<Traits>& shard, uint32_t chain) {
    uint32_t count = 0;
    for (uint32_t at = chain; at != Word::kNil; at = slots_.Next(at)) {
      shard.slots[count++] = at;
    }
    for (uint32_t i = 0; i < count / 2; ++i) {
      const uint32_t low = shard.slots[i];
      shard.slots[i] = shard.slots[count - 1 - i];
      shard.slots[count - 1 - i] = low;
    }
    return count;
  }

  // One slot for a thread without a shard.
  uint32_t AcquireDirect() {
    do {
      const uint32_t first = list_.Pop();
      if (first != Word::kNil) {
        PushUnused(slots_.Next(first));
        return first;
      }
      uint64_t fresh;
      if (Grow(1, &fresh) != 0) return static_cast<uint32_t>(fresh);
    } while (Scavenge());
    return Word::kNil;
  }

  // Gives a chain back that may have come from the list and not been used: the
  // first slot's generation must grow, which may retire it.
  void PushUnused(uint32_t chain) {
    while (chain != Word::kNil && !slots_.Advance(chain)) {
      chain = slots_.Next(chain);
    }
    if (chain != Word::kNil) list_.Push(chain);
  }

  // Hands out up to `wanted` slots that were never used, from `*first` on.
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
    for (uint64_t i = begin; i < end; ++i) {
      slots_.InitFresh(static_cast<uint32_t>(i));
    }
    *first = begin;
    return static_cast<uint32_t>(end - begin);
  }

  // Moves what exited threads left in their shards to the free list. False if
  // there was nothing.
  bool Scavenge() {
    bool found = false;
    for (uint32_t i = 0; i < UsedShards(); ++i) {
      Shard<Traits>& shard = shards_[i];
      // order: relaxed. Spares the claim where there is nothing to find.
      if (shard.count.load(std::memory_order_relaxed) == 0) continue;
      if (!Threads::TryClaim(i)) continue;
      found |= Drain(shard);
      Threads::Release(i);
    }
    return found;
  }

  // Requires that the caller owns the shard.
  bool Drain(Shard<Traits>& shard) {
    // order: relaxed, all. TryClaim acquired it: acquire <- bequeath.
    const uint32_t count = shard.count.load(std::memory_order_relaxed);
    shard.count.store(0, std::memory_order_relaxed);
    for (uint32_t begin = 0; begin < count; begin += Batch()) {
      PushUnused(Chain(shard, begin, std::min(begin + Batch(), count)));
    }
    return count != 0;
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
