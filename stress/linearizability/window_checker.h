// Checks what all threads did to one table, window by window. A window begins
// and ends at rest, so that each slot's state is known there, and each slot's
// calls are explained by themselves: linearizability is local (M. Herlihy,
// J. Wing, TOPLAS 1990).
//
// Left out is a Pin that was refused. It touches no slot, and whether one was
// left is no matter of order: other threads may keep free slots to themselves.

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
  uint64_t calls = 0;        // As the threads made them.
  uint64_t overlapping = 0;  // See SearchResult.
  uint64_t histories = 0;    // Of one slot in one window.
  uint64_t gave_up = 0;      // Of these.
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
  // `first` is the first handle of the table: XORed with it, handles are {slot
  // index ^ its slot index, generation ^ 1}. Its life has to be over. Of each
  // history, a search takes at most `max_steps`, and eight more a call; one
  // step a call is usual, and the steps' memory is what has to be bounded.
  WindowChecker(uint64_t first, int generation_bits, uint64_t max_steps);

  // A call of this window, but a refused Pin, in any order.
  void Add(Call call);

  // When all threads have stopped: the handles to Read, and then these Reads,
  // by which the window's last states are known.
  std::vector<uint64_t> LastHandles() const;
  void AddAtRest(Call read);

  // Ends the window: empty, or the first slot's calls that have no explanation.
  std::string Check();

  const CheckCounts& counts() const { return counts_; }

 private:
  struct Slot {
    SlotState state;       // At the window's begin,
    SlotState next_state;  // and at its end.
    uint64_t last_handle = 0;
    uint64_t last_generation = 0;
    std::vector<Call> calls;  // Of this window.
  };

  Slot& SlotOf(Call* call);
  std::string CheckSlot(uint64_t index, Slot* slot);
  std::string CheckCount() const;

  const uint64_t first_;
  const int generation_bits_;
  const uint64_t max_steps_;
  std::map<uint64_t, Slot> slots_;  // In an order that is always the same.
  std::vector<Call> unpin_alls_;
  uint64_t origin_ = kNever;  // The window's first begin.
  CheckCounts counts_;
};

}  // namespace holdfast::stress

#endif  // HOLDFAST_STRESS_LINEARIZABILITY_WINDOW_CHECKER_H_
