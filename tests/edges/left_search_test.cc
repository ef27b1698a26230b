// Goal: a thread may leave a Pin halfway while that searches the shards of
// exited threads, and then end normally or go on with the table. At most a
// batch is lost. The rest of what the exited threads have left can still be had
// once the thread is gone, and no slot has two owners.
//
// Method: as left_midway_test. The table is full but for what is in the shards
// of exited threads, so that the next Pin searches them.

#include <cstdint>
#include <string>
#include <thread>
#include <vector>

#include "gtest/gtest.h"
#include "holdfast/handle_table.h"
#include "holdfast/internal/cache_shape.h"
#include "tests/edges/child.h"
#include "tests/edges/leaving.h"
#include "tests/edges/uniqueness.h"

namespace holdfast {
namespace {

// Here the ordinals of threads that are gone are used again.
struct SearchTraits : MidwayTraits {
  static constexpr uint32_t kMaxThreads = 64;
};

template <typename Config>
class LeftSearchTest : public testing::Test {
 protected:
  using Value = typename Config::Value;
  using Table = HandleTable<Value, SearchTraits>;

  // As many as the table needs, so that its caches are as large as they should.
  static constexpr uint64_t kSlots = 160 + 8 * Config::kCacheSlots;

  // A table in which the next Pin of a new thread that has called UseUp
  // searches the shards of exited threads.
  struct World {
    World() {
      TableOptions options;
      options.max_slots = kSlots;
      options.thread_cache_slots = Config::kCacheSlots;
      table = *Table::Create(options);
      StartThread(0);
      left = table.GetStats().cached;
    }

    bool Pin() { return bool{table.Pin(Value::Make(2, 2))}; }

    // Each thread starts the next one and outlives it, so that each has a shard
    // of its own. The thread that leaves the search inherits the first shard,
    // which is empty. In the others, slots lie in all places that a shard has.
    void StartThread(int number) {
      std::thread([this, number] {
        UseShard(number);
        if (number < 3) StartThread(number + 1);
      }).join();
    }
    void UseShard(int number) {
      if (number == 2) {  // Some of its batches go to the free list.
        std::vector<typename Table::Handle> handles(3 * Config::kCacheSlots);
        for (auto& handle : handles) handle = table.Pin(Value::Make(1, 1));
        for (const auto handle : handles) table.Unpin(handle);
      } else {  // Takes slots that were never used, or one of those batches.
        const uint64_t others = table.GetStats().cached;
        const uint64_t own = number == 0 ? 0 : 8;
        do Pin();
        while (table.GetStats().cached > others + own);
      }
    }

    // Pins all that there is but what the exited threads have in their shards.
    void UseUp() {
      const TableStats stats = table.GetStats();
      const uint64_t rest = kSlots - stats.high_water + stats.free - left;
      for (uint64_t i = 0; i < rest; ++i) Pin();
    }

    Table table = *Table::Create({1});
    uint64_t left;  // Slots in the shards of exited threads.
  };

  // Fills the table twice. Returns what is wrong, or nothing. `may_lack` is how
  // many slots at most may in the end be neither live nor to be had.
  static std::string Fill(World& world, uint64_t may_lack) {
    std::string problem = UniquenessProblem(world.table, kSlots);
    while (world.Pin()) {
    }
    const uint64_t lacking = world.table.GetStats().free;
    if (lacking > may_lack) {
      problem += std::to_string(lacking) + " slots are lost; ";
    }
    return problem;
  }

  // Leaves the search before each of its accesses. Then fills the table, first
  // by the thread that has left the search, if it goes on, and by another one
  // when that thread is gone.
  static void LeaveFromEach(ChildReport& report, bool goes_on) {
    uint64_t places = 0;
    uint64_t left = 0;
    for (bool has_left = true; has_left && !report.wrong(); ++places) {
      World world;
      const uint32_t cache = world.table.GetStats().thread_cache_slots;
      const uint64_t batch = internal::CacheShape(cache).batch();
      left = world.left;
      std::string problem;
      std::thread([&] {
        world.UseUp();
        auto search = [&] { world.Pin(); };
        has_left = Exit::Leave(static_cast<int>(places), search);
        // It keeps one of the shards, and has lost a batch.
        if (goes_on) problem += Fill(world, cache + batch);
      }).join();
      std::thread([&] { problem += Fill(world, batch); }).join();
      report.Expect(problem.empty(),
                    "left before access " + std::to_string(places) +
                        (goes_on ? ", went on: " : ", ended: ") + problem);
    }
    report.Expect(report.wrong() || (left > 0 && places > left),
                  "nothing was searched");
  }
};

// The last one's shards keep two batches, the others' at most one.
using SearchConfigs = testing::Types<Config<8, 8>, Config<24, 8>, Config<16, 1>,
                                     Config<4, 8>, Config<4, 140>>;
TYPED_TEST_SUITE(LeftSearchTest, SearchConfigs);

TYPED_TEST(LeftSearchTest, ThenAtMostABatchIsLost) {
  EXPECT_EQ(InChild([&](ChildReport& report) {
              for (const bool goes_on : {false, true}) {
                this->LeaveFromEach(report, goes_on);
              }
            }),
            "");
}

}  // namespace
}  // namespace holdfast
