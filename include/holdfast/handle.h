// -----------------------------------------------------------------------------
// File: handle.h
// -----------------------------------------------------------------------------
//
// A `holdfast::Handle<T>` names one value in a `HandleTable<T>`, from the Pin()
// that returns the handle to the Unpin() that makes it stale. It is 8 bytes and
// trivially copyable, and means nothing without its table. Keep it in a script
// integer, a C struct or a hash map, and pass it between threads in any way.
//
// Handles can be compared for equality, hashed and printed; they have no order.
// std::hash and Abseil's hash spread handles evenly over all bits of the
// result, whichever bits of the handle hold the slot's index. So a hash table
// that uses only the lowest or the highest bits of a hash has as few collisions
// as with random numbers.

#ifndef HOLDFAST_HANDLE_H_
#define HOLDFAST_HANDLE_H_

#include "holdfast/internal/cpp17.h"
// Before C++17, compilation ends there with an error that says why.

#include <cstddef>
#include <cstdint>
#include <iosfwd>
#include <optional>  // The smallest standard header that declares std::hash.
#include <utility>

#include "holdfast/internal/export.h"

namespace holdfast {

namespace internal {
// "Handle(0x8f4c...)", or "Handle(null)" for 0, ending with a null character.
struct HandleText {
  char text[32];
};
HOLDFAST_API HandleText ToText(uint64_t handle) noexcept;
HOLDFAST_API void Print(std::ostream& os, const HandleText& text);

// Hashes a handle; different handles have different hashes. The handles of one
// table differ in a few neighbouring bits, at a position that depends on the
// Traits, and each of these bits must affect all bits of the hash. Folding
// (x ^ x >> 32) carries high bits down, and multiplication carries low bits up.
// With one fold or one multiplication less, some 14 neighbouring bits of the
// hash tell apart fewer than half as many of 8,192 handles as random bits do.
constexpr uint64_t MixHandle(uint64_t bits) {
  constexpr uint64_t kGolden = 0x9E3779B97F4A7C15u;  // 2^64 / 1.618...
  bits = (bits ^ bits >> 32) * kGolden;
  bits = (bits ^ bits >> 32) * kGolden;
  return bits ^ bits >> 32;
}
}  // namespace internal

// `Tag` makes the handles of different tables of one T different types: see
// DefaultTraits::HandleTag.
template <typename T, typename Tag = void>
class Handle {
 public:
  // The null handle: no table ever issues it, and every table refuses it.
  constexpr Handle() = default;

  // Returns the handle whose bits() are `bits`. Any number may be passed. A
  // table refuses bits that it has not issued, except for the accidents whose
  // probability traits.h states at kHandleBits.
  static constexpr Handle FromBits(uint64_t bits) { return Handle(bits); }

  // Returns the handle as a number: 0 for the null handle. A handle that a
  // table issued is odd and less than 2^kHandleBits (of the table's Traits, at
  // most 2^63): so it is positive as a signed integer, too.
  constexpr uint64_t bits() const { return bits_; }

  // Returns false for the null handle and true for every other handle, live or
  // not.
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
    internal::Print(os, internal::ToText(handle.bits_));
    return os;
  }

  template <typename Sink>
  friend void AbslStringify(Sink& sink, Handle handle) {
    sink.Append(internal::ToText(handle.bits_).text);
  }

 private:
  constexpr explicit Handle(uint64_t bits) : bits_(bits) {}

  uint64_t bits_ = 0;
};

}  // namespace holdfast

template <typename T, typename Tag>
struct std::hash<holdfast::Handle<T, Tag>> {
  size_t operator()(holdfast::Handle<T, Tag> handle) const noexcept {
    return static_cast<size_t>(holdfast::internal::MixHandle(handle.bits()));
  }
};

#endif  // HOLDFAST_HANDLE_H_
