// Reads of values in cells. They are optimistic: copy the value, then look
// again whether the slot still has the same word.
//
// If the word counts writes (CellWord::IsHome), that is enough. Under any other
// word the cell may have left the slot, have been refilled, and have come back.
// So each cell has a version, which its owner bumps before a refill, and the
// reader compares that as well: a sequence lock without the writer's lock
// (H.-J. Boehm, "Can seqlocks get along with programming language memory
// models?", MSPC 2012, in its form without fences).

#ifndef HOLDFAST_INTERNAL_CELL_READ_H_
#define HOLDFAST_INTERNAL_CELL_READ_H_

#include <atomic>
#include <cstdint>

#include "absl/base/attributes.h"
#include "absl/base/optimization.h"
#include "holdfast/internal/cell_array.h"
#include "holdfast/internal/generation.h"

namespace holdfast::internal {

// Copies the value of a slot whose word, which the caller has acquired, says
// that the value is at home. False if that may have changed meanwhile.
template <typename T, typename Traits>
ABSL_ATTRIBUTE_ALWAYS_INLINE inline bool CopyHome(
    const CellSlot<T, Traits>& slot, CellWord<Traits::kGenerationBits> word,
    ValueWords<T>* copy) noexcept {
  *copy = slot.cell.Copy();
  // order: relaxed. If the copy has read a later refill, its acquire load has
  // synchronized with that refill, which comes after the change of the word; so
  // this load sees the change. [INV-4]
  return slot.word.load(std::memory_order_relaxed) == word;
}

// Copies the value from the cell that `word` names, which the caller has
// acquired. False if the cell may have been elsewhere meanwhile.
template <typename T, typename Traits>
bool TryCopy(const CellArray<T, Traits>& array, uint64_t index,
             CellWord<Traits::kGenerationBits> word,
             ValueWords<T>* copy) noexcept {
  const CellSlot<T, Traits>& slot = *array.slot(index);
  if (word.IsHome()) return CopyHome(slot, word, copy);
  const uint32_t cell = word.CellOf(static_cast<uint32_t>(index));
  // order: acquire <- bump. If the cell had left the slot before the refill
  // that this version counts, the next load would see that it had.
  const uint64_t version = array.side(cell)->load(std::memory_order_acquire);
  // order: acquire <- rewrite. If the cell has come back to the slot meanwhile,
  // the copy sees all of its refill.
  if (slot.word.load(std::memory_order_acquire) != word) return false;
  *copy = array.slot(cell)->cell.Copy();
  // order: relaxed, both. If the copy has read a later refill, its acquire load
  // has synchronized with that refill, which comes after the change of the word
  // and after the bump of the version, if there is one: so these loads see that
  // change or, if the same word has come back, the bump. [INV-4]
  return slot.word.load(std::memory_order_relaxed) == word &&
         array.side(cell)->load(std::memory_order_relaxed) == version;
}

// Copies the value of the life that `word` belongs to, which the caller has
// acquired. False if the life has ended. Lock-free: a retry means that a Write
// of another thread was under way.
template <typename T, typename Traits>
ABSL_ATTRIBUTE_NOINLINE bool CopyAnywhere(
    const CellArray<T, Traits>& array, uint64_t index,
    CellWord<Traits::kGenerationBits> word, ValueWords<T>* copy) noexcept {
  const Generation generation = word.generation();
  while (!TryCopy(array, index, word, copy)) {
    // order: acquire <- rewrite, end.
    word = array.slot(index)->word.load(std::memory_order_acquire);
    if (word.generation() != generation) return false;
  }
  return true;
}

// Copies the value of the life that `word` belongs to: the word of `slot`,
// which has that index. The caller has acquired the word. False if the word
// belongs to no life, or if the life has ended meanwhile. Lock-free, as
// CopyAnywhere.
template <typename T, typename Traits>
ABSL_ATTRIBUTE_ALWAYS_INLINE inline bool CopyValue(
    const CellArray<T, Traits>& array, uint64_t index,
    const CellSlot<T, Traits>& slot, CellWord<Traits::kGenerationBits> word,
    ValueWords<T>* copy) noexcept {
  if (ABSL_PREDICT_TRUE(word.IsHome() && CopyHome(slot, word, copy))) {
    return true;
  }
  ValueWords<T> any;  // In memory, so that `*copy` need not be.
  if (!word.IsLive() || !CopyAnywhere(array, index, word, &any)) return false;
  *copy = any;
  return true;
}

}  // namespace holdfast::internal

#endif  // HOLDFAST_INTERNAL_CELL_READ_H_
