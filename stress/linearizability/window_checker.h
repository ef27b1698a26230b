// Checks what all threads did to one table, window by window. No calls are
// under way when a window begins and when it ends, so the state of each slot is
// known there. Each slot is checked by itself, because linearizability is local
// (M. Herlihy, J. Wing, TOPLAS 1990).
//
// A Pin that was refused is left out. It touches no slot, and the order of
// calls does not say whether it may be refused, since other threads may keep
// free slots.

#ifndef HOLDFAST_STRESS_LINEARIZABILITY_WINDOW_CHECKER_H_
#define HOLDFAST_STRESS_LINEARIZABILITY_WINDOW_CHECKER_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "linearizability/call.h"
#include "linearizability/search.h"
#include "linearizability/slot_model.h"

namespace holdfast::stress {

struct CheckCounts {
  uint64_t calls = 0;        // Calls that the threads made.
  uint64_t overlapping = 0;  // See SearchResult.
  uint64_t histories = 0;    // Searches: one for each slot in each window.
  uint64_t gave_up = 0;      // Searches that gave up.
  uint64_t steps = 0;

  void Add(const CheckCounts& other) {
    calls += other.calls;
    overlapping += other.overlapping;
    histories += other.histories;
    gave_up += other.gave_up;
    steps += other.steps;
  }
};

class WindowChecker {
 public:
  // `first` is the first handle of the table; its life must be over. Other
  // handles XORed with it are {slot index ^ its slot index, generation ^ 1}. A
  // search takes at most `max_steps` steps, and eight more for each call. That
  // bounds its memory; usually it takes one step for each call.
  WindowChecker(uint64_t first, int generation_bits, uint64_t max_steps);

  // Adds a call of this window. The calls may come in any order. Refused Pins
  // must be left out.
  void Add(Call call);

  // When all threads have stopped: Read each of LastHandles(), and pass the
  // Reads to AddAtRest. They show the state of each slot at the end of the
  // window.
  std::vector<uint64_t> LastHandles() const;
  void AddAtRest(Call read);

  // Ends the window. Returns an empty string, or the calls on the first slot
  // that have no explanation.
  std::string Check();

  const CheckCounts& counts() const { return counts_; }

 private:
  struct Slot {
    SlotState state;       // The state at the window's begin,
    SlotState next_state;  // and at its end.
    uint64_t last_handle = 0;
    uint64_t last_generation = 0;
    std::vector<Call> calls;  // The calls of this window.
  };

  Slot& SlotOf(Call* call);
  std::string CheckSlot(uint64_t index, Slot* slot);
  std::string CheckCount() const;

  const uint64_t first_;
  const int generation_bits_;
  const uint64_t max_steps_;
  std::map<uint64_t, Slot> slots_;  // Sorted, so that runs are repeatable.
  std::vector<Call> unpin_alls_;
  uint64_t origin_ = kNever;  // The window's first begin.
  CheckCounts counts_;
};

}  // namespace holdfast::stress

#endif  // HOLDFAST_STRESS_LINEARIZABILITY_WINDOW_CHECKER_H_
