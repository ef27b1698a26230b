// The verbs that depend on the value that a handle has: CompareExchange, Update
// and UnpinIf. What one thread sees of them is also compared with a map, in
// handle_table_model_test.cc.

#include <cstdint>
#include <cstring>
#include <limits>
#include <optional>
#include <stdexcept>
#include <utility>

#include "gtest/gtest.h"
#include "holdfast/handle_table.h"

namespace holdfast {
namespace {

struct LongGenerations : DefaultTraits {
  static constexpr int kGenerationBits = 48;
};

struct ThreeLives : DefaultTraits {
  static constexpr int kGenerationBits = 3;
};

// Values beside the words of slots, where the processor allows that, and in the
// words.
template <typename Table>
class ComparedTest : public testing::Test {
 protected:
  Table table_ = *Table::Create({/*max_slots=*/10});
  const typename Table::Handle live_ =
      table_.Pin(typename Table::value_type{1});
};

using Tables = testing::Types<
#if defined(__x86_64__) || defined(__aarch64__)
    HandleTable<uint64_t>, HandleTable<uint32_t, LongGenerations>,
    HandleTable<double>,
#endif
    HandleTable<uint32_t>, HandleTable<float>, HandleTable<uint8_t>>;
TYPED_TEST_SUITE(ComparedTest, Tables);

TYPED_TEST(ComparedTest, CompareExchangeReplacesTheExpectedValue) {
  using Value = typename TypeParam::value_type;
  Value expected{1};
  EXPECT_EQ(this->table_.CompareExchange(this->live_, &expected, Value{2}),
            Compared::kEqual);
  EXPECT_EQ(expected, Value{1});
  EXPECT_EQ(this->table_.Read(this->live_), Value{2});
}

TYPED_TEST(ComparedTest, CompareExchangeShowsTheValueThatItFinds) {
  using Value = typename TypeParam::value_type;
  Value expected{7};
  EXPECT_EQ(this->table_.CompareExchange(this->live_, &expected, Value{2}),
            Compared::kDifferent);
  EXPECT_EQ(expected, Value{1});
  EXPECT_EQ(this->table_.Read(this->live_), Value{1});
}

TYPED_TEST(ComparedTest, UpdateReturnsTheValueThatItReplaces) {
  using Value = typename TypeParam::value_type;
  const auto next = [](Value value) { return static_cast<Value>(value + 1); };
  EXPECT_EQ(this->table_.Update(this->live_, next), Value{1});
  EXPECT_EQ(this->table_.Update(this->live_, next), Value{2});
  EXPECT_EQ(this->table_.Read(this->live_), Value{3});
}

TYPED_TEST(ComparedTest, UpdateThatThrowsChangesNothing) {
  using Value = typename TypeParam::value_type;
  const auto fail = [](Value) -> Value { throw std::runtime_error("no"); };
  EXPECT_THROW(this->table_.Update(this->live_, fail), std::runtime_error);
  EXPECT_EQ(this->table_.Read(this->live_), Value{1});
}

// The function of Update may use the table: here it acts as another thread
// would that comes between.
TYPED_TEST(ComparedTest, UpdateCallsAgainIfTheValueWasReplaced) {
  using Value = typename TypeParam::value_type;
  int calls = 0;
  const auto replaced = this->table_.Update(this->live_, [&](Value value) {
    if (++calls <= 3) {
      EXPECT_TRUE(
          this->table_.Write(this->live_, static_cast<Value>(calls * 10)));
    }
    return static_cast<Value>(value + 1);
  });
  EXPECT_EQ(calls, 4);
  EXPECT_EQ(replaced, Value{30});
  EXPECT_EQ(this->table_.Read(this->live_), Value{31});
}

TYPED_TEST(ComparedTest, UpdateFindsNothingIfTheLifeEndsMeanwhile) {
  using Value = typename TypeParam::value_type;
  int calls = 0;
  const auto replaced = this->table_.Update(this->live_, [&](Value value) {
    ++calls;
    EXPECT_TRUE(this->table_.Unpin(this->live_));
    EXPECT_TRUE(this->table_.Pin(value));  // The same slot and value.
    return Value{9};
  });
  EXPECT_EQ(calls, 1);
  EXPECT_EQ(replaced, std::nullopt);
  EXPECT_EQ(this->table_.GetStats().live, 1);
  this->table_.ForEach([](auto, Value value) { EXPECT_EQ(value, Value{1}); });
}

TYPED_TEST(ComparedTest, UnpinIfEndsTheLifeOfTheExpectedValue) {
  using Value = typename TypeParam::value_type;
  EXPECT_EQ(this->table_.UnpinIf(this->live_, Value{2}), Compared::kDifferent);
  EXPECT_EQ(this->table_.Read(this->live_), Value{1});
  EXPECT_EQ(this->table_.UnpinIf(this->live_, Value{1}), Compared::kEqual);
  EXPECT_FALSE(this->table_.Contains(this->live_));
  EXPECT_EQ(this->table_.GetStats().live, 0);
  EXPECT_EQ(this->table_.UnpinIf(this->live_, Value{1}), Compared::kStale);
  // The slot is free again.
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(this->table_.Pin(Value{1}));
}

TYPED_TEST(ComparedTest, UnpinWhereEndsTheLivesThatItsFunctionChooses) {
  using Value = typename TypeParam::value_type;
  for (int i = 2; i <= 9; ++i) {
    EXPECT_TRUE(this->table_.Pin(static_cast<Value>(i)));
  }
  int calls = 0;
  const auto is_small = [&](auto, Value value) {
    ++calls;
    return value < Value{4};
  };
  EXPECT_EQ(this->table_.UnpinWhere(is_small), 3);
  EXPECT_EQ(calls, 9);
  EXPECT_EQ(this->table_.UnpinWhere(is_small), 0);
  EXPECT_EQ(this->table_.GetStats().live, 6);
  this->table_.ForEach([](auto, Value value) { EXPECT_GE(value, Value{4}); });
}

// The function acts as another thread would that stores a live object
// meanwhile.
TYPED_TEST(ComparedTest, UnpinWhereLooksAgainAtAValueThatWasReplaced) {
  using Value = typename TypeParam::value_type;
  int calls = 0;
  const auto is_dead = [&](auto handle, Value value) {
    if (++calls == 1) {
      EXPECT_TRUE(this->table_.Write(handle, Value{2}));
    }
    return value == Value{1};
  };
  EXPECT_EQ(this->table_.UnpinWhere(is_dead), 0);
  EXPECT_EQ(calls, 2);
  EXPECT_EQ(this->table_.Read(this->live_), Value{2});
}

TYPED_TEST(ComparedTest, UnpinWhereMayMeetAValueThatItsFunctionUnpins) {
  using Value = typename TypeParam::value_type;
  const auto unpin = [&](auto handle, Value) {
    EXPECT_TRUE(this->table_.Unpin(handle));
    return true;
  };
  EXPECT_EQ(this->table_.UnpinWhere(unpin), 0);
  EXPECT_EQ(this->table_.GetStats().live, 0);
}

TYPED_TEST(ComparedTest, AHandleThatIsNotLiveIsRefused) {
  using Value = typename TypeParam::value_type;
  using Handle = typename TypeParam::Handle;
  const Handle stale = this->table_.Pin(Value{1});
  this->table_.Unpin(stale);
  const Handle again = this->table_.Pin(Value{1});
  const Handle out_of_range = Handle::FromBits(~uint64_t{0} >> 1);
  TypeParam moved_to = std::move(this->table_);
  const auto expect_refused = [](TypeParam& table, Handle handle) {
    Value expected{1};
    EXPECT_EQ(table.CompareExchange(handle, &expected, Value{2}),
              Compared::kStale);
    EXPECT_EQ(expected, Value{1});
    const auto no = [](Value value) -> Value {
      ADD_FAILURE() << "a value is shown";
      return value;
    };
    EXPECT_EQ(table.Update(handle, no), std::nullopt);
    EXPECT_EQ(table.UnpinIf(handle, Value{1}), Compared::kStale);
  };
  // NOLINTNEXTLINE(bugprone-use-after-move): it must refuse all.
  expect_refused(this->table_, again);
  expect_refused(moved_to, stale);
  expect_refused(moved_to, Handle());
  expect_refused(moved_to, Handle::FromBits(again.bits() ^ 1));  // Even.
  expect_refused(moved_to, out_of_range);
  EXPECT_EQ(moved_to.Read(again), Value{1});
}

TYPED_TEST(ComparedTest, UnpinIfRetiresASlotOnItsLastLife) {
  using Value = typename TypeParam::value_type;
  using Table = HandleTable<Value, ThreeLives>;
  Table table = *Table::Create({/*max_slots=*/1, /*thread_cache_slots=*/0});
  for (int life = 0; life < 3; ++life) {
    EXPECT_EQ(table.UnpinIf(table.Pin(Value{1}), Value{1}), Compared::kEqual);
  }
  EXPECT_FALSE(table.Pin(Value{1}));
  EXPECT_EQ(table.GetStats().retired, 1);
}

// --- How values are compared -------------------------------------------------

TEST(ComparedValuesTest, AreComparedBitByBit) {
  auto table = *HandleTable<float>::Create();
  const auto zero = table.Pin(0.0F);
  float expected = -0.0F;
  EXPECT_EQ(table.CompareExchange(zero, &expected, 1.0F), Compared::kDifferent);
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const auto not_a_number = table.Pin(nan);
  expected = nan;
  EXPECT_EQ(table.CompareExchange(not_a_number, &expected, 1.0F),
            Compared::kEqual);
}

struct Small {  // Three bytes: the rest of a word is no part of it.
  uint8_t bytes[3];
};

TEST(ComparedValuesTest, MayHaveAnyNumberOfBytesThatFits) {
  auto table = *HandleTable<Small>::Create();
  const auto handle = table.Pin({{1, 2, 3}});
  Small expected = {{1, 2, 4}};
  EXPECT_EQ(table.CompareExchange(handle, &expected, {{5, 6, 7}}),
            Compared::kDifferent);
  EXPECT_EQ(expected.bytes[2], 3);
  EXPECT_EQ(table.CompareExchange(handle, &expected, {{5, 6, 7}}),
            Compared::kEqual);
  EXPECT_EQ(table.Read(handle)->bytes[0], 5);
}

// --- Padding bytes -----------------------------------------------------------

struct Padded {
  bool flag;
  uint16_t number;
};
static_assert(sizeof(Padded) == 4);

// A value whose padding byte is not zero.
Padded WithPadding(uint16_t number) {
  Padded value;
  std::memset(static_cast<void*>(&value), 0xFF, sizeof(value));
  value.flag = true;
  value.number = number;
  return value;
}

struct MorePadded {
  bool flag;
  uint16_t number;
  uint8_t last;
};
static_assert(sizeof(MorePadded) == 6);

// These two need no T that keeps its padding on the way through a variable.
template <typename T>
void ExpectPaddingDoesNotMatter(const T& value) {
  auto table = *HandleTable<T>::Create();
  if constexpr (HandleTable<T>::kComparesValues) {
    static_assert(!HandleTable<T>::kHasNoPadding);
    const auto handle = table.Pin(value);
    int calls = 0;
    const auto old = table.Update(handle, [&](T now) {
      EXPECT_EQ(++calls, 1);
      now.number = 8;
      return now;
    });
    EXPECT_EQ(old->number, 7);
    EXPECT_EQ(table.Read(handle)->number, 8);
    const auto is_eight = [&](auto, const T& now) {
      EXPECT_EQ(++calls, 2);
      return now.number == 8;
    };
    EXPECT_EQ(table.UnpinWhere(is_eight), 1);
    EXPECT_FALSE(table.Contains(handle));
  }
}

TEST(ComparedValuesTest, UpdateAndUnpinWhereTakeValuesWithPadding) {
  ExpectPaddingDoesNotMatter(WithPadding(7));
  MorePadded more;
  std::memset(static_cast<void*>(&more), 0xFF, sizeof(more));
  more.flag = true;
  more.number = 7;
  ExpectPaddingDoesNotMatter(more);
}

// --- Which tables have these verbs -------------------------------------------

struct NoPairs : DefaultTraits {
  struct Atomics : StdAtomics {
    static constexpr bool kHasPairs = false;
  };
};

struct Sixteen {
  uint64_t words[2];
};

static_assert(HandleTable<uint32_t>::kComparesValues);
static_assert(HandleTable<uint32_t, NoPairs>::kComparesValues);
static_assert(HandleTable<void*>::kComparesValues ==
              (sizeof(void*) == 4 || StdAtomics::kHasPairs));
static_assert(!HandleTable<uint64_t, NoPairs>::kComparesValues);
static_assert(!HandleTable<Sixteen>::kComparesValues);
#if defined(__x86_64__) || defined(__aarch64__)
static_assert(HandleTable<void*>::kPairedValues);
#endif

}  // namespace
}  // namespace holdfast
