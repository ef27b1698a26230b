// Goal: Read and Contains may be called in a signal handler that interrupts any
// operation of its own thread.
//
// Method: a thread pins, writes, exchanges and unpins, and notes before and
// after each call what its handles must hold. Another thread sends it signals
// as fast as it handles them. The handler reads all handles. (ThreadSanitizer
// delays signals to the next atomic operation.)

#include <pthread.h>
#include <signal.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <iostream>
#include <optional>
#include <thread>

#include "gtest/gtest.h"
#include "holdfast/handle_table.h"
#include "tests/support/concurrent_hooked_atomics.h"
#include "tests/support/concurrent_threads.h"
#include "tests/support/concurrent_value.h"

namespace holdfast {
namespace {

// The function that the handler of SIGUSR1 calls, and its argument.
void (*handle_signal)(void*) = nullptr;
void* handle_signal_with = nullptr;

void OnSignal(int) { handle_signal(handle_signal_with); }

template <size_t kBytes, uint32_t kCache>
struct Config {
  using Value = Stamped<kBytes>;
  static constexpr uint32_t kCacheSlots = kCache;
};

template <typename Config>
class SignalHandlerTest : public testing::Test {
 protected:
  using Value = typename Config::Value;
  using Table = HandleTable<Value, CalmTraits>;
  using Handle = typename Table::Handle;

  static constexpr uint64_t kEntries = 16;
  // This many entries are only written; the others are also pinned anew.
  static constexpr uint64_t kWritten = 8;
  // At least so many signals, and as many more as fit into a second.
  static constexpr uint64_t kLeastSignals = 200;
  static constexpr uint64_t kMostSignals = 20'000;

  // Only one thread uses an entry: it writes the entry, and its signal handler
  // reads it, between any two instructions. So the members are atomic.
  struct Entry {
    std::atomic<uint64_t> bits{0};      // If not 0, this handle is live.
    std::atomic<uint64_t> stale{0};     // If not 0, this handle is stale.
    std::atomic<uint64_t> written{0};   // The value has this sequence number,
    std::atomic<uint64_t> may_hold{0};  // or this one.
  };

  void SetUp() override {
    handle_signal = [](void* test) {
      static_cast<SignalHandlerTest*>(test)->ReadAll();
    };
    handle_signal_with = this;
    struct sigaction action = {};
    action.sa_handler = &OnSignal;
    ASSERT_EQ(sigaction(SIGUSR1, &action, &before_), 0);
    for (uint64_t i = 0; i < kEntries; ++i) Pin(i);
  }
  void TearDown() override {
    EXPECT_EQ(sigaction(SIGUSR1, &before_, nullptr), 0);
  }

  // --- The interrupted thread ------------------------------------------------

  void Pin(uint64_t i) {
    const Handle handle = table_.Pin(Value::Make(i, 0));
    Check(bool{handle});
    entries_[i].written.store(0);
    entries_[i].may_hold.store(0);
    entries_[i].bits.store(handle.bits());
  }

  void Work() {
    Random random(TestSeed(), 0);
    while (!over_.load()) {
      const uint64_t i = random.Below(kEntries);
      Entry& entry = entries_[i];
      const Handle handle = Handle::FromBits(entry.bits.load());
      if (i >= kWritten && random.OneIn(2)) {
        entry.bits.store(0);
        Check(random.OneIn(2) ? table_.Unpin(handle)
                              : table_.Take(handle).has_value());
        entry.stale.store(handle.bits());
        Pin(i);
        continue;
      }
      const Value old = Value::Make(i, entry.written.load());
      const uint64_t next = entry.written.load() + 1;
      entry.may_hold.store(next);
      if (random.OneIn(2)) {
        Check(table_.Write(handle, Value::Make(i, next)));
      } else {
        Check(table_.Exchange(handle, Value::Make(i, next)) == old);
      }
      entry.written.store(next);
    }
  }

  // --- The signal handler ----------------------------------------------------

  void ReadAll() {
    for (uint64_t i = 0; i < kEntries; ++i) {
      const Entry& entry = entries_[i];
      if (const uint64_t bits = entry.bits.load()) {
        const Handle handle = Handle::FromBits(bits);
        const std::optional<Value> value = table_.Read(handle);
        Check(table_.Contains(handle));
        Check(value == Value::Make(i, entry.written.load()) ||
              value == Value::Make(i, entry.may_hold.load()));
        interrupted_writes_ += entry.written.load() != entry.may_hold.load();
      }
      const Handle stale = Handle::FromBits(entry.stale.load());
      Check(!table_.Read(stale) && !table_.Contains(stale));
    }
    signals_.fetch_add(1);
  }

  void Check(bool right) {
    if (!right) wrong_.fetch_add(1);
  }

  Table table_ = *Table::Create({/*max_slots=*/1024, Config::kCacheSlots});
  std::array<Entry, kEntries> entries_;
  std::atomic<bool> over_{false};
  std::atomic<uint64_t> signals_{0};
  std::atomic<uint64_t> wrong_{0};
  uint64_t interrupted_writes_ = 0;
  struct sigaction before_ = {};
};

using Configs = testing::Types<Config<4, 64>, Config<8, 64>, Config<8, 0>,
                               Config<64, 64>, Config<64, 0>>;
TYPED_TEST_SUITE(SignalHandlerTest, Configs);

TYPED_TEST(SignalHandlerTest, ReadsWhatTheInterruptedThreadWrites) {
  std::thread thread([this] { this->Work(); });
  const auto enough =
      std::chrono::steady_clock::now() + std::chrono::seconds(1);
  for (uint64_t i = 1; i <= TestFixture::kMostSignals; ++i) {
    if (i > TestFixture::kLeastSignals &&
        std::chrono::steady_clock::now() > enough) {
      break;
    }
    ASSERT_EQ(pthread_kill(thread.native_handle(), SIGUSR1), 0);
    while (this->signals_.load() < i) std::this_thread::yield();
  }
  this->over_.store(true);
  thread.join();
  std::cout << this->signals_.load() << " signals, "
            << this->interrupted_writes_ << " inside or beside a write"
            << std::endl;
  EXPECT_EQ(this->wrong_.load(), 0u);
  EXPECT_GT(this->interrupted_writes_, 0u);
  EXPECT_EQ(this->table_.UnpinAll(), TestFixture::kEntries);
}

}  // namespace
}  // namespace holdfast
