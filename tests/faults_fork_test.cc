// Goal: after a fork, parent and child each have the table as it was, and may
// go on with it. A call that another thread was inside of stays undone in the
// child, as if that thread had stopped for good.
//
// Method: fork, alone or while other threads do random operations; check in the
// child everything that can be known there, and in the parent that nothing has
// come of what the child did. The child allocates nothing, so that it does not
// depend on what else the other threads were doing.

#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <deque>
#include <thread>
#include <vector>

#include "absl/base/config.h"
#include "gtest/gtest.h"
#include "holdfast/handle_table.h"
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

// Ends a child with the number of the line.
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
  // What a thread may hold: its cache, a batch and a slot.
  static constexpr uint64_t kMostHeld =
      Config::kCacheSlots + Config::kCacheSlots / 2 + 1;
  // What may be pinned if all others had a cache, and the child's new thread.
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

  // Forks, and waits until child() has come to its end.
  template <typename F>
  static void Fork(F child) {
    const pid_t pid = fork();
    ASSERT_GE(pid, 0);
    if (pid == 0) {
      alarm(60);  // A child that waits ends by a signal.
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

  // Reads and changes all that was pinned, and uses the table up, twice.
  // `undone` threads were inside a call, or still had a cache.
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

// With a thread of its own in the child.
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
  // Nothing that a child did is seen here.
  EXPECT_EQ(this->table_.UnpinAll(),
            TestFixture::kOwn + shared.kWritten + shared.kEnded);
  EXPECT_GE(FillUp(this->table_), TestFixture::kSlots);
}

}  // namespace
}  // namespace holdfast
