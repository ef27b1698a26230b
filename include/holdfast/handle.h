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
// std::hash and Abseil's hash spread them over all of their bits, whatever part
// of a handle the table's Traits give to the slot: a container that looks at
// some of these, the lowest or the highest, finds as few collisions as among
// random numbers.

#ifndef HOLDFAST_HANDLE_H_
#define HOLDFAST_HANDLE_H_

#include "holdfast/internal/cpp17.h"
// Below C++17 that is as far as a compiler comes.

#include <cstddef>
#include <cstdint>
#include <iosfwd>
#include <optional>  // std::hash: this is the lightest of those that have it.
#include <utility>

#include "holdfast/internal/export.h"

namespace holdfast {

namespace internal {
// "Handle(0x8f4c...)", or "Handle(null)" for 0, and the end of the text.
struct HandleText {
  char text[32];
};
HOLDFAST_API HandleText ToText(uint64_t handle) noexcept;
HOLDFAST_API void Print(std::ostream& os, const HandleText& text);

// A bijection. Handles of one table differ in a few neighbouring bits, whose
// place depends on the Traits: each is to reach all bits of the result. A fold
// sends high bits down, a multiplication low bits up; with one less of either,
// some 14 bits tell fewer than half of 8,192 handles apart that should.
constexpr uint64_t MixHandle(uint64_t bits) {
  constexpr uint64_t kGolden = 0x9E3779B97F4A7C15u;  // 2^64 / 1.618...
  bits = (bits ^ bits >> 32) * kGolden;
  bits = (bits ^ bits >> 32) * kGolden;
  return bits ^ bits >> 32;
}
}  // namespace internal

// `Tag` tells handles of one T apart that belong to tables of different kinds:
// see DefaultTraits::HandleTag.
template <typename T, typename Tag = void>
class Handle {
 public:
  // The null handle: no table ever issues it, and every table refuses it.
  constexpr Handle() = default;

  // The handle whose bits() are `bits`. Any value may be passed: bits that no
  // table issued make a handle that every operation refuses, up to the odds
  // that HandleTable states for foreign handles.
  static constexpr Handle FromBits(uint64_t bits) { return Handle(bits); }

  // 0 for the null handle. Handles that a table issued are odd and less than
  // 2^kHandleBits of its Traits: 2^63, so they are positive as signed integers
  // too, or less.
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
