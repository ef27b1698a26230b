// The memory of slots whose word and value can be changed together: 16 bytes a
// slot.
//
// As plain values:
//
//   word    {live:1 | 0:63-G | generation:G}
//   value   the value of a live slot; the LinkPair of a free one
//
// The generation tells whether the slot is free, live or retired
// (generation.h). `live` is set exactly if the generation is odd. So one
// comparison with {live, g} tells a reader that the slot is live, in life g.
//
//   transition   from           to               by
//   pin          free g         the value, then  two stores by the owner
//                               live g+1
//   write        live g, value  live g, new      CAS of both, by any thread
//   unpin        live g         g+1              CAS of the word, by any thread
//   unpin if     live g, value  g+1, value       CAS of both, by any thread
//   retire       live last      kRetired         either of these CASes
//   link         free g         a LinkPair       store by the owner
//
// While a slot is live, its value is changed only by a CAS of both halves. So
// the value that a thread loads between two looks at the word that show the
// same life is a value of that life.

#ifndef HOLDFAST_INTERNAL_PAIR_ARRAY_H_
#define HOLDFAST_INTERNAL_PAIR_ARRAY_H_

#include <cstdint>

#include "holdfast/internal/atomic_word.h"
#include "holdfast/internal/generation.h"
#include "holdfast/internal/slot_array.h"
#include "holdfast/internal/slot_names.h"

namespace holdfast::internal {

template <int kGenerationBits>
class PairWord {
 public:
  PairWord() noexcept = default;  // Not initialized.
  // Requires an odd generation: with an even one, the word is no slot's.
  static constexpr PairWord Live(Generation generation) noexcept {
    return PairWord(kLive | generation.number());
  }
  static constexpr PairWord FromBits(uint64_t bits) noexcept {
    return PairWord(bits);
  }

  constexpr uint64_t bits() const noexcept { return bits_; }
  constexpr Generation generation() const noexcept {
    return Generation(bits_ & ~kLive);
  }
  constexpr bool IsLive() const noexcept { return (bits_ & kLive) != 0; }

  constexpr PairWord Ended() const noexcept {
    return PairWord((bits_ & ~kLive) + 1);
  }

  friend constexpr bool operator==(PairWord a, PairWord b) noexcept {
    return a.bits_ == b.bits_;
  }
  friend constexpr bool operator!=(PairWord a, PairWord b) noexcept {
    return a.bits_ != b.bits_;
  }

 private:
  static constexpr uint64_t kLive = uint64_t{1} << 63;
  static_assert(GenerationLimits<kGenerationBits>::kMask < kLive);

  constexpr explicit PairWord(uint64_t bits) noexcept : bits_(bits) {}

  uint64_t bits_;
};

template <typename Traits>
struct alignas(16) PairSlot {
  using Word = PairWord<Traits::kGenerationBits>;
  using Value = typename Traits::Atomics::template Atomic<uint64_t>;

  AtomicWord<Word, typename Traits::Atomics> word;
  Value
      value;  // Directly behind the word, so that both can be changed at once.

  // For TwoLinks.
  static bool IsMoved(Word) noexcept { return false; }
  template <typename Array>
  static Value& LinksWord(const Array& array,
                          SlotLink<Traits::kGenerationBits> free) noexcept {
    return array.slot(free.index())->value;
  }
};

struct NoSide {};

template <typename Traits>
using PairArray = SlotArray<PairSlot<Traits>, NoSide>;

}  // namespace holdfast::internal

#endif  // HOLDFAST_INTERNAL_PAIR_ARRAY_H_
