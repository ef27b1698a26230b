// Goal: as long as fewer than max_slots values are live, Pin succeeds, however
// many slots waiting or stopped threads keep in their caches. Without caches,
// and with one thread, the capacity is exactly max_slots.
//
// Method: threads do a burst of work and then wait, for a semaphore, or for
// good inside a signal handler. One more thread pins until it is refused.

#include <pthread.h>
#include <semaphore.h>
#include <signal.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <thread>
#include <vector>

#include "gtest/gtest.h"
#include "holdfast/handle_table.h"
#include "tests/support/concurrent_threads.h"
#include "tests/support/concurrent_value.h"

namespace holdfast {
namespace {

struct FewThreads : DefaultTraits {
  static constexpr uint32_t kMaxThreads = 4;  // The others have no cache.
};

template <size_t kBytes, typename Traits_ = DefaultTraits>
struct Config {
  using Value = Stamped<kBytes>;
  using Traits = Traits_;
};

template <typename Config>
class IdleCachesTest : public testing::Test {
 protected:
  using Value = typename Config::Value;
  using Table = HandleTable<Value, typename Config::Traits>;
  using Handle = typename Table::Handle;

  static Value Numbered(uint64_t i) { return Value::Make(i, i >> 12); }

  static Table Create(uint64_t max_slots, uint32_t cache) {
    TableOptions options;
    options.max_slots = max_slots;
    options.thread_cache_slots = cache;
    return *Table::Create(options);
  }

  // Pins `count` values and unpins them again, so that the cache is full.
  static void Burst(Table& table, uint64_t count) {
    std::vector<Handle> handles;
    for (uint64_t i = 0; i < count; ++i) {
      handles.push_back(table.Pin(Numbered(i)));
    }
    for (const Handle handle : handles) table.Unpin(handle);
  }

  // Threads that have worked on `table`, one after another, and now wait.
  class IdleThreads {
   public:
    IdleThreads(Table& table, int count, uint64_t burst) {
      for (int i = 0; i < count; ++i) {
        threads_.emplace_back([this, &table, burst] {
          Burst(table, burst);
          idle_.fetch_add(1);
          while (!over_.load()) sem_wait(&wake_);
        });
        while (idle_.load() <= i) std::this_thread::yield();
      }
    }
    ~IdleThreads() {
      over_.store(true);
      for (size_t i = 0; i < threads_.size(); ++i) sem_post(&wake_);
      for (std::thread& thread : threads_) thread.join();
      sem_destroy(&wake_);
    }

   private:
    static sem_t NewSemaphore() {
      sem_t semaphore;
      sem_init(&semaphore, 0, 0);
      return semaphore;
    }

    sem_t wake_ = NewSemaphore();
    std::atomic<int> idle_{0};
    std::atomic<bool> over_{false};
    std::vector<std::thread> threads_;
  };

