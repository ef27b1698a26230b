// The memory of slots whose values lie in value cells.
//
// Each entry is a slot's word and a value cell. At first each slot uses the
// cell of its own entry; a Write can leave it another one. Entries after the
// last slot are cells alone, which begin as spares. Each cell is one slot's, or
// is one spare. [INV-2]

#ifndef HOLDFAST_INTERNAL_CELL_ARRAY_H_
#define HOLDFAST_INTERNAL_CELL_ARRAY_H_

#include <atomic>
#include <cstdint>

#include "holdfast/internal/atomic_word.h"
#include "holdfast/internal/cell_word.h"
#include "holdfast/internal/value_cell.h"

namespace holdfast::internal {

template <typename T, typename Traits>
struct CellSlot {
  AtomicWord<CellWord<Traits::kGenerationBits>, typename Traits::Atomics> word;

  // While the slot that uses a cell is free, the cell's first word holds the
  // slot's LinkPair.
  ValueCell<T, Traits> cell;
};

template <typename T, typename Traits>
class CellArray {
 public:
  using Slot = CellSlot<T, Traits>;
  using Side = typename Traits::Atomics::template Atomic<uint64_t>;
  using Word = CellWord<Traits::kGenerationBits>;

  CellArray() = default;
  CellArray(Slot* slots, Side* versions) : slots_(slots), versions_(versions) {}

  Slot* slot(uint64_t index) const noexcept { return slots_ + index; }

  // The version of the cell of this entry.
  Side* side(uint64_t index) const noexcept { return versions_ + index; }

  // For the slot's owner, and for callers that use the word only if a CAS then
  // succeeds.
  Word LoadWord(uint64_t index) const noexcept {
    // order: relaxed. The owner has the word by another edge, and the CAS
    // validates what others find.
    return slots_[index].word.load(std::memory_order_relaxed);
  }

 private:
  Slot* slots_ = nullptr;
  Side* versions_ = nullptr;
};

}  // namespace holdfast::internal

#endif  // HOLDFAST_INTERNAL_CELL_ARRAY_H_
