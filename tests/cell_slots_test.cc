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

  CellSlotsTest() : arena_(kSlots + 4), slots_(arena_.slots()) {}

  // Pins the free slot `index`. Returns the generation of its new life.
  uint64_t Publish(uint32_t index, const Value& value) {
    return Word::Generation(slots_.Publish(slots_.FreeSlot(index), value));
  }

  // Ends a life. Returns its last word, or nothing if it was over.
  std::optional<uint64_t> Vacate(uint32_t index, uint64_t generation) {
    uint64_t ended;
    if (!slots_.Vacate(index, generation, &ended)) return std::nullopt;
    return ended;
  }

  SlotArena<Slots> arena_;
  Slots slots_;
  uint32_t spare_ = kSlots;
};

// [INV-1]
TEST_F(CellSlotsTest, ZeroedMemoryIsFreeSlotsThatOwnTheCellsBesideThem) {
  for (uint32_t i = 0; i < kSlots; ++i) {
    EXPECT_EQ(slots_.Generation(i), 0);
    EXPECT_EQ(slots_.FreeSlot(i), Word::Pack(i, 0));
    EXPECT_EQ(Word::Cell(slots_.LoadWord(i), i), i);
  }
}

TEST_F(CellSlotsTest, PublishReturnsThePlaceOfTheNewLife) {
  EXPECT_EQ(slots_.Publish(slots_.FreeSlot(2), Value(7)), Word::Pack(2, 1));
}

TEST_F(CellSlotsTest, PublishBeginsTheNextLife) {
  EXPECT_EQ(Publish(2, Value(7)), 1);
  EXPECT_EQ(slots_.Generation(2), 1);
  EXPECT_EQ(slots_.Read(2, 1), Value(7));
  EXPECT_EQ(slots_.LoadWord(2), Word::kHome | 1);
}

TEST_F(CellSlotsTest, ReadsOfOtherGenerationsFindNothing) {
  Publish(0, Value(7));
  for (const uint64_t generation : {uint64_t{0}, uint64_t{2}, uint64_t{3}}) {
    EXPECT_EQ(slots_.Read(0, generation), std::nullopt);
    Value value(1);
    EXPECT_FALSE(slots_.Read(0, generation, &value));
    EXPECT_EQ(value, Value(1));
  }
}

TEST_F(CellSlotsTest, ReadIntoAVariableIsRead) {
  Publish(0, Value(7));
  Value value(1);
  EXPECT_TRUE(slots_.Read(0, 1, &value));
  EXPECT_EQ(value, Value(7));
  arena_.Displace<Word>(0, &spare_);
  ASSERT_TRUE(slots_.Write(0, 1, Value(8), &spare_));
  EXPECT_TRUE(slots_.Read(0, 1, &value));
  EXPECT_EQ(value, Value(8));
}

TEST_F(CellSlotsTest, WriteBringsTheValueBackToTheSlotsOwnCell) {
  Publish(1, Value(7));
  for (uint64_t i = 1; i <= 3; ++i) {
    EXPECT_TRUE(slots_.Write(1, 1, Value(i), &spare_));
    EXPECT_EQ(spare_, kSlots);
    EXPECT_EQ(slots_.LoadWord(1), Word::kHome | Word::Pack(i, 1));
    EXPECT_EQ(slots_.Read(1, 1), Value(i));
  }
}

TEST_F(CellSlotsTest, WritesBeyondTheCountAreTold) {
  Publish(1, Value(7));
  arena_.slot(1).word.store(~(Word::kGenerationMask - 1),
                            std::memory_order_relaxed);
  for (uint64_t i = 1; i <= 3; ++i) {
    EXPECT_TRUE(slots_.Write(1, 1, Value(i), &spare_));
    EXPECT_EQ(spare_, kSlots);
    EXPECT_EQ(slots_.LoadWord(1), 1);
    EXPECT_EQ(slots_.Read(1, 1), Value(i));
  }
}

