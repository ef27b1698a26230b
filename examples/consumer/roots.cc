// A host keeps some objects of its heap as roots and shows them to a collector.

#include <cstdint>
#include <iostream>

#include "holdfast/handle_table.h"

int main() {
  using Roots = holdfast::HandleTable<uint32_t>;  // Objects have numbers.
  auto roots = Roots::Create();
  if (!roots.ok()) {
    std::cerr << roots.status() << '\n';
    return 1;
  }

  const Roots::Handle root = roots->Pin(7);
  roots->Unpin(roots->Pin(8));

  roots->ForEach([](Roots::Handle handle, uint32_t object) {
    std::cout << handle << " is object " << object << '\n';
  });
  return roots->Unpin(root) ? 0 : 1;
}
