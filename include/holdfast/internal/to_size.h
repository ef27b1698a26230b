// Numbers of 64 bits as sizes, which have 32 on some processors.

#ifndef HOLDFAST_INTERNAL_TO_SIZE_H_
#define HOLDFAST_INTERNAL_TO_SIZE_H_

#include <cstddef>

namespace holdfast::internal {

// Requires that `number` is the size of something that there is. A template: to
// g++, a cast to the same type is useless in a plain function (-Wuseless-cast).
template <typename Number>
constexpr size_t ToSize(Number number) noexcept {
  return static_cast<size_t>(number);
}

}  // namespace holdfast::internal

#endif  // HOLDFAST_INTERNAL_TO_SIZE_H_
