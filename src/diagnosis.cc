#include "holdfast/diagnosis.h"

#include <cinttypes>
#include <cstdint>
#include <cstdio>
#include <ostream>

#include "holdfast/handle.h"

namespace holdfast {

const char* HandleStateName(HandleState state) noexcept {
  switch (state) {
    case HandleState::kNull:
      return "null";
    case HandleState::kForeign:
      return "foreign";
    case HandleState::kNeverIssued:
      return "never issued";
    case HandleState::kLive:
      return "live";
    case HandleState::kStale:
      return "stale";
    case HandleState::kRetired:
      return "retired";
  }
  return "unknown";
}

std::ostream& operator<<(std::ostream& os, HandleState state) {
  return os << HandleStateName(state);
}

std::ostream& operator<<(std::ostream& os, const Diagnosis& diagnosis) {
  return os << internal::ToText(diagnosis).text;
}

namespace internal {
namespace {

const char* Lives(uint64_t lives) { return lives == 1 ? "life" : "lives"; }

}  // namespace

ShortText ToText(const Diagnosis& diagnosis) noexcept {
  ShortText out;
  const char* const state = HandleStateName(diagnosis.state);
  if (diagnosis.lives_ended == 0) {
    std::snprintf(out.text, sizeof(out.text), "%s", state);
  } else {
    std::snprintf(out.text, sizeof(out.text), "%s, %" PRIu64 " %s ended", state,
                  diagnosis.lives_ended, Lives(diagnosis.lives_ended));
  }
  return out;
}

ShortText ToText(uint64_t handle, const Diagnosis& diagnosis,
                 uint64_t slot) noexcept {
  ShortText out;
  const auto print = [&out, name = ToText(handle)](const char* format,
                                                   auto... arguments) {
    std::snprintf(out.text, sizeof(out.text), format, name.text, arguments...);
  };
  const uint64_t lives = diagnosis.lives_ended;
  switch (diagnosis.state) {
    case HandleState::kNull:
      print("%s is the null handle");
      break;
    case HandleState::kForeign:
      print(
          "%s is foreign: this table has no such slot, or not with that life");
      break;
    case HandleState::kNeverIssued:
      print("%s was never issued: slot %" PRIu64 " has not come to that life",
            slot);
      break;
    case HandleState::kLive:
      print("%s is live, in slot %" PRIu64, slot);
      break;
    case HandleState::kStale:
      print("%s is stale: slot %" PRIu64 " has ended %" PRIu64
            " %s since it was issued",
            slot, lives, Lives(lives));
      break;
    case HandleState::kRetired:
      print("%s is stale: slot %" PRIu64 " has ended %" PRIu64
            " %s since it was issued, and is retired",
            slot, lives, Lives(lives));
      break;
  }
  return out;
}

}  // namespace internal
}  // namespace holdfast
