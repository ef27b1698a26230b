#include "linearizability/call.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace holdfast::stress {
namespace {

constexpr const char* kVerbNames[static_cast<size_t>(Verb::kCount)] = {
    "Pin", "Read", "Contains", "Write", "Exchange", "Unpin", "Take", "UnpinAll",
};

std::string ResultText(const Call& call) {
  switch (call.verb) {
    case Verb::kRead:
    case Verb::kExchange:
    case Verb::kTake:
      return call.ok ? ValueText(call.result) : "nothing";
    case Verb::kUnpinAll:
      return absl::StrCat(call.result);
    default:
      return call.ok ? "true" : "false";
  }
}

std::string CallText(const Call& call) {
  const std::string name = kVerbNames[static_cast<size_t>(call.verb)];
  const std::string handle =
      absl::StrFormat("0x%016x (generation %d)", call.handle, call.generation);
  switch (call.verb) {
    case Verb::kPin:
      return absl::StrCat("Pin(", ValueText(call.argument), ") -> ", handle);
    case Verb::kUnpinAll:
      return absl::StrCat("UnpinAll() -> ", ResultText(call));
    case Verb::kWrite:
    case Verb::kExchange:
      return absl::StrCat(name, "(", handle, ", ", ValueText(call.argument),
                          ") -> ", ResultText(call));
    default:
      return absl::StrCat(name, "(", handle, ") -> ", ResultText(call));
  }
}

}  // namespace

std::string ValueText(uint64_t value) {
  if (value == kDamagedValue) return "a damaged value";
  if (value == kAnyValue) return "any value";
  const uint64_t count = value & ((uint64_t{1} << 48) - 1);
  if (value >> 48 == 0) return absl::StrCat("#", count);
  return absl::StrCat((value >> 48) - 1, "#", count);
}

std::string CallsText(const std::vector<Call>& calls, uint64_t origin) {
  std::string text = "  thread      begin        end  call\n";
  for (const Call& call : calls) {
    const std::string end =
        call.end == kNever ? "open" : absl::StrCat(call.end - origin);
    absl::StrAppendFormat(&text, "  %6d %10d %10s  %s\n", call.thread,
                          call.begin - origin, end, CallText(call));
  }
  return text;
}

}  // namespace holdfast::stress
