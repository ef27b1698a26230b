// Values in other cells than their slots' own: what a Write leaves when another
// thread has come between.

#ifndef HOLDFAST_TESTS_SUPPORT_DISPLACE_H_
#define HOLDFAST_TESTS_SUPPORT_DISPLACE_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <iterator>

#include "holdfast/internal/cell_array.h"

namespace holdfast {

// Puts the live value of the slot `index` into the spare cell `cell`, as a
// Write does. Returns the cell that the slot had, which is a spare now.
// Requires that no other thread uses the slot.
template <typename T, typename Traits>
uint32_t Displace(const internal::CellArray<T, Traits>& array, uint32_t index,
                  uint32_t cell) {
  using Word = typename internal::CellArray<T, Traits>::Word;
  constexpr auto kRelaxed = std::memory_order_relaxed;
  const Word word = array.LoadWord(index);
  const uint32_t old = word.CellOf(index);
  array.side(cell)->store(array.side(cell)->load(kRelaxed) + 1, kRelaxed);
  auto& to = array.slot(cell)->cell.words;
  auto& from = array.slot(old)->cell.words;
  for (size_t i = 0; i < std::size(to); ++i) {
    to[i].store(from[i].load(kRelaxed), kRelaxed);
  }
  array.slot(index)->word.store(
      Word::InCell(internal::CellOffset(index, cell), word.generation()),
      kRelaxed);
  return old;
}

}  // namespace holdfast

#endif  // HOLDFAST_TESTS_SUPPORT_DISPLACE_H_
