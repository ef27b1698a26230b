// The word of a slot whose value lies in a value cell, as a plain value:
// nothing here is atomic.
//
//   {home:1 | writes, or a cell:63-G | generation:G}
//
// The generation tells whether the slot is free, live or retired
// (generation.h). The upper bits of a live slot tell where the value is:
//
//   word of a live slot                    the value is
//   {kHome | writes:63-G | g}              at home: in the slot's own cell. Its
//                                          writes are counted.
//   {0 | 0 | cell:62-G | g}                in `cell`, which may have been in
//                                          this slot before: readers compare
//                                          the cell's version.
//   {0 | kReturning | cell:62-G | g}       in `cell`; the write that put it
//                                          there is about to bring it home.
//
// The word of a free or retired slot is {0 | 0 | cell:62-G | g}: the cell that
// the slot uses next. Cells are named relative to the slot, by the XOR of the
// two indexes; so zeroed memory is a table of free slots of generation 0, each
// with its own cell. [INV-1]
//
//   transition   from            to                      by
//   pin          free g          live g+1, kHome if in   store by the owner
//                                the slot's own cell
//   write        live g          live g, no kHome; and   CAS by any thread
//                                kReturning from the
//                                slot's own cell
//   bring home   kReturning      live g, kHome if it     CAS by the thread that
//                                had that, own cell      set kReturning
//   unpin        live g          free g+1, no flags      CAS by any thread
//   retire       live last       kRetired, no flags      the same CAS
//
// Two words never come back while a thread relies on that (there is no ABA):
//   * A Write that displaces the value from the slot's own cell sets kReturning
//     and then tries to CAS the value back. Only a Write that finds the own
//     cell in the slot can set kReturning, and that cell stays with the first
//     writer until its second CAS has run. So that CAS cannot meet an equal
//     word set by another thread.
//   * A word with kHome never returns, because it counts the writes. When the
//     count runs out, the value comes home without kHome, for the rest of the
//     life.

#ifndef HOLDFAST_INTERNAL_CELL_WORD_H_
#define HOLDFAST_INTERNAL_CELL_WORD_H_

#include <cstdint>

#include "absl/base/optimization.h"
#include "holdfast/internal/generation.h"
#include "holdfast/internal/slot_names.h"

namespace holdfast::internal {

// The XOR of a slot's index and a cell's index: how the slot's word names the
// cell.
class CellOffset {
 public:
  constexpr CellOffset() noexcept = default;  // The slot's own cell.
  constexpr CellOffset(uint32_t slot, uint32_t cell) noexcept
      : bits_(slot ^ cell) {}
  static constexpr CellOffset FromBits(uint32_t bits) noexcept {
    return CellOffset(0, bits);
  }

  constexpr uint32_t bits() const noexcept { return bits_; }
  constexpr bool IsOwn() const noexcept { return bits_ == 0; }
  constexpr uint32_t CellOf(uint32_t slot) const noexcept {
    return bits_ ^ slot;
  }

 private:
  uint32_t bits_ = 0;
};

template <int kGenerationBits>
class CellWord {
 public:
  CellWord() noexcept = default;  // Not initialized.

  // A live slot whose value is at home and was not written yet.
  static constexpr CellWord Home(Generation generation) noexcept {
    return CellWord(kHome | generation.number());
  }
  // A live slot whose value was put into another cell, out of its own.
  static constexpr CellWord Away(CellOffset cell,
                                 Generation generation) noexcept {
    return CellWord(kReturning | Pack(cell, generation));
  }
  // A slot that uses that cell, with no flag.
  static constexpr CellWord InCell(CellOffset cell,
                                   Generation generation) noexcept {
    return CellWord(Pack(cell, generation));
  }
  static constexpr CellWord FromBits(uint64_t bits) noexcept {
    return CellWord(bits);
  }

  constexpr uint64_t bits() const noexcept { return bits_; }
  constexpr Generation generation() const noexcept {
    return Generation(bits_ & kGenerationMask);
  }
  constexpr bool IsLive() const noexcept { return bits_ % 2 != 0; }
  constexpr bool IsHome() const noexcept { return (bits_ & kHome) != 0; }
  constexpr CellOffset offset() const noexcept {
    return IsHome() ? CellOffset() : NamedOffset();
  }
  // The cell that this word, of that slot, names.
  constexpr uint32_t CellOf(uint32_t slot) const noexcept {
    return ABSL_PREDICT_TRUE(IsHome()) ? slot : NamedOffset().CellOf(slot);
  }

  // The transitions, as above. Pinned is for a slot in another cell than its
  // own; a value that is pinned in the slot's own cell makes the word
  // Home(generation + 1).
  constexpr CellWord Pinned() const noexcept { return CellWord(bits_ + 1); }
  constexpr CellWord Written(CellOffset to) const noexcept {
    return offset().IsOwn() ? Away(to, generation()) : InCell(to, generation());
  }
  // The word that a Write leaves when it has found this word, which names the
  // slot's own cell, and brings the value home.
  constexpr CellWord BroughtHome() const noexcept {
    return CellWord(IsHome() ? bits_ + kOneWrite : generation().number());
  }
  constexpr CellWord Ended() const noexcept {
    return CellWord(Pack(offset(), generation()) + 1);
  }

  friend constexpr bool operator==(CellWord a, CellWord b) noexcept {
    return a.bits_ == b.bits_;
  }
  friend constexpr bool operator!=(CellWord a, CellWord b) noexcept {
    return a.bits_ != b.bits_;
  }

 private:
  static constexpr uint64_t kHome = uint64_t{1} << 63;
  static constexpr uint64_t kReturning = uint64_t{1} << 62;  // If not kHome.
  // Added to the largest count, it carries kHome away, and leaves 0.
  static constexpr uint64_t kOneWrite = uint64_t{1} << kGenerationBits;
  static constexpr uint64_t kGenerationMask =
      GenerationLimits<kGenerationBits>::kMask;
  static_assert(kGenerationMask < kReturning);
  static_assert((IndexLimits<kGenerationBits>::kMaxCells - 1) < kReturning >>
                kGenerationBits);

  constexpr explicit CellWord(uint64_t bits) noexcept : bits_(bits) {}

  // The cell that is named, unless the value is at home.
  constexpr CellOffset NamedOffset() const noexcept {
    return CellOffset::FromBits(
        static_cast<uint32_t>((bits_ & ~kReturning) >> kGenerationBits));
  }

  static constexpr uint64_t Pack(CellOffset cell,
                                 Generation generation) noexcept {
    return uint64_t{cell.bits()} << kGenerationBits | generation.number();
  }

  uint64_t bits_;
};

}  // namespace holdfast::internal

#endif  // HOLDFAST_INTERNAL_CELL_WORD_H_