TEST_F(CellSlotsTest, WriteOfAValueThatIsElsewhereSwapsTheSpareIn) {
  Publish(1, Value(7));
  uint32_t other = kSlots + 1;
  arena_.Displace<Word>(1, &other);
  EXPECT_EQ(slots_.Read(1, 1), Value(7));
  EXPECT_TRUE(slots_.Write(1, 1, Value(8), &spare_));
  EXPECT_EQ(spare_, kSlots + 1);
  EXPECT_EQ(slots_.LoadWord(1), Word::Pack(kSlots ^ 1, 1));
  EXPECT_EQ(slots_.Read(1, 1), Value(8));
}

TEST_F(CellSlotsTest, WriteWithTheSlotsOwnCellForASpareLeavesItThere) {
  Publish(1, Value(7));
  arena_.Displace<Word>(1, &spare_);
  ASSERT_EQ(spare_, 1);
  EXPECT_TRUE(slots_.Write(1, 1, Value(8), &spare_));
  EXPECT_EQ(spare_, kSlots);
  EXPECT_EQ(slots_.LoadWord(1), 1);
  EXPECT_EQ(slots_.Read(1, 1), Value(8));
}

TEST_F(CellSlotsTest, VersionsAreBumpedOfSparesAndWhereWritesAreNotCounted) {
  const auto version = [this](uint32_t cell) {
    return arena_.side(cell).load(std::memory_order_relaxed);
  };
  Publish(1, Value(7));
  for (uint64_t i = 1; i <= 3; ++i) {
    ASSERT_TRUE(slots_.Write(1, 1, Value(i), &spare_));
    EXPECT_EQ(version(kSlots), i);
    EXPECT_EQ(version(1), 0);
  }
  uint32_t other = kSlots + 1;
  arena_.Displace<Word>(1, &other);
  ASSERT_EQ(other, 1);
  ASSERT_TRUE(slots_.Write(1, 1, Value(8), &other));
  EXPECT_EQ(version(1), 1);  // Cell 1 was the spare.
  ASSERT_TRUE(slots_.Write(1, 1, Value(9), &spare_));
  EXPECT_EQ(version(1), 2);  // It was refilled under a word without a count.
  EXPECT_EQ(version(kSlots), 4);
}

TEST_F(CellSlotsTest, StaleWriteTouchesNothing) {
  Publish(1, Value(7));
  const uint64_t word = slots_.LoadWord(1);
  EXPECT_FALSE(slots_.Write(1, 3, Value(8), &spare_));
  EXPECT_EQ(slots_.Exchange(1, 3, Value(8), &spare_), std::nullopt);
  EXPECT_EQ(spare_, kSlots);
  EXPECT_EQ(slots_.LoadWord(1), word);
  EXPECT_EQ(arena_.side(kSlots).load(std::memory_order_relaxed), 0);
  EXPECT_EQ(slots_.Read(1, 1), Value(7));
}

TEST_F(CellSlotsTest, ExchangeReturnsWhatItReplaced) {
  Publish(1, Value(7));
  EXPECT_EQ(slots_.Exchange(1, 1, Value(8), &spare_), Value(7));
  EXPECT_EQ(slots_.Exchange(1, 1, Value(9), &spare_), Value(8));
  EXPECT_EQ(slots_.Read(1, 1), Value(9));
}

TEST_F(CellSlotsTest, VacateEndsTheLifeClearsTheMarkAndKeepsTheCell) {
  Publish(1, Value(7));
  ASSERT_TRUE(slots_.Write(1, 1, Value(8), &spare_));
  arena_.Displace<Word>(1, &spare_);
  const std::optional<uint64_t> vacated = Vacate(1, 1);
  ASSERT_TRUE(vacated);
  EXPECT_EQ(slots_.Value(1, *vacated), Value(8));
  EXPECT_EQ(slots_.LoadWord(1), Word::Pack(kSlots ^ 1, 2));
  EXPECT_EQ(slots_.Read(1, 1), std::nullopt);
  EXPECT_EQ(Vacate(1, 1), std::nullopt);
  EXPECT_EQ(slots_.LoadWord(1), Word::Pack(kSlots ^ 1, 2));
}

TEST_F(CellSlotsTest, NextLifeUsesTheCellOfTheLast) {
  Publish(1, Value(7));
  arena_.Displace<Word>(1, &spare_);
  ASSERT_TRUE(Vacate(1, 1));
  EXPECT_EQ(Publish(1, Value(9)), 3);
  EXPECT_EQ(slots_.LoadWord(1), Word::Pack(kSlots ^ 1, 3));
  EXPECT_EQ(slots_.Read(1, 3), Value(9));
  EXPECT_EQ(slots_.Read(1, 1), std::nullopt);
}

