// What is the same of a slot's word, wherever the value lies.

#ifndef HOLDFAST_INTERNAL_SLOT_WORD_H_
#define HOLDFAST_INTERNAL_SLOT_WORD_H_

#include <atomic>
#include <cstdint>

namespace holdfast::internal {

// A slot's word, looked at by whoever may rely on what it shows: on the pin and
// the writes of a live slot, and on the end of each life that is over.
template <typename Atomic>
uint64_t Observe(const Atomic& word) noexcept {
  // order: acquire <- publish, rewrite, end.
  return word.load(std::memory_order_acquire);
}

// Returns false, to a caller that has found by a relaxed load that a life is
// over and that now may rely on its end.
template <typename Atomic>
bool Refuse(const Atomic& word) noexcept {
  // order: acquire <- end. It reads what the caller has read, or what is newer.
  (void)word.load(std::memory_order_acquire);
  return false;
}

}  // namespace holdfast::internal

#endif  // HOLDFAST_INTERNAL_SLOT_WORD_H_
