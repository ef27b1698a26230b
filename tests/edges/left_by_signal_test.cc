// Goal: as left_midway_test, but the thread leaves the call in the ways in
// which programs do it: by asynchronous pthread_cancel, by pthread_exit in a
// signal handler, or by siglongjmp out of one, at any instruction of each
// operation. Then the thread ends normally, or goes on with the table: after
// the jump, or in the destructor of a pthread key.
//
// Method: in each of many rounds, a thread is made to leave a call at a random
// time. After each round, one thread alone writes to all shared handles and
// reads them back. In the end the whole table is checked. Each case runs in a
// process of its own.

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>
#include <thread>
#include <tuple>
#include <vector>

#include "absl/base/config.h"
#include "gtest/gtest.h"
#include "holdfast/handle_table.h"
#include "tests/edges/child.h"
#include "tests/edges/uniqueness.h"
#include "tests/support/concurrent_threads.h"
#include "tests/support/concurrent_value.h"

namespace holdfast {
namespace {

using Value = Stamped<16>;
using Table = HandleTable<Value>;
using Handle = Table::Handle;

enum class Way { kCancel, kExit, kJump };
enum class Verb {
  kWrite,
  kExchange,
  kPinUnpin,
  kPinTake,
  kMany,
  kUnpinAll,
  kForEach
};

constexpr uint64_t kSlots = 1 << 16;
constexpr uint32_t kCache = 16;
constexpr size_t kShared = 8;
constexpr int kRounds = 250;

// The threads that leave calls own nothing: everything that they use is here.
Table* table;
Handle shared[kShared];
Handle own[40];
Value values[40];
Way way;
bool goes_on;
std::atomic<bool> working{false};
std::atomic<int> wrong{0};
thread_local sigjmp_buf place;

void Strike(int) {
  if (way == Way::kExit) pthread_exit(nullptr);
  siglongjmp(place, 1);
}

// Calls an operation again and again, until the thread is made to leave it.
void Work(Verb verb) {
  for (uint64_t i = 0;; ++i) {
    const Value value = Value::Make(i, i);
    switch (verb) {
      case Verb::kWrite:
        table->Write(shared[i % kShared], value);
        break;
      case Verb::kExchange:
        (void)table->Exchange(shared[i % kShared], value);
        break;
      case Verb::kPinUnpin:
        for (Handle& handle : own) handle = table->Pin(value);
        for (const Handle handle : own) table->Unpin(handle);
        break;
      case Verb::kPinTake:
        for (Handle& handle : own) handle = table->Pin(value);
        for (const Handle handle : own) (void)table->Take(handle);
        break;
      case Verb::kMany:
        (void)table->PinMany(values, 40, own);
        table->UnpinMany(own, 40);
        break;
      case Verb::kUnpinAll:
        for (Handle& handle : own) handle = table->Pin(value);
        table->UnpinAll();
        break;
      case Verb::kForEach:
        table->ForEach(
            [](Handle handle, const Value& old) { table->Write(handle, old); });
        break;
    }
  }
}

// What a thread that goes on does with the table. All results must be right.
void GoOn() {
  Handle handles[20];
  for (uint64_t i = 0; i < 20; ++i) handles[i] = table->Pin(Value::Make(i, 0));
  for (uint64_t i = 0; i < 20; ++i) {
    if (!table->Write(handles[i], Value::Make(i, 1))) wrong.fetch_add(1);
  }
  for (uint64_t i = 0; i < 20; ++i) {
    if (!(table->Take(handles[i]) == Value::Make(i, 1))) wrong.fetch_add(1);
  }
}

pthread_key_t at_exit;

void* Body(void* verb) {
  if (goes_on && way != Way::kJump) pthread_setspecific(at_exit, &at_exit);
  // First calls may allocate memory, which must not be left halfway.
  GoOn();
  if (way == Way::kJump && sigsetjmp(place, 1) != 0) {
    if (goes_on) GoOn();
    return nullptr;
  }
  int old = 0;
  if (way == Way::kCancel) {
    // NOLINTNEXTLINE(concurrency-thread-canceltype-asynchronous): on purpose.
    pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, &old);
  }
  working.store(true);
  Work(*static_cast<const Verb*>(verb));
  return nullptr;
}

template <typename F>
void InThread(F work) {
  std::thread(work).join();
}

void Round(const Verb& verb, Random& random) {
  working.store(false);
  pthread_t thread;
  pthread_create(&thread, nullptr, Body, const_cast<Verb*>(&verb));
  while (!working.load()) {
  }
  for (uint64_t spin = random.Below(5000); spin > 0; --spin) {
    std::atomic_signal_fence(std::memory_order_seq_cst);
  }
  if (way == Way::kCancel) {
    pthread_cancel(thread);
  } else {
    pthread_kill(thread, SIGUSR1);
  }
  pthread_join(thread, nullptr);
}

// Does kRounds rounds. Reports the first one after which something is wrong.
void Rounds(ChildReport& report, Verb verb, uint64_t seed) {
  Random random(seed, static_cast<uint64_t>(verb));
  for (int round = 1; round <= kRounds; ++round) {
    for (Handle& handle : shared) {
      if (!table->Contains(handle)) handle = table->Pin(Value::Make(0, 0));
    }
    Round(verb, random);
    std::string problem;
    InThread([&] {
      std::vector<Handle> live;
      for (const Handle handle : shared) {
        if (table->Contains(handle)) live.push_back(handle);
      }
      problem = SharedCells(*table, live);
    });
    problem +=
        wrong.load() == 0 ? "" : "a thread that went on got wrong results; ";
    if (!problem.empty()) {
      return report.Say("round " + std::to_string(round) + ": " + problem);
    }
  }
  // Each thread may have lost a cache, a batch and a slot.
  const uint64_t least = kSlots - kRounds * (kCache + kCache / 2 + 1);
  for (int i = 0; i < 2; ++i) {
    InThread([&] {
      const std::string problem = UniquenessProblem(*table, least);
      report.Expect(problem.empty(), problem);
    });
  }
}

class LeftBySignalTest
    : public testing::TestWithParam<std::tuple<Way, Verb, bool>> {};

TEST_P(LeftBySignalTest, NothingGetsTwoOwners) {
#if defined(ABSL_HAVE_ADDRESS_SANITIZER) || defined(ABSL_HAVE_THREAD_SANITIZER)
  GTEST_SKIP() << "a sanitizer's own calls must not be left halfway";
#endif
#ifndef __OPTIMIZE__
  // Without optimization, functions of std::optional are not inlined. They have
  // exception tables, so a thread that unwinds out of one ends the process.
  if (std::get<0>(GetParam()) != Way::kJump) {
    GTEST_SKIP() << "no unwinding out of unoptimized code";
  }
#endif
  const uint64_t seed = TestSeed();
  const std::string said = InChild([seed](ChildReport& report) {
    way = std::get<0>(GetParam());
    goes_on = std::get<2>(GetParam());
    TableOptions options;
    options.max_slots = kSlots;
    options.thread_cache_slots = kCache;
    table = new Table(*Table::Create(options));
    for (Value& value : values) value = Value::Make(1, 1);
    struct sigaction action = {};
    action.sa_handler = Strike;
    sigaction(SIGUSR1, &action, nullptr);
    pthread_key_create(&at_exit, [](void*) { GoOn(); });
    Rounds(report, std::get<1>(GetParam()), seed);
  });
  EXPECT_EQ(said, "");
}

std::string Name(
    const testing::TestParamInfo<LeftBySignalTest::ParamType>& tried) {
  const char* const ways[] = {"Cancel", "Exit", "Jump"};
  const char* const verbs[] = {"Write", "Exchange", "PinUnpin", "PinTake",
                               "Many",  "UnpinAll", "ForEach"};
  const auto [by, verb, on] = tried.param;
  return std::string(ways[static_cast<int>(by)]) +
         verbs[static_cast<int>(verb)] + (on ? "GoesOn" : "Ends");
}

INSTANTIATE_TEST_SUITE_P(
    Struck, LeftBySignalTest,
    testing::Combine(testing::Values(Way::kCancel, Way::kExit, Way::kJump),
                     testing::Values(Verb::kWrite, Verb::kExchange,
                                     Verb::kPinUnpin, Verb::kPinTake,
                                     Verb::kMany, Verb::kUnpinAll,
                                     Verb::kForEach),
                     testing::Bool()),
    Name);

}  // namespace
}  // namespace holdfast
