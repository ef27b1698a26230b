// Goal: values that threads pin, read and unpin many at a time are neither lost
// nor mixed up, also if most threads have no cache of their own.
//
// Method: each thread pins values, reads them back, and sends the handles to
// the next thread, which reads them again and unpins them. A walk looks on. In
// the end, the table must have all of its slots.

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "holdfast/handle_table.h"
#include "tests/support/concurrent_hooked_atomics.h"
#include "tests/support/concurrent_threads.h"
#include "tests/support/concurrent_value.h"
#include "tests/support/random.h"

namespace holdfast {
namespace {

constexpr int kThreads = 4;
constexpr uint64_t kSlots = 600;

// Only one thread has a cache.
struct OneCacheTraits : JitteryTraits {
  static constexpr uint32_t kMaxThreads = 1;
};

template <size_t kBytes, typename Traits_>
struct Config {
  using Value = Stamped<kBytes>;
  using Table = HandleTable<Value, Traits_>;
};

template <typename Config>
class ConcurrentManyTest : public testing::Test {
 protected:
  using Value = typename Config::Value;
  using Table = typename Config::Table;
  using Handle = typename Table::Handle;

  // Handles of the values Make(pin, 0), Make(pin, 1) and so on.
  struct Letter {
    uint64_t pin = 0;
    std::vector<Handle> handles;
  };

  void Send(int to, Letter letter) {
    const std::lock_guard<std::mutex> lock(mutex_);
    boxes_[to].push_back(std::move(letter));
  }
  std::vector<Letter> Receive(int me) {
    const std::lock_guard<std::mutex> lock(mutex_);
    return std::exchange(boxes_[me], {});
  }

  // Pins up to `count` values. The table may be full before.
  Letter PinSome(uint64_t pin, size_t count) {
    std::vector<Value> values;
    for (size_t i = 0; i < count; ++i) values.push_back(Value::Make(pin, i));
    Letter letter = {pin & Value::kMask, std::vector<Handle>(count)};
    letter.handles.resize(
        table_.PinMany(values.data(), count, letter.handles.data()));
    return letter;
  }

  void CheckAll(const Letter& letter) {
    table_.ReadMany(letter.handles.data(), letter.handles.size(),
                    [&](size_t i, const std::optional<Value>& value) {
                      if (!value || !(*value == Value::Make(letter.pin, i))) {
                        ++wrong_;
                      }
                    });
  }

  void EndAll(const std::vector<Letter>& letters) {
    for (const Letter& letter : letters) {
      CheckAll(letter);
      if (table_.UnpinMany(letter.handles.data(), letter.handles.size()) !=
          letter.handles.size()) {
        ++wrong_;
      }
    }
  }

  Table table_ = *Table::Create({kSlots, /*thread_cache_slots=*/40});
  std::mutex mutex_;
  std::vector<Letter> boxes_[kThreads];
  std::atomic<uint64_t> wrong_{0};
};

using Configs =
    testing::Types<Config<4, CalmTraits>, Config<4, JitteryTraits>,
                   Config<8, CalmTraits>, Config<8, JitteryTraits>,
                   Config<8, OneCacheTraits>, Config<64, JitteryTraits>,
                   Config<64, OneCacheTraits>>;
TYPED_TEST_SUITE(ConcurrentManyTest, Configs);

TYPED_TEST(ConcurrentManyTest, NothingIsLostOrMixedUp) {
  const uint64_t seed = TestSeed();
  std::atomic<int> running{kThreads};
  RunThreads(kThreads + 1, [&](int me) {
    if (me == kThreads) {
      while (running.load() != 0) {
        this->table_.ForEach(
            [&](auto, const typename TestFixture::Value& value) {
              if (!value.IsWhole()) ++this->wrong_;
            });
      }
      return;
    }
    Random random(seed, static_cast<uint64_t>(me));
    const auto rounds = static_cast<uint64_t>(Rounds(300));
    for (uint64_t round = 0; round < rounds; ++round) {
      const uint64_t pin =
          round * uint64_t{kThreads} + static_cast<uint64_t>(me);
      auto letter = this->PinSome(pin, 1 + random.Below(100));
      this->CheckAll(letter);
      this->Send((me + 1) % kThreads, std::move(letter));
      this->EndAll(this->Receive(me));
    }
    running.fetch_sub(1);
  });
  for (int i = 0; i < kThreads; ++i) this->EndAll(this->Receive(i));
  EXPECT_EQ(this->wrong_.load(), 0);
  EXPECT_EQ(this->table_.GetStats().live, 0);
  EXPECT_GE(this->PinSome(0, 2 * kSlots).handles.size(), kSlots);
}

}  // namespace
}  // namespace holdfast
