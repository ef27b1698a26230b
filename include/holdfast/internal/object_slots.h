// Slots that hold objects of any type. An object lives in its slot, at one
// address, from its construction to its destruction. object_array.h says how a
// slot changes; reclaimer.h, when an object may be destroyed.

#ifndef HOLDFAST_INTERNAL_OBJECT_SLOTS_H_
#define HOLDFAST_INTERNAL_OBJECT_SLOTS_H_

#include <atomic>
#include <cstdint>

#include "absl/base/attributes.h"
#include "absl/base/optimization.h"
#include "holdfast/internal/announcements.h"
#include "holdfast/internal/generation.h"
#include "holdfast/internal/object_array.h"
#include "holdfast/internal/prefetch.h"
#include "holdfast/internal/slot_kind.h"
#include "holdfast/internal/slot_names.h"
#include "holdfast/internal/slot_word.h"
#include "holdfast/internal/two_links.h"

namespace holdfast::internal {

template <typename T, typename Traits>
class ObjectSlots {
  using Slot = ObjectSlot<T, Traits>;

 public:
  using Array = ObjectArray<T, Traits>;
  using Links = TwoLinks<Array, Traits>;
  using Word = ObjectWord<Traits::kGenerationBits>;
  using Free = FreeSlot<Traits::kGenerationBits>;
  using Life = internal::Life<Traits::kGenerationBits>;

  // What all threads share.
  struct Shared {
    // Slots that threads without a shard have erased, linked by WaitingLinks:
    // the index plus one of the first; 0 if there is none.
    alignas(64) typename Traits::Atomics::template Atomic<uint64_t> handed_over;
    // 1 while a thread owns `room`.
    typename Traits::Atomics::template Atomic<uint32_t> room_is_owned;
    // Where such threads reclaim.
    WaitingRoom<typename Traits::Atomics> room;
    alignas(64) typename Announcements<Traits>::Shared places;
  };

  // The owner of slots that were handed over, or that wait in no list; and of
  // those in the shared room.
  static constexpr uint32_t kNobody = Traits::kMaxThreads;
  static constexpr uint32_t kRoomOwner = Traits::kMaxThreads + 1;
  static_assert(kRoomOwner < Word::kOwners,
                "ObjectTable: Traits::kMaxThreads must be less than "
                "2^(62 - kGenerationBits) - 1");

  static constexpr uint64_t Entries(uint64_t all_slots) noexcept {
    return all_slots;
  }

  ObjectSlots() = default;
  explicit ObjectSlots(const SlotParts<ObjectSlots, Traits>& parts)
      : array_(parts.array),
        shared_(parts.shared),
        shards_(parts.shards),
        numbering_(parts.numbering) {}

  bool ReachShared() const noexcept { return true; }

  void Clear(uint64_t /*used*/, uint64_t /*shards*/) const noexcept {}

  const Array& array() const noexcept { return array_; }
  Shared* shared() const noexcept { return shared_; }
  ShardArray<Traits> shards() const noexcept { return shards_; }
  typename Traits::Threads::Numbering numbering() const noexcept {
    return numbering_;
  }

  // --- The owner of a free slot ----------------------------------------------

  // Where its object is to be constructed.
  void* Storage(Free free) const noexcept {
    return array_.slot(free.index())->storage;
  }

  // Requires that the object has been constructed.
  ABSL_ATTRIBUTE_ALWAYS_INLINE Life Publish(Free free) noexcept {
    const Life life = free.NextLife();
    // order: release -> publish. The object is complete before the handle can
    // be borrowed, and so is all that happened before Emplace. [INV-3]
    array_.slot(life.index())
        ->word.store(Word::Live(life.generation()), std::memory_order_release);
    return life;
  }

  // Skips the life that the slot would have had. Returns the slot, which may be
  // retired.
  Free Skip(Free free) noexcept {
    const Free after = Free::After(free.NextLife());
    // order: release -> end. What preceded the end of the last life is the
    // caller's, by the recycle or the bequeath edge.
    array_.slot(free.index())
        ->word.store(Word::Free(after.generation()), std::memory_order_release);
    return after;
  }

  // --- Anyone with a handle --------------------------------------------------

