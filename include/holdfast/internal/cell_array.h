// The memory of slots whose values lie in value cells.
//
// Each entry is a slot's word and a value cell. At first each slot uses the
// cell of its own entry; a Write can leave it another one. Entries after the
// last slot are cells alone, which begin as spares. Each cell is one slot's, or
// is one spare. [INV-2]

#ifndef HOLDFAST_INTERNAL_CELL_ARRAY_H_
#define HOLDFAST_INTERNAL_CELL_ARRAY_H_

#include <cstdint>

#include "holdfast/internal/atomic_word.h"
#include "holdfast/internal/cell_word.h"
#include "holdfast/internal/slot_array.h"
#include "holdfast/internal/slot_names.h"
#include "holdfast/internal/value_cell.h"

namespace holdfast::internal {

template <typename T, typename Traits>
struct CellSlot {
  using Word = CellWord<Traits::kGenerationBits>;

  AtomicWord<Word, typename Traits::Atomics> word;

  // While the slot that uses a cell is free, the cell's first word holds the
  // slot's LinkPair.
  ValueCell<T, Traits> cell;

  // For TwoLinks.
  static bool IsMoved(Word word) noexcept { return !word.offset().IsOwn(); }
  template <typename Array>
  static auto& LinksWord(const Array& array,
                         SlotLink<Traits::kGenerationBits> free) noexcept {
    const uint32_t index = free.index();
    const uint32_t cell =
        free.moved() ? array.LoadWord(index).CellOf(index) : index;
    return array.slot(cell)->cell.words[0];
  }
};

// The side of an entry is the version of its cell.
template <typename T, typename Traits>
using CellArray =
    SlotArray<CellSlot<T, Traits>,
              typename Traits::Atomics::template Atomic<uint64_t>>;

}  // namespace holdfast::internal

#endif  // HOLDFAST_INTERNAL_CELL_ARRAY_H_
