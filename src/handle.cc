#include "holdfast/handle.h"

#include <cinttypes>
#include <cstdint>
#include <cstdio>
#include <ostream>

namespace holdfast::internal {

HandleText ToText(uint64_t handle) noexcept {
  HandleText out;
  if (handle == 0) {
    std::snprintf(out.text, sizeof(out.text), "Handle(null)");
  } else {
    std::snprintf(out.text, sizeof(out.text), "Handle(0x%016" PRIx64 ")",
                  handle);
  }
  return out;
}

void Print(std::ostream& os, const HandleText& text) { os << text.text; }

}  // namespace holdfast::internal
