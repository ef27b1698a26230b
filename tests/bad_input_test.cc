// Every operation refuses every kind of handle that is not live, and changes
// nothing. Create refuses every option that is out of its range, and names it.

#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "gtest/gtest.h"
#include "holdfast/handle_table.h"
#include "tests/support/table_access.h"
#include "tests/support/table_snapshot.h"
#include "tests/support/test_values.h"

namespace holdfast {
namespace {

template <int kBits, size_t kSize, uint32_t kCache>
struct Config {
  struct Traits : DefaultTraits {
    static constexpr int kGenerationBits = kBits;
  };
  using Value = TestValue<kSize>;
  using Table = HandleTable<Value, Traits>;
  static constexpr uint32_t kCacheSlots = kCache;
};

// A table with live, free, retired and unused slots. Each test throws bad
// handles at it; it must be the same after the test as it was before.
template <typename Config>
class BadHandleTest : public testing::Test {
 protected:
  using Value = typename Config::Value;
  using TableType = typename Config::Table;
  using HandleType = Handle<Value>;
  static constexpr uint64_t kMaxSlots = 100;
  static constexpr int kBits = Config::Traits::kGenerationBits;

  static TableType New() {
    TableOptions options;
    options.max_slots = kMaxSlots;
    options.thread_cache_slots = Config::kCacheSlots;
    return *TableType::Create(options);
  }

  BadHandleTest() {
    for (uint64_t i = 0; i < 60; ++i) live_.push_back(table_.Pin(Value(i)));
    // Lives end with each kind of word that a live slot can have.
    for (size_t i = 35; i < 60; ++i) {
      if (i % 5 == 0) continue;
      EXPECT_TRUE(table_.Write(live_[i], Value(98)));
      if (i % 5 == 1) access_.WearWrites(live_[i]);
      if (i % 5 >= 2) access_.Displace(live_[i]);
      if (i % 5 == 3) access_.Displace(live_[i]);
    }
    while (live_.size() > 30) EndLast();
    for (uint64_t i = 0; i < 10; ++i) live_.push_back(table_.Pin(Value(i)));
    while (live_.size() > 30) EndLast();
    access_.AgeFreeSlots(TableType::kLivesPerSlot * 2 - 2);
    for (uint64_t i = 0; i < 5; ++i) live_.push_back(table_.Pin(Value(i)));
    while (live_.size() > 30) EndLast();
    for (const HandleType handle : live_) {
      EXPECT_TRUE(table_.Write(handle, Value(99)));
    }
    EXPECT_EQ(table_.GetStats().retired, 5);
    contents_ = ContentsOf(table_);
    stats_ = Summary(table_.GetStats());
  }

  ~BadHandleTest() override {
    EXPECT_EQ(Summary(table_.GetStats()), stats_);
    EXPECT_EQ(ContentsOf(table_), contents_);
    EXPECT_EQ(contents_.values.size(), 30);
    EXPECT_EQ(access_.Problem(), "");
  }

  void EndLast() {
    EXPECT_TRUE(table_.Unpin(live_.back()));
    stale_.push_back(live_.back());
    live_.pop_back();
  }

  void ExpectRefused(HandleType handle) {
    SCOPED_TRACE(testing::Message() << handle);
    const Value value(7);
    EXPECT_FALSE(table_.Read(handle));
    Value untouched(8);
    EXPECT_FALSE(table_.Read(handle, &untouched));
    EXPECT_EQ(untouched, Value(8));
    EXPECT_FALSE(table_.Contains(handle));
    EXPECT_FALSE(table_.Write(handle, value));
    EXPECT_FALSE(table_.Exchange(handle, value));
    EXPECT_FALSE(table_.Unpin(handle));
    EXPECT_FALSE(table_.Take(handle));
    EXPECT_NE(table_.Diagnose(handle).state, HandleState::kLive);
  }

