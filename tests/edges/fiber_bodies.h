// The functions of fiber_bodies.cc.

#ifndef HOLDFAST_TESTS_EDGES_FIBER_BODIES_H_
#define HOLDFAST_TESTS_EDGES_FIBER_BODIES_H_

#include <cstdint>

#include "holdfast/handle_table.h"

namespace holdfast {

struct FiberCalls {
  using Table = HandleTable<uint64_t>;
  // Returns how many results were wrong.
  using Body = uint64_t (*)(Table*, void (*elsewhere)(), uint64_t me,
                            int rounds);

  Table* (*create)();
  void (*destroy)(Table*);
  // `count` times: pins a value, stores its handle in `handles`, unpins it, and
  // calls elsewhere().
  void (*pin_in_each_thread)(Table*, void (*elsewhere)(), uint64_t* handles,
                             int count);
  Body pin_elsewhere_take;
  Body all_verbs;
  uint64_t (*live)(const Table*);
};

}  // namespace holdfast

#endif  // HOLDFAST_TESTS_EDGES_FIBER_BODIES_H_
