#include "holdfast/internal/cell_slots.h"

#include <cstddef>
#include <cstdint>
#include <optional>

#include "gtest/gtest.h"
#include "holdfast/traits.h"
#include "tests/support/slot_arena.h"
#include "tests/support/test_values.h"

namespace holdfast::internal {
namespace {

using Word = Words<32>;

template <size_t kSize>
using SlotOfSize = typename CellSlots<TestValue<kSize>, DefaultTraits>::Slot;
static_assert(sizeof(SlotOfSize<1>) == 16);
static_assert(sizeof(SlotOfSize<8>) == 16);
static_assert(sizeof(SlotOfSize<9>) == 24);
static_assert(sizeof(SlotOfSize<16>) == 24);
static_assert(sizeof(SlotOfSize<24>) == 32);
static_assert(sizeof(SlotOfSize<64>) == 72);

// Two words a value, so that a torn read would show.
using Value = TestValue<16>;

class CellSlotsTest : public testing::Test {
 protected:
  static constexpr uint32_t kSlots = 4;
  using Slots = CellSlots<Value, DefaultTraits>;

  CellSlotsTest() : arena_(kSlots + 4), slots_(arena_.slots()) {
    for (uint32_t i = 0; i < kSlots; ++i) slots_.InitFresh(i);
  }

