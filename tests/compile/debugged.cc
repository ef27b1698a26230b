// A program that gdb stops in Stop(). debug.sh then prints its tables and
// handles.

#include <cstdint>
#include <cstdio>
#include <utility>

#include "holdfast/handle_table_verbs.h"

struct Session {
  int user;
  double balance;
};

struct Small : holdfast::DefaultTraits {
  static constexpr int kGenerationBits = 20;
  static constexpr int kHandleBits = 53;
};

using Numbers = holdfast::HandleTable<uint64_t>;
using Sessions = holdfast::HandleTable<Session, Small>;
using Bytes = holdfast::HandleTable<int16_t>;

template <typename Table>
Table Make(uint64_t key) {
  holdfast::internal::CreationError error;
  holdfast::TableOptions options;
  options.max_slots = 1000;
  options.thread_cache_slots = 4;
  options.key = key;
  Table table = Table::Make(options, &error);
  if (!error.ok()) std::puts(error.message);
  return table;
}

// gdb looks at the arguments. printf uses them, so that the compiler keeps
// them.
__attribute__((noinline)) void Stop(
    const Numbers& numbers, const Sessions* sessions, const Bytes& bytes,
    const Numbers& moved_from, const Numbers::Handle* live,
    const Numbers::Handle* stale, const Sessions::Handle* session) {
  std::printf(
      "%p %p %p %p %p %p %p\n", static_cast<const void*>(&numbers),
      static_cast<const void*>(sessions), static_cast<const void*>(&bytes),
      static_cast<const void*>(&moved_from), static_cast<const void*>(live),
      static_cast<const void*>(stale), static_cast<const void*>(session));
}

int main() {
  Numbers numbers = Make<Numbers>(0x1000);
  const Numbers::Handle first = numbers.Pin(7);
  const Numbers::Handle stale = numbers.Pin(8);
  const Numbers::Handle live = numbers.Pin(9);
  numbers.Unpin(stale);
  numbers.Write(first, 70);

  Sessions sessions = Make<Sessions>(0x4000);
  const Sessions::Handle session = sessions.Pin({41, 2.5});
  sessions.Write(session, {42, 3.5});

  Bytes bytes = Make<Bytes>(0);
  if (!bytes.Pin(-5)) return 1;

  Numbers other = Make<Numbers>(0);
  const Numbers moved_to = std::move(other);
  // NOLINTNEXTLINE(bugprone-use-after-move): gdb looks at it.
  Stop(numbers, &sessions, bytes, other, &live, &stale, &session);
  return moved_to.Contains(live) ? 1 : 0;
}
