// A value cell: one value as atomic words, which readers may be copying while
// the cell's owner fills it with another value; and the cell's version, by
// which readers find out that the cell was filled anew.

#ifndef HOLDFAST_INTERNAL_VALUE_CELL_H_
#define HOLDFAST_INTERNAL_VALUE_CELL_H_

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "absl/base/attributes.h"
#include "holdfast/internal/value_words.h"

namespace holdfast::internal {

template <typename T, typename Traits>
struct ValueCell {
  using Encoded = ValueWords<T>;

  // Requires that the caller owns the cell.
  void Fill(const Encoded& encoded) noexcept {
    for (size_t i = 0; i < Encoded::kCount; ++i) {
      // order: release -> refill. A reader that copies this word sees, when it
      // looks at the slot again, that the cell has left the slot.
      words[i].store(encoded.words[i], std::memory_order_release);
    }
  }

  // A copy that may mix two values, because the cell's owner may be filling it.
  // To be used only if a later look at the slot that named the cell shows that
  // the cell was in the slot all the time.
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

// Counts a refill. The owner of a cell calls this before it fills the cell, if
// readers may be comparing the cell's version. Versions have 64 bits: they do
// not wrap.
template <typename Version>
ABSL_ATTRIBUTE_ALWAYS_INLINE inline void BumpVersion(
    Version& version) noexcept {
  // order: relaxed. The caller owns the cell.
  const uint64_t bumped = version.load(std::memory_order_relaxed) + 1;
  // order: release -> bump. A reader of the new version also sees that the cell
  // has left the slot that it was in.
  version.store(bumped, std::memory_order_release);
}

}  // namespace holdfast::internal

#endif  // HOLDFAST_INTERNAL_VALUE_CELL_H_
