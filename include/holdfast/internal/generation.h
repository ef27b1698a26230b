// A slot's generation: a counter that tells whether the slot is free, live or
// retired, and in which of its lives.
//
//   generation               the slot is
//   even, < kRetired         free
//   odd                      live
//   kRetired = 2^G - 2       retired: it is never used again
//   2^G - 1                  (never occurs)
//
// G is Traits::kGenerationBits, 32 by default. Each pin and each unpin adds 1,
// and nothing takes away from it. So a generation never returns, and a handle
// that was issued under another one is told apart for ever.

#ifndef HOLDFAST_INTERNAL_GENERATION_H_
#define HOLDFAST_INTERNAL_GENERATION_H_

#include <cstdint>

namespace holdfast::internal {

class Generation {
 public:
  constexpr Generation() noexcept = default;
  constexpr explicit Generation(uint64_t number) noexcept : number_(number) {}

  constexpr uint64_t number() const noexcept { return number_; }
  constexpr bool IsLive() const noexcept { return number_ % 2 != 0; }
  constexpr Generation Next() const noexcept { return Generation(number_ + 1); }

  friend constexpr bool operator==(Generation a, Generation b) noexcept {
    return a.number_ == b.number_;
  }
  friend constexpr bool operator!=(Generation a, Generation b) noexcept {
    return a.number_ != b.number_;
  }

 private:
  uint64_t number_ = 0;
};

template <int kGenerationBits>
struct GenerationLimits {
  static_assert(kGenerationBits >= 2 && kGenerationBits <= 48,
                "Traits::kGenerationBits must be between 2 and 48");

  // The bits of a packed word that hold a generation: the lowest.
  static constexpr uint64_t kMask = (uint64_t{1} << kGenerationBits) - 1;

  static constexpr Generation kRetired{kMask - 1};
  static constexpr Generation kLastLive{kMask - 2};
  static constexpr uint64_t kLives = kRetired.number() / 2;

  static_assert(!kRetired.IsLive() && kLastLive.IsLive());
  static_assert(kLastLive.Next() == kRetired);
};

}  // namespace holdfast::internal

#endif  // HOLDFAST_INTERNAL_GENERATION_H_
