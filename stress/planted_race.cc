// A data race on purpose: passes, unless ThreadSanitizer is on and sees it. Run
// it after any change of compilers or flags:
//
//   ./bazelw test --config=tsan //stress:planted_race    # has to fail

#include <thread>

#include "holdfast/handle_table.h"

int main() {
  auto table = holdfast::HandleTable<int*>::Create();
  if (!table.ok()) return 2;
  int plain = 0;
  const holdfast::Handle<int*> handle = table->Pin(&plain);
  const auto add = [&] {
    for (int i = 0; i < 100'000; ++i) {
      // The table orders neither thread's use of what the pointer leads to.
      if (const auto found = table->Read(handle)) ++**found;
    }
  };
  std::thread other(add);
  add();
  other.join();
  return plain > 0 ? 0 : 1;
}
