// Some slots, one after another, that are free and not linked: that were never
// used, or that UnpinAllExclusive has swept together. Retired ones may be among
// them.

#ifndef HOLDFAST_INTERNAL_FRESH_RANGE_H_
#define HOLDFAST_INTERNAL_FRESH_RANGE_H_

#include <cstdint>

namespace holdfast::internal {

// {end:32 | begin:32}
class FreshRange {
 public:
  constexpr FreshRange() noexcept = default;  // None. Zeroed memory is this.
  // Requires begin <= end < 2^32.
  constexpr FreshRange(uint64_t begin, uint64_t end) noexcept
      : bits_(end << 32 | begin) {}
  static constexpr FreshRange FromBits(uint64_t bits) noexcept {
    FreshRange range;
    range.bits_ = bits;
    return range;
  }

  constexpr uint64_t bits() const noexcept { return bits_; }
  constexpr uint32_t begin() const noexcept {
    return static_cast<uint32_t>(bits_);
  }
  constexpr uint32_t end() const noexcept {
    return static_cast<uint32_t>(bits_ >> 32);
  }
  constexpr uint32_t count() const noexcept { return end() - begin(); }

 private:
  uint64_t bits_ = 0;
};

}  // namespace holdfast::internal

#endif  // HOLDFAST_INTERNAL_FRESH_RANGE_H_
