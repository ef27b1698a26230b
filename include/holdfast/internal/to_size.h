// Numbers of bytes.

#ifndef HOLDFAST_INTERNAL_TO_SIZE_H_
#define HOLDFAST_INTERNAL_TO_SIZE_H_

#include <cstddef>
#include <cstdint>

namespace holdfast::internal {

// A number of 64 bits as a size, which has 32 on some processors. Requires that
// it is the size of something that there is. A template: to g++, a cast to the
// same type is useless in a plain function (-Wuseless-cast).
template <typename Number>
constexpr size_t ToSize(Number number) noexcept {
  return static_cast<size_t>(number);
}

// Requires that `unit` is a power of two.
constexpr uint64_t RoundUp(uint64_t number, uint64_t unit) noexcept {
  return (number + unit - 1) & ~(unit - 1);
}

}  // namespace holdfast::internal

#endif  // HOLDFAST_INTERNAL_TO_SIZE_H_
