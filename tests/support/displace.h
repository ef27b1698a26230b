// Moves a value to a cell other than its slot's own. A Write leaves the value
// there if another thread's call came between its two compare-exchanges.

#ifndef HOLDFAST_TESTS_SUPPORT_DISPLACE_H_
#define HOLDFAST_TESTS_SUPPORT_DISPLACE_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <iterator>

namespace holdfast {

// Puts the live value of the slot `index` into the spare cell `cell`, as such a
// Write does. Returns the cell where the value was, which is now a spare cell.
// Requires that no other thread uses the slot.
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
