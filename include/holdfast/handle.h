// -----------------------------------------------------------------------------
// File: handle.h
// -----------------------------------------------------------------------------
//
// `holdfast::Handle<T>` names one value that a `HandleTable<T>` holds, from the
// Pin() that returned it to the Unpin() that ends it. It is 8 bytes, trivially
// copyable, and means nothing without its table: keep it in a script integer, a
// C struct or a hash map, and pass it between threads in any way.
//
// Handles are compared, hashed and printed by their bits. They have no order.

#ifndef HOLDFAST_HANDLE_H_
#define HOLDFAST_HANDLE_H_

#include "holdfast/internal/cpp17.h"
// Below C++17 that is as far as a compiler comes.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <ostream>
#include <utility>

namespace holdfast {

namespace internal {
// Prints "Handle(0x8f4c...)", or "Handle(null)" for 0.
void PrintHandle(std::ostream& os, uint64_t bits);
}  // namespace internal

template <typename T>
class Handle {
 public:
  // The null handle: no table ever issues it, and every table refuses it.
  constexpr Handle() = default;

  // The handle whose bits() are `bits`. Any value may be passed: bits that no
  // table issued make a handle that every operation refuses, up to the odds
  // that HandleTable states for foreign handles.
  static constexpr Handle FromBits(uint64_t bits) { return Handle(bits); }

  // 0 for the null handle. Handles that a table issued are odd and less than
  // 2^63, so they are positive as signed integers too.
  constexpr uint64_t bits() const { return bits_; }

  // False for the null handle alone: true does not mean that it is live.
  constexpr explicit operator bool() const { return bits_ != 0; }

  friend constexpr bool operator==(Handle a, Handle b) {
    return a.bits_ == b.bits_;
  }
  friend constexpr bool operator!=(Handle a, Handle b) { return !(a == b); }

  template <typename H>
  friend H AbslHashValue(H state, Handle handle) {
    return H::combine(std::move(state), handle.bits_);
  }

  friend std::ostream& operator<<(std::ostream& os, Handle handle) {
    internal::PrintHandle(os, handle.bits_);
    return os;
  }

 private:
  constexpr explicit Handle(uint64_t bits) : bits_(bits) {}

  uint64_t bits_ = 0;
};

}  // namespace holdfast

template <typename T>
struct std::hash<holdfast::Handle<T>> {
  size_t operator()(holdfast::Handle<T> handle) const noexcept {
    // Neighbouring slots differ in the upper half alone, where a table indexed
    // by the low bits would not look: multiply, and fold the halves together.
    const uint64_t mixed = handle.bits() * 0x9E3779B97F4A7C15u;
    return static_cast<size_t>(mixed ^ (mixed >> 32));
  }
};

#endif  // HOLDFAST_HANDLE_H_
