// The list of all scenarios, by name. A scenario is two or three threads that
// make a few calls of the library's own templates; see explorer.h and play.h.

#ifndef HOLDFAST_TESTS_MODEL_SCENARIOS_H_
#define HOLDFAST_TESTS_MODEL_SCENARIOS_H_

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tests/model/explorer.h"
#include "tests/model/play.h"

namespace holdfast::model {

struct Entry {
  // The scenario's own name comes first, then the kind of values and how the
  // value came about (see Start), if there is a choice of these:
  // "read_writes/pair/moved".
  std::string name;
  Explorer::Make make;
  // All executions within these bounds are explored.
  Bounds bounds;
  // Whether a thread may have to wait for another one. That is so for threads
  // that share a spare cell: see SpareCells.
  bool waits = false;
  // Whether a thread leaves its call halfway. Such a scenario tries that at
  // each operation by itself.
  bool leaves = false;
  // If not 0, the scenario is too large for all executions to be explored, and
  // this many random ones run instead.
  uint64_t random = 0;
};

using Entries = std::vector<Entry>;

// Reads, writes and walks of values, in cells and inline.
Entries ValueScenarios();
// What a thread may rely on when it finds that a life is over.
Entries EndScenarios();
// Free slots: the list, batches, growth, retirement.
Entries FreeSlotScenarios();
// A SlotPool without a table, so that it can have caches which are larger than
// a table with so few slots would have.
Entries PoolScenarios();
// What passes between threads: ordinals, with their shards, and shared spare
// cells.
Entries ThreadScenarios();
// A full table, and what threads must know of each other's shards then.
Entries FullTableScenarios();
// Threads that leave a call halfway.
Entries LeftMidwayScenarios();
// The stock of reservations that tables have left.
Entries StockScenarios();
// Objects that are borrowed, erased and reclaimed.
Entries ObjectScenarios();
// Objects that are borrowed, erased and reclaimed.
Entries ObjectScenarios();
// All of the above.
Entries AllScenarios();

// Calls call(), and leaves it before an operation of the explorer's choice, or
// not at all. Fails if the call has more than `most` operations, since the rest
// would never be tried.
template <typename F>
void LeaveSomewhere(int most, F call) {
  const int after = Explorer::Get().Choose(most + 1);
  const bool left = Explorer::Get().LeaveHalfway(after, call);
  if (left && after == most) {
    Explorer::Get().Fail("a call has more operations than the scenario tries");
  }
}

// Returns the entry of the scenario that plays `script`; see Play.
template <typename Table>
Entry MakeEntry(std::string name, typename Play<Table>::Script script,
                Bounds bounds = {}) {
  const auto kept =
      std::make_shared<const typename Play<Table>::Script>(std::move(script));
  return {std::move(name),
          [kept] { return std::make_unique<Play<Table>>(*kept); }, bounds};
}

}  // namespace holdfast::model

#endif  // HOLDFAST_TESTS_MODEL_SCENARIOS_H_
