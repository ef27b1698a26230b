// The memory of slots that hold their values themselves, and how free ones are
// linked to each other: by the bits of the word that hold the value of a live
// slot. See slot_kind.h for what each function is for.

#ifndef HOLDFAST_INTERNAL_INLINE_LINKS_H_
#define HOLDFAST_INTERNAL_INLINE_LINKS_H_

#include <atomic>
#include <cstdint>

#include "holdfast/internal/atomic_word.h"
#include "holdfast/internal/inline_word.h"
#include "holdfast/internal/prefetch.h"
#include "holdfast/internal/slot_array.h"
#include "holdfast/internal/slot_names.h"

namespace holdfast::internal {

template <typename Traits>
struct InlineSlot {
  using Word = InlineWord<Traits::kGenerationBits>;

  AtomicWord<Word, typename Traits::Atomics> word;
};

// The side of a slot that leads a batch is the index of the slot that leads the
// batch below.
template <typename Traits>
using InlineArray =
    SlotArray<InlineSlot<Traits>,
              typename Traits::Atomics::template Atomic<uint32_t>>;

template <typename Traits>
class InlineLinks {
  using Free = FreeSlot<Traits::kGenerationBits>;
  using Link = SlotLink<Traits::kGenerationBits>;
  using Pair = LinkPair<Traits::kGenerationBits>;
  using Word = InlineWord<Traits::kGenerationBits>;

 public:
  using Array = InlineArray<Traits>;

  static constexpr uint32_t kLinks = 1;

  InlineLinks() = default;
  explicit InlineLinks(Array array) : array_(array) {}

  const Array& array() const noexcept { return array_; }

  // --- The owner of a free slot ----------------------------------------------

  Free FreeSlotAt(uint32_t index) const noexcept {
    return Free(Link(index, false), GenerationAt(index));
  }

  Free FreeSlotOf(Link link) const noexcept { return FreeSlotAt(link.index()); }

  void SetLinks(Free free, Pair links) noexcept {
    const Word word(links.first, free.generation());
    // order: release -> end. A thread that is refused by this word sees what
    // happened before the slot's last life ended, as the caller does.
    array_.slot(free.index())->word.store(word, std::memory_order_release);
  }

  void SetBelow(Free first, uint32_t below) noexcept {
    // order: relaxed. The recycle edge carries it.
    array_.side(first.index())->store(below, std::memory_order_relaxed);
  }

  Pair LinksOf(Link link) const noexcept {
    return {array_.LoadWord(link.index()).link(), Link()};
  }

  void Prefetch(Link link) const noexcept {
    PrefetchForWrite(array_.slot(link.index()));
  }

  // --- A thread that looks at the top of the free list -----------------------

  uint32_t Below(uint32_t index) const noexcept {
    // order: relaxed. If the CAS on the head succeeds, this batch and the one
    // below have lain on the list, unchanged, since the acquire load of the
    // head; so the link is right. Else it is not used. A thread that asks for
    // a batch of its own has stored the link itself, or has it by the bequeath
    // edge.
    return array_.side(index)->load(std::memory_order_relaxed);
  }

  Generation GenerationAt(uint32_t index) const noexcept {
    return array_.LoadWord(index).generation();
  }

 private:
  Array array_;
};

}  // namespace holdfast::internal

#endif  // HOLDFAST_INTERNAL_INLINE_LINKS_H_
