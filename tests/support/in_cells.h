// Traits of tables whose values of 5 to 8 bytes lie in cells, as on a processor
// without a double-width compare-and-swap.

#ifndef HOLDFAST_TESTS_SUPPORT_IN_CELLS_H_
#define HOLDFAST_TESTS_SUPPORT_IN_CELLS_H_

#include "holdfast/traits.h"

namespace holdfast {

template <typename Base = DefaultTraits>
struct InCells : Base {
  struct Atomics : Base::Atomics {
    static constexpr bool kHasPairs = false;
  };
};

}  // namespace holdfast

#endif  // HOLDFAST_TESTS_SUPPORT_IN_CELLS_H_
