// Erased objects, and when they are destroyed.
//
// The slot of an erased object waits in the room of the thread that has erased
// the object: in its shard. When there are enough, the thread looks at all
// announcements (announcements.h). What nobody has announced is destroyed, and
// its slot given to the pool; the rest goes on waiting. To look needs no
// memory: for each life that is announced, the thread looks whether the slot
// waits in its own room, and then marks the slot's link.
//
// Threads without a shard hand over what they erase. They have one room in
// common, which one of them at a time owns; and threads with a shard adopt what
// was handed over, what lies in that room, and what exited threads have left
// waiting.

#ifndef HOLDFAST_INTERNAL_RECLAIMER_H_
#define HOLDFAST_INTERNAL_RECLAIMER_H_

#include <algorithm>
#include <atomic>
#include <cstdint>

#include "absl/base/attributes.h"
#include "absl/base/optimization.h"
#include "holdfast/internal/announcements.h"
#include "holdfast/internal/generation.h"
#include "holdfast/internal/object_array.h"
#include "holdfast/internal/shard.h"
#include "holdfast/internal/shard_array.h"
#include "holdfast/internal/thread_ordinals.h"

namespace holdfast::internal {

// `Slots` is ObjectSlots, and `Pool` its SlotPool.
template <typename Slots, typename Pool, typename Traits>
class Reclaimer {
  using Numbering = typename Traits::Threads::Numbering;
  using Lease = OrdinalLease<Numbering>;
  using Room = WaitingRoom<typename Traits::Atomics>;
  using Life = typename Slots::Life;
  using Free = typename Slots::Free;
  using Limits = GenerationLimits<Traits::kGenerationBits>;

 public:
  Reclaimer() = default;
  explicit Reclaimer(const Slots& slots)
      : slots_(slots),
        shards_(slots.shards()),
        shard_limit_(ShardArray<Traits>::kLimit),
        numbering_(slots.numbering()),
        announcements_(shards_, &slots.shared()->places, numbering_) {}

  Announcements<Traits>& announcements() noexcept { return announcements_; }

  // Ends a life. False if it is over already. Of racing calls one succeeds. May
  // run destructors, of this object or of others.
  ABSL_ATTRIBUTE_ALWAYS_INLINE bool Erase(Life life, Pool& pool) noexcept {
    const uint64_t ordinal = numbering_.Current();
    if (ABSL_PREDICT_FALSE(ordinal >= shard_limit_)) {
      return EraseSlow(life, pool);
    }
    Shard<Traits>& shard = shards_[ordinal];
    if (ABSL_PREDICT_FALSE(shard.level.Get() == 0)) {
      return EraseSlow(life, pool);
    }
    return EraseInto(shard.room, static_cast<uint32_t>(ordinal), life, pool);
  }

  // Gives a free slot back that gets no object now.
  void Skip(Free free, Pool& pool) noexcept {
    Recycle(slots_.Skip(free), pool);
  }

  // Destroys all erased objects that nobody uses, and that no other running
  // thread has waiting or is about to destroy. Returns how many.
  ABSL_ATTRIBUTE_NOINLINE uint64_t Reclaim(Pool& pool) noexcept {
    if (is_closing_) return 0;
    const Lease lease(numbering_);
    if (!HasRoom(lease)) return ReclaimShared(pool, /*at_once=*/true);
    Room& room = shards_[lease.ordinal()].room;
    if (room.depth.Get() >= kMostDepthOfCalls) return 0;
    AdoptAll(room, lease.ordinal());
    return ReclaimAll(room, lease.ordinal(), pool);
  }

  // Destroys all objects, for a thread that has the table to itself. Their
  // destructors may erase other objects: these then wait in no room, and this
  // call comes to them. The first `high_water` slots were used.
  void Close(uint64_t high_water) noexcept {
    shard_limit_ = 0;
    is_closing_ = true;
    for (uint64_t i = 0; i < high_water; ++i) {
      const auto word = slots_.array().LoadWord(i);
      if (!word.HasObject()) continue;
      const uint32_t index = static_cast<uint32_t>(i);
      if (word.IsLive()) slots_.EndExclusive(index);
      slots_.Destroy(index);
    }
    slots_.shared()->places.Free();
  }
  bool IsClosing() const noexcept { return is_closing_; }

 private:
  static constexpr uint32_t kNone = ~uint32_t{0};

  // An Erase in a destructor seldom looks itself, but leaves that to the look
  // that runs the destructor: or a long chain of objects, each of which erases
  // the next, would fill the stack. For the same reason, no more than so many
  // looks are nested where a destructor calls Reclaim, or finds the table full.
  static constexpr uint32_t kMostDepth = 3;
  static constexpr uint32_t kNestedFactor = 4;
  static constexpr uint32_t kMostDepthOfCalls = 16;

