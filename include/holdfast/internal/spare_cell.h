// What is known of a spare cell. Each shard has one of these, for its thread's
// own cell, and the table has one for each cell that threads share.

#ifndef HOLDFAST_INTERNAL_SPARE_CELL_H_
#define HOLDFAST_INTERNAL_SPARE_CELL_H_

#include <cstdint>

namespace holdfast::internal {

class SpareCell {
 public:
  // The spare was never used: it is still the cell that was set aside. Zeroed
  // memory is this.
  constexpr SpareCell() noexcept = default;

  static constexpr SpareCell Of(uint32_t cell) noexcept {
    return SpareCell(cell + kFirst);
  }
  // A Write has taken the cell, and is under way or was left halfway.
  static constexpr SpareCell Taken() noexcept { return SpareCell(kTaken); }
  static constexpr SpareCell FromBits(uint32_t bits) noexcept {
    return SpareCell(bits);
  }

  constexpr uint32_t bits() const noexcept { return bits_; }
  constexpr bool IsUnused() const noexcept { return bits_ == 0; }
  constexpr bool IsTaken() const noexcept { return bits_ == kTaken; }
  constexpr bool HasCell() const noexcept { return bits_ >= kFirst; }
  // Requires HasCell().
  constexpr uint32_t cell() const noexcept { return bits_ - kFirst; }

  friend constexpr bool operator==(SpareCell a, SpareCell b) noexcept {
    return a.bits_ == b.bits_;
  }

 private:
  static constexpr uint32_t kTaken = 1;
  static constexpr uint32_t kFirst = 2;

  constexpr explicit SpareCell(uint32_t bits) noexcept : bits_(bits) {}

  uint32_t bits_ = 0;
};

}  // namespace holdfast::internal

#endif  // HOLDFAST_INTERNAL_SPARE_CELL_H_
