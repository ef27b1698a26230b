// Goal: no Pin and no Unpin touches more cache lines than docs/design.md says,
// whatever happens to fall due in it.
//
// Method: all that threads change goes through Traits::Atomics. Here it notes
// the line of each access. One real thread plays two: each pins and unpins in
// bursts of all lengths, slots that the other one has had, in random order.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <unordered_set>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "holdfast/handle_table.h"
#include "tests/support/concurrent_hooked_atomics.h"
#include "tests/support/fake_threads.h"
#include "tests/support/in_cells.h"
#include "tests/support/random.h"
#include "tests/support/table_access.h"

namespace holdfast {
namespace {

constexpr uint64_t kLineBytes = 64;

class Lines {
 public:
  static void BeforeAtomic(const void* at, bool /*writes*/) {
    lines_.insert(reinterpret_cast<uintptr_t>(at) / kLineBytes);
  }
  static void BeforePlain(const void* at, bool writes) {
    BeforeAtomic(at, writes);
  }
  // Returns how many lines `call` touches.
  template <typename F>
  static size_t Count(F call) {
    lines_.clear();
    call();
    return lines_.size();
  }

 private:
  inline static std::unordered_set<uintptr_t> lines_;
};

struct TracedTraits : DefaultTraits {
  using Atomics = HookedAccesses<Lines>;
  using Threads = FakeThreads;
};

struct Worst {
  size_t pin = 0;
  size_t unpin = 0;
};

template <typename T, typename Traits>
class Player {
  using Table = HandleTable<T, Traits>;

 public:
  explicit Player(uint32_t cache_slots) {
    FakeThreads::Reset();
    FakeThreads::Become(0);
    TableOptions options;
    options.max_slots = 100'000;
    options.thread_cache_slots = cache_slots;
    table_ = *Table::Create(options);
  }

  void Pin(uint32_t thread, uint64_t count) {
    FakeThreads::Become(thread);
    for (uint64_t i = 0; i < count; ++i) {
      typename Table::Handle handle;
      const size_t lines = Lines::Count([&] { handle = table_.Pin(T{}); });
      ASSERT_TRUE(handle);
      worst.pin = std::max(worst.pin, lines);
      live_.push_back(handle);
    }
  }

  // Ends lives in random order.
  void Unpin(uint32_t thread, uint64_t count) {
    FakeThreads::Become(thread);
    for (uint64_t i = 0; i < count; ++i) {
      std::swap(live_[random_.Below(live_.size())], live_.back());
      const auto handle = live_.back();
      live_.pop_back();
      bool done = false;
      const size_t lines = Lines::Count([&] { done = table_.Unpin(handle); });
      ASSERT_TRUE(done);
      worst.unpin = std::max(worst.unpin, lines);
    }
  }

  // Gives each value that is live another cell than its own.
  void Displace() {
    typename Table::TestAccess access(table_);
    for (const auto handle : live_) access.Displace(handle);
  }

  Worst worst;

 private:
  Table table_ = *Table::Create({1});
  std::vector<typename Table::Handle> live_;
  Random random_{20261127, 1};
};

struct Large {
  unsigned char bytes[64];
};

template <typename T, typename Traits>
Worst Play(uint32_t cache_slots, bool displaced) {
  Player<T, Traits> player(cache_slots);
  // So that slots lie on lines of their own when they are freed at random.
  player.Pin(0, 20'000);
  if (displaced) player.Displace();
  for (uint64_t burst = 1; burst <= 1'200; burst += 1 + burst / 8) {
    for (uint32_t round = 0; round < 6; ++round) {
      const uint32_t here = round % 2;
      const uint32_t there = round / 2 % 2;
      player.Unpin(here, burst);
      player.Pin(there, burst);
    }
  }
  return player.worst;
}

// The documented numbers. Of a batch of 32 slots, the shard, and the head of a
// stack: where each slot is on one line, and where a slot may be on two.
constexpr size_t kMost = 40;
constexpr size_t kMostOfTwo = 76;

template <typename T, typename Traits = TracedTraits>
void ExpectLines(size_t most, bool displaced = false) {
  const Worst worst =
      Play<T, Traits>(TableOptions().thread_cache_slots, displaced);
  EXPECT_LE(worst.pin, most);
  EXPECT_LE(worst.unpin, most);
  // Otherwise no batch has moved.
  EXPECT_GT(worst.pin, 16u);
  EXPECT_GT(worst.unpin, 16u);
}

TEST(CacheLinesTest, OfValuesBesideWords) { ExpectLines<uint64_t>(kMost); }
TEST(CacheLinesTest, OfValuesInCells) {
  ExpectLines<uint64_t, InCells<TracedTraits>>(kMost);
}
TEST(CacheLinesTest, OfValuesInWords) { ExpectLines<uint32_t>(kMost); }
TEST(CacheLinesTest, OfLargeValues) { ExpectLines<Large>(kMostOfTwo); }
TEST(CacheLinesTest, OfValuesInOtherCells) {
  ExpectLines<uint64_t, InCells<TracedTraits>>(kMostOfTwo, /*displaced=*/true);
}

}  // namespace
}  // namespace holdfast
