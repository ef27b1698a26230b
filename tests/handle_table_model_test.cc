// Goal: after any sequence of operations a table holds what a map would hold.
// Method: long random sequences, with all kinds of handles, against such a map,
// which also knows every life of every slot; the table's invariants are checked
// on the way. HOLDFAST_TEST_SEED sets the seed.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <random>
#include <string>
#include <unordered_set>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "holdfast/handle_table.h"
#include "tests/support/table_access.h"
#include "tests/support/table_snapshot.h"
#include "tests/support/test_values.h"

namespace holdfast {
namespace {

uint64_t Seed() {
  static const uint64_t seed = [] {
    const char* const given = std::getenv("HOLDFAST_TEST_SEED");
    return given != nullptr ? std::strtoull(given, nullptr, 0) : 20'230'601;
  }();
  return seed;
}

template <int kBits, size_t kSize, uint32_t kCache, uint64_t kSlots>
struct Config {
  struct Traits : DefaultTraits {
    static constexpr int kGenerationBits = kBits;
  };
  using Value = TestValue<kSize>;
  static TableOptions Options() {
    TableOptions options;
    options.max_slots = kSlots;
    options.thread_cache_slots = kCache;
    return options;
  }
};

// A table and the map that it is compared with. One thread uses the table, so
// that its cache of free slots is always its own, and Pin fails if and only if
// every slot is live or retired.
template <typename Config>
class Model {
 public:
  using Value = typename Config::Value;
  using Table = HandleTable<Value, typename Config::Traits>;
  using HandleType = Handle<Value>;

  explicit Model(uint64_t seed)
      : random_(seed), table_(New()), foreign_(New()), lives_(capacity_, 0) {
    for (int i = 0; i < 10; ++i) {
      foreign_handles_.push_back(foreign_.Pin(AnyValue()));
    }
  }

  void Step() {
    const uint64_t dice = random_() % 1000;
    if (dice < 300) return Pin();
    if (dice < 400) return Read(AnyHandle());
    if (dice < 500) return Write(AnyHandle());
    if (dice < 600) return Exchange(AnyHandle());
    if (dice < 800) return Unpin(AnyHandle());
    if (dice < 940) return Take(AnyHandle());
    if (dice < 970) return Diagnose(AnyHandle());
    if (dice < 974) return CheckAll();
    if (dice < 978) return Parallel();
    if (dice < 982) return Exclusive();
    if (dice < 986) return UnpinWhatIsShown();
    if (dice < 990) return Move();
    if (dice < 992) return UnpinAll();
    CheckStats();
  }

  void CheckAll() {
    CheckStats();
    ASSERT_EQ(ContentsOf(table_), expected_);
    ASSERT_EQ(Access().Problem(), "");
  }

  uint64_t retired() const { return retired_; }

 private:
  using TestAccess = typename Table::TestAccess;
  static constexpr uint64_t kLives = Table::kLivesPerSlot;

  static Table New() { return *Table::Create(Config::Options()); }
  TestAccess Access() const { return TestAccess(table_); }
  Value AnyValue() { return Value(random_()); }

  // Live, unpinned before, of another table, null, or anything.
  HandleType AnyHandle() {
    const uint64_t dice = random_() % 100;
    if (dice < 60 && !order_.empty()) return order_[random_() % order_.size()];
    if (dice < 80 && !ended_.empty()) return ended_[random_() % ended_.size()];
    if (dice < 84) return foreign_handles_[random_() % 10];
    if (dice < 86) return HandleType();
    if (dice < 90) return HandleType::FromBits(random_());
    const uint64_t mask = (uint64_t{1} << (dice % 8 + 2)) - 1;
    return Access().HandleAt(static_cast<uint32_t>(random_() % capacity_),
                             random_() & mask & kGenerationMask);
  }

  bool IsLive(HandleType handle) const {
    return expected_.values.count(handle.bits()) != 0;
  }
  const Value& Expected(HandleType handle) const {
    return expected_.values.at(handle.bits());
  }
  std::optional<Value> ExpectedIfLive(HandleType handle) const {
    if (!IsLive(handle)) return std::nullopt;
    return Expected(handle);
  }

  void Pin() {
    const Value value = AnyValue();
    const HandleType handle = table_.Pin(value);
    ASSERT_EQ(static_cast<bool>(handle), order_.size() + retired_ < capacity_);
    if (!handle) return;
    ASSERT_TRUE(issued_.insert(handle.bits()).second) << "issued before";
    const uint32_t index = Access().Index(handle);
    ASSERT_LT(index, capacity_);
    ASSERT_EQ(Access().Generation(handle), 2 * lives_[index] + 1);
    used_ += lives_[index]++ == 0;
    ASSERT_LE(lives_[index], kLives);
    order_.push_back(handle);
    expected_.Add(handle, value);
  }

