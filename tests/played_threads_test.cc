// Goal: threads come, work on a table and exit, with or without a shard. The
// table always holds what it should, and every slot and cell is in exactly one
// place.
//
// Method: random operations of threads, which FakeThreads plays one call after
// another. They are compared with a map. HOLDFAST_TEST_SEED sets the seed.

#include <cstdint>
#include <cstdlib>
#include <random>
#include <string>
#include <unordered_set>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "holdfast/handle_table.h"
#include "tests/support/fake_threads.h"
#include "tests/support/table_access.h"
#include "tests/support/table_snapshot.h"

namespace holdfast {
namespace {

template <typename T, int kBits, uint32_t kCache, uint64_t kSlots>
struct Config {
  struct Traits : DefaultTraits {
    static constexpr int kGenerationBits = kBits;
    static constexpr uint32_t kMaxThreads = 3;
    using Threads = FakeThreads;
  };
  using Value = T;
  static constexpr uint64_t kMaxSlots = kSlots;
  static constexpr uint32_t kCacheSlots = kCache;
};

// Six threads, of which the last three have no shard.
constexpr uint32_t kThreads = 6;

void BecomeAny(std::mt19937_64& random) {
  const uint32_t thread = static_cast<uint32_t>(random() % kThreads);
  switch (random() % 30) {
    case 0:
      if (FakeThreads::IsOwned(thread)) FakeThreads::Exit(thread);
      return FakeThreads::BecomeNew();
    case 1:
      return FakeThreads::BecomeExiting();
    default:
      return FakeThreads::Become(thread);
  }
}

template <typename Config>
class PlayedThreadsTest : public testing::Test {
 protected:
  using T = typename Config::Value;
  using Table = HandleTable<T, typename Config::Traits>;

  static uint64_t Seed() {
    const char* const given = std::getenv("HOLDFAST_TEST_SEED");
    return given != nullptr ? std::strtoull(given, nullptr, 0) : 20'230'602;
  }

  static Table New() {
    FakeThreads::Reset();
    TableOptions options;
    options.max_slots = Config::kMaxSlots;
    options.thread_cache_slots = Config::kCacheSlots;
    return *Table::Create(options);
  }

  void Step() {
    BecomeAny(random_);
    const T value = static_cast<T>(random_());
    if (random_() % Config::kMaxSlots >= live_.size()) {
      const auto handle = table_.Pin(value);
      if (!handle) return;
      ASSERT_TRUE(issued_.insert(handle.bits()).second) << "issued before";
      live_.push_back(handle);
      expected_.Add(handle, value);
      return;
    }
    if (live_.empty()) return;
    std::swap(live_[random_() % live_.size()], live_.back());
    const auto handle = live_.back();
    T& last = expected_.values.at(handle.bits());
    if (random_() % 2 == 0) {
      ASSERT_EQ(table_.Exchange(handle, value), last);
      last = value;
    } else {
      ASSERT_EQ(table_.Take(handle), last);
      expected_.values.erase(handle.bits());
      live_.pop_back();
      ASSERT_FALSE(table_.Unpin(handle));
    }
  }

  std::mt19937_64 random_{Seed()};
  Table table_ = New();
  std::vector<Handle<T>> live_;
  TableContents<T> expected_;
  std::unordered_set<uint64_t> issued_;
};

using Configs =
    testing::Types<Config<uint64_t, 32, 0, 20>, Config<uint32_t, 32, 0, 20>,
                   Config<uint64_t, 32, 1, 20>, Config<uint32_t, 32, 1, 20>,
                   Config<uint64_t, 32, 5, 100>, Config<uint32_t, 32, 5, 100>,
                   Config<uint64_t, 5, 5, 200>, Config<uint32_t, 5, 5, 200>,
                   Config<uint64_t, 4, 20, 400>, Config<uint32_t, 4, 20, 400>>;
TYPED_TEST_SUITE(PlayedThreadsTest, Configs);

TYPED_TEST(PlayedThreadsTest, TableIsWholeAfterEachStep) {
  this->RecordProperty("seed", std::to_string(this->Seed()));
  for (int step = 0; step < 6000; ++step) {
    SCOPED_TRACE(testing::Message()
                 << "HOLDFAST_TEST_SEED=" << this->Seed() << ", step " << step);
    this->Step();
    if (step % 8 == 0) {
      using Access = typename TestFixture::Table::TestAccess;
      ASSERT_EQ(Access(this->table_).Problem(), "");
      ASSERT_EQ(ContentsOf(this->table_), this->expected_);
    }
    if (this->HasFailure()) return;
  }
  // Once all others have exited, one thread finds every slot that is not
  // retired.
  for (uint32_t i = 0; i < kThreads; ++i) {
    if (FakeThreads::IsOwned(i)) FakeThreads::Exit(i);
  }
  FakeThreads::BecomeNew();
  while (this->table_.Pin(0)) {
  }
  const TableStats stats = this->table_.GetStats();
  // The table may hold as many more values as three shards can keep: a thread
  // without a shard may have grown it, while there was one for each of the
  // three.
  const uint64_t cache = stats.thread_cache_slots;
  const uint64_t most =
      TypeParam::kMaxSlots + (cache == 0 ? 0 : 3 * (cache + 1));
  EXPECT_GE(stats.live + stats.retired, TypeParam::kMaxSlots);
  EXPECT_LE(stats.live + stats.retired, most);
  EXPECT_EQ(stats.free, 0);
  EXPECT_FALSE(FakeThreads::released_unowned());
}

}  // namespace
}  // namespace holdfast
