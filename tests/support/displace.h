// Values in other cells than their slots' own: what a Write leaves that another
// thread came between.

#ifndef HOLDFAST_TESTS_SUPPORT_DISPLACE_H_
#define HOLDFAST_TESTS_SUPPORT_DISPLACE_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <iterator>

namespace holdfast {

// Puts the live value of the slot `index` into the spare cell `cell`, as a
// Write does. Returns the cell that it had, which is a spare now. Requires that
// no other thread uses the slot.
template <typename Word, typename Slot, typename Version>
uint32_t Displace(Slot* slots, Version* versions, uint32_t index,
                  uint32_t cell) {
  constexpr auto kRelaxed = std::memory_order_relaxed;
  const uint64_t word = slots[index].word.load(kRelaxed);
  const uint32_t old = Word::Cell(word, index);
  versions[cell].store(versions[cell].load(kRelaxed) + 1, kRelaxed);
  for (size_t i = 0; i < std::size(slots[cell].cell.words); ++i) {
    slots[cell].cell.words[i].store(slots[old].cell.words[i].load(kRelaxed),
                                    kRelaxed);
  }
  slots[index].word.store(Word::Pack(cell ^ index, Word::Generation(word)),
                          kRelaxed);
  return old;
}

}  // namespace holdfast

#endif  // HOLDFAST_TESTS_SUPPORT_DISPLACE_H_
