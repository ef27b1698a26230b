// The behaviour of a slot whose calls come one after the other: the contracts
// of handle_table.h, for one slot.

#ifndef HOLDFAST_STRESS_LINEARIZABILITY_SLOT_MODEL_H_
#define HOLDFAST_STRESS_LINEARIZABILITY_SLOT_MODEL_H_

#include <cstdint>

#include "linearizability/call.h"

namespace holdfast::stress {

struct SlotState {
  uint64_t generation = 0;  // That of the last life; 0 before the first.
  bool live = false;
  uint64_t value = 0;  // 0 if not live; kAnyValue if not known.

  friend bool operator==(const SlotState& a, const SlotState& b) {
    return a.generation == b.generation && a.live == b.live &&
           a.value == b.value;
  }
};

// Whether a call changes nothing, in any state in which it is possible.
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

// Returns the generation of the next life. No slot skips a life.
inline uint64_t NextLife(uint64_t generation) {
  return generation == 0 ? 1 : generation + 2;
}

// Returns whether a call may return the slot's `*value` as `seen`. If the value
// was not known, it is known then.
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

// Makes the call. Returns false if it cannot have this result in this state.
//
// UnpinAll is one Unpin for each slot that it finds live. If another call ends
// that life first, then the slot was not live at some time during UnpinAll. So
// to each slot, UnpinAll is one step that ends the life if there is one, and a
// handle that was pinned before is stale after it.
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
  // No thread has a handle before its Pin has published the value.
  if (call.generation > state->generation) return false;
  const bool current = state->live && call.generation == state->generation;
  if (call.ok != current) return false;
  return !current || StepOfLive(call, state);
}

}  // namespace holdfast::stress

#endif  // HOLDFAST_STRESS_LINEARIZABILITY_SLOT_MODEL_H_
