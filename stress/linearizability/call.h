// One call on a table, as recorded by the thread that made it.

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

// The end of a call that has not returned. It may have taken effect or not.
constexpr uint64_t kNever = ~uint64_t{0};

// Each write of a value has its own number, by which values are compared.
constexpr uint64_t kDamagedValue = ~uint64_t{0};   // The value of no write.
constexpr uint64_t kAnyValue = kDamagedValue - 1;  // Not known yet.

struct Call {
  // One call is before another one if its end is less than the other one's
  // begin. Equal times give no order.
  uint64_t begin = 0;
  uint64_t end = 0;
  uint32_t thread = 0;
  Verb verb = Verb::kRead;
  uint64_t handle = 0;      // The bits of the handle,
  uint64_t generation = 0;  // and its generation.
  uint64_t argument = 0;    // For Pin, Write and Exchange: the value's number.
  uint64_t result = 0;      // The value's number; for UnpinAll, a count.
  bool ok = true;           // False if the call was refused.
  // Whether the call is before those calls of its thread that begin later, even
  // if they begin before `end`. (`end` may be later than the call's return.)
  bool in_order = false;
};

// Returns a text such as "2#17" for the 17th value of thread 2.
std::string ValueText(uint64_t value);

// Returns a line for each call: its thread, its begin and end less `origin`,
// and the call.
std::string CallsText(const std::vector<Call>& calls, uint64_t origin);

// The number of a thread's value, in the form that ValueText expects.
constexpr uint64_t ValueNumber(uint64_t thread, uint64_t count) {
  return (thread + 1) << 48 | count;
}

}  // namespace holdfast::stress

#endif  // HOLDFAST_STRESS_LINEARIZABILITY_CALL_H_
