// The type of an Abseil flag that is a whole number from kMin to kMax. Any
// other value is refused with a message that names the range.

#ifndef HOLDFAST_EXAMPLES_SCRIPT_HOST_RANGED_FLAG_H_
#define HOLDFAST_EXAMPLES_SCRIPT_HOST_RANGED_FLAG_H_

#include <cstdint>
#include <string>

// Abseil's header causes warnings that are errors in this project.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"
#include "absl/flags/flag.h"  // IWYU pragma: export
#pragma GCC diagnostic pop
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace script_host {

template <uint32_t kMin, uint32_t kMax>
struct Ranged {
  uint32_t value;

  friend bool AbslParseFlag(absl::string_view text, Ranged* flag,
                            std::string* error) {
    if (absl::SimpleAtoi(text, &flag->value) && flag->value >= kMin &&
        flag->value <= kMax) {
      return true;
    }
    *error = absl::StrCat("must be a whole number from ", kMin, " to ", kMax);
    return false;
  }
  friend std::string AbslUnparseFlag(const Ranged& flag) {
    return absl::StrCat(flag.value);
  }
};

}  // namespace script_host

#endif  // HOLDFAST_EXAMPLES_SCRIPT_HOST_RANGED_FLAG_H_