  // Pins values until the table refuses one, and checks that each value can be
  // read. Returns how many values it has pinned.
  static uint64_t Fill(Table& table) {
    const uint64_t most = 4 * table.GetStats().capacity;
    std::vector<Handle> handles;
    while (handles.size() < most) {
      const Handle handle = table.Pin(Numbered(handles.size()));
      if (!handle) break;
      handles.push_back(handle);
    }
    for (uint64_t i = 0; i < handles.size(); ++i) {
      if (table.Read(handles[i]) == Numbered(i)) continue;
      ADD_FAILURE() << "value " << i << " is another";
      break;
    }
    return handles.size();
  }
};

using Configs =
    testing::Types<Config<8>, Config<4>, Config<24>, Config<8, FewThreads>>;
TYPED_TEST_SUITE(IdleCachesTest, Configs);

struct Shape {
  uint64_t max_slots;
  uint32_t cache;
  int threads;
};

constexpr Shape kShapes[] = {{1024, 64, 16}, {1024, 64, 64},  {4096, 64, 64},
                             {1000, 1, 32},  {64, 64, 20},    {16, 64, 9},
                             {1, 64, 3},     {8192, 126, 100}};

TYPED_TEST(IdleCachesTest, IdleThreadsKeepNothingFromOthers) {
  for (const auto& [max_slots, cache, threads] : kShapes) {
    auto table = TestFixture::Create(max_slots, cache);
    const typename TestFixture::IdleThreads idle(
        table, threads, std::min<uint64_t>(max_slots, 200));
    for (int round = 0; round < 3; ++round) {
      EXPECT_GE(TestFixture::Fill(table), max_slots)
          << threads << " threads, caches of " << cache;
      table.UnpinAll();
    }
  }
}

TYPED_TEST(IdleCachesTest, OnlyLiveValuesCount) {
  constexpr uint64_t kSlots = 1024;
  constexpr uint64_t kLive = 600;
  auto table = TestFixture::Create(kSlots, 64);
  for (uint64_t i = 0; i < kLive; ++i) {
    ASSERT_TRUE(table.Pin(TestFixture::Numbered(i)));
  }
  const typename TestFixture::IdleThreads idle(table, 32, 100);
  EXPECT_GE(TestFixture::Fill(table) + kLive, kSlots);
}

// Slots pass from threads that unpin to a thread that pins, and none is lost.
TYPED_TEST(IdleCachesTest, SlotsThatOthersUnpinnedAreThere) {
  constexpr uint64_t kSlots = 512;
  auto table = TestFixture::Create(kSlots, 64);
  std::vector<typename TestFixture::Handle> handles;
  for (int round = 0; round < 40; ++round) {
    for (uint64_t i = 0; i < kSlots; ++i) {
      handles.push_back(table.Pin(TestFixture::Numbered(i)));
      ASSERT_TRUE(handles.back()) << "round " << round << ", value " << i;
    }
    // Each thread unpins some values, and exits.
    std::vector<std::thread> threads;
    for (size_t t = 0; t < 8; ++t) {
      threads.emplace_back([&, t] {
        for (size_t i = t; i < kSlots; i += 8) table.Unpin(handles[i]);
      });
    }
    for (std::thread& thread : threads) thread.join();
    handles.clear();
  }
}

TYPED_TEST(IdleCachesTest, WithoutCachesTheCapacityIsExact) {
  for (const uint64_t max_slots : {1u, 2u, 63u, 1024u, 4096u}) {
    auto table = TestFixture::Create(max_slots, 0);
    const typename TestFixture::IdleThreads idle(
        table, 16, std::min<uint64_t>(max_slots, 200));
    for (int round = 0; round < 3; ++round) {
      EXPECT_EQ(TestFixture::Fill(table), max_slots);
      EXPECT_EQ(table.UnpinAll(), max_slots);
    }
  }
}

TYPED_TEST(IdleCachesTest, WithOneThreadTheCapacityIsExact) {
  for (const uint64_t max_slots : {1u, 2u, 63u, 1000u, 1024u, 4096u}) {
    for (const uint32_t cache : {0u, 1u, 2u, 64u, 126u}) {
      auto table = TestFixture::Create(max_slots, cache);
      for (int round = 0; round < 3; ++round) {
        EXPECT_EQ(TestFixture::Fill(table), max_slots) << "cache " << cache;
        EXPECT_EQ(table.UnpinAll(), max_slots);
      }
    }
  }
}

// Four threads pin and unpin. Each has fewer values than a quarter of
// max_slots.
TYPED_TEST(IdleCachesTest, NoPinIsRefusedWhileFewerThanMaxSlotsAreLive) {
  for (const uint64_t max_slots : {64u, 1024u}) {
    auto table = TestFixture::Create(max_slots, 64);
    const uint64_t seed = TestSeed();
    std::atomic<uint64_t> refused{0};
    RunThreads(4, [&](int me) {
      Random random(seed, static_cast<uint64_t>(me));
      std::vector<typename TestFixture::Handle> own;
      for (int i = 0; i < Rounds(50'000); ++i) {
        const uint64_t target = random.Below(max_slots / 4);
        while (own.size() < target) {
          own.push_back(table.Pin(TestFixture::Numbered(own.size())));
          refused.fetch_add(own.back() ? 0 : 1, std::memory_order_relaxed);
          ++i;
        }
        for (; own.size() > target; own.pop_back(), ++i) {
          table.Unpin(own.back());
        }
      }
      for (const auto handle : own) table.Unpin(handle);
    });
    EXPECT_EQ(refused.load(), 0u) << "of " << max_slots << " slots";
    EXPECT_GE(TestFixture::Fill(table), max_slots);
  }
}

// --- Threads that have stopped for good --------------------------------------

sem_t stopped;
sem_t go_on;

void Stop(int) {
  const int error = errno;
  sem_post(&stopped);
  while (sem_wait(&go_on) != 0) {
  }
  errno = error;
}

TYPED_TEST(IdleCachesTest, AStoppedThreadKeepsAtMostABatchAndASlot) {
  constexpr uint64_t kSlots = 1024;
  constexpr uint32_t kCache = 64;
  constexpr int kThreads = 12;
  sem_init(&stopped, 0, 0);
  sem_init(&go_on, 0, 0);
  struct sigaction action = {};
  action.sa_handler = Stop;
  ASSERT_EQ(sigaction(SIGUSR1, &action, nullptr), 0);
  auto table = TestFixture::Create(kSlots, kCache);
  std::atomic<bool> over{false};
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    std::atomic<uint64_t> steps{0};
    threads.emplace_back([&table, &over, &steps] {
      for (uint64_t k = 0; !over.load(); ++k) {
        TestFixture::Burst(table, k % 100);
        if (k < 200) steps.store(k);
      }
    });
    while (steps.load() < 199) std::this_thread::yield();
    ASSERT_EQ(pthread_kill(threads.back().native_handle(), SIGUSR1), 0);
    while (sem_wait(&stopped) != 0) {
    }
  }
  const uint64_t live = table.GetStats().live;
  EXPECT_GE(TestFixture::Fill(table) + live + kThreads * (kCache / 2 + 1),
            kSlots);
  over.store(true);
  for (int i = 0; i < kThreads; ++i) sem_post(&go_on);
  for (std::thread& thread : threads) thread.join();
  table.UnpinAll();
  EXPECT_GE(TestFixture::Fill(table), kSlots);
  sem_destroy(&stopped);
  sem_destroy(&go_on);
}

}  // namespace
}  // namespace holdfast
