// What a slot does when its calls come one after the other: the contracts of
// handle_table.h, reduced to one slot.

#ifndef HOLDFAST_STRESS_LINEARIZABILITY_SLOT_MODEL_H_
#define HOLDFAST_STRESS_LINEARIZABILITY_SLOT_MODEL_H_

#include <cstdint>

#include "linearizability/call.h"

namespace holdfast::stress {

struct SlotState {
  uint64_t generation = 0;  // Of the last life, 0 before the first.
  bool live = false;
  uint64_t value = 0;  // 0 if not live; kAnyValue if not known.

  friend bool operator==(const SlotState& a, const SlotState& b) {
    return a.generation == b.generation && a.live == b.live &&
           a.value == b.value;
  }
};

// A call that changes no state in which it is possible.
inline bool IsObservation(const Call& call) {
  switch (call.verb) {
    case Verb::kRead:
    case Verb::kContains:
      return true;
    case Verb::kPin:
    case Verb::kUnpinAll:
      return false;
    default:
      return !call.ok;
  }
}

// The generation of the life after that of `generation`: no slot skips a life.
inline uint64_t NextLife(uint64_t generation) {
  return generation == 0 ? 1 : generation + 2;
}

// Whether `value`, the slot's, may be returned as `seen`; is known then.
inline bool Learn(uint64_t seen, uint64_t* value) {
  if (*value == kAnyValue && seen != kDamagedValue) *value = seen;
  return *value == seen;
}

inline bool StepOfLive(const Call& call, SlotState* state) {
  switch (call.verb) {
    case Verb::kRead:
      return Learn(call.result, &state->value);
    case Verb::kExchange:
      if (!Learn(call.result, &state->value)) return false;
      state->value = call.argument;
      return true;
    case Verb::kWrite:
      state->value = call.argument;
      return true;
    case Verb::kTake:
      if (!Learn(call.result, &state->value)) return false;
      *state = {state->generation, false, 0};
      return true;
    case Verb::kUnpin:
      *state = {state->generation, false, 0};
      return true;
    default:  // Contains.
      return true;
  }
}

// Makes the call; false if it cannot have this result in this state.
//
// UnpinAll is one Unpin for each slot that it finds live. If the life that it
// found was ended by another call first, then the slot was not live right after
// that, within UnpinAll's own time. So to each slot UnpinAll is one step that
// ends the life if there is one, and a handle pinned before is stale after it.
inline bool Step(const Call& call, SlotState* state) {
  if (call.verb == Verb::kUnpinAll) {
    *state = {state->generation, false, 0};
    return true;
  }
  if (call.verb == Verb::kPin) {
    if (state->live || call.generation != NextLife(state->generation)) {
      return false;
    }
    *state = {call.generation, true, call.argument};
    return true;
  }
  // Nobody has a handle before its Pin has published the value.
  if (call.generation > state->generation) return false;
  const bool current = state->live && call.generation == state->generation;
  if (call.ok != current) return false;
  return !current || StepOfLive(call, state);
}

}  // namespace holdfast::stress

#endif  // HOLDFAST_STRESS_LINEARIZABILITY_SLOT_MODEL_H_
