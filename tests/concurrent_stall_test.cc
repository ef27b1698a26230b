// Goal: a thread that stands still anywhere inside a call holds no other up,
// and does no harm when it goes on.
//
// Method: each call is stopped before each of its atomic operations in turn.
// While it stands, another thread does a round of everything, on the same slot
// and on others, and must come through; a call that spins ends the test. Then
// the stopped call goes on, and the table must add up. Nothing here is random.

#include <cstdint>
#include <vector>

#include "gtest/gtest.h"
#include "holdfast/handle_table.h"
#include "tests/support/concurrent_fill.h"
#include "tests/support/concurrent_parking.h"
#include "tests/support/concurrent_value.h"
#include "tests/support/table_access.h"

namespace holdfast {
namespace {

struct CachedTraits : DefaultTraits {
  static constexpr uint32_t kMaxThreads = 64;
  static constexpr uint32_t kCache = 4;
  using Atomics = HookedAtomics<Parking>;
};

struct UncachedTraits : CachedTraits {
  static constexpr uint32_t kCache = 0;
};

struct NoShardTraits : CachedTraits {
  static constexpr uint32_t kMaxThreads = 0;
};

template <size_t kBytes, typename Traits_>
struct Config {
  using Value = Stamped<kBytes>;
  using Traits = Traits_;
};

template <typename Config>
class ConcurrentStallTest : public testing::Test {
 protected:
  using Value = typename Config::Value;
  using Table = HandleTable<Value, typename Config::Traits>;
  using Handle = typename Table::Handle;

  static constexpr uint64_t kSlots = 64;

  // Stops call(table, handle) before each of its operations. `handle` is live
  // and holds Make(1, 0), in its slot's own cell or displaced, unless the other
  // thread has unpinned it: that does so if `unpin` is true. The call returns
  // how many values it has added.
  template <typename F>
  void StallEverywhere(F call) {
    for (const bool displaced : {false, true}) {
      if (displaced && Table::kComparesValues) continue;
      for (const bool unpin : {false, true}) {
        int64_t n = 0;
        while (StallOnce(n, unpin, displaced, call)) {
          ASSERT_FALSE(this->HasFailure()) << "stalled before operation " << n;
          ++n;
        }
        EXPECT_GT(n, 0);
      }
    }
  }

  template <typename F>
  bool StallOnce(int64_t n, bool unpin, bool displaced, F call) {
    auto table = *Table::Create({kSlots, Config::Traits::kCache});
    // Some slots have been used, and lie on the free list or in a cache.
    std::vector<Handle> used;
    for (int i = 0; i < 12; ++i) used.push_back(table.Pin(Value::Make(3, 0)));
    const Handle handle = table.Pin(Value::Make(1, 0));
    EXPECT_TRUE(table.Write(handle, Value::Make(1, 0)));
    typename Table::TestAccess access(table);
    if (displaced) access.Displace(handle);
    for (const Handle each : used) table.Unpin(each);

    int64_t added = 0;
    int64_t ended = 0;
    const bool parked = Parking::Run(
        n, [&] { added = call(table, handle); },
        [&] {
          DoEverything(table);
          Parking::BeginCall();
          table.Write(handle, Value::Make(1, 0));
          Parking::BeginCall();
          if (const auto value = table.Read(handle)) {
            EXPECT_TRUE(value->IsWhole() && value->pin() == 1);
          }
          Parking::BeginCall();
          if (unpin) ended = table.Unpin(handle);
          DoEverything(table);
        });
    int64_t live = 0;
    table.ForEach([&](Handle, const Value& value) {
      EXPECT_TRUE(value.IsWhole());
      ++live;
    });
    EXPECT_EQ(live, 1 + added - ended);
    EXPECT_EQ(access.Problem(), "");
    table.UnpinAll();
    EXPECT_GE(FillUp(table), kSlots);
    return parked;
  }