  void Read(HandleType handle) {
    ASSERT_EQ(table_.Contains(handle), IsLive(handle));
    ASSERT_EQ(table_.Read(handle), ExpectedIfLive(handle));
  }

  void Write(HandleType handle) {
    const Value value = AnyValue();
    ASSERT_EQ(table_.Write(handle, value), IsLive(handle));
    if (IsLive(handle)) expected_.values.at(handle.bits()) = value;
  }

  void Exchange(HandleType handle) {
    const Value value = AnyValue();
    ASSERT_EQ(table_.Exchange(handle, value), ExpectedIfLive(handle));
    if (IsLive(handle)) expected_.values.at(handle.bits()) = value;
  }

  void Unpin(HandleType handle) {
    ASSERT_EQ(table_.Unpin(handle), IsLive(handle));
    if (IsLive(handle)) End(handle);
  }

  void Take(HandleType handle) {
    ASSERT_EQ(table_.Take(handle), ExpectedIfLive(handle));
    if (IsLive(handle)) End(handle);
  }

  // Forgets a live handle. Linear: tables are small.
  void End(HandleType handle) {
    expected_.values.erase(handle.bits());
    for (HandleType& other : order_) {
      if (other == handle) std::swap(other, order_.back());
    }
    order_.pop_back();
    ended_.push_back(handle);
    retired_ += lives_[Access().Index(handle)] == kLives;
  }

  void UnpinAll() {
    ASSERT_EQ(table_.UnpinAll(), order_.size());
    while (!order_.empty()) End(order_.back());
  }

  void UnpinWhatIsShown() {
    std::vector<HandleType> unpinned;
    table_.ForEach([&](HandleType handle, const Value& value) {
      EXPECT_EQ(value, Expected(handle));
      if (random_() % 2 == 0) return;
      EXPECT_TRUE(table_.Unpin(handle));
      unpinned.push_back(handle);
    });
    for (const HandleType handle : unpinned) End(handle);
  }

  void Parallel() {
    typename Table::ParallelForEach walk(table_);
    TableContents<Value> seen;
    for (int worker = 0; worker < 3; ++worker) {
      walk.Work([&](HandleType handle, const Value& value) {
        seen.Add(handle, value);
      });
    }
    ASSERT_EQ(seen, expected_);
  }

  void Exclusive() {
    TableContents<Value> seen;
    table_.ForEachExclusive([&](HandleType handle, Value& value) {
      seen.Add(handle, value);
      value = AnyValue();
      expected_.values.at(handle.bits()) = value;
    });
    ASSERT_EQ(seen.values.size(), expected_.values.size());
    ASSERT_EQ(seen.twice, "");
    ASSERT_EQ(ContentsOf(table_), expected_);
  }

  void Move() {
    Table other = std::move(table_);
    if (random_() % 2 == 0) {
      table_ = New();  // With something in it, for the assignment to drop.
      ASSERT_TRUE(table_.Pin(AnyValue()));
    }
    table_ = std::move(other);
  }

  void Diagnose(HandleType handle) {
    const Diagnosis diagnosis = table_.Diagnose(handle);
    if (!handle) {
      ASSERT_EQ(diagnosis.state, HandleState::kNull);
      return;
    }
    const uint32_t index = Access().Index(handle);
    const uint64_t generation = Access().Generation(handle);
    const bool in_range =
        ((handle.bits() ^ Access().key()) >> kGenerationBits) < capacity_;
    if (!in_range || generation % 2 == 0 || generation > 2 * kLives) {
      ASSERT_EQ(diagnosis.state, HandleState::kForeign);
      return;
    }
    const uint64_t life = (generation + 1) / 2;
    if (life > lives_[index]) {
      ASSERT_EQ(diagnosis.state, HandleState::kNeverIssued);
      return;
    }
    if (IsLive(handle)) {
      ASSERT_EQ(diagnosis.state, HandleState::kLive);
      ASSERT_EQ(diagnosis.lives_ended, 0);
      return;
    }
    const bool newest_is_live =
        IsLive(Access().HandleAt(index, 2 * lives_[index] - 1));
    const bool retired = lives_[index] == kLives && !newest_is_live;
    ASSERT_EQ(diagnosis.state,
              retired ? HandleState::kRetired : HandleState::kStale);
    ASSERT_EQ(diagnosis.lives_ended, lives_[index] - life + !newest_is_live);
  }