  // Of so many times that a thread looks in an Erase, it adopts once what
  // others have left.
  static constexpr uint32_t kLooksPerAdoption = 16;

  // Whether the thread has a room of its own, which is then open. An ordinal
  // that is leased for one call gives none: in a destructor that this call
  // runs, another call would lease another one.
  bool HasRoom(const Lease& lease) noexcept {
    return lease.ordinal() == numbering_.Current() &&
           announcements_.Open(lease.ordinal());
  }

  ABSL_ATTRIBUTE_ALWAYS_INLINE bool EraseInto(Room& room, uint32_t ordinal,
                                              Life life, Pool& pool) noexcept {
    if (!slots_.End(life, ordinal)) return false;
    const uint32_t waiting = PutInto(room, static_cast<uint32_t>(life.index()));
    if (ABSL_PREDICT_FALSE(waiting >= room.reclaim_at.Get())) {
      ReclaimIfDue(room, ordinal, waiting, pool);
    }
    return true;
  }

  ABSL_ATTRIBUTE_NOINLINE bool EraseSlow(Life life, Pool& pool) noexcept {
    if (is_closing_) return slots_.End(life, Slots::kNobody);
    const Lease lease(numbering_);
    if (HasRoom(lease)) {
      return EraseInto(shards_[lease.ordinal()].room, lease.ordinal(), life,
                       pool);
    }
    if (!slots_.End(life, Slots::kNobody)) return false;
    HandOver(static_cast<uint32_t>(life.index()));
    ReclaimShared(pool, /*at_once=*/false);
    return true;
  }

  // Puts a waiting slot into a room of the caller's. Returns how many there are
  // then.
  uint32_t PutInto(Room& room, uint32_t index) noexcept {
    const WaitingSlots waiting = room.waiting.Get();
    slots_.SetLink(index, WaitingLink(waiting.first()));
    const uint32_t count = waiting.count() + 1;
    room.waiting.SetLast(WaitingSlots(count, index));
    return count;
  }

  ABSL_ATTRIBUTE_NOINLINE void ReclaimIfDue(Room& room, uint32_t ordinal,
                                            uint32_t waiting,
                                            Pool& pool) noexcept {
    const uint32_t depth = room.depth.Get();
    if (depth != 0 && (depth >= kMostDepth ||
                       waiting < kNestedFactor * room.reclaim_at.Get())) {
      return;
    }
    const uint32_t looks = room.looks.Get();
    room.looks.Set(looks + 1);
    if (looks % kLooksPerAdoption == 0) AdoptAll(room, ordinal);
    // More than once, if destructors have erased as many.
    do {
      ReclaimOnce(room, ordinal, pool);
    } while (room.waiting.Get().count() >= room.reclaim_at.Get());
  }

  uint64_t ReclaimAll(Room& room, uint32_t owner, Pool& pool) noexcept {
    uint64_t reclaimed = 0;
    for (uint64_t more;; reclaimed += more) {
      more = ReclaimOnce(room, owner, pool);
      if (more == 0) return reclaimed;
    }
  }

  // Looks, and destroys what waits in a room of the caller's and is not in use.
  // Returns how many objects that were. What their destructors erase waits for
  // another look.
  uint64_t ReclaimOnce(Room& room, uint32_t owner, Pool& pool) noexcept {
    const WaitingSlots list = room.waiting.Get();
    const auto most_waiting = static_cast<uint32_t>(
        MostWaiting<Traits>(shards_.OpenedCount(), pool.cache_slots()));
    room.reclaim_at.Set(most_waiting);
    if (list.count() == 0) return 0;
    const uint32_t depth = room.depth.Get();
    room.depth.Set(depth + 1);
    room.waiting.SetLast(WaitingSlots());
    MarkAnnounced(owner, pool.high_water());
    uint32_t in_use = 0;
    uint32_t index = list.first();
    for (uint32_t left = list.count(); left != 0; --left) {
      const WaitingLink link = slots_.LinkOf(index);
      if (link.IsAnnounced()) {
        PutInto(room, index);
        ++in_use;
      } else {
        Recycle(slots_.Destroy(index), pool);
      }
      index = link.next();
    }
    // What is in use is not to be looked at each time. (A look in a destructor
    // may have destroyed some of it since.)
    room.reclaim_at.Set(most_waiting +
                        std::min(in_use, room.waiting.Get().count()));
    room.depth.Set(depth);
    return list.count() - in_use;
  }

  // Marks those slots in the caller's room that are announced.
  void MarkAnnounced(uint32_t owner, uint64_t high_water) noexcept {
    const auto mark = [&](uint64_t slot) {
      const auto index = static_cast<uint32_t>(slot);
      slots_.SetLink(index, slots_.LinkOf(index).Announced());
    };
    announcements_.ForEach([&](Announcement announcement) noexcept {
      if (announcement.IsLife()) {
        const auto life = announcement.template life<Traits::kGenerationBits>();
        if (slots_.IsWaitingAfter(life, owner)) mark(life.index());
        return;
      }
      const uint64_t begin = announcement.block() * Announcement::kBlock;
      const uint64_t end = std::min(begin + Announcement::kBlock, high_water);
      for (uint64_t i = begin; i < end; ++i) {
        if (slots_.IsWaiting(i, owner)) mark(i);
      }
    });
  }

