// -----------------------------------------------------------------------------
// File: diagnosis.h
// -----------------------------------------------------------------------------
//
// HandleTable::Diagnose returns a Diagnosis, which says why the table refuses a
// handle. It is for messages: both types here can be printed by operator<< and
// by Abseil's StrCat and StrFormat.

#ifndef HOLDFAST_DIAGNOSIS_H_
#define HOLDFAST_DIAGNOSIS_H_

#include "holdfast/internal/cpp17.h"
// Before C++17, compilation ends there with an error that says why.

#include <cstddef>
#include <cstdint>
#include <iosfwd>

#include "holdfast/internal/export.h"

namespace holdfast {

enum class HandleState {
  kNull,         // The null handle.
  kForeign,      // Not a handle of this table: malformed, or another table's.
  kNeverIssued,  // In this table's range, but no Pin has returned it yet.
  kLive,         // Pinned.
  kStale,        // Unpinned; its slot can serve further lives.
  kRetired,      // Unpinned; its slot has served all its lives.
};

// Returns "null", "foreign", "never issued", "live", "stale" or "retired"; or
// "unknown" for any other number.
HOLDFAST_API const char* HandleStateName(HandleState state) noexcept;

struct Diagnosis {
  HandleState state = HandleState::kNull;
  // For kStale and kRetired: how many lives of the slot have ended since the
  // handle was issued, including its own; at least 1. Otherwise 0.
  uint64_t lives_ended = 0;

  friend constexpr bool operator==(const Diagnosis& a, const Diagnosis& b) {
    return a.state == b.state && a.lives_ended == b.lives_ended;
  }
  friend constexpr bool operator!=(const Diagnosis& a, const Diagnosis& b) {
    return !(a == b);
  }
};

HOLDFAST_API std::ostream& operator<<(std::ostream& os, HandleState state);
HOLDFAST_API std::ostream& operator<<(std::ostream& os,
                                      const Diagnosis& diagnosis);

namespace internal {

// A text that ends with a null character. AbslStringify and operator<< print
// it.
struct ShortText {
  char text[192];
};
// Returns a text such as "live" or "stale, 3 lives ended".
HOLDFAST_API ShortText ToText(const Diagnosis& diagnosis) noexcept;
// Returns a text such as "Handle(0x...) is stale: slot 17 has ended 3 lives
// since it was issued". `slot` is ignored if the state is kNull or kForeign.
HOLDFAST_API ShortText ToText(uint64_t handle, const Diagnosis& diagnosis,
                              uint64_t slot) noexcept;

}  // namespace internal

template <typename Sink>
void AbslStringify(Sink& sink, HandleState state) {
  sink.Append(HandleStateName(state));
}
template <typename Sink>
void AbslStringify(Sink& sink, const Diagnosis& diagnosis) {
  sink.Append(internal::ToText(diagnosis).text);
}

}  // namespace holdfast

#endif  // HOLDFAST_DIAGNOSIS_H_
