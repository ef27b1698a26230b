// How free slots are linked to each other where a slot has a word for its
// value's first 8 bytes: by that word, which then holds two links. See
// slot_kind.h for what each function is for.

#ifndef HOLDFAST_INTERNAL_TWO_LINKS_H_
#define HOLDFAST_INTERNAL_TWO_LINKS_H_

#include <atomic>
#include <cstdint>

#include "holdfast/internal/prefetch.h"
#include "holdfast/internal/slot_names.h"

namespace holdfast::internal {

// `ArrayType` is a SlotArray whose Slot says which word holds the links of a
// free slot, LinksWord(array, link), and whether that is another entry's,
// IsMoved(word).
template <typename ArrayType, typename Traits>
class TwoLinks {
  using Free = FreeSlot<Traits::kGenerationBits>;
  using Link = SlotLink<Traits::kGenerationBits>;
  using Pair = LinkPair<Traits::kGenerationBits>;
  using Slot = typename ArrayType::Slot;

 public:
  using Array = ArrayType;

  static constexpr uint32_t kLinks = 2;

  TwoLinks() = default;
  explicit TwoLinks(Array array) : array_(array) {}

  const Array& array() const noexcept { return array_; }

  // --- The owner of a free slot ----------------------------------------------

  Free FreeSlotAt(uint32_t index) const noexcept {
    const auto word = array_.LoadWord(index);
    return Free(Link(index, Slot::IsMoved(word)), word.generation());
  }

  Free FreeSlotOf(Link link) const noexcept {
    return Free(link, GenerationAt(link.index()));
  }

  void SetLinks(Free free, Pair links) noexcept {
    // order: release -> refill. A reader that is late, of the slot's last life,
    // may copy this word; the reader then sees, when it looks at the slot
    // again, that the life is over.
    LinksWord(free.link()).store(links.bits(), std::memory_order_release);
  }

  // The second link of a batch's first slot, which has one tree only, names the
  // batch below.
  void SetBelow(Free first, uint32_t below) noexcept {
    Atomic& word = LinksWord(first.link());
    // order: relaxed. The caller owns the slot and wrote the link.
    Pair links = Pair::FromBits(word.load(std::memory_order_relaxed));
    links.second = Link(below, false);
    // order: release -> refill. As in SetLinks.
    word.store(links.bits(), std::memory_order_release);
  }

  Pair LinksOf(Link link) const noexcept {
    // order: relaxed. The caller owns the slot, by the recycle edge.
    return Pair::FromBits(LinksWord(link).load(std::memory_order_relaxed));
  }

  void Prefetch(Link link) const noexcept {
    PrefetchForWrite(array_.slot(link.index()));
  }

  // --- A thread that looks at the top of the free list -----------------------

  uint32_t Below(uint32_t index) const noexcept {
    const Link first = FreeSlotAt(index).link();
    // order: relaxed. If the CAS on the head succeeds, this batch and the one
    // below have lain on the list, unchanged, since the acquire load of the
    // head; so the link is right. Else it is not used. A thread that asks for
    // a batch of its own has stored the link itself, or has it by the bequeath
    // edge.
    const uint64_t bits = LinksWord(first).load(std::memory_order_relaxed);
    return Pair::FromBits(bits).second.bits();
  }

  Generation GenerationAt(uint32_t index) const noexcept {
    return array_.LoadWord(index).generation();
  }

 private:
  using Atomic = typename Traits::Atomics::template Atomic<uint64_t>;

  // The word that holds the links of a free slot.
  Atomic& LinksWord(Link free) const noexcept {
    return Slot::LinksWord(array_, free);
  }

  Array array_;
};

}  // namespace holdfast::internal

#endif  // HOLDFAST_INTERNAL_TWO_LINKS_H_
