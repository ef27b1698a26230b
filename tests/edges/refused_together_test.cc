// Goal: two threads that the system refuses memory at the same time, while one
// reservation is kept, both get memory. The one that finds that nothing is kept
// any more asks again, too.
//
// Method: this program has mmap and mprotect of its own. The first call of each
// thread is refused, when both threads have made one. The second thread stays
// in that call until the first thread has given back what was kept, and has got
// its memory.

#include "absl/base/config.h"
#include "gtest/gtest.h"

#if defined(ABSL_HAVE_ADDRESS_SANITIZER) || \
    defined(ABSL_HAVE_MEMORY_SANITIZER) ||  \
    defined(ABSL_HAVE_THREAD_SANITIZER) || defined(ABSL_HAVE_LEAK_SANITIZER)

TEST(RefusedTogetherTest, Skipped) {
  GTEST_SKIP() << "mmap is the sanitizer's, and nothing is kept";
}

#else

#include <dlfcn.h>
#include <sys/mman.h>
#include <sys/types.h>

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <thread>
#include <utility>

#include "holdfast/handle_table.h"
#include "holdfast/internal/mapped_memory.h"
#include "holdfast/reservations.h"
#include "tests/support/concurrent_threads.h"

namespace holdfast {
namespace {

struct Refusal {
  StartLine* line;                 // Both threads have been refused.
  const std::atomic<bool>* until;  // The call does not return before.
};

// The calling thread's next call of the system is refused if this is not null.
thread_local const Refusal* next_refusal = nullptr;

bool IsRefused() {
  const Refusal* const refusal = std::exchange(next_refusal, nullptr);
  if (refusal == nullptr) return false;
  refusal->line->Arrive();
  while (!refusal->until->load()) std::this_thread::yield();
  errno = ENOMEM;
  return true;
}

// The function of the C library that this program's has displaced.
template <typename F>
F* Displaced(F* /*own*/, const char* name) {
  return reinterpret_cast<F*>(dlsym(RTLD_NEXT, name));
}

}  // namespace
}  // namespace holdfast

extern "C" void* mmap(void* at, size_t bytes, int protection, int flags,
                      int file, off_t offset) noexcept {
  if (holdfast::IsRefused()) return MAP_FAILED;
  static auto* const real = holdfast::Displaced(&mmap, "mmap");
  return real(at, bytes, protection, flags, file, offset);
}

extern "C" int mprotect(void* at, size_t bytes, int protection) noexcept {
  if (holdfast::IsRefused()) return -1;
  static auto* const real = holdfast::Displaced(&mprotect, "mprotect");
  return real(at, bytes, protection);
}

namespace holdfast {
namespace {

using Table = HandleTable<uint64_t>;

TableOptions Options(uint64_t max_slots) {
  TableOptions options;
  options.max_slots = max_slots;
  return options;
}

// Calls ask(0) and ask(1) in two threads, whose first calls of the system are
// refused. Each returns whether it has got the memory.
template <typename F>
void ExpectBothGetMemory(F ask) {
  ReleaseKeptReservations();
  { const Table kept = *Table::Create(Options(100)); }
  StartLine line(2);
  std::atomic<bool> at_once{true};
  std::atomic<bool> first_is_done{false};
  RunThreads(2, [&](int thread) {
    const Refusal refusal = {&line, thread == 0 ? &at_once : &first_is_done};
    next_refusal = &refusal;
    EXPECT_TRUE(ask(thread)) << thread;
    if (thread == 0) first_is_done.store(true);
    EXPECT_EQ(next_refusal, nullptr) << "the system was not asked";
  });
  EXPECT_EQ(ReleaseKeptReservations(), 0u);
}

TEST(RefusedTogetherTest, BothCreateATable) {
  std::optional<Table> tables[2];
  ExpectBothGetMemory([&](int thread) {
    auto created = Table::Create(Options(1000));
    if (created.ok()) tables[thread] = *std::move(created);
    return tables[thread].has_value();
  });
}

// Not by way of Pin, which asks more than once.
TEST(RefusedTogetherTest, BothMakeMemoryWritable) {
  constexpr size_t kBytes = 65'536;
  internal::MappedMemory memory[2];
  for (auto& one : memory) {
    ASSERT_TRUE(internal::MappedMemory::Reserve(kBytes, &one).ok());
  }
  ExpectBothGetMemory([&](int thread) {
    void* const begin = memory[thread].Array<char>(0, kBytes);
    return internal::MappedMemory::MakeWritable(begin, kBytes);
  });
}

}  // namespace
}  // namespace holdfast

#endif
