#include "holdfast/handle.h"

#include <cstdint>
#include <ostream>

#include "absl/strings/str_cat.h"

namespace holdfast::internal {

void PrintHandle(std::ostream& os, uint64_t bits) {
  if (bits == 0) {
    os << "Handle(null)";
  } else {
    os << absl::StrCat("Handle(0x", absl::Hex(bits, absl::kZeroPad16), ")");
  }
}

}  // namespace holdfast::internal
