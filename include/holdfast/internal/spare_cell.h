// The state of a spare cell: as a thread keeps it for its own, in its shard,
// and as all threads see it of a cell that they share.

#ifndef HOLDFAST_INTERNAL_SPARE_CELL_H_
#define HOLDFAST_INTERNAL_SPARE_CELL_H_

#include <cstdint>

namespace holdfast::internal {

class SpareCell {
 public:
  // It was never used, and is the cell that was set aside at first. Zeroed
  // memory is this.
  constexpr SpareCell() noexcept = default;

  static constexpr SpareCell Of(uint32_t cell) noexcept {
    return SpareCell(cell + kFirst);
  }
  // A Write has the cell in its hands, or was left halfway with it.
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
