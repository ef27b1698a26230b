// Goal: after a fork, parent and child each have the table as it was, and may
// go on with it. To the child, other threads have stopped for good: calls that
// they were inside of are never completed there.
//
// Method: fork with one thread, or while other threads do random operations.
// Check in the child everything that can be known there, and check in the
// parent that it sees nothing of what the child did. The child allocates
// nothing, since another thread may have held the allocator's lock.

#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <deque>
#include <thread>
#include <utility>
#include <vector>

#include "absl/base/config.h"
#include "gtest/gtest.h"
#include "holdfast/handle_table.h"
#include "holdfast/reservations.h"
#include "tests/support/concurrent_fill.h"
#include "tests/support/concurrent_load.h"
#include "tests/support/concurrent_threads.h"
#include "tests/support/concurrent_value.h"

namespace holdfast {
namespace {

template <size_t kBytes, uint32_t kCache>
struct Config {
  using Value = Stamped<kBytes>;
  struct Traits : DefaultTraits {
    static constexpr uint32_t kMaxThreads = 64;
  };
  static constexpr uint32_t kCacheSlots = kCache;
};

// Ends the child, with the number of the line as its exit status.
#define EXIT_UNLESS(condition) \
  if (!(condition)) _exit(__LINE__ % 255 + 1)

template <typename Config>
class ForkTest : public testing::Test {
 protected:
  using Value = typename Config::Value;
  using Table = HandleTable<Value, typename Config::Traits>;
  using Handle = typename Table::Handle;

  static constexpr uint64_t kSlots = 4096;
  static constexpr uint64_t kOwn = 100;
  static constexpr uint64_t kOthers = 3;
  // The most slots that a thread may hold: its cache, a batch and a slot.
  static constexpr uint64_t kMostHeld =
      Config::kCacheSlots + Config::kCacheSlots / 2 + 1;
  // The most values that fit if the other threads and the child's new thread
  // have caches.
  static constexpr uint64_t kMostSlots =
      kSlots + (kOthers + 1) * (Config::kCacheSlots + 1);

  void SetUp() override {
#ifdef ABSL_HAVE_THREAD_SANITIZER
    GTEST_SKIP() << "ThreadSanitizer does not support a fork of a process that "
                    "has several threads";
#endif
    for (uint64_t i = 0; i < kOwn; ++i) {
      own_[i] = table_.Pin(Value::Make(i, 0));
      ASSERT_TRUE(table_.Write(own_[i], Value::Make(i, 1)));
    }
    stale_ = table_.Pin(Value::Make(0, 0));
    ASSERT_TRUE(table_.Unpin(stale_));
  }

  // Forks, runs child() in the child, and waits for its end.
  template <typename F>
  static void Fork(F child) {
    const pid_t pid = fork();
    ASSERT_GE(pid, 0);
    if (pid == 0) {
      alarm(60);  // If the child waits, a signal ends it.
      child();
      _exit(0);
    }
    int status = 0;
    ASSERT_EQ(waitpid(pid, &status, 0), pid);
    ASSERT_FALSE(WIFSIGNALED(status)) << "signal " << WTERMSIG(status);
    ASSERT_EQ(WEXITSTATUS(status), 0) << "line, modulo 255, plus 1";
  }

  bool OwnIsAsItWas() const {
    bool right = !table_.Read(stale_);
    for (uint64_t i = 0; i < kOwn; ++i) {
      right &= table_.Read(own_[i]) == Value::Make(i, 1);
    }
    return right;
  }

  // In a child: reads and changes all that was pinned, and fills the table up,
  // twice. `undone` is the number of threads that were inside a call or had a
  // cache.
  void UseInChild(uint64_t undone) {
    EXIT_UNLESS(OwnIsAsItWas());
    uint64_t live = 0;
    table_.ForEach([&](Handle handle, const Value& value) {
      EXIT_UNLESS(value.IsWhole() && table_.Contains(handle));
      ++live;
    });
    EXIT_UNLESS(live == table_.GetStats().live);
    for (uint64_t i = 0; i < kOwn; ++i) {
      EXIT_UNLESS(table_.Write(own_[i], Value::Make(i, 2)));
      EXIT_UNLESS(table_.Exchange(own_[i], Value::Make(i, 3)) ==
                  Value::Make(i, 2));
      EXIT_UNLESS(table_.Take(own_[i]) == Value::Make(i, 3));
      EXIT_UNLESS(!table_.Unpin(own_[i]));
      own_[i] = table_.Pin(Value::Make(i, 4));
      EXIT_UNLESS(own_[i] && table_.Read(own_[i]) == Value::Make(i, 4));
    }
    const uint64_t filled = FillUp(table_);
    EXIT_UNLESS(table_.GetStats().live == live + filled);
    EXIT_UNLESS(live + filled <= kMostSlots);
    EXIT_UNLESS(live + filled + undone * kMostHeld >= kSlots);
    EXIT_UNLESS(table_.UnpinAll() == live + filled);
    const uint64_t again = FillUp(table_);
    EXIT_UNLESS(again <= kMostSlots && again + undone * kMostHeld >= kSlots);
  }

