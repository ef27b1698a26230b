// The arrays of a table's slots, with the parts of memory that they lie in.
// These parts become writable step by step.

#ifndef HOLDFAST_INTERNAL_GROWING_ARRAY_H_
#define HOLDFAST_INTERNAL_GROWING_ARRAY_H_

#include <cstdint>

#include "holdfast/internal/growing_part.h"

namespace holdfast::internal {

// `Array` is a SlotArray.
template <typename Array, typename Traits>
class GrowingArray {
  using Part = GrowingPart<Traits>;

 public:
  GrowingArray() = default;
  // The parts that the slots and their sides lie in. Both grow from the same
  // end.
  explicit GrowingArray(Array array, Part slots = {}, Part sides = {})
      : array_(array), slots_(slots), sides_(sides) {}

  const Array& array() const { return array_; }

  // Makes the entry `index` writable, and all from the parts' end to there.
  // False if the system refuses. Lock-free.
  bool Reach(uint64_t index) const noexcept {
    return slots_.Reach(array_.slot(index), sizeof(*array_.slot(index))) &&
           sides_.Reach(array_.side(index), sizeof(*array_.side(index)));
  }

 private:
  Array array_;
  Part slots_;
  Part sides_;
};

}  // namespace holdfast::internal

#endif  // HOLDFAST_INTERNAL_GROWING_ARRAY_H_
