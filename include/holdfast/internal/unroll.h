// Loops of a constant number of rounds, written out for the compiler.

#ifndef HOLDFAST_INTERNAL_UNROLL_H_
#define HOLDFAST_INTERNAL_UNROLL_H_

#include <cstddef>
#include <utility>

#include "absl/base/attributes.h"

namespace holdfast::internal {

template <typename F, size_t... kIndexes>
ABSL_ATTRIBUTE_ALWAYS_INLINE inline void Unroll(
    [[maybe_unused]] F& f, std::index_sequence<kIndexes...>) {
  (f(kIndexes), ...);
}

// Calls f(i) for i = 0, 1, ... kCount - 1. Each i is a constant to the
// compiler, so an array that f indexes by i can stay in registers. The
// functions are always inline because g++ 12 would call the longer ones, and
// then the array lies in memory.
template <size_t kCount, typename F>
ABSL_ATTRIBUTE_ALWAYS_INLINE inline void Unroll(F f) {
  Unroll(f, std::make_index_sequence<kCount>());
}

}  // namespace holdfast::internal

#endif  // HOLDFAST_INTERNAL_UNROLL_H_