  TableType table_ = New();
  typename TableType::TestAccess access_{table_};
  std::vector<HandleType> live_;
  std::vector<HandleType> stale_;
  TableContents<Value> contents_;
  std::string stats_;
};

using Configs =
    testing::Types<Config<3, 1, 0>, Config<3, 8, 64>, Config<16, 4, 4>,
                   Config<16, 16, 0>, Config<32, 4, 64>, Config<32, 8, 0>,
                   Config<32, 64, 64>, Config<40, 2, 0>, Config<40, 8, 4>,
                   Config<48, 24, 64>>;
TYPED_TEST_SUITE(BadHandleTest, Configs);

TYPED_TEST(BadHandleTest, NullHandleIsRefused) {
  this->ExpectRefused({});
  EXPECT_EQ(this->table_.Diagnose({}).state, HandleState::kNull);
}

TYPED_TEST(BadHandleTest, RandomHandlesAreRefused) {
  using BadHandle = Handle<typename TypeParam::Value>;
  std::mt19937_64 random(4711);
  for (int i = 0; i < 20'000; ++i) {
    const uint64_t bits = random() >> (i % 64);
    if (this->contents_.values.count(bits) != 0) continue;
    this->ExpectRefused(BadHandle::FromBits(bits));
  }
}

TYPED_TEST(BadHandleTest, RandomIndexesAndGenerationsAreRefused) {
  using BadHandle = Handle<typename TypeParam::Value>;
  std::mt19937_64 random(4712);
  for (int i = 0; i < 20'000; ++i) {
    const uint64_t generation =
        (random() >> (i % 64)) & ((uint64_t{1} << TestFixture::kBits) - 1);
    const BadHandle handle = this->access_.HandleAt(
        static_cast<uint32_t>(random() % 128), generation);
    if (this->contents_.values.count(handle.bits()) != 0) continue;
    this->ExpectRefused(handle);
  }
}

TYPED_TEST(BadHandleTest, EvenBitsAreRefusedAsForeign) {
  using BadHandle = Handle<typename TypeParam::Value>;
  for (const auto& handles : {this->live_, this->stale_}) {
    for (const BadHandle handle : handles) {
      for (const uint64_t bits : {handle.bits() - 1, handle.bits() + 1}) {
        if (bits == 0) continue;
        this->ExpectRefused(BadHandle::FromBits(bits));
        EXPECT_EQ(this->table_.Diagnose(BadHandle::FromBits(bits)).state,
                  HandleState::kForeign);
      }
    }
  }
}

TYPED_TEST(BadHandleTest, StaleHandlesAreRefused) {
  EXPECT_EQ(this->stale_.size(), 45);
  for (const auto handle : this->stale_) {
    this->ExpectRefused(handle);
    EXPECT_GE(this->table_.Diagnose(handle).lives_ended, 1);
  }
}

TYPED_TEST(BadHandleTest, SecondUnpinIsRefusedHoweverOftenItIsTried) {
  for (int i = 0; i < 1000; ++i) this->ExpectRefused(this->stale_.back());
}

TYPED_TEST(BadHandleTest, HandlesOfOtherTablesAreRefused) {
  for (int i = 0; i < 50; ++i) {
    auto other = this->New();
    for (uint64_t n = 0; n < 100; ++n) {
      this->ExpectRefused(other.Pin(typename TypeParam::Value(n)));
    }
    for (const auto handle : this->live_) EXPECT_FALSE(other.Read(handle));
  }
}

TYPED_TEST(BadHandleTest, IndexesOutOfRangeAreRefusedAsForeign) {
  constexpr uint64_t kLargest = TestFixture::TableType::kMaxSlots;
  for (const uint64_t index :
       {uint64_t{100}, uint64_t{101}, uint64_t{1000}, kLargest - 1, kLargest}) {
    for (uint64_t generation = 1; generation < 8; generation += 2) {
      const auto handle =
          this->access_.HandleAt(static_cast<uint32_t>(index), generation);
      this->ExpectRefused(handle);
      EXPECT_EQ(this->table_.Diagnose(handle).state, HandleState::kForeign);
    }
  }
}

TYPED_TEST(BadHandleTest, SlotsThatWereNeverUsedAreRefused) {
  for (uint32_t index = 70; index < 100; ++index) {
    const auto handle = this->access_.HandleAt(index, 1);
    this->ExpectRefused(handle);
    EXPECT_EQ(this->table_.Diagnose(handle).state, HandleState::kNeverIssued);
  }
}

TYPED_TEST(BadHandleTest, GenerationsThatDoNotOccurAreRefusedAsForeign) {
  constexpr uint64_t kBeyond = (uint64_t{1} << TestFixture::kBits) - 1;
  for (uint32_t index = 0; index < 100; ++index) {
    for (const uint64_t generation : {uint64_t{0}, kBeyond - 1, kBeyond}) {
      const auto handle = this->access_.HandleAt(index, generation);
      this->ExpectRefused(handle);
      EXPECT_EQ(this->table_.Diagnose(handle).state, HandleState::kForeign);
    }
  }
}

TYPED_TEST(BadHandleTest, GenerationsThatFreeSlotsHaveAreRefusedAsForeign) {
  int refused = 0;
  for (uint32_t index = 0; index < 100; ++index) {
    const uint64_t generation = this->access_.SlotGeneration(index);
    if (generation % 2 == 1) continue;
    const auto handle = this->access_.HandleAt(index, generation);
    this->ExpectRefused(handle);
    EXPECT_EQ(this->table_.Diagnose(handle).state, HandleState::kForeign);
    ++refused;
  }
  EXPECT_GE(refused, 30);
}

TYPED_TEST(BadHandleTest, LiveHandlesWithOneBitWrongAreRefused) {
  using BadHandle = Handle<typename TypeParam::Value>;
  int refused = 0;
  for (const BadHandle handle : this->live_) {
    for (int bit = 0; bit < 64; ++bit) {
      const uint64_t bits = handle.bits() ^ (uint64_t{1} << bit);
      // This may be the handle of another live slot.
      if (this->contents_.values.count(bits) != 0) continue;
      this->ExpectRefused(BadHandle::FromBits(bits));
      ++refused;
    }
  }
  EXPECT_GT(refused, 30 * (64 - 7));
}

// --- Options -----------------------------------------------------------------

template <int kBits>
struct BitsTraits : DefaultTraits {
  static constexpr int kGenerationBits = kBits;
};

template <typename Traits>
absl::Status CreateStatus(uint64_t max_slots, uint32_t thread_cache_slots) {
  TableOptions options;
  options.max_slots = max_slots;
  options.thread_cache_slots = thread_cache_slots;
  return HandleTable<uint64_t, Traits>::Create(options).status();
}

void ExpectNamed(const absl::Status& status, const std::string& option,
                 uint64_t value, uint64_t low, uint64_t high) {
  EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
  EXPECT_EQ(status.message(), "HandleTable: Options::" + option + " is " +
                                  std::to_string(value) + ", must be between " +
                                  std::to_string(low) + " and " +
                                  std::to_string(high));
}

template <typename Traits>
void MaxSlotsIsChecked() {
  constexpr uint64_t kLargest = HandleTable<uint64_t, Traits>::kMaxSlots;
  for (const uint64_t bad :
       {uint64_t{0}, kLargest + 1, kLargest + 2, uint64_t{1} << 32,
        uint64_t{1} << 63, ~uint64_t{0}}) {
    ExpectNamed(CreateStatus<Traits>(bad, 0), "max_slots", bad, 1, kLargest);
  }
  EXPECT_TRUE(CreateStatus<Traits>(1, 0).ok());
}

TEST(BadOptionsTest, MaxSlotsOutOfRangeIsRefusedByName) {
  MaxSlotsIsChecked<DefaultTraits>();
  MaxSlotsIsChecked<BitsTraits<3>>();
  MaxSlotsIsChecked<BitsTraits<40>>();
  MaxSlotsIsChecked<BitsTraits<48>>();
}

TEST(BadOptionsTest, LargestMaxSlotsOfAFewIndexBitsIsAccepted) {
  EXPECT_TRUE(CreateStatus<BitsTraits<40>>(4'194'303, 64).ok());
  EXPECT_TRUE(CreateStatus<BitsTraits<48>>(16'383, 64).ok());
}

TEST(BadOptionsTest, ThreadCacheSlotsOutOfRangeIsRefusedByName) {
  for (const uint32_t bad : {uint32_t{4097}, uint32_t{1} << 31, ~uint32_t{0}}) {
    ExpectNamed(CreateStatus<DefaultTraits>(100, bad), "thread_cache_slots",
                bad, 0, 4096);
  }
  EXPECT_TRUE(CreateStatus<DefaultTraits>(100, 4096).ok());
}

TEST(BadOptionsTest, ThreadCacheSlotsIsCheckedThoughASmallTableUsesLess) {
  EXPECT_FALSE(CreateStatus<DefaultTraits>(1, 4097).ok());
  EXPECT_TRUE(CreateStatus<DefaultTraits>(1, 4096).ok());
}

}  // namespace
}  // namespace holdfast