TEST_F(CellSlotsTest, FreeSlotTellsWhetherItsCellIsAnother) {
  Publish(1, Value(7));
  arena_.Displace<Word>(1, &spare_);
  const uint64_t ended = *Vacate(1, 1);
  const uint64_t free = Slots::Vacated(Word::Pack(1, 1), ended);
  EXPECT_EQ(free, slots_.FreeSlot(1));
  EXPECT_TRUE(Word::IsMoved(free));
  EXPECT_EQ(free & ~Word::kMoved, Word::Pack(1, 2));
  EXPECT_EQ(slots_.LongForm(Word::ShortForm(free)), free);
  EXPECT_EQ(slots_.Publish(free, Value(9)), Word::Pack(1, 3));

  Publish(2, Value(7));
  const uint64_t own = Slots::Vacated(Word::Pack(2, 1), *Vacate(2, 1));
  EXPECT_EQ(own, slots_.FreeSlot(2));
  EXPECT_FALSE(Word::IsMoved(own));
}

TEST_F(CellSlotsTest, ASlotThatGetsItsOwnCellBackIsNoLongerMoved) {
  Publish(1, Value(7));
  arena_.Displace<Word>(1, &spare_);
  ASSERT_TRUE(slots_.Write(1, 1, Value(9), &spare_));
  EXPECT_EQ(slots_.Read(1, 1), Value(9));
  const uint64_t ended = *Vacate(1, 1);
  EXPECT_FALSE(Word::IsMoved(Slots::Vacated(Word::Pack(1, 1), ended)));
  EXPECT_EQ(slots_.LoadWord(1), 2);
}

TEST_F(CellSlotsTest, LinksOfAFreeSlotAreIndependent) {
  Publish(2, Value(7));
  arena_.Displace<Word>(2, &spare_);
  ASSERT_TRUE(Vacate(2, 1));
  // Slot 1 has its own cell, slot 2 another one.
  for (const uint32_t index : {1u, 2u}) {
    const uint64_t free = slots_.FreeSlot(index);
    const uint32_t name = Word::ShortForm(free);
    const uint64_t word = slots_.LoadWord(index);
    const uint32_t other = Word::kShortMoved | 3;
    slots_.SetLinks(free, other, 4);
    EXPECT_EQ(slots_.LinksOf(name).first, other);
    EXPECT_EQ(slots_.LinksOf(name).second, 4);
    slots_.SetBelow(free, 2);
    EXPECT_EQ(slots_.LinksOf(name).first, other);
    EXPECT_EQ(slots_.Below(index), 2);
    slots_.SetBelow(free, Word::kNil);
    EXPECT_EQ(slots_.LinksOf(name).first, other);
    EXPECT_EQ(slots_.Below(index), Word::kNil);
    slots_.SetLinks(free, Word::kNil, Word::kNil);
    EXPECT_EQ(slots_.LinksOf(name).first, Word::kNil);
    EXPECT_EQ(slots_.LinksOf(name).second, Word::kNil);
    EXPECT_EQ(slots_.LoadWord(index), word);
  }
}

TEST_F(CellSlotsTest, UpdateExclusiveRewritesTheValueInPlace) {
  Publish(1, Value(8));
  arena_.Displace<Word>(1, &spare_);
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

TEST(CellSlotsRetirementTest, TheLastLifeEndsInRetirementWithoutOverflow) {
  SlotArena<CellSlots<Value, Tiny>> arena(2);
  auto slots = arena.slots();
  uint64_t free = slots.FreeSlot(1);
  EXPECT_TRUE(LiveOnce<Words<3>>(slots, Value(1), &free));
  EXPECT_TRUE(LiveOnce<Words<3>>(slots, Value(2), &free));
  EXPECT_FALSE(LiveOnce<Words<3>>(slots, Value(3), &free));
  EXPECT_EQ(free, Words<3>::Pack(1, Words<3>::kRetired));
  EXPECT_EQ(slots.LoadWord(1), Words<3>::kRetired);
}

}  // namespace
}  // namespace holdfast::internal
