// Goal: if one operation runs between any two accesses of another one, the
// results of both are those of one of the two orders, and the table is in
// order.
//
// Method: one real thread, which plays two threads by FakeThreads. At each
// access of the first thread's operation in turn, AccessHook lets the second
// thread run its operation to the end.

#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "holdfast/handle_table.h"
#include "tests/support/fake_threads.h"
#include "tests/support/hooked_atomics.h"
#include "tests/support/in_cells.h"
#include "tests/support/table_access.h"
#include "tests/support/table_snapshot.h"

namespace holdfast {
namespace {

template <int kBits>
struct HookedTraits : DefaultTraits {
  static constexpr int kGenerationBits = kBits;
  static constexpr uint32_t kMaxThreads = 4;
  using Atomics = HookedAtomics;
  using Threads = FakeThreads;
};

template <typename T, uint32_t kCacheSlots, uint64_t kSlots, int kBits,
          typename TableTraits = HookedTraits<kBits>>
struct Config {
  using Traits = TableTraits;
  using Value = T;
  static TableOptions Options() {
    TableOptions options;
    options.max_slots = kSlots;
    options.thread_cache_slots = kCacheSlots;
    return options;
  }
};

// A table in a set state and what a test knows about it.
template <typename Config>
struct Scene {
  using T = typename Config::Value;
  using Table = HandleTable<T, typename Config::Traits>;

  // Two values are pinned. The first one was written, and moved to another cell
  // if `displaced`. One slot was used before and is free. All but `room` of the
  // slots are taken.
  Scene(uint64_t room, bool displaced)
      : table(*Table::Create(Config::Options())) {
    FakeThreads::Reset();
    FakeThreads::Become(0);
    first = table.Pin(1);
    second = table.Pin(2);
    EXPECT_TRUE(table.Write(first, 1));
    if (displaced) typename Table::TestAccess(table).Displace(first);
    EXPECT_TRUE(table.Unpin(table.Pin(3)));
    while (table.GetStats().live + room < Config::Options().max_slots) {
      EXPECT_TRUE(table.Pin(9));
    }
  }

  Table table;
  Handle<T> first;
  Handle<T> second;
};

// Returns the result of an operation as text.
template <typename T>
std::string Said(const std::optional<T>& value) {
  return value ? std::to_string(*value) : "nothing";
}

template <typename Config>
using Operation = std::function<std::string(Scene<Config>&)>;

// The operations, by name. Their results do not tell which slot a Pin got.
template <typename Config>
std::vector<std::pair<std::string, Operation<Config>>> Operations(
    typename Config::Value value) {
  using S = Scene<Config>;
  return {
      {"Read", [](S& scene) { return Said(scene.table.Read(scene.first)); }},
      {"Contains",
       [](S& scene) {
         return scene.table.Contains(scene.first) ? "yes" : "no";
       }},
      {"Write",
       [=](S& scene) {
         return scene.table.Write(scene.first, value) ? "yes" : "no";
       }},
      {"Exchange",
       [=](S& scene) {
         return Said(scene.table.Exchange(scene.first, value));
       }},
      {"Unpin",
       [](S& scene) { return scene.table.Unpin(scene.first) ? "yes" : "no"; }},
      {"Take", [](S& scene) { return Said(scene.table.Take(scene.first)); }},
      {"Unpin second",
       [](S& scene) { return scene.table.Unpin(scene.second) ? "yes" : "no"; }},
      {"Pin", [=](S& scene) { return scene.table.Pin(value) ? "yes" : "no"; }},
      {"Diagnose",
       [](S& scene) {
         return std::to_string(
             static_cast<int>(scene.table.Diagnose(scene.first).state));
       }},
      // These are two operations, so only the second thread, which is not
      // interrupted, may do them.
      {"Unpin and Pin",
       [=](S& scene) {
         const bool unpinned = scene.table.Unpin(scene.first);
         const bool pinned = static_cast<bool>(scene.table.Pin(value));
         return std::to_string(unpinned) + std::to_string(pinned);
       }},
  };
}

// Returns the values of a table without their handles, since a Pin may take any
// slot.
template <typename Table>
std::string ValuesOf(const Table& table) {
  std::multiset<uint64_t> values;
  for (const auto& [bits, value] : ContentsOf(table).values) {
    values.insert(value);
  }
  std::string all;
  for (const uint64_t value : values) all += std::to_string(value) + " ";
  return all;
}

template <typename Config>
class HandleTableInterferenceTest : public testing::Test {
 protected:
  // Returns the results of both, and the values in the end, if `a` runs before
  // `b` (a_first) or after it.
  static std::string InOrder(const Operation<Config>& a,
                             const Operation<Config>& b, bool a_first,
                             uint64_t room) {
    Scene<Config> scene(room, /*displaced=*/false);
    std::string said_a, said_b;
    FakeThreads::Become(1);
    if (!a_first) said_b = b(scene);
    FakeThreads::Become(0);
    said_a = a(scene);
    FakeThreads::Become(1);
    if (a_first) said_b = b(scene);
    return said_a + ", " + said_b + "; " + ValuesOf(scene.table);
  }