  static void Recycle(Free free, Pool& pool) noexcept {
    if (free.generation() != Limits::kRetired) pool.Release(free);
  }

  // --- Slots of other threads ------------------------------------------------

  // Lock-free: a retry means that another thread handed a slot over, or took
  // all of them.
  void HandOver(uint32_t index) noexcept {
    auto& head = slots_.shared()->handed_over;
    // order: relaxed. The CAS validates it.
    uint64_t first = head.load(std::memory_order_relaxed);
    do {
      slots_.SetLink(index, WaitingLink(static_cast<uint32_t>(first) - 1));
      // order: release -> hand_over. The link, and the end of the life. Failure
      // relaxed: the new value is only linked to.
    } while (!head.compare_exchange_weak(first, uint64_t{index} + 1,
                                         std::memory_order_release,
                                         std::memory_order_relaxed));
  }

  void AdoptHandedOver(Room& room, uint32_t owner) noexcept {
    auto& head = slots_.shared()->handed_over;
    // order: relaxed. The exchange decides.
    if (head.load(std::memory_order_relaxed) == 0) return;
    // order: acquire <- hand_over.
    const uint64_t first = head.exchange(0, std::memory_order_acquire);
    uint32_t index = static_cast<uint32_t>(first) - 1;
    while (index != kNone) index = Adopt(room, owner, index);
  }

  // Calls f() as the owner of the shared room, unless another thread is that
  // now. Wait-free.
  template <typename F>
  void WithSharedRoom(F f) noexcept {
    auto& is_owned = slots_.shared()->room_is_owned;
    // order: relaxed. The exchange decides.
    if (is_owned.load(std::memory_order_relaxed) != 0) return;
    // order: acquire <- leave_room. What the last owner has left there.
    if (is_owned.exchange(1, std::memory_order_acquire) != 0) return;
    f();
    // order: release -> leave_room.
    is_owned.store(0, std::memory_order_release);
  }

  // Reclaims what threads without a shard have erased: if there is enough of
  // it, or at once.
  uint64_t ReclaimShared(Pool& pool, bool at_once) noexcept {
    uint64_t reclaimed = 0;
    WithSharedRoom([&]() noexcept {
      Room& room = slots_.shared()->room;
      uint64_t more;
      do {
        AdoptHandedOver(room, Slots::kRoomOwner);
        const bool is_due =
            at_once || room.waiting.Get().count() >= room.reclaim_at.Get();
        more = is_due ? ReclaimAll(room, Slots::kRoomOwner, pool) : 0;
        reclaimed += more;
      } while (more != 0);
    });
    return reclaimed;
  }

  // Moves what others have left waiting to the room of the caller's shard.
  void AdoptAll(Room& room, uint32_t ordinal) noexcept {
    shards_.ForEachOpened([&](uint32_t other) noexcept {
      Room& left = shards_[other].room;
      if (other == ordinal || left.waiting.Get().count() == 0 ||
          !numbering_.TryClaim(other)) {
        return;
      }
      AdoptFrom(left, room, ordinal);
      numbering_.Release(other);
    });
    AdoptHandedOver(room, ordinal);
    Room& shared = slots_.shared()->room;
    if (shared.waiting.Get().count() == 0) return;
    WithSharedRoom([&]() noexcept { AdoptFrom(shared, room, ordinal); });
  }

  // Moves all of a room that the caller owns for now to one of its own.
  void AdoptFrom(Room& left, Room& room, uint32_t owner) noexcept {
    const WaitingSlots list = left.waiting.Get();
    left.waiting.SetLast(WaitingSlots());
    left.depth.Set(0);  // No look is under way there.
    uint32_t index = list.first();
    for (uint32_t rest = list.count(); rest != 0; --rest) {
      index = Adopt(room, owner, index);
    }
  }

  // Returns the slot that came after it in its old list.
  uint32_t Adopt(Room& room, uint32_t owner, uint32_t index) noexcept {
    const uint32_t next = slots_.LinkOf(index).next();
    slots_.Adopt(index, owner);
    PutInto(room, index);
    return next;
  }

  Slots slots_;
  ShardArray<Traits> shards_;
  uint64_t shard_limit_ = 0;
  bool is_closing_ = false;
  Numbering numbering_;
  Announcements<Traits> announcements_;
};

}  // namespace holdfast::internal

#endif  // HOLDFAST_INTERNAL_RECLAIMER_H_
