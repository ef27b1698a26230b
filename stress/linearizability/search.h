// Is there an order of a slot's calls that respects real time, and that of each
// thread where it is to be kept, in which each could have had its result?
//
// The search of J. Wing and C. Gong ("Testing and verifying concurrent
// objects", JPDC 1993): any call may come next that no other is wholly before.
// G. Lowe's two improvements ("Testing for linearizability", 2017): what calls
// were placed, and the state they led to, is not searched from twice; and calls
// are placed just in time, the one that returns first before the others, so
// that a call that was preempted is not placed until it is needed. Calls that
// change nothing are placed as soon as they fit, which excludes no order.

#ifndef HOLDFAST_STRESS_LINEARIZABILITY_SEARCH_H_
#define HOLDFAST_STRESS_LINEARIZABILITY_SEARCH_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "linearizability/call.h"
#include "linearizability/slot_model.h"

namespace holdfast::stress {

enum class Outcome { kExplained, kUnexplained, kGaveUp };

struct SearchResult {
  Outcome outcome = Outcome::kExplained;
  uint64_t steps = 0;
  // Of calls that returned, how many had a choice: others were under way.
  uint64_t overlapping = 0;
  // If unexplained, the index of a call: up to its return there is no order;
  // up to any earlier time there is one.
  size_t culprit = 0;
};

// `calls`, all of one slot, are sorted by begin. Gives up after `max_steps`.
SearchResult Search(const std::vector<Call>& calls, const SlotState& initial,
                    uint64_t max_steps);

// Of calls that Search has not explained, few that no order explains whatever
// the state before them. Those with an end of kNever were under way when these
// begin or when the last of them returns: they may count among them or not.
std::vector<Call> ShortestUnexplained(const std::vector<Call>& calls,
                                      size_t culprit, uint64_t max_steps);

}  // namespace holdfast::stress

#endif  // HOLDFAST_STRESS_LINEARIZABILITY_SEARCH_H_