  // Pins so many that caches are refilled and emptied and the table grows, uses
  // each, and unpins it.
  static void DoEverything(Table& table) {
    std::vector<Handle> handles;
    for (uint64_t i = 0; i < 30; ++i) {
      Parking::BeginCall();
      handles.push_back(table.Pin(Value::Make(2, i)));
      EXPECT_TRUE(handles.back());
    }
    for (uint64_t i = 0; i < handles.size(); ++i) {
      const Handle handle = handles[i];
      Parking::BeginCall();
      EXPECT_TRUE(table.Read(handle) == Value::Make(2, i));
      Parking::BeginCall();
      EXPECT_TRUE(table.Write(handle, Value::Make(2, i + 1)));
      Parking::BeginCall();
      EXPECT_TRUE(table.Exchange(handle, Value::Make(2, i + 2)) ==
                  Value::Make(2, i + 1));
    }
    uint64_t visits = 0;
    Parking::BeginCall();
    table.ForEach([&](Handle, const Value& value) {
      EXPECT_TRUE(value.IsWhole());
      visits += value.pin() == 2;
    });
    EXPECT_EQ(visits, handles.size());
    Parking::BeginCall();
    static_cast<void>(table.GetStats());
    for (uint64_t i = 0; i < handles.size(); ++i) {
      Parking::BeginCall();
      EXPECT_TRUE(table.Take(handles[i]) == Value::Make(2, i + 2));
      Parking::BeginCall();
      EXPECT_FALSE(table.Unpin(handles[i]));
    }
  }
};

using Configs =
    testing::Types<Config<4, CachedTraits>, Config<16, CachedTraits>,
                   Config<4, UncachedTraits>, Config<16, UncachedTraits>,
                   Config<16, NoShardTraits>>;
TYPED_TEST_SUITE(ConcurrentStallTest, Configs);

TYPED_TEST(ConcurrentStallTest, InPin) {
  this->StallEverywhere([](auto& table, auto) {
    int64_t added = 0;
    for (uint64_t i = 0; i < 6; ++i)
      added += bool(table.Pin(TypeParam::Value::Make(5, i)));
    return added;
  });
}

TYPED_TEST(ConcurrentStallTest, InPinThatGrowsTheTable) {
  this->StallEverywhere([](auto& table, auto) {
    int64_t added = 0;
    for (uint64_t i = 0; i < 20; ++i) {
      added += bool(table.Pin(TypeParam::Value::Make(5, i)));
    }
    return added;
  });
}

TYPED_TEST(ConcurrentStallTest, InUnpin) {
  this->StallEverywhere(
      [](auto& table, auto handle) { return -int64_t{table.Unpin(handle)}; });
}

TYPED_TEST(ConcurrentStallTest, InUnpinsThatEmptyTheCache) {
  this->StallEverywhere([](auto& table, auto) {
    std::vector<typename TestFixture::Handle> handles;
    for (uint64_t i = 0; i < 7; ++i) {
      handles.push_back(table.Pin(TypeParam::Value::Make(5, i)));
    }
    int64_t added = 7;
    for (const auto each : handles) added -= table.Unpin(each);
    return added;
  });
}

TYPED_TEST(ConcurrentStallTest, InTake) {
  this->StallEverywhere([](auto& table, auto handle) {
    const auto value = table.Take(handle);
    if (value) {
      EXPECT_TRUE(*value == TypeParam::Value::Make(1, 0));
    }
    return -int64_t{value.has_value()};
  });
}

TYPED_TEST(ConcurrentStallTest, InWrite) {
  this->StallEverywhere([](auto& table, auto handle) {
    table.Write(handle, TypeParam::Value::Make(1, 5));
    return int64_t{0};
  });
}

TYPED_TEST(ConcurrentStallTest, InExchange) {
  this->StallEverywhere([](auto& table, auto handle) {
    const auto value = table.Exchange(handle, TypeParam::Value::Make(1, 5));
    if (value) {
      EXPECT_TRUE(*value == TypeParam::Value::Make(1, 0));
    }
    return int64_t{0};
  });
}

TYPED_TEST(ConcurrentStallTest, InRead) {
  this->StallEverywhere([](auto& table, auto handle) {
    const auto value = table.Read(handle);
    if (value) {
      EXPECT_TRUE(*value == TypeParam::Value::Make(1, 0));
    }
    return int64_t{0};
  });
}

TYPED_TEST(ConcurrentStallTest, InForEach) {
  this->StallEverywhere([](auto& table, auto) {
    table.ForEach(
        [](auto, const auto& value) { EXPECT_TRUE(value.IsWhole()); });
    return int64_t{0};
  });
}

TEST(ConcurrentStalledUnpinAllTest, HoldsNobodyUpAndEndsNoLifeTwice) {
  using Value = Stamped<16>;
  using Table = HandleTable<Value, CachedTraits>;
  bool parked = true;
  for (int64_t n = 0; parked; ++n) {
    auto table = *Table::Create({/*max_slots=*/64, CachedTraits::kCache});
    uint64_t pinned = 0;
    for (int i = 0; i < 8; ++i) pinned += bool(table.Pin(Value::Make(1, 0)));
    uint64_t ended_late = 0;
    uint64_t ended = 0;
    parked = Parking::Run(
        n, [&] { ended_late = table.UnpinAll(); },
        [&] {
          for (int i = 0; i < 30; ++i) {
            Parking::BeginCall();
            pinned += bool(table.Pin(Value::Make(2, 0)));
          }
          Parking::BeginCall();
          ended = table.UnpinAll();
          Parking::BeginCall();
          pinned += bool(table.Pin(Value::Make(2, 0)));
        });
    ASSERT_EQ(pinned, 39u) << n;
    ASSERT_EQ(table.GetStats().live, pinned - ended - ended_late) << n;
    table.UnpinAll();
    ASSERT_GE(FillUp(table), 64u) << n;
  }
}

}  // namespace
}  // namespace holdfast
