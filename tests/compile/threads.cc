// Threads that pin, read, write and unpin. The program needs nothing but the
// library's sources. Returns 0 if all results were right.

#include <atomic>
#include <cstdint>
#include <thread>

#include "holdfast/handle_table_verbs.h"

int main() {
  using Table = holdfast::HandleTable<uint64_t>;
  holdfast::internal::CreationError error;
  Table table = Table::Make({}, &error);
  if (!error.ok()) return 1;
  std::atomic<int> wrong{0};
  std::thread threads[4];
  for (std::thread& thread : threads) {
    thread = std::thread([&table, &wrong] {
      for (uint64_t i = 0; i < 20'000; ++i) {
        const auto handle = table.Pin(i);
        bool ok = table.Read(handle) == i && table.Write(handle, i + 1);
        ok = ok && table.Take(handle) == i + 1 && !table.Contains(handle);
        if (!ok) wrong.fetch_add(1);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  return wrong.load() == 0 && table.GetStats().live == 0 ? 0 : 2;
}