  Generation ObservedGeneration(uint64_t index) const noexcept {
    return Observed(index).generation();
  }
  Word Observed(uint64_t index) const noexcept {
    return Observe(array_.slot(index)->word);
  }

  // Requires that the caller may use the object.
  T* ObjectAt(uint64_t index) const noexcept {
    return array_.slot(index)->object();
  }

  // The object of a life that goes on, or null. The caller may use the object
  // if it has announced that before.
  ABSL_ATTRIBUTE_ALWAYS_INLINE T* Find(Life life) const noexcept {
    Slot* const slot = array_.slot(life.index());
    return ABSL_PREDICT_TRUE(Observe(slot->word) ==
                             Word::Live(life.generation()))
               ? slot->object()
               : nullptr;
  }

  // Live to waiting, in the room of `owner`. Of racing calls one succeeds.
  // Wait-free.
  ABSL_ATTRIBUTE_ALWAYS_INLINE bool End(Life life, uint32_t owner) noexcept {
    Slot& slot = *array_.slot(life.index());
    PrefetchForWrite(&slot);
    Word found = Word::Live(life.generation());
    // order: relaxed. The CAS validates it. Checked first so that a stale Erase
    // writes to nothing that is shared.
    if (ABSL_PREDICT_FALSE(slot.word.load(std::memory_order_relaxed) !=
                           found)) {
      return Refuse(slot.word);
    }
    // order: acquire <- publish: the object; release -> end. Failure acquire <-
    // end: what preceded the end of the life.
    return slot.word.compare_exchange_strong(
        found, Word::Waiting(life.generation().Next(), owner),
        std::memory_order_acq_rel, std::memory_order_acquire);
  }

  // --- The owner of a waiting slot -------------------------------------------

  // Whether a slot waits in the list of `owner`, which is the caller's: so
  // nobody else changes that.
  bool IsWaiting(uint64_t index, uint32_t owner) const noexcept {
    const Word word = array_.LoadWord(index);
    return word == Word::Waiting(word.generation(), owner);
  }
  // Whether it does so since the end of that life.
  bool IsWaitingAfter(Life life, uint32_t owner) const noexcept {
    return array_.LoadWord(life.index()) ==
           Word::Waiting(life.generation().Next(), owner);
  }

  WaitingLink LinkOf(uint32_t index) const noexcept {
    // order: relaxed. The caller has stored it, or has it by the bequeath or
    // the hand_over edge.
    return WaitingLink::FromBits(
        array_.slot(index)->links.load(std::memory_order_relaxed));
  }
  void SetLink(uint32_t index, WaitingLink link) noexcept {
    // order: relaxed. As LinkOf.
    array_.slot(index)->links.store(link.bits(), std::memory_order_relaxed);
  }

  // Waiting in one list to waiting in another one's.
  void Adopt(uint32_t index, uint32_t owner) noexcept {
    const Word word = array_.LoadWord(index);
    // order: release -> end. What preceded the end of the life is the caller's
    // by the bequeath or the hand_over edge.
    array_.slot(index)->word.store(Word::Waiting(word.generation(), owner),
                                   std::memory_order_release);
  }

  // Destroys the object, and returns the slot, which may be retired. Waiting to
  // free. The word is stored first: a thread that leaves the destructor halfway
  // then costs the table the slot, but nobody destroys the object again.
  Free Destroy(uint32_t index) noexcept {
    Slot& slot = *array_.slot(index);
    const Generation generation = array_.LoadWord(index).generation();
    // order: release -> end. As in Adopt, or the caller has ended the life
    // itself.
    slot.word.store(Word::Free(generation), std::memory_order_release);
    slot.object()->~T();
    return Free(SlotLink<Traits::kGenerationBits>(index, false), generation);
  }

  // For a thread that has the table to itself: live to waiting.
  void EndExclusive(uint32_t index) noexcept {
    // order: relaxed. No other thread runs.
    array_.slot(index)->word.store(
        Word::Waiting(array_.LoadWord(index).generation().Next(), kNobody),
        std::memory_order_relaxed);
  }

 private:
  Array array_;
  Shared* shared_ = nullptr;
  ShardArray<Traits> shards_;
  typename Traits::Threads::Numbering numbering_;
};

}  // namespace holdfast::internal

#endif  // HOLDFAST_INTERNAL_OBJECT_SLOTS_H_