  void CheckStats() {
    const TableStats stats = table_.GetStats();
    const TableOptions options = Config::Options();
    const uint64_t cache =
        std::min<uint64_t>(options.thread_cache_slots, capacity_ / 16);
    ASSERT_EQ(stats.live, order_.size());
    ASSERT_EQ(stats.retired, retired_);
    ASSERT_EQ(stats.capacity, capacity_);
    ASSERT_EQ(stats.thread_cache_slots, cache);
    ASSERT_LE(stats.cached, cache);
    ASSERT_GE(stats.high_water, used_);
    ASSERT_LE(stats.high_water, std::min(used_ + cache / 2, capacity_));
    ASSERT_EQ(stats.free, stats.high_water - stats.live - stats.retired);
    uint64_t oldest = 0;
    for (uint32_t i = 0; i < capacity_; ++i) {
      if (lives_[i] == 0) continue;
      const bool live = IsLive(Access().HandleAt(i, 2 * lives_[i] - 1));
      oldest = std::max(oldest, 2 * lives_[i] - live);
    }
    ASSERT_EQ(stats.oldest_generation, std::min(oldest, 2 * kLives - 1));
    ASSERT_EQ(stats.last_generation, 2 * kLives - 1);
  }

  static constexpr int kGenerationBits = Config::Traits::kGenerationBits;
  static constexpr uint64_t kGenerationMask =
      (uint64_t{1} << kGenerationBits) - 1;

  std::mt19937_64 random_;
  Table table_;
  Table foreign_;
  const uint64_t capacity_ = Config::Options().max_slots;
  std::vector<HandleType> foreign_handles_;

  TableContents<Value> expected_;
  std::vector<HandleType> order_;        // The live handles.
  std::vector<HandleType> ended_;        // The handles that were unpinned.
  std::vector<uint64_t> lives_;          // Of each slot: lives begun.
  std::unordered_set<uint64_t> issued_;  // The bits of every handle.
  uint64_t used_ = 0;                    // Slots pinned at least once.
  uint64_t retired_ = 0;
};

template <typename Config>
class HandleTableModelTest : public testing::Test {};

using Configs = testing::Types<
    // Three lives a slot: all of them are soon retired.
    Config<3, 1, 0, 16>, Config<3, 4, 0, 100>, Config<3, 7, 64, 1000>,
    Config<3, 8, 0, 12>, Config<3, 16, 1, 100>, Config<3, 64, 64, 2000>,
    Config<2, 8, 0, 500>,
    // Many lives, in words and in cells.
    Config<8, 8, 1, 20>, Config<16, 4, 0, 16>, Config<16, 8, 64, 2048>,
    Config<16, 24, 1, 300>, Config<32, 1, 0, 50>, Config<32, 4, 1, 100>,
    Config<32, 4, 64, 3000>, Config<32, 8, 0, 100>, Config<32, 8, 64, 1>,
    Config<32, 16, 64, 200>, Config<32, 24, 0, 64>, Config<32, 64, 64, 1500>,
    Config<40, 1, 64, 700>, Config<40, 4, 1, 90>, Config<40, 8, 0, 40>,
    Config<40, 16, 64, 1100>, Config<48, 2, 64, 400>, Config<48, 64, 0, 30>>;
TYPED_TEST_SUITE(HandleTableModelTest, Configs);

TYPED_TEST(HandleTableModelTest, RandomOperationsAgreeWithAMap) {
  this->RecordProperty("seed", std::to_string(Seed()));
  for (uint64_t round = 0; round < 3; ++round) {
    SCOPED_TRACE(testing::Message()
                 << "HOLDFAST_TEST_SEED=" << Seed() << ", round " << round);
    Model<TypeParam> model(Seed() + round);
    for (int step = 0; step < 8000; ++step) {
      SCOPED_TRACE(testing::Message() << "step " << step);
      model.Step();
      if (this->HasFailure()) return;
    }
    model.CheckAll();
  }
}

TYPED_TEST(HandleTableModelTest, SlotsWithFewLivesAreRetiredOnTheWay) {
  if (TypeParam::Traits::kGenerationBits > 3) GTEST_SKIP() << "many lives";
  const uint64_t capacity = TypeParam::Options().max_slots;
  SCOPED_TRACE(testing::Message() << "HOLDFAST_TEST_SEED=" << Seed());
  Model<TypeParam> model(Seed());
  for (int step = 0; step < 300'000 && model.retired() < capacity; ++step) {
    model.Step();
    if (this->HasFailure()) return;
  }
  EXPECT_EQ(model.retired(), capacity);
}

}  // namespace
}  // namespace holdfast
