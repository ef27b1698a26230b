// -----------------------------------------------------------------------------
// File: diagnosis.h
// -----------------------------------------------------------------------------
//
// Why a table refuses a handle, for messages: what HandleTable::Diagnose
// returns. All of it prints, by operator<< and by Abseil's StrCat and
// StrFormat.

#ifndef HOLDFAST_DIAGNOSIS_H_
#define HOLDFAST_DIAGNOSIS_H_

#include "holdfast/internal/cpp17.h"
// Below C++17 that is as far as a compiler comes.

#include <cstddef>
#include <cstdint>
#include <iosfwd>

#include "holdfast/internal/export.h"

namespace holdfast {

enum class HandleState {
  kNull,         // The null handle.
  kForeign,      // Not a handle of this table: malformed, or another table's.
  kNeverIssued,  // In this table's range, but no Pin has returned it yet.
  kLive,
  kStale,    // Unpinned; its slot goes on.
  kRetired,  // Unpinned; its slot has served all its lives.
};

// "null", "foreign", "never issued", "live", "stale" or "retired"; else
// "unknown".
HOLDFAST_API const char* HandleStateName(HandleState state) noexcept;

struct Diagnosis {
  HandleState state = HandleState::kNull;
  // For kStale and kRetired: lives of the slot that have ended since the handle
  // was issued, its own included; so at least 1.
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

// A text with its end, for a Sink of AbslStringify and for a stream.
struct ShortText {
  char text[192];
};
// "live", or "stale, 3 lives ended".
HOLDFAST_API ShortText ToText(const Diagnosis& diagnosis) noexcept;
// "Handle(0x...) is stale: slot 17 has ended 3 lives since it was issued". The
// slot counts where the state says that there is one.
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
