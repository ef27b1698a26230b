// The word of a slot that holds its value itself, as a plain value: nothing
// here is atomic.
//
//   {value, or a link:64-G | generation:G}
//
// The generation tells whether the slot is free, live or retired
// (generation.h).
//
//   transition   from          to                       by
//   pin          free g        the value, live g+1      store by the owner
//   write        live g        the new value, live g    CAS by any thread
//   unpin        live g        the same value, g+1      CAS by any thread
//   retire       live last     the same value, retired  the same CAS
//   link         free g        a SlotLink, free g       store by the owner

#ifndef HOLDFAST_INTERNAL_INLINE_WORD_H_
#define HOLDFAST_INTERNAL_INLINE_WORD_H_

#include <cstdint>

#include "holdfast/internal/generation.h"
#include "holdfast/internal/slot_names.h"

namespace holdfast::internal {

template <int kGenerationBits>
class InlineWord {
  using Link = SlotLink<kGenerationBits>;

 public:
  // Bits that a value may have.
  static constexpr int kValueBits = IndexLimits<kGenerationBits>::kUpperBits;

  InlineWord() noexcept = default;  // Not initialized.
  constexpr InlineWord(uint64_t value, Generation generation) noexcept
      : bits_(value << kGenerationBits | generation.number()) {}
  constexpr InlineWord(Link link, Generation generation) noexcept
      : InlineWord(uint64_t{link.bits()}, generation) {}
  static constexpr InlineWord FromBits(uint64_t bits) noexcept {
    return InlineWord(bits);
  }

  constexpr uint64_t bits() const noexcept { return bits_; }
  constexpr uint64_t value() const noexcept { return bits_ >> kGenerationBits; }
  constexpr Link link() const noexcept {
    return Link::FromBits(static_cast<uint32_t>(value()));
  }
  constexpr Generation generation() const noexcept {
    return Generation(bits_ & GenerationLimits<kGenerationBits>::kMask);
  }
  constexpr bool IsLive() const noexcept { return bits_ % 2 != 0; }

  constexpr InlineWord Ended() const noexcept { return FromBits(bits_ + 1); }

  friend constexpr bool operator==(InlineWord a, InlineWord b) noexcept {
    return a.bits_ == b.bits_;
  }
  friend constexpr bool operator!=(InlineWord a, InlineWord b) noexcept {
    return a.bits_ != b.bits_;
  }

 private:
  constexpr explicit InlineWord(uint64_t bits) noexcept : bits_(bits) {}

  uint64_t bits_;
};

}  // namespace holdfast::internal

#endif  // HOLDFAST_INTERNAL_INLINE_WORD_H_