  Table table_ = *Table::Create({kSlots, Config::kCacheSlots});
  std::array<Handle, kOwn> own_;
  Handle stale_;
};

using Configs = testing::Types<Config<4, 16>, Config<24, 16>, Config<24, 0>>;
TYPED_TEST_SUITE(ForkTest, Configs);

TYPED_TEST(ForkTest, ParentAndChildGoOnApart) {
  for (int round = 0; round < 5; ++round) {
    this->Fork([&] { this->UseInChild(/*undone=*/0); });
    if (this->HasFatalFailure()) return;
    ASSERT_TRUE(this->OwnIsAsItWas());
  }
  EXPECT_EQ(FillUp(this->table_), TestFixture::kSlots - TestFixture::kOwn);
  EXPECT_TRUE(this->OwnIsAsItWas());
}

// The child starts threads of its own.
TYPED_TEST(ForkTest, ThreadsOfTheChildMayUseTheTable) {
  this->Fork([&] {
    std::atomic<bool> right{true};
    RunThreads(3, [&](int) {
      for (int i = 0; i < 1000; ++i) {
        const auto handle = this->table_.Pin(TypeParam::Value::Make(7, 0));
        if (!this->table_.Write(handle, TypeParam::Value::Make(7, 1)) ||
            !this->table_.Unpin(handle)) {
          right.store(false);
        }
      }
    });
    EXIT_UNLESS(right.load());
    this->UseInChild(/*undone=*/0);
  });
  EXPECT_TRUE(this->OwnIsAsItWas());
}

TYPED_TEST(ForkTest, OtherThreadsWereAnywhereInsideCalls) {
  using TableType = typename TestFixture::Table;
  const uint64_t seed = TestSeed();
  SharedLoad<TableType> shared(this->table_);
  std::deque<LoadThread<TableType>> loads;
  std::atomic<bool> over{false};
  std::atomic<uint64_t> steps{0};
  std::vector<std::thread> threads;
  for (uint64_t i = 0; i < TestFixture::kOthers; ++i) {
    auto& load = loads.emplace_back(shared, seed, 101 + i);
    threads.emplace_back([&] {
      while (!over.load(std::memory_order_relaxed)) {
        load.Step();
        steps.fetch_add(1, std::memory_order_relaxed);
      }
    });
  }
  for (int round = 0; round < 30 && !this->HasFailure(); ++round) {
    const uint64_t until = steps.load() + 10'000;
    while (steps.load() < until) std::this_thread::yield();
    this->Fork([&] {
      for (const auto handle : shared.written) {
        const auto value = this->table_.Read(handle);
        EXIT_UNLESS(value && value->IsWhole());
      }
      this->UseInChild(TestFixture::kOthers);
    });
    EXPECT_TRUE(this->OwnIsAsItWas());
  }
  over.store(true);
  for (std::thread& thread : threads) thread.join();
  for (auto& load : loads) load.UnpinOwn();
  EXPECT_EQ(shared.wrong.load(), 0u);
  // The parent sees nothing of what the children did.
  EXPECT_EQ(this->table_.UnpinAll(),
            TestFixture::kOwn + shared.kWritten + shared.kEnded);
  EXPECT_GE(FillUp(this->table_), TestFixture::kSlots);
}

// Other threads were making and destroying tables. To the child, what they were
// about to keep, or to take, is lost; what was kept is its own copy.
TEST(ForkedReservationsTest, TheChildMakesTablesOfItsOwn) {
#ifdef ABSL_HAVE_THREAD_SANITIZER
  GTEST_SKIP() << "ThreadSanitizer does not support such a fork";
#endif
  using Table = HandleTable<uint64_t>;
  // Makes tables, and returns whether each was new and kept its values.
  const auto make = [](int rounds) {
    bool right = true;
    for (int i = 0; i < rounds; ++i) {
      Table table = std::move(*Table::Create({/*max_slots=*/1000}));
      right &= table.IndexLimit() == 0;
      const Table::Handle handle = table.Pin(1);
      right &= table.Write(handle, 2) && table.Read(handle) == 2u;
    }
    return right;
  };
  std::atomic<bool> over{false};
  std::atomic<bool> right{true};
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i) {
    threads.emplace_back([&] {
      while (!over.load()) {
        if (!make(10)) right.store(false);
      }
    });
  }
  for (int round = 0; round < 30; ++round) {
    ASSERT_TRUE(make(10));
    const pid_t pid = fork();
    ASSERT_GE(pid, 0);
    if (pid == 0) {
      alarm(60);
      EXIT_UNLESS(make(200));
      ReleaseKeptReservations();
      EXIT_UNLESS(make(200));
      _exit(0);
    }
    int status = 0;
    ASSERT_EQ(waitpid(pid, &status, 0), pid);
    EXPECT_EQ(status, 0);
  }
  over.store(true);
  for (std::thread& thread : threads) thread.join();
  EXPECT_TRUE(right.load());
}

}  // namespace
}  // namespace holdfast
