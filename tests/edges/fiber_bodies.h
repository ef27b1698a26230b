// What fiber_bodies.cc offers.

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
  // Pins and unpins one value, goes elsewhere, and so on. Tells the handles.
  void (*pin_in_each_thread)(Table*, void (*elsewhere)(), uint64_t* handles,
                             int count);
  Body pin_elsewhere_take;
  Body all_verbs;
  uint64_t (*live)(const Table*);
};

}  // namespace holdfast

#endif  // HOLDFAST_TESTS_EDGES_FIBER_BODIES_H_
