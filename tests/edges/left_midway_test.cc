// Goal: a thread may leave a call halfway, and then end normally or go on with
// the table. The table loses at most what the thread had in hand, and no slot
// and no cell has two owners afterwards.
//
// Method: the table's atomic and plain variables call a hook. It jumps out of a
// series of calls before their first access, in the next run before their
// second access, and so on: so each place between two accesses is tried.
// Another thread inherits what the first one has left, or the first one goes
// on.

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>
#include <thread>
#include <vector>

#include "gtest/gtest.h"
#include "holdfast/handle_table.h"
#include "tests/edges/child.h"
#include "tests/edges/leaving.h"
#include "tests/edges/uniqueness.h"

namespace holdfast {
namespace {

template <typename Config>
class LeftMidwayTest : public testing::Test {
 protected:
  using Value = typename Config::Value;
  using Table = HandleTable<Value, MidwayTraits>;
  using Handle = typename Table::Handle;

  static constexpr uint64_t kSlots = 160;
  static constexpr size_t kOwn = 12;  // More than a cache.
  // A thread may lose a cache, a batch and a slot, as one that has stopped.
  static constexpr uint64_t kMostLost =
      Config::kCacheSlots + Config::kCacheSlots / 2 + 1;

  struct World {
    World() {
      TableOptions options;
      options.max_slots = kSlots;
      options.thread_cache_slots = Config::kCacheSlots;
      table = *Table::Create(options);
      for (Handle& handle : shared) handle = table.Pin(Value::Make(1, 1));
      for (Handle& handle : own) handle = table.Pin(Value::Make(2, 2));
    }
    // Another thread writes the shared values, and leaves its spare cell to the
    // next owner of its ordinal.
    void Stir() {
      std::thread([this] {
        for (const Handle handle : shared) {
          table.Write(handle, Value::Make(3, 3));
        }
      }).join();
    }

    Table table = *Table::Create({1});
    Handle shared[4];
    Handle own[kOwn];
  };

  // Uses the table, and checks each result. Returns what was wrong, or nothing.
  static std::string GoOn(World& world) {
    std::vector<Handle> handles;
    std::string problem;
    for (int round = 0; round < 3; ++round) {
      for (uint64_t i = 0; i < 20; ++i) {
        handles.push_back(world.table.Pin(Value::Make(i, 0)));
        if (!handles.back()) return "a Pin was refused; ";
      }
      std::vector<Handle> all = handles;
      world.table.ForEach([&](Handle handle, const Value&) {
        if (std::find(all.begin(), all.end(), handle) == all.end()) {
          all.push_back(handle);
        }
      });
      problem += SharedCells(world.table, all);
      for (const Handle handle : handles) {
        if (!world.table.Take(handle)) problem += "a Take was refused; ";
      }
      handles.clear();
    }
    return problem;
  }

  // For each access of calls(world): makes a new world, leaves calls(world)
  // before that access, and runs then(world). Reports the first access after
  // which something is wrong.
  template <typename F, typename G>
  static void LeaveFromEach(ChildReport& report, F calls, G then) {
    for (const bool goes_on : {false, true}) {
      int places = 0;
      for (bool left = true; left; ++places) {
        World world;
        world.Stir();
        std::string problem;
        std::thread([&] {
          // The thread first works a little, so that it has an ordinal, a shard
          // and a cache.
          for (int i = 0; i < 3; ++i) {
            world.table.Unpin(world.table.Pin(Value::Make(0, 0)));
          }
          world.table.Write(world.shared[0], Value::Make(4, 4));
          auto run = [&] { calls(world); };
          left = Exit::Leave(places, run);
          if (goes_on) {
            then(world);
            problem += GoOn(world);
          }
        }).join();
        then(world);
        std::thread([&] { problem += GoOn(world); }).join();
        for (int again = 0; again < 2; ++again) {
          std::thread([&] {
            problem += UniquenessProblem(world.table, kSlots - kMostLost);
          }).join();
        }
        if (!report.Expect(problem.empty(),
                           "left before access " + std::to_string(places) +
                               (goes_on ? ", went on: " : ", ended: ") +
                               problem)) {
          return;
        }
      }
      report.Expect(places > 4, "there was hardly a place to leave from");
    }
  }

  template <typename F>
  static std::string LeaveEverywhere(F calls) {
    return LeaveEverywhere(calls, [](World&) {});
  }
  // Runs in a process of its own, so that the next test does not lack what
  // threads lose here.
  template <typename F, typename G>
  static std::string LeaveEverywhere(F calls, G then) {
    return InChild(
        [&](ChildReport& report) { LeaveFromEach(report, calls, then); });
  }
};

using Configs = testing::Types<Config<8, 8>, Config<24, 8>, Config<24, 0>,
                               Config<16, 1>, Config<4, 8>>;
TYPED_TEST_SUITE(LeftMidwayTest, Configs);

TYPED_TEST(LeftMidwayTest, OutOfWrite) {
  EXPECT_EQ(this->LeaveEverywhere([](auto& world) {
    for (int round = 0; round < 2; ++round) {
      for (const auto handle : world.shared) {
        world.table.Write(handle, TypeParam::Value::Make(5, 5));
      }
    }
  }),
            "");
}

TYPED_TEST(LeftMidwayTest, OutOfExchange) {
  EXPECT_EQ(this->LeaveEverywhere([](auto& world) {
    for (int round = 0; round < 2; ++round) {
      for (const auto handle : world.shared) {
        (void)world.table.Exchange(handle, TypeParam::Value::Make(5, 5));
      }
    }
  }),
            "");
}

TYPED_TEST(LeftMidwayTest, OutOfPin) {
  EXPECT_EQ(this->LeaveEverywhere([](auto& world) {
    for (int i = 0; i < 40; ++i) {
      (void)world.table.Pin(TypeParam::Value::Make(5, 5));
    }
  }),
            "");
}

TYPED_TEST(LeftMidwayTest, OutOfPinWhenTheTableIsFull) {
  EXPECT_EQ(this->LeaveEverywhere(
                [](auto& world) {
                  while (world.table.Pin(TypeParam::Value::Make(5, 5))) {
                  }
                },
                [](auto& world) { world.table.UnpinAll(); }),
            "");
}

TYPED_TEST(LeftMidwayTest, OutOfUnpin) {
  EXPECT_EQ(this->LeaveEverywhere([](auto& world) {
    for (const auto handle : world.own) world.table.Unpin(handle);
  }),
            "");
}

TYPED_TEST(LeftMidwayTest, OutOfTake) {
  EXPECT_EQ(this->LeaveEverywhere([](auto& world) {
    for (const auto handle : world.own) (void)world.table.Take(handle);
  }),
            "");
}

TYPED_TEST(LeftMidwayTest, OutOfUnpinAll) {
  EXPECT_EQ(this->LeaveEverywhere([](auto& world) { world.table.UnpinAll(); }),
            "");
}

TYPED_TEST(LeftMidwayTest, OutOfForEach) {
  EXPECT_EQ(this->LeaveEverywhere([](auto& world) {
    world.table.ForEach([&](auto handle, const auto& value) {
      world.table.Write(handle, value);
    });
  }),
            "");
}

}  // namespace
}  // namespace holdfast
