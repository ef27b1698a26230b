// Goal: a thread may use a table at any stage of its exit. That uses up
// nothing, so threads may come and go without end.
//
// Method: ten thousand threads, one at a time, change a table in an exit hook.
// The hook is the destructor of a pthread key, in one of its four rounds, or
// that of a thread_local object, or a free() of the memory that the system
// frees last when a thread ends. The thread has used the table before, or not.
// The table must stay as small as one thread needs it, and no Pin may be
// refused.

#include <pthread.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>

#include "absl/base/config.h"
#include "gtest/gtest.h"
#include "holdfast/handle_table.h"
#include "tests/edges/child.h"
#include "tests/edges/uniqueness.h"
#include "tests/support/concurrent_threads.h"
#include "tests/support/concurrent_value.h"

#if defined(ABSL_HAVE_ADDRESS_SANITIZER) || \
    defined(ABSL_HAVE_THREAD_SANITIZER) || !defined(__GLIBC__)
#define HOLDFAST_OWN_FREE 0
#else
#define HOLDFAST_OWN_FREE 1
#endif

namespace holdfast {
namespace {

using Value = Stamped<16>;
using Table = HandleTable<Value>;
using Handle = Table::Handle;

constexpr uint64_t kSlots = 1024;
constexpr int kThreads = 10'000;

Table* table;
std::atomic<uint64_t> wrong{0};
std::atomic<uint64_t> hooks{0};

// Calls all kinds of operations that change a table, and checks the results.
void UseTable() {
  Handle handles[3];
  for (uint64_t i = 0; i < 3; ++i) {
    handles[i] = table->Pin(Value::Make(i, 0));
    if (!handles[i]) wrong.fetch_add(1);
  }
  for (uint64_t i = 0; i < 3; ++i) {
    if (!table->Write(handles[i], Value::Make(i, 1))) wrong.fetch_add(1);
    if (!(table->Read(handles[i]) == Value::Make(i, 1))) wrong.fetch_add(1);
  }
  if (!(table->Take(handles[2]) == Value::Make(2, 1))) wrong.fetch_add(1);
  if (!table->Unpin(handles[0])) wrong.fetch_add(1);
  if (!table->Unpin(handles[1])) wrong.fetch_add(1);
}

void Hook() {
  hooks.fetch_add(1);
  UseTable();
}

// --- Pthread keys: a destructor that sets its key again is called again ------

pthread_key_t key;
thread_local int rounds_left = 0;

void KeyDestructor(void* value) {
  if (--rounds_left > 0) {
    pthread_setspecific(key, value);
    // Calls Hook only in every second round, and in the last one.
    if (rounds_left % 2 != 0) return;
  }
  Hook();
}

// --- thread_local objects, of which later ones die before earlier ones -------

struct AtExit {
  ~AtExit() { Hook(); }
  int touched = 0;
};

thread_local AtExit object;

// --- free(), as the system calls it for a thread that is nearly gone ---------

// Set when a thread begins to exit whose calls of free() use the table.
thread_local bool hook_frees = false;
thread_local bool in_hook = false;

[[maybe_unused]] void OnFree() {
  if (!hook_frees || in_hook) return;
  in_hook = true;
  Hook();
  in_hook = false;
}

// --- The threads -------------------------------------------------------------

struct Case {
  const char* name;
  bool table_used_before;  // The thread uses the table before it exits.
  bool hooked_first;       // It sets the hook before that.
  int key_rounds;          // 0: no key.
  bool thread_local_object;
  bool frees;
};

void SetHooks(const Case& its) {
  if (its.key_rounds > 0) {
    rounds_left = its.key_rounds;
    pthread_setspecific(key, &key);
  }
  if (its.thread_local_object) object.touched = 1;
  if (its.frees) {
    // The system keeps this text for the thread, and frees it as one of the
    // last things.
    if (std::strlen(strerror(99'999)) == 0) wrong.fetch_add(1);
    hook_frees = true;
  }
}

void* Body(void* argument) {
  const Case& its = *static_cast<const Case*>(argument);
  if (its.hooked_first) SetHooks(its);
  if (its.table_used_before) UseTable();
  if (!its.hooked_first) SetHooks(its);
  return nullptr;
}

bool OneThread(const Case& its) {
  pthread_t thread;
  return pthread_create(&thread, nullptr, Body, const_cast<Case*>(&its)) == 0 &&
         pthread_join(thread, nullptr) == 0;
}

void RunCase(ChildReport& report, const Case& its) {
  TableOptions options;
  options.max_slots = kSlots;
  table = new Table(*Table::Create(options));
  // The key is created before any thread uses the table, or after.
  if (!its.hooked_first) UseTable();
  pthread_key_create(&key, KeyDestructor);
  for (int i = 0; i < 20; ++i) OneThread(its);
  const TableStats early = table->GetStats();
  const uint64_t hooks_early = hooks.load();
  const int threads = Rounds(kThreads);
  for (int i = 0; i < threads; ++i) {
    const bool run = OneThread(its);
    if (run && wrong.load() == 0) continue;
    return report.Say("wrong in thread " + std::to_string(i));
  }
  const TableStats late = table->GetStats();
  report.Expect(hooks.load() >= hooks_early + static_cast<uint64_t>(threads),
                "the hook did not run in every thread");
  report.Expect(late.live == 0, "values live on");
  const auto expect_small = [&](const char* what, uint64_t now, uint64_t then,
                                uint64_t more) {
    report.Expect(now <= then + more, std::string(what) + " grew from " +
                                          std::to_string(then) + " to " +
                                          std::to_string(now));
  };
  expect_small("high_water", late.high_water, early.high_water, 128);
  expect_small("cached", late.cached, early.cached, 128);
  expect_small("bytes_touched", late.bytes_touched, early.bytes_touched,
               32 << 10);
  const std::string problem = UniquenessProblem(*table, kSlots);
  report.Expect(problem.empty(), problem);
}

class ExitHookTest : public testing::TestWithParam<Case> {};

TEST_P(ExitHookTest, ThreadsComeAndGoWithoutEnd) {
#if !HOLDFAST_OWN_FREE
  if (GetParam().frees) GTEST_SKIP() << "free() is the sanitizer's";
#endif
#if defined(ABSL_HAVE_THREAD_SANITIZER)
  // ThreadSanitizer forgets the thread in the last round, by its own key.
  if (GetParam().key_rounds == 4) GTEST_SKIP() << "the sanitizer is gone then";
#endif
  const std::string said =
      InChild([](ChildReport& report) { RunCase(report, GetParam()); });
  EXPECT_EQ(said, "");
}

INSTANTIATE_TEST_SUITE_P(
    Hooks, ExitHookTest,
    testing::Values(
        // name, table used before, hooked first, key rounds, object, frees
        Case{"KeyAfterUse", true, false, 1, false, false},
        Case{"KeyBeforeUse", true, true, 1, false, false},
        Case{"KeyAlone", false, false, 1, false, false},
        Case{"KeyAloneBefore", false, true, 1, false, false},
        Case{"KeySecondRound", true, false, 2, false, false},
        Case{"KeyThirdRound", false, true, 3, false, false},
        Case{"KeyFourthRound", true, true, 4, false, false},
        Case{"KeyFourthRoundAlone", false, false, 4, false, false},
        Case{"ObjectAfterUse", true, false, 0, true, false},
        Case{"ObjectBeforeUse", true, true, 0, true, false},
        Case{"ObjectAlone", false, true, 0, true, false},
        Case{"ObjectAndKey", true, false, 4, true, false},
        Case{"FreeAfterUse", true, false, 0, false, true},
        Case{"FreeBeforeUse", true, true, 0, false, true},
        Case{"FreeAlone", false, false, 0, false, true},
        Case{"Everything", true, false, 4, true, true}),
    [](const auto& tried) { return std::string(tried.param.name); });

}  // namespace
}  // namespace holdfast

#if HOLDFAST_OWN_FREE

// Replaces malloc and free: these call glibc's, and the hook.

extern "C" {

void* __libc_malloc(size_t size);                // NOLINT: glibc's names.
void* __libc_calloc(size_t count, size_t size);  // NOLINT
void* __libc_realloc(void* old, size_t size);    // NOLINT
void __libc_free(void* memory);                  // NOLINT

void* malloc(size_t size) { return __libc_malloc(size); }
void* calloc(size_t count, size_t size) { return __libc_calloc(count, size); }
void* realloc(void* old, size_t size) { return __libc_realloc(old, size); }
void free(void* memory) {
  holdfast::OnFree();
  __libc_free(memory);
}

}  // extern "C"

#endif  // HOLDFAST_OWN_FREE
