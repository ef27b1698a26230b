// The memory of slots that hold objects: a word, links, and room for an object.
//
// As plain values:
//
//   word    {live:1 | waiting:1 | owner:62-G | generation:G}
//   links   of a free slot the LinkPair, of a waiting one the WaitingLink
//   object  exists while the slot is live or waiting
//
// The generation tells whether the slot is free, live or retired
// (generation.h); G is Traits::kGenerationBits. `live` is set exactly if the
// generation is odd. A slot is `waiting` if its life is over but its object
// still exists, since a thread may be using it. Then `owner` tells in which
// room the slot waits (reclaimer.h): that of a shard, by its ordinal, or the
// shared one, or none. If the slot does not wait, `owner` is 0.
//
//   transition   from            to               by
//   emplace      free g          live g+1         store by the slot's owner,
//                                                 after the constructor
//   skip         free g          free g+2         the same, if that has thrown
//   erase        live g          waiting g+1, o   CAS, by any thread
//   adopt        waiting g, o    waiting g, p     store by the owner of both
//                                                 rooms
//   reclaim      waiting g, o    free g           store by the owner of the
//                                                 room, before the destructor
//   link         free g          a LinkPair       store by the slot's owner
//
// The owner of a room alone changes the words of the slots that wait in it.

#ifndef HOLDFAST_INTERNAL_OBJECT_ARRAY_H_
#define HOLDFAST_INTERNAL_OBJECT_ARRAY_H_

#include <cstdint>
#include <new>

#include "holdfast/internal/atomic_word.h"
#include "holdfast/internal/generation.h"
#include "holdfast/internal/pair_array.h"
#include "holdfast/internal/slot_array.h"
#include "holdfast/internal/slot_names.h"

namespace holdfast::internal {

template <int kGenerationBits>
class ObjectWord {
  static constexpr uint64_t kLive = uint64_t{1} << 63;
  static constexpr uint64_t kWaiting = uint64_t{1} << 62;
  static constexpr uint64_t kMask = GenerationLimits<kGenerationBits>::kMask;

 public:
  // Owners are less than this.
  static constexpr uint64_t kOwners = uint64_t{1} << (62 - kGenerationBits);

  ObjectWord() noexcept = default;  // Not initialized.
  // Requires an odd generation: with an even one, the word is no slot's.
  static constexpr ObjectWord Live(Generation generation) noexcept {
    return ObjectWord(kLive | generation.number());
  }
  // Of a slot whose life before `generation`, which is even, has just ended.
  static constexpr ObjectWord Waiting(Generation generation,
                                      uint32_t owner) noexcept {
    return ObjectWord(kWaiting | uint64_t{owner} << kGenerationBits |
                      generation.number());
  }
  static constexpr ObjectWord Free(Generation generation) noexcept {
    return ObjectWord(generation.number());
  }
  static constexpr ObjectWord FromBits(uint64_t bits) noexcept {
    return ObjectWord(bits);
  }

  constexpr uint64_t bits() const noexcept { return bits_; }
  constexpr Generation generation() const noexcept {
    return Generation(bits_ & kMask);
  }
  constexpr bool IsLive() const noexcept { return (bits_ & kLive) != 0; }
  constexpr bool IsWaiting() const noexcept { return (bits_ & kWaiting) != 0; }
  constexpr bool HasObject() const noexcept {
    return (bits_ & (kLive | kWaiting)) != 0;
  }

  friend constexpr bool operator==(ObjectWord a, ObjectWord b) noexcept {
    return a.bits_ == b.bits_;
  }
  friend constexpr bool operator!=(ObjectWord a, ObjectWord b) noexcept {
    return a.bits_ != b.bits_;
  }

 private:
  constexpr explicit ObjectWord(uint64_t bits) noexcept : bits_(bits) {}

  uint64_t bits_;
};

// The link from a waiting slot to the next one in its list.
//
// {announced:1 | 0:31 | slot index:32}
class WaitingLink {
 public:
  constexpr explicit WaitingLink(uint32_t next) noexcept : bits_(next) {}
  static constexpr WaitingLink FromBits(uint64_t bits) noexcept {
    WaitingLink link(0);
    link.bits_ = bits;
    return link;
  }

  constexpr uint64_t bits() const noexcept { return bits_; }
  constexpr uint32_t next() const noexcept {
    return static_cast<uint32_t>(bits_);
  }
  // Whether somebody was seen to use the object.
  constexpr bool IsAnnounced() const noexcept {
    return (bits_ & kAnnounced) != 0;
  }
  constexpr WaitingLink Announced() const noexcept {
    return FromBits(bits_ | kAnnounced);
  }

 private:
  static constexpr uint64_t kAnnounced = uint64_t{1} << 63;

  uint64_t bits_;
};

template <typename T, typename Traits>
struct ObjectSlot {
  using Word = ObjectWord<Traits::kGenerationBits>;

  // Requires that the object exists.
  T* object() noexcept { return std::launder(reinterpret_cast<T*>(&storage)); }

  // For TwoLinks.
  static bool IsMoved(Word) noexcept { return false; }
  template <typename Array>
  static auto& LinksWord(const Array& array,
                         SlotLink<Traits::kGenerationBits> free) noexcept {
    return array.slot(free.index())->links;
  }

  AtomicWord<Word, typename Traits::Atomics> word;
  typename Traits::Atomics::template Atomic<uint64_t> links;
  alignas(T) unsigned char storage[sizeof(T)];
};

// The Traits of the parts of a table of objects.
template <typename Traits>
struct ObjectTraits : Traits {
  static constexpr bool kHoldsObjects = true;
};

template <typename T, typename Traits>
using ObjectArray = SlotArray<ObjectSlot<T, Traits>, NoSide>;

}  // namespace holdfast::internal

#endif  // HOLDFAST_INTERNAL_OBJECT_ARRAY_H_
