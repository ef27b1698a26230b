// Searches for an order of a slot's calls in which each call could have had its
// result. The order must respect real time, and the order of each thread that
// keeps one (Call::in_order).
//
// This is the search of J. Wing and C. Gong ("Testing and verifying concurrent
// objects", JPDC 1993): a call may come next if no other call ended before it
// began. It has G. Lowe's two improvements ("Testing for linearizability",
// 2017). First, it does not search twice from the same set of placed calls and
// the same state. Second, it places calls just in time, the one that returns
// first before the others, so that it does not place a preempted call until
// that is needed. Calls that change nothing are placed as soon as they fit,
// which excludes no order.

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
  // How many of the calls that returned had a choice, since others were under
  // way.
  uint64_t overlapping = 0;
  // If unexplained, the index of a call: there is no order of the calls up to
  // its return, but there is one up to any earlier time.
  size_t culprit = 0;
};

// Requires that `calls` are all of one slot, and sorted by begin. Gives up
// after `max_steps`.
SearchResult Search(const std::vector<Call>& calls, const SlotState& initial,
                    uint64_t max_steps);

// For calls that Search has not explained, returns a few of them that no order
// explains, in any state before them. Those with an end of kNever were under
// way when these calls begin or when the last of them returns: they may have
// taken effect or not.
std::vector<Call> ShortestUnexplained(const std::vector<Call>& calls,
                                      size_t culprit, uint64_t max_steps);

}  // namespace holdfast::stress

#endif  // HOLDFAST_STRESS_LINEARIZABILITY_SEARCH_H_