  // Runs `a`, with `b` before its access number `at`. Returns false if `a` has
  // no such access.
  static bool Interfere(const Operation<Config>& a, const Operation<Config>& b,
                        int at, uint64_t room, bool displaced,
                        std::string* result) {
    Scene<Config> scene(room, displaced);
    std::string said_b;
    bool interfered = false;
    AccessHook::Arm(at, [&] {
      interfered = true;
      FakeThreads::Become(1);
      said_b = b(scene);
      FakeThreads::Become(0);
    });
    FakeThreads::Become(0);
    const std::string said_a = a(scene);
    AccessHook::Disarm();
    *result = said_a + ", " + said_b + "; " + ValuesOf(scene.table);
    EXPECT_EQ(typename Scene<Config>::Table::TestAccess(scene.table).Problem(),
              "");
    return interfered;
  }
};

using Configs =
    testing::Types<Config<uint64_t, 0, 4, 32>, Config<uint32_t, 0, 4, 32>,
                   Config<uint64_t, 1, 16, 32>, Config<uint32_t, 1, 16, 32>,
                   Config<uint64_t, 4, 64, 32>, Config<uint64_t, 0, 4, 3>,
                   Config<uint32_t, 0, 4, 3>,
                   Config<uint64_t, 0, 4, 32, InCells<HookedTraits<32>>>,
                   Config<uint64_t, 1, 16, 32, InCells<HookedTraits<32>>>,
                   Config<uint64_t, 0, 4, 3, InCells<HookedTraits<3>>>>;
TYPED_TEST_SUITE(HandleTableInterferenceTest, Configs);

TYPED_TEST(HandleTableInterferenceTest, EachPairOfOperationsHasAnOrder) {
  // With caches, a Pin into a table that is nearly full may fail, because the
  // other thread keeps free slots. So more room is left then.
  const bool cached = TypeParam::Options().thread_cache_slots != 0;
  for (const uint64_t room : {cached ? 10u : 0u, cached ? 20u : 1u}) {
    auto interrupted = Operations<TypeParam>(100);
    interrupted.pop_back();
    for (const auto& [name_a, a] : interrupted) {
      for (const auto& [name_b, b] : Operations<TypeParam>(200)) {
        // A slot that an Unpin has freed but not yet given back is neither live
        // nor on the free list. A Pin into a full table may not find it.
        if (room == 0 && name_b == "Unpin and Pin") continue;
        const std::string a_first = this->InOrder(a, b, true, room);
        const std::string b_first = this->InOrder(a, b, false, room);
        for (const bool displaced : {false, true}) {
          for (int at = 0;; ++at) {
            SCOPED_TRACE(name_a + " with " + name_b + " before access " +
                         std::to_string(at) + ", room for " +
                         std::to_string(room) +
                         (displaced ? ", displaced" : ""));
            ASSERT_LT(at, 500);
            std::string result;
            if (!this->Interfere(a, b, at, room, displaced, &result)) break;
            ASSERT_TRUE(result == a_first || result == b_first)
                << result << "\nneither " << a_first << "\nnor " << b_first;
          }
        }
      }
    }
  }
}

}  // namespace
}  // namespace holdfast
