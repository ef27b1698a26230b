// Goal: ParallelForEach visits what is pinned throughout exactly once and
// everything else at most once, though workers leave by exceptions and unpin
// what they are shown. (concurrent_soak_test walks beside writers, too.)
//
// Method: anchors are pinned before and stay. Between them slots churn. Each
// pass records what it was shown and is compared with the anchors.

#include <atomic>
#include <cstdint>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "holdfast/handle_table.h"
#include "tests/support/concurrent_hooked_atomics.h"
#include "tests/support/concurrent_threads.h"
#include "tests/support/concurrent_value.h"

namespace holdfast {
namespace {

constexpr uint64_t kAnchors = 3000;  // Some chunks of ParallelForEach.
constexpr uint64_t kChurnPin = 1'000'000;

template <size_t kBytes, typename Traits>
struct Config {
  using Value = Stamped<kBytes>;
  using Table = HandleTable<Value, Traits>;
};

template <typename Config>
class ConcurrentIterationTest : public testing::Test {
 protected:
  using Table = typename Config::Table;
  using Value = typename Config::Value;
  using Handle = typename Table::Handle;
  using Visits = std::vector<std::pair<uint64_t, Value>>;

  // Pins the anchors, each followed by a slot that is free for others.
  ConcurrentIterationTest() {
    std::vector<Handle> others;
    for (uint64_t i = 0; i < kAnchors; ++i) {
      const Handle anchor = table_.Pin(Value::Make(i, 0));
      anchors_.emplace(anchor.bits(), i);
      others.push_back(table_.Pin(Value::Make(kChurnPin, 0)));
    }
    for (const Handle handle : others) table_.Unpin(handle);
  }

  // Pins and unpins until told to stop.
  void Churn(Random random) {
    std::vector<Handle> held;
    while (!stop_.load(std::memory_order_relaxed)) {
      if (held.size() < 500 && random.OneIn(2)) {
        held.push_back(table_.Pin(Value::Make(kChurnPin, random.Next())));
      } else if (!held.empty()) {
        std::swap(held[random.Below(held.size())], held.back());
        table_.Unpin(held.back());
        held.pop_back();
      }
    }
  }

  // Checks one pass.
  void Check(const Visits& visits) {
    std::unordered_map<uint64_t, int> times;
    uint64_t anchors = 0;
    uint64_t wrong = 0;
    for (const auto& [bits, value] : visits) {
      if (++times[bits] > 1 || !value.IsWhole()) ++wrong;
      const auto found = anchors_.find(bits);
      if (found == anchors_.end()) {
        if (value.pin() != (kChurnPin & Value::kMask)) ++wrong;
        continue;
      }
      ++anchors;
      if (value.pin() != found->second) ++wrong;
    }
    EXPECT_EQ(anchors, kAnchors);
    EXPECT_EQ(wrong, 0u);
  }

  Table table_ = *Table::Create({/*max_slots=*/kAnchors * 2 + 2000});
  std::unordered_map<uint64_t, uint64_t> anchors_;  // Handle to pin.
  std::atomic<bool> stop_{false};
};

using Configs =
    testing::Types<Config<4, CalmTraits>, Config<24, CalmTraits>,
                   Config<4, JitteryTraits>, Config<24, JitteryTraits>>;
TYPED_TEST_SUITE(ConcurrentIterationTest, Configs);

// Some of them leave by an exception now and then, and call again.
TYPED_TEST(ConcurrentIterationTest, WorkersThatThrowLeaveNoAnchorOut) {
  constexpr int kWorkers = 3;
  struct Thrown {};
  const uint64_t seed = TestSeed();
  std::thread churner([&] { this->Churn(Random(seed, 0)); });
  for (int pass = 0; pass < Rounds(200); ++pass) {
    std::vector<typename TestFixture::Visits> visits(kWorkers);
    typename TestFixture::Table::ParallelForEach work(this->table_);
    RunThreads(kWorkers, [&](int worker) {
      Random random(seed, static_cast<uint64_t>(pass * kWorkers + worker + 1));
      for (bool over = false; !over;) {
        try {
          work.Work([&](typename TestFixture::Handle handle,
                        const typename TestFixture::Value& value) {
            visits[static_cast<size_t>(worker)].emplace_back(handle.bits(),
                                                             value);
            if (random.OneIn(200)) throw Thrown();
          });
          over = true;
        } catch (const Thrown&) {
        }
      }
    });
    typename TestFixture::Visits all;
    for (const auto& each : visits) {
      all.insert(all.end(), each.begin(), each.end());
    }
    this->Check(all);
  }
  this->stop_ = true;
  churner.join();
}

TYPED_TEST(ConcurrentIterationTest, WorkersMayUnpinWhatTheyAreShown) {
  TestSeed();
  typename TestFixture::Table::ParallelForEach work(this->table_);
  std::atomic<uint64_t> won{0};
  RunThreads(3, [&](int) {
    work.Work([&](typename TestFixture::Handle handle,
                  const typename TestFixture::Value&) {
      won.fetch_add(this->table_.Unpin(handle));
    });
  });
  EXPECT_EQ(won.load(), kAnchors);
  EXPECT_EQ(this->table_.GetStats().live, 0u);
}

TYPED_TEST(ConcurrentIterationTest, EmptyTablesShowNothingToAnyWorker) {
  TestSeed();
  const auto untouched = *TestFixture::Table::Create();
  this->table_.UnpinAll();
  for (const auto* table : {&untouched, &std::as_const(this->table_)}) {
    std::atomic<int> visits{0};
    typename TestFixture::Table::ParallelForEach work(*table);
    RunThreads(3, [&](int) {
      const auto count = [&](typename TestFixture::Handle,
                             const typename TestFixture::Value&) {
        visits.fetch_add(1);
      };
      work.Work(count);
      table->ForEach(count);
    });
    EXPECT_EQ(visits.load(), 0);
  }
}

}  // namespace
}  // namespace holdfast
