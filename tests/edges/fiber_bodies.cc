// The code that fibers run. It is optimized and compiled as in a plug-in: there
// a compiler may keep the address of a thread-local variable over a call that
// returns in another thread.

#include "tests/edges/fiber_bodies.h"

#include <cstdint>
#include <utility>

#include "holdfast/handle_table.h"

namespace holdfast {
namespace {

using Table = FiberCalls::Table;
using Handle = Table::Handle;

void PinInEachThread(Table* table, void (*elsewhere)(), uint64_t* handles,
                     int count) {
  for (int i = 0; i < count; ++i) {
    const Handle handle = table->Pin(1);
    handles[i] = handle.bits();
    table->Unpin(handle);
    elsewhere();
  }
}

uint64_t PinElsewhereTake(Table* table, void (*elsewhere)(), uint64_t me,
                          int rounds) {
  uint64_t wrong = 0;
  for (int round = 0; round < rounds; ++round) {
    const uint64_t number = me << 32 | static_cast<uint32_t>(round);
    const Handle handle = table->Pin(number);
    elsewhere();
    const auto value = table->Take(handle);
    wrong += !value || *value != number ? 1 : 0;
  }
  return wrong;
}

uint64_t AllVerbs(Table* table, void (*elsewhere)(), uint64_t me, int rounds) {
  uint64_t wrong = 0;
  const uint64_t number = me << 32;
  for (int round = 0; round < rounds; ++round) {
    const Handle a = table->Pin(number | 1);
    elsewhere();
    const Handle b = table->Pin(number | 2);
    wrong += table->Write(a, number | 3) ? 0 : 1;
    elsewhere();
    wrong += table->Write(b, number | 4) ? 0 : 1;
    elsewhere();
    const auto of_a = table->Take(a);
    elsewhere();
    const auto of_b = table->Exchange(b, number | 5);
    elsewhere();
    wrong += !of_a || *of_a != (number | 3) ? 1 : 0;
    wrong += !of_b || *of_b != (number | 4) ? 1 : 0;
    wrong += table->Read(b) == (number | 5) && table->Unpin(b) ? 0 : 1;
  }
  return wrong;
}

}  // namespace
}  // namespace holdfast

extern "C" __attribute__((visibility("default"))) void holdfast_fiber_calls(
    holdfast::FiberCalls* calls) {
  using holdfast::FiberCalls;
  calls->create = []() -> FiberCalls::Table* {
    auto table = FiberCalls::Table::Create();
    return table.ok() ? new FiberCalls::Table(*std::move(table)) : nullptr;
  };
  calls->destroy = [](FiberCalls::Table* table) { delete table; };
  calls->pin_in_each_thread = holdfast::PinInEachThread;
  calls->pin_elsewhere_take = holdfast::PinElsewhereTake;
  calls->all_verbs = holdfast::AllVerbs;
  calls->live = [](const FiberCalls::Table* table) {
    return table->GetStats().live;
  };
}
