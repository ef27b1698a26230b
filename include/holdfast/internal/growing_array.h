// The arrays of a table's slots, with the parts of memory that they lie in.
// These parts become writable step by step.

#ifndef HOLDFAST_INTERNAL_GROWING_ARRAY_H_
#define HOLDFAST_INTERNAL_GROWING_ARRAY_H_

#include <cstdint>

#include "holdfast/internal/growing_part.h"

namespace holdfast::internal {

// The parts that slots and their sides lie in. Both grow from the same end.
template <typename Traits>
struct GrowingPair {
  GrowingPart<Traits> slots;
  GrowingPart<Traits> sides;
};

// `Array` is a SlotArray.
template <typename Array, typename Traits>
class GrowingArray {
 public:
  GrowingArray() = default;
  // Without parts, all of the array is writable as it is.
  explicit GrowingArray(Array array, GrowingPair<Traits>* parts = nullptr)
      : array_(array), parts_(parts) {}

  const Array& array() const { return array_; }

  // Makes the entry `index` writable, and all from the parts' end to there.
  // False if the system refuses. Lock-free.
  bool Reach(uint64_t index) const noexcept {
    if (parts_ == nullptr) return true;
    const auto slot = array_.slot(index);
    if (!parts_->slots.Reach(slot, sizeof(*slot))) return false;
    if constexpr (Array::kSideBytes == 0) return true;
    const auto side = array_.side(index);
    return parts_->sides.Reach(side, Array::kSideBytes);
  }

 private:
  Array array_;
  GrowingPair<Traits>* parts_ = nullptr;
};

}  // namespace holdfast::internal

#endif  // HOLDFAST_INTERNAL_GROWING_ARRAY_H_
