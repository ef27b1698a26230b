// The example of the README, as a program.

#include <cstdint>
#include <iostream>
#include <optional>

#include "absl/status/statusor.h"
#include "holdfast/handle_table.h"

int main() {
  struct Session {
    uint64_t user;
    uint64_t hits;
  };

  auto table = holdfast::HandleTable<Session>::Create();
  if (!table.ok()) {
    std::cerr << table.status() << '\n';
    return 1;
  }

  const holdfast::Handle<Session> handle = table->Pin({7, 0});
  if (std::optional<Session> found = table->Read(handle)) {
    table->Write(handle, {found->user, found->hits + 1});
  }
  std::cout << handle << " has " << table->Read(handle)->hits << " hit\n";

  table->Unpin(handle);
  const holdfast::Handle<Session> next = table->Pin({8, 0});  // Its slot, maybe
  std::cout << "unpinned: " << (table->Read(handle) ? "live" : "stale") << '\n';
  std::cout << "another:  " << (table->Read(next) ? "live" : "stale") << '\n';
  return 0;
}
