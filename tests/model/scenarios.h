// The scenarios, by name. Each runs calls of the production templates.

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
  std::string name;  // "read_writes/pair/moved"
  Explorer::Make make;
  // What is explored in full.
  Bounds bounds;
  // A thread may have to wait for another: see SpareCells.
  bool waits = false;
  // A thread leaves its call halfway: that is tried at each operation already.
  bool leaves = false;
  // Too large to be explored in full: random executions, so many.
  uint64_t random = 0;
};

using Entries = std::vector<Entry>;

// Values in cells, and values inline.
Entries ValueScenarios();
// What whoever finds that a life is over may rely on.
Entries EndScenarios();
// Free slots: the list, batches, growth, retirement.
Entries FreeSlotScenarios();
// The pool of free slots alone: what no table of that few slots would be given.
Entries PoolScenarios();
// Threads: ordinals, shards of exited threads, shared spare cells.
Entries ThreadScenarios();
// A full table, and what threads must know of each other's shards.
Entries FullTableScenarios();
// Threads that leave a call halfway.
Entries LeftMidwayScenarios();
// All of these.
Entries AllScenarios();

// The scenario that plays `script`; see Play.
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
