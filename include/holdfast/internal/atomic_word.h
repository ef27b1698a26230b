// An atomic variable of one of the packed types: `Word` has bits() and
// FromBits(). std::atomic<Word> would do the same; but with that, g++ 12 keeps
// the expected value of a compare-exchange in memory, not in a register.

#ifndef HOLDFAST_INTERNAL_ATOMIC_WORD_H_
#define HOLDFAST_INTERNAL_ATOMIC_WORD_H_

#include <atomic>
#include <utility>

#include "absl/base/attributes.h"
#include "holdfast/internal/double_width.h"

namespace holdfast::internal {

// `Atomics` is that of the Traits. Each function is std::atomic's of the same
// name; callers say which orders they need and why.
template <typename Word, typename Atomics>
class AtomicWord {
  using Bits = decltype(std::declval<Word>().bits());

 public:
  ABSL_ATTRIBUTE_ALWAYS_INLINE Word
  load(std::memory_order order) const noexcept {
    return Word::FromBits(bits_.load(order));
  }

  ABSL_ATTRIBUTE_ALWAYS_INLINE void store(Word word,
                                          std::memory_order order) noexcept {
    bits_.store(word.bits(), order);
  }

  ABSL_ATTRIBUTE_ALWAYS_INLINE Word exchange(Word word,
                                             std::memory_order order) noexcept {
    return Word::FromBits(bits_.exchange(word.bits(), order));
  }

  ABSL_ATTRIBUTE_ALWAYS_INLINE bool compare_exchange_weak(
      Word& expected, Word desired, std::memory_order success,
      std::memory_order failure) noexcept {
    Bits bits = expected.bits();
    const bool changed =
        bits_.compare_exchange_weak(bits, desired.bits(), success, failure);
    expected = Word::FromBits(bits);
    return changed;
  }

  ABSL_ATTRIBUTE_ALWAYS_INLINE bool compare_exchange_strong(
      Word& expected, Word desired, std::memory_order success,
      std::memory_order failure) noexcept {
    Bits bits = expected.bits();
    const bool changed =
        bits_.compare_exchange_strong(bits, desired.bits(), success, failure);
    expected = Word::FromBits(bits);
    return changed;
  }

  // Stores `desired` here and `next_desired` in `next`, which lies directly
  // behind, as one operation, if both have the expected values. If that fails,
  // nothing is known of either, not even that one has another value, and
  // nothing is acquired. Requires Atomics::kHasPairs.
  template <typename Next>
  ABSL_ATTRIBUTE_ALWAYS_INLINE bool compare_exchange_both(
      Word expected, Word desired, Next& next, Bits next_expected,
      Bits next_desired, std::memory_order order) noexcept {
    return Atomics::CompareExchangePair(
        bits_, next, TwoWords{expected.bits(), next_expected},
        TwoWords{desired.bits(), next_desired}, order);
  }

 private:
  typename Atomics::template Atomic<Bits> bits_;
};

}  // namespace holdfast::internal

#endif  // HOLDFAST_INTERNAL_ATOMIC_WORD_H_
