// Goal: slots that a thread leaves in its cache when it exits can be used
// again, while other threads go on.
//
// Method: waves of short-lived threads exit with full caches. After each wave,
// two workers pin so many values that they need the slots in these caches. A
// Pin may be refused while another thread is moving slots, so it is tried
// again, until a deadline.

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "holdfast/handle_table.h"
#include "tests/support/concurrent_fill.h"
#include "tests/support/concurrent_hooked_atomics.h"
#include "tests/support/concurrent_threads.h"
#include "tests/support/concurrent_value.h"

namespace holdfast {
namespace {

template <size_t kBytes, typename Traits_>
struct Config {
  using Value = Stamped<kBytes>;
  using Traits = Traits_;
};

template <typename Config>
class ThreadExitTest : public testing::Test {
 protected:
  using Value = typename Config::Value;
  using Table = HandleTable<Value, typename Config::Traits>;
  using Handle = typename Table::Handle;

  static constexpr uint64_t kSlots = 1024;
  static constexpr uint32_t kCache = 32;
  static constexpr uint64_t kMostHidden = kCache + kCache / 2 + 1;
  static constexpr uint64_t kWorkers = 2;
  static constexpr int kWave = 4;
  static constexpr uint64_t kShortLived = 40;
  // How many values each worker holds during a wave, and after it. The second
  // number is as large as the other worker's cache allows.
  static constexpr uint64_t kLow =
      (kSlots - kWave * (kShortLived + kMostHidden)) / kWorkers - kMostHidden;
  static constexpr uint64_t kHigh = kSlots / kWorkers - kMostHidden;
  static_assert(kWorkers * kHigh + kWave * kCache > kSlots);

  // Pins a value. Returns the null handle if there was no slot for a minute.
  Handle PinInTime(const Value& value) {
    Handle handle = table_.Pin(value);
    if (handle) return handle;
    const auto deadline =
        std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (!handle && std::chrono::steady_clock::now() < deadline) {
      handle = table_.Pin(value);
    }
    return handle;
  }

  // Holds target_ values, and replaces one after another by a new one.
  void Work(uint64_t number) {
    Random random(seed_, number);
    std::vector<Handle> held;
    while (!over_.load()) {
      const uint64_t target = target_.load();
      if (held.size() >= target && !held.empty()) {
        std::swap(held[random.Below(held.size())], held.back());
        const std::optional<Value> value = table_.Take(held.back());
        Check(value && value->IsWhole() && value->pin() == number);
        held.pop_back();
      }
      if (held.size() < target) {
        held.push_back(PinInTime(Value::Make(number, 0)));
        Check(table_.Write(held.back(), Value::Make(number, random.Next())));
      }
      holds_[number].store(held.size());
    }
    for (const Handle handle : held) Check(table_.Unpin(handle));
  }

  // Sets the target, and returns when both workers hold that many values.
  void SetTarget(uint64_t target) {
    target_.store(target);
    for (const std::atomic<uint64_t>& holds : holds_) {
      while (holds.load() != target && !over_.load()) {
        std::this_thread::yield();
      }
    }
  }

  void LiveShortly() {
    std::vector<Handle> handles;
    for (uint64_t i = 0; i < kShortLived && right_.load(); ++i) {
      handles.push_back(PinInTime(Value::Make(500, i)));
    }
    for (const Handle handle : handles) Check(table_.Unpin(handle));
  }

  void Check(bool right) {
    if (right) return;
    right_.store(false);
    over_.store(true);
  }

  const uint64_t seed_ = TestSeed();
  Table table_ = *Table::Create({kSlots, kCache});
  std::atomic<uint64_t> target_{kLow};
  std::array<std::atomic<uint64_t>, kWorkers> holds_ = {};
  std::atomic<bool> over_{false};
  std::atomic<bool> right_{true};
};

using Configs =
    testing::Types<Config<4, CalmTraits>, Config<24, CalmTraits>,
                   Config<4, JitteryTraits>, Config<24, JitteryTraits>>;
TYPED_TEST_SUITE(ThreadExitTest, Configs);

TYPED_TEST(ThreadExitTest, ItsCacheComesBackWhileOthersGoOn) {
  std::vector<std::thread> workers;
  for (uint64_t i = 0; i < TestFixture::kWorkers; ++i) {
    workers.emplace_back([this, i] { this->Work(i); });
  }
  for (int wave = 0; wave < Rounds(60) && !this->over_.load(); ++wave) {
    this->SetTarget(TestFixture::kLow);
    RunThreads(TestFixture::kWave, [this](int) { this->LiveShortly(); });
    this->SetTarget(TestFixture::kHigh);
  }
  this->over_.store(true);
  for (std::thread& worker : workers) worker.join();
  EXPECT_TRUE(this->right_.load());
  EXPECT_EQ(this->table_.GetStats().live, 0u);
  EXPECT_GE(FillUp(this->table_), TestFixture::kSlots);
}

}  // namespace
}  // namespace holdfast
