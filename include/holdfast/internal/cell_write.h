// Writes of values in cells, through a spare cell that the writer owns.
//
// A Write never touches the value in a slot. It fills the spare and swaps it in
// with one CAS of the slot's word; the cell that was in the slot is then the
// writer's. If that is the slot's own cell, the Write fills it too and swaps it
// back, so that values stay beside their slots. If it is another cell, or if
// another thread came between, the cell that the writer ends up with is its
// next spare.

#ifndef HOLDFAST_INTERNAL_CELL_WRITE_H_
#define HOLDFAST_INTERNAL_CELL_WRITE_H_

#include <atomic>
#include <cstdint>

#include "absl/base/attributes.h"
#include "absl/base/optimization.h"
#include "holdfast/internal/cell_array.h"
#include "holdfast/internal/slot_names.h"
#include "holdfast/internal/slot_word.h"

namespace holdfast::internal {

// Fills the slot's own cell, which the caller took out of the slot when it made
// `away` of `word`, and puts it back. False if another thread has ended the
// life, or has replaced the value and so has taken the cell that was in the
// slot.
template <typename T, typename Traits>
ABSL_ATTRIBUTE_ALWAYS_INLINE inline bool BringHome(
    CellSlot<T, Traits>& slot, const ValueWords<T>& encoded,
    CellWord<Traits::kGenerationBits> word,
    CellWord<Traits::kGenerationBits> away) noexcept {
  slot.cell.Fill(encoded);
  // order: release -> rewrite. The value is complete in its second place, too.
  // Nothing is acquired: the spare that comes back is as this thread left it.
  // Failure relaxed: nothing is left to do.
  return slot.word.compare_exchange_strong(away, word.BroughtHome(),
                                           std::memory_order_release,
                                           std::memory_order_relaxed);
}

// ReplaceValue for any word, after the spare was filled.
template <typename T, typename Traits>
ABSL_ATTRIBUTE_NOINLINE bool ReplaceAnywhere(const CellArray<T, Traits>& array,
                                             Life<Traits::kGenerationBits> life,
                                             const ValueWords<T> encoded,
                                             uint32_t* spare,
                                             ValueWords<T>* old) noexcept {
  using Word = CellWord<Traits::kGenerationBits>;
  CellSlot<T, Traits>& slot = *array.slot(life.index());
  const uint32_t index = static_cast<uint32_t>(life.index());
  // order: relaxed. The CAS validates it.
  Word word = slot.word.load(std::memory_order_relaxed);
  Word written;
  do {
    if (word.generation() != life.generation()) return Refuse(slot.word);
    written = word.Written(CellOffset(index, *spare));
    // order: release -> rewrite: the new value; acquire <- publish, rewrite:
    // the old cell is now the caller's, with all that was done to it. Failure
    // relaxed: the word alone is looked at.
  } while (!slot.word.compare_exchange_weak(
      word, written, std::memory_order_acq_rel, std::memory_order_relaxed));
  const uint32_t cell = word.CellOf(index);
  if (old != nullptr) *old = array.slot(cell)->cell.CopyOwned();
  if (cell == index) {
    // If the word counts no writes, readers compare the version. (If it does,
    // they do not look.)
    BumpVersion(*array.side(index));
    if (BringHome(slot, encoded, word, written)) return true;
  }
  *spare = cell;
  return true;
}

// Replaces the value of the life `life` by way of the cell `*spare`, which the
// caller owns, and leaves a cell that the caller owns in `*spare`. Copies the
// value that it replaces to `*old` unless `old` is null. False, and nothing is
// changed, if the life is over. Lock-free: a retry means that a Write of
// another thread was under way.
template <typename T, typename Traits>
ABSL_ATTRIBUTE_ALWAYS_INLINE inline bool ReplaceValue(
    const CellArray<T, Traits>& array, Life<Traits::kGenerationBits> life,
    const T& value, uint32_t* spare, ValueWords<T>* old) noexcept {
  using Word = CellWord<Traits::kGenerationBits>;
  CellSlot<T, Traits>& slot = *array.slot(life.index());
  // order: relaxed. The CAS validates it. Checked first so that a stale Write
  // writes to nothing that is shared.
  const Word word = slot.word.load(std::memory_order_relaxed);
  if (word.generation() != life.generation()) return Refuse(slot.word);
  const ValueWords<T> encoded = ValueWords<T>::Encode(value);
  BumpVersion(*array.side(*spare));
  array.slot(*spare)->cell.Fill(encoded);
  const uint32_t index = static_cast<uint32_t>(life.index());
  const Word away = Word::Away(CellOffset(index, *spare), life.generation());
  Word found = word;
  // order: release -> rewrite: the new value; acquire <- publish, rewrite: the
  // slot's own cell is now the caller's, with all that was done to it. Failure
  // relaxed: ReplaceAnywhere looks at the word.
  if (ABSL_PREDICT_FALSE(!word.IsHome() ||
                         !slot.word.compare_exchange_strong(
                             found, away, std::memory_order_acq_rel,
                             std::memory_order_relaxed))) {
    return ReplaceAnywhere(array, life, encoded, spare, old);
  }
  if (old != nullptr) *old = slot.cell.CopyOwned();
  if (!BringHome(slot, encoded, word, away)) *spare = index;
  return true;
}

}  // namespace holdfast::internal

#endif  // HOLDFAST_INTERNAL_CELL_WRITE_H_
