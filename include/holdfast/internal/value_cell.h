// A value cell: the value of a slot as atomic words, which readers may be
// copying while its owner fills it for another use.

#ifndef HOLDFAST_INTERNAL_VALUE_CELL_H_
#define HOLDFAST_INTERNAL_VALUE_CELL_H_

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "absl/base/attributes.h"
#include "holdfast/internal/words.h"

namespace holdfast::internal {

template <typename T, typename Traits>
struct ValueCell {
  using Encoded = ValueWords<T>;

  // Requires that the caller owns the cell.
  void Fill(const Encoded& encoded) noexcept {
    for (size_t i = 0; i < Encoded::kCount; ++i) {
      // order: release -> refill. Whoever reads it sees in its re-check that
      // the cell has left the slot it came from.
      words[i].store(encoded.words[i], std::memory_order_release);
    }
  }

  // What somebody may be refilling: to be used only if a later look at the slot
  // that named the cell shows that nobody was.
  Encoded Copy() const noexcept {
    return Encoded::Of([&](size_t i) {
      // order: acquire <- refill.
      return words[i].load(std::memory_order_acquire);
    });
  }

  // Requires that the caller owns the cell.
  Encoded CopyOwned() const noexcept {
    return Encoded::Of([&](size_t i) {
      // order: relaxed. The caller owns the cell.
      return words[i].load(std::memory_order_relaxed);
    });
  }

  typename Traits::Atomics::template Atomic<uint64_t> words[Encoded::kCount];
};

// Before the owner of a cell fills it, if readers may be comparing its version.
template <typename Version>
ABSL_ATTRIBUTE_ALWAYS_INLINE inline void BumpVersion(
    Version& version) noexcept {
  // order: relaxed. The caller owns the cell.
  const uint64_t bumped = version.load(std::memory_order_relaxed) + 1;
  // order: release -> bump. A reader that sees it also sees that the cell had
  // left its last slot.
  version.store(bumped, std::memory_order_release);
}

}  // namespace holdfast::internal

#endif  // HOLDFAST_INTERNAL_VALUE_CELL_H_
