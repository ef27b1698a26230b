// A data race on purpose. The test passes, unless ThreadSanitizer is on and
// finds the race. Run it after any change of compilers or flags:
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
      // The table does not order the threads' uses of the object behind the
      // pointer.
      if (const auto found = table->Read(handle)) ++**found;
    }
  };
  std::thread other(add);
  add();
  other.join();
  return plain > 0 ? 0 : 1;
}
