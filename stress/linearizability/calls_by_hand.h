// Helpers by which tests write down calls: with generations instead of handles,
// and small numbers for values.

#ifndef HOLDFAST_STRESS_LINEARIZABILITY_CALLS_BY_HAND_H_
#define HOLDFAST_STRESS_LINEARIZABILITY_CALLS_BY_HAND_H_

#include <algorithm>
#include <cstdint>
#include <vector>

#include "linearizability/call.h"
#include "linearizability/slot_model.h"

namespace holdfast::stress {

// The state of a slot before the calls of most tests.
constexpr SlotState kLive = {1, true, 1};

constexpr uint64_t kNothing = 0;  // The result of a call that was refused.

// When a call begins and ends.
struct Time {
  uint64_t begin;
  uint64_t end;
};

inline Call Make(Time time, Verb verb, uint64_t generation, bool ok) {
  Call call;
  call.begin = time.begin;
  call.end = time.end;
  call.verb = verb;
  call.handle = call.generation = generation;
  call.ok = ok;
  return call;
}
inline Call Pin(Time time, uint64_t generation, uint64_t value) {
  Call call = Make(time, Verb::kPin, generation, true);
  call.argument = value;
  return call;
}
inline Call Read(Time time, uint64_t generation, uint64_t result) {
  Call call = Make(time, Verb::kRead, generation, result != kNothing);
  call.result = result;
  return call;
}
inline Call Contains(Time time, uint64_t generation, bool ok) {
  return Make(time, Verb::kContains, generation, ok);
}
inline Call Write(Time time, uint64_t generation, uint64_t value,
                  bool ok = true) {
  Call call = Make(time, Verb::kWrite, generation, ok);
  call.argument = value;
  return call;
}
inline Call Exchange(Time time, uint64_t generation, uint64_t value,
                     uint64_t result) {
  Call call = Make(time, Verb::kExchange, generation, result != kNothing);
  call.argument = value;
  call.result = result;
  return call;
}
inline Call Unpin(Time time, uint64_t generation, bool ok = true) {
  return Make(time, Verb::kUnpin, generation, ok);
}
inline Call Take(Time time, uint64_t generation, uint64_t result) {
  Call call = Make(time, Verb::kTake, generation, result != kNothing);
  call.result = result;
  return call;
}
inline Call UnpinAll(Time time) { return Make(time, Verb::kUnpinAll, 0, true); }

// Makes it a call of a thread that keeps the order of its calls.
inline Call InOrder(uint32_t thread, Call call) {
  call.thread = thread;
  call.in_order = true;
  return call;
}

inline std::vector<Call> Sorted(std::vector<Call> calls) {
  std::sort(calls.begin(), calls.end(),
            [](const Call& a, const Call& b) { return a.begin < b.begin; });
  return calls;
}

}  // namespace holdfast::stress

#endif  // HOLDFAST_STRESS_LINEARIZABILITY_CALLS_BY_HAND_H_
