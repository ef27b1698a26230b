// Goal: UnpinAll beside other operations ends every life that began before it,
// ends none twice, and touches nothing else.
//
// Method: threads pin, read, write and unpin while others call UnpinAll in a
// loop. Before each call its thread collects handles whose Pin has happened
// before; after it they must be stale. At the end the counts must add up.

#include <atomic>
#include <cstdint>
#include <optional>
#include <vector>

#include "gtest/gtest.h"
#include "holdfast/handle_table.h"
#include "tests/support/concurrent_fill.h"
#include "tests/support/concurrent_hooked_atomics.h"
#include "tests/support/concurrent_threads.h"
#include "tests/support/concurrent_value.h"

namespace holdfast {
namespace {

constexpr int kMutators = 3;
constexpr int kClearers = 2;
constexpr size_t kBoxes = 16;

template <size_t kBytes, typename Traits>
struct Config {
  using Value = Stamped<kBytes>;
  using Table = HandleTable<Value, Traits>;
};

template <typename Config>
class ConcurrentUnpinAllTest : public testing::Test {};

using Configs =
    testing::Types<Config<4, CalmTraits>, Config<24, CalmTraits>,
                   Config<4, JitteryTraits>, Config<24, JitteryTraits>>;
TYPED_TEST_SUITE(ConcurrentUnpinAllTest, Configs);

TYPED_TEST(ConcurrentUnpinAllTest, EndsEveryEarlierLifeExactlyOnce) {
  using Table = typename TypeParam::Table;
  using Value = typename TypeParam::Value;
  using Handle = typename Table::Handle;
  const uint64_t seed = TestSeed();
  const int rounds = Rounds(150'000);

  auto table = *Table::Create({/*max_slots=*/512});
  std::atomic<uint64_t> boxes[kMutators * kBoxes] = {};
  std::atomic<int> mutating{kMutators};
  std::atomic<int> passes{0};   // Of UnpinAll; mutators go on until there were
  constexpr int kPasses = 200;  // so many.
  std::atomic<uint64_t> pins{0};
  std::atomic<uint64_t> unpins{0};
  std::atomic<uint64_t> cleared{0};
  std::atomic<uint64_t> revived{0};
  std::atomic<uint64_t> foreign{0};

  RunThreads(kMutators + kClearers, [&](int thread) {
    if (thread >= kMutators) {
      uint64_t mine = 0;
      while (mutating.load(std::memory_order_relaxed) > 0) {
        std::vector<Handle> before;
        for (const auto& box : boxes) {
          before.push_back(
              Handle::FromBits(box.load(std::memory_order_acquire)));
        }
        if (const uint64_t ended = table.UnpinAll()) {
          mine += ended;
          passes.fetch_add(1, std::memory_order_relaxed);
        }
        for (const Handle handle : before) {
          if (table.Contains(handle) || table.Read(handle) ||
              table.Unpin(handle)) {
            revived.fetch_add(1);
          }
        }
      }
      cleared.fetch_add(mine);
      return;
    }
    Random random(seed, static_cast<uint64_t>(thread));
    uint64_t my_pins = 0;
    uint64_t my_unpins = 0;
    for (int round = 0;
         round < rounds || passes.load(std::memory_order_relaxed) < kPasses;
         ++round) {
      auto& box =
          boxes[static_cast<size_t>(thread) * kBoxes + random.Below(kBoxes)];
      // Each thread pins with its own number and alone writes to its handles.
      const uint64_t me = static_cast<uint64_t>(thread);
      const Handle handle =
          Handle::FromBits(box.load(std::memory_order_relaxed));
      if (const std::optional<Value> value = table.Read(handle)) {
        if (!value->IsWhole() || value->pin() != me) foreign.fetch_add(1);
        if (random.OneIn(2)) {
          table.Write(handle, Value::Make(me, random.Next()));
        } else if (random.OneIn(4)) {
          my_unpins += table.Unpin(handle);
        }
      } else if (const Handle pinned = table.Pin(Value::Make(me, 0))) {
        ++my_pins;
        box.store(pinned.bits(), std::memory_order_release);
      }
    }
    pins.fetch_add(my_pins);
    unpins.fetch_add(my_unpins);
    mutating.fetch_sub(1);
  });

  EXPECT_EQ(revived.load(), 0u);
  EXPECT_EQ(foreign.load(), 0u);
  EXPECT_EQ(unpins.load() + cleared.load() + table.GetStats().live,
            pins.load());
  table.UnpinAll();
  const TableStats stats = table.GetStats();
  EXPECT_EQ(stats.live, 0u);
  EXPECT_EQ(stats.free, stats.high_water);
  // Capacity is kept: every slot can be had.
  EXPECT_GE(FillUp(table), 512u);
}

}  // namespace
}  // namespace holdfast
