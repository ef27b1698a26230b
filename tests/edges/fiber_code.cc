// fiber_code_test.py looks at the compiled code of these functions. Each Pin
// must find out anew in which thread it is, since somewhere_else() may return
// in another thread.

#include <cstdint>

#include "holdfast/handle_table.h"

extern "C" void somewhere_else();

extern "C" void pin_in_a_loop(holdfast::HandleTable<uint64_t>* table,
                              uint64_t* handles, uint64_t count) {
  for (uint64_t i = 0; i < count; ++i) {
    somewhere_else();
    handles[i] = table->Pin(i).bits();
  }
}

extern "C" uint64_t pin_in_a_row(holdfast::HandleTable<uint64_t>* table) {
  somewhere_else();
  const uint64_t first = table->Pin(0).bits();
  somewhere_else();
  const uint64_t second = table->Pin(1).bits();
  somewhere_else();
  const uint64_t third = table->Pin(2).bits();
  somewhere_else();
  return first ^ second ^ third;
}

extern "C" uint64_t pin_in_turn(holdfast::HandleTable<uint64_t>* table,
                                uint64_t count) {
  auto handle = table->Pin(0);
  for (uint64_t i = 0; i < count; ++i) {
    somewhere_else();
    table->Write(handle, i);
    table->Unpin(handle);
    handle = table->Pin(i);
  }
  return handle.bits();
}