  SlotArena<Slots> arena_;
  Slots slots_;
  uint32_t spare_ = kSlots;
};

TEST_F(CellSlotsTest, FreshSlotIsFreeAndOwnsTheCellBesideIt) {
  for (uint32_t i = 0; i < kSlots; ++i) {
    EXPECT_EQ(slots_.LoadWord(i), Word::Pack(i, 0));
    EXPECT_EQ(slots_.Generation(i), 0);
  }
}

TEST_F(CellSlotsTest, PublishBeginsTheNextLife) {
  EXPECT_EQ(slots_.Publish(2, Value(7)), 1);
  EXPECT_EQ(slots_.Generation(2), 1);
  EXPECT_EQ(slots_.Read(2, 1), Value(7));
  EXPECT_EQ(slots_.LoadWord(2), Word::Pack(2, 1));
}

TEST_F(CellSlotsTest, ReadsOfOtherGenerationsFindNothing) {
  slots_.Publish(0, Value(7));
  for (const uint64_t generation : {uint64_t{0}, uint64_t{2}, uint64_t{3}}) {
    EXPECT_EQ(slots_.Read(0, generation), std::nullopt);
  }
}

TEST_F(CellSlotsTest, WriteSwapsTheSpareInAndMarksTheWord) {
  slots_.Publish(1, Value(7));
  EXPECT_TRUE(slots_.Write(1, 1, Value(8), &spare_));
  EXPECT_EQ(spare_, 1);
  EXPECT_EQ(slots_.LoadWord(1), Word::kRewritten | Word::Pack(kSlots, 1));
  EXPECT_EQ(slots_.Read(1, 1), Value(8));
}

TEST_F(CellSlotsTest, EachWriteBumpsTheVersionOfTheCellItFills) {
  slots_.Publish(1, Value(7));
  for (uint64_t i = 1; i <= 5; ++i) {
    const uint32_t cell = spare_;
    const uint64_t before = arena_.side(cell).load(std::memory_order_relaxed);
    ASSERT_TRUE(slots_.Write(1, 1, Value(i), &spare_));
    EXPECT_NE(arena_.side(cell).load(std::memory_order_relaxed), before);
  }
}

TEST_F(CellSlotsTest, StaleWriteTouchesNothing) {
  slots_.Publish(1, Value(7));
  const uint64_t word = slots_.LoadWord(1);
  EXPECT_FALSE(slots_.Write(1, 3, Value(8), &spare_));
  EXPECT_EQ(slots_.Exchange(1, 3, Value(8), &spare_), std::nullopt);
  EXPECT_EQ(spare_, kSlots);
  EXPECT_EQ(slots_.LoadWord(1), word);
  EXPECT_EQ(arena_.side(kSlots).load(std::memory_order_relaxed), 0);
  EXPECT_EQ(slots_.Read(1, 1), Value(7));
}

TEST_F(CellSlotsTest, ExchangeReturnsWhatItReplaced) {
  slots_.Publish(1, Value(7));
  EXPECT_EQ(slots_.Exchange(1, 1, Value(8), &spare_), Value(7));
  EXPECT_EQ(slots_.Exchange(1, 1, Value(9), &spare_), Value(8));
  EXPECT_EQ(slots_.Read(1, 1), Value(9));
}

TEST_F(CellSlotsTest, VacateEndsTheLifeClearsTheMarkAndKeepsTheCell) {
  slots_.Publish(1, Value(7));
  ASSERT_TRUE(slots_.Write(1, 1, Value(8), &spare_));
  const std::optional<uint64_t> vacated = slots_.Vacate(1, 1);
  ASSERT_TRUE(vacated);
  EXPECT_EQ(slots_.Value(*vacated), Value(8));
  EXPECT_EQ(slots_.LoadWord(1), Word::Pack(kSlots, 2));
  EXPECT_EQ(slots_.Read(1, 1), std::nullopt);
  EXPECT_EQ(slots_.Vacate(1, 1), std::nullopt);
  EXPECT_EQ(slots_.LoadWord(1), Word::Pack(kSlots, 2));
}

TEST_F(CellSlotsTest, NextLifeUsesTheCellOfTheLast) {
  slots_.Publish(1, Value(7));
  ASSERT_TRUE(slots_.Write(1, 1, Value(8), &spare_));
  ASSERT_TRUE(slots_.Vacate(1, 1));
  EXPECT_EQ(slots_.Publish(1, Value(9)), 3);
  EXPECT_EQ(slots_.LoadWord(1), Word::Pack(kSlots, 3));
  EXPECT_EQ(slots_.Read(1, 3), Value(9));
  EXPECT_EQ(slots_.Read(1, 1), std::nullopt);
}

TEST_F(CellSlotsTest, LinksOfAFreeSlotAreIndependent) {
  slots_.SetNext(1, 3);
  slots_.SetBelow(1, 2);
  EXPECT_EQ(slots_.Next(1), 3);
  EXPECT_EQ(slots_.Below(1), 2);
  slots_.SetBelow(1, Word::kNil);
  EXPECT_EQ(slots_.Next(1), 3);
  EXPECT_EQ(slots_.Below(1), Word::kNil);
  slots_.SetNext(1, Word::kNil);
  EXPECT_EQ(slots_.Next(1), Word::kNil);
  EXPECT_EQ(slots_.Generation(1), 0);
}

TEST_F(CellSlotsTest, AdvancePassesOverOneLife) {
  EXPECT_TRUE(slots_.Advance(1));
  EXPECT_EQ(slots_.LoadWord(1), Word::Pack(1, 2));
  EXPECT_EQ(slots_.Publish(1, Value(7)), 3);
}

TEST_F(CellSlotsTest, UpdateExclusiveRewritesTheValueInPlace) {
  slots_.Publish(1, Value(7));
  ASSERT_TRUE(slots_.Write(1, 1, Value(8), &spare_));
  const uint64_t word = slots_.LoadWord(1);
  slots_.UpdateExclusive(1, [](uint64_t generation, Value& value) {
    EXPECT_EQ(generation, 1);
    EXPECT_EQ(value, Value(8));
    value = Value(9);
  });
  EXPECT_EQ(slots_.LoadWord(1), word);
  EXPECT_EQ(slots_.Read(1, 1), Value(9));
}

struct Tiny : DefaultTraits {
  static constexpr int kGenerationBits = 3;
};

TEST(CellSlotsRetirementTest, AdvanceRetiresAfterTheLastLifeWithoutOverflow) {
  SlotArena<CellSlots<Value, Tiny>> arena(2);
  auto slots = arena.slots();
  slots.InitFresh(1);
  EXPECT_TRUE(slots.Advance(1));
  EXPECT_TRUE(slots.Advance(1));
  EXPECT_FALSE(slots.Advance(1));
  EXPECT_EQ(slots.LoadWord(1), Words<3>::Pack(1, Words<3>::kRetired));
}

}  // namespace
}  // namespace holdfast::internal
