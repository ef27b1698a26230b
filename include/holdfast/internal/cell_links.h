// How free slots are linked to each other where values lie in cells: by the
// first word of each slot's cell, which holds two links. See slot_kind.h for
// what each function is for.

#ifndef HOLDFAST_INTERNAL_CELL_LINKS_H_
#define HOLDFAST_INTERNAL_CELL_LINKS_H_

#include <atomic>
#include <cstdint>

#include "holdfast/internal/cell_array.h"
#include "holdfast/internal/prefetch.h"
#include "holdfast/internal/slot_names.h"

namespace holdfast::internal {

template <typename T, typename Traits>
class CellLinks {
  using Free = FreeSlot<Traits::kGenerationBits>;
  using Link = SlotLink<Traits::kGenerationBits>;
  using Pair = LinkPair<Traits::kGenerationBits>;
  using Word = CellWord<Traits::kGenerationBits>;

 public:
  using Array = CellArray<T, Traits>;

  static constexpr uint32_t kLinks = 2;

  CellLinks() = default;
  explicit CellLinks(Array array) : array_(array) {}

  const Array& array() const noexcept { return array_; }

  // --- The owner of a free slot ----------------------------------------------

  Free FreeSlotAt(uint32_t index) const noexcept {
    const Word word = array_.LoadWord(index);
    return Free(Link(index, !word.offset().IsOwn()), word.generation());
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
    const uint32_t index = free.index();
    const uint32_t cell =
        free.moved() ? array_.LoadWord(index).CellOf(index) : index;
    return array_.slot(cell)->cell.words[0];
  }

  Array array_;
};

}  // namespace holdfast::internal

#endif  // HOLDFAST_INTERNAL_CELL_LINKS_H_
