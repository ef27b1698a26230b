// One call on a table, as the thread that made it saw it.

#ifndef HOLDFAST_STRESS_LINEARIZABILITY_CALL_H_
#define HOLDFAST_STRESS_LINEARIZABILITY_CALL_H_

#include <cstdint>
#include <string>
#include <vector>

namespace holdfast::stress {

enum class Verb : uint32_t {
  kPin,
  kRead,
  kContains,
  kWrite,
  kExchange,
  kUnpin,
  kTake,
  kUnpinAll,
  kCount,
};

// The end of a call that has not returned: it may have taken effect or not.
constexpr uint64_t kNever = ~uint64_t{0};

// Values are compared by a number that is unlike that of any other write.
constexpr uint64_t kDamagedValue = ~uint64_t{0};   // No write's.
constexpr uint64_t kAnyValue = kDamagedValue - 1;  // Not known yet.

struct Call {
  // Of two calls the first is before the second if its end is less than the
  // second's begin. Equal times are no order.
  uint64_t begin = 0;
  uint64_t end = 0;
  uint32_t thread = 0;
  Verb verb = Verb::kRead;
  uint64_t handle = 0;      // Bits.
  uint64_t generation = 0;  // Of the handle.
  uint64_t argument = 0;    // The value's number: Pin, Write, Exchange.
  uint64_t result = 0;  // The same: Read, Exchange, Take. UnpinAll: a count.
  bool ok = true;       // Not refused.
  // Whether it is before those calls of its thread that begin later even if
  // they begin before its end: that may be later than its return.
  bool in_order = false;
};

// "2#17", the 17th value of thread 2.
std::string ValueText(uint64_t value);

// Lines of thread, begin and end less `origin`, and the call.
std::string CallsText(const std::vector<Call>& calls, uint64_t origin);

// ValueText knows numbers of this form.
constexpr uint64_t ValueNumber(uint64_t thread, uint64_t count) {
  return (thread + 1) << 48 | count;
}

}  // namespace holdfast::stress

#endif  // HOLDFAST_STRESS_LINEARIZABILITY_CALL_H_
