// Two loads of a slot's word that every kind of slots uses.

#ifndef HOLDFAST_INTERNAL_SLOT_WORD_H_
#define HOLDFAST_INTERNAL_SLOT_WORD_H_

#include <atomic>

#include "holdfast/internal/atomic_word.h"

namespace holdfast::internal {

// The word, for a caller that will rely on what happened before it was stored:
// on the pin and the writes of a live slot, and on what preceded the end of
// each life that is over.
template <typename Word, typename Atomics>
Word Observe(const AtomicWord<Word, Atomics>& word) noexcept {
  // order: acquire <- publish, rewrite, end.
  return word.load(std::memory_order_acquire);
}

// Returns false, for a caller that found by a relaxed load that a life is over:
// now the caller may rely on what preceded the end of that life.
template <typename Word, typename Atomics>
bool Refuse(const AtomicWord<Word, Atomics>& word) noexcept {
  // order: acquire <- end. By coherence, this load reads the word that the
  // caller has read, or a newer one.
  (void)word.load(std::memory_order_acquire);
  return false;
}

}  // namespace holdfast::internal

#endif  // HOLDFAST_INTERNAL_SLOT_WORD_H_
