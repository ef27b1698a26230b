// A handle is live from Pin to Unpin. A framework of your own may say so.

#include <iostream>

#include "holdfast/handle_table.h"

int main() {
  auto roots = holdfast::HandleTable<int>::Create();
  if (!roots.ok()) {
    std::cerr << roots.status() << '\n';
    return 1;
  }

  const holdfast::Handle<int> handle = roots->Pin(7);
  if (roots->Read(handle) != 7) {
    std::cerr << "The value is not what was pinned.\n";
    return 1;
  }
  if (!roots->Unpin(handle) || roots->Read(handle)) {
    std::cerr << "The handle is not stale.\n";
    return 1;
  }
  return 0;
}
