#include "holdfast/internal/cell_slots.h"

#include <cstddef>
#include <cstdint>
#include <optional>

#include "gtest/gtest.h"
#include "holdfast/traits.h"
#include "tests/support/cell_verbs.h"
#include "tests/support/slot_arena.h"
#include "tests/support/test_values.h"

namespace holdfast::internal {
namespace {

using Word = CellWord<32>;
using Free = FreeSlot<32>;
using Link = SlotLink<32>;

template <size_t kSize>
using SlotOfSize = CellSlot<TestValue<kSize>, DefaultTraits>;
static_assert(sizeof(SlotOfSize<1>) == 16);
static_assert(sizeof(SlotOfSize<8>) == 16);
static_assert(sizeof(SlotOfSize<9>) == 24);
static_assert(sizeof(SlotOfSize<16>) == 24);
static_assert(sizeof(SlotOfSize<24>) == 32);
static_assert(sizeof(SlotOfSize<64>) == 72);

// Two words a value, so that a torn read would show.
using Value = TestValue<16>;

// A slot's word that names a cell, and has no flag.
Word In(uint32_t index, uint32_t cell, uint64_t generation) {
  return Word::InCell(CellOffset(index, cell), Generation(generation));
}

// A word at home, after so many writes.
Word Home(uint64_t writes, uint64_t generation) {
  Word word = Word::Home(Generation(generation));
  for (uint64_t i = 0; i < writes; ++i) word = word.BroughtHome();
  return word;
}

class CellSlotsTest : public testing::Test,
                      protected CellVerbs<Value, DefaultTraits> {
 protected:
  static constexpr uint32_t kSlots = 4;

  CellSlotsTest() : CellVerbs(kSlots + 4) {}

  uint32_t spare_ = kSlots;
};

// [INV-1]
TEST_F(CellSlotsTest, ZeroedMemoryIsFreeSlotsThatOwnTheCellsBesideThem) {
  for (uint32_t i = 0; i < kSlots; ++i) {
    EXPECT_EQ(links_.GenerationAt(i), Generation(0));
    EXPECT_EQ(links_.FreeSlotAt(i), Free::Fresh(i));
    EXPECT_EQ(array_.LoadWord(i).CellOf(i), i);
  }
}

TEST_F(CellSlotsTest, PublishReturnsThePlaceOfTheNewLife) {
  EXPECT_EQ(slots_.Publish(links_.FreeSlotAt(2), Value(7)), LifeOf(2, 1));
}

TEST_F(CellSlotsTest, PublishBeginsTheNextLife) {
  EXPECT_EQ(Publish(2, Value(7)), 1);
  EXPECT_EQ(links_.GenerationAt(2), Generation(1));
  EXPECT_EQ(Read(2, 1), Value(7));
  EXPECT_EQ(array_.LoadWord(2), Home(0, 1));
}

TEST_F(CellSlotsTest, ReadsOfOtherGenerationsFindNothing) {
  Publish(0, Value(7));
  for (const uint64_t generation : {uint64_t{0}, uint64_t{2}, uint64_t{3}}) {
    EXPECT_EQ(Read(0, generation), std::nullopt);
    Value value(1);
    EXPECT_FALSE(slots_.Read(LifeOf(0, generation), &value));
    EXPECT_EQ(value, Value(1));
  }
}

TEST_F(CellSlotsTest, ReadIntoAVariableIsRead) {
  Publish(0, Value(7));
  Value value(1);
  EXPECT_TRUE(slots_.Read(LifeOf(0, 1), &value));
  EXPECT_EQ(value, Value(7));
  arena_.Displace(0, &spare_);
  ASSERT_TRUE(Write(0, 1, Value(8), &spare_));
  EXPECT_TRUE(slots_.Read(LifeOf(0, 1), &value));
  EXPECT_EQ(value, Value(8));
}

TEST_F(CellSlotsTest, WriteBringsTheValueBackToTheSlotsOwnCell) {
  Publish(1, Value(7));
  for (uint64_t i = 1; i <= 3; ++i) {
    EXPECT_TRUE(Write(1, 1, Value(i), &spare_));
    EXPECT_EQ(spare_, kSlots);
    EXPECT_EQ(array_.LoadWord(1), Home(i, 1));
    EXPECT_EQ(Read(1, 1), Value(i));
  }
}

TEST_F(CellSlotsTest, WritesBeyondTheCountAreTold) {
  Publish(1, Value(7));
  // As many writes as the word can count.
  constexpr uint64_t kMost = ~uint64_t{0} << 32;
  arena_.slot(1).word.store(Word::FromBits(kMost | 1),
                            std::memory_order_relaxed);
  for (uint64_t i = 1; i <= 3; ++i) {
    EXPECT_TRUE(Write(1, 1, Value(i), &spare_));
    EXPECT_EQ(spare_, kSlots);
    EXPECT_EQ(array_.LoadWord(1), In(1, 1, 1));
    EXPECT_EQ(Read(1, 1), Value(i));
  }
}

TEST_F(CellSlotsTest, WriteOfAValueThatIsElsewhereSwapsTheSpareIn) {
  Publish(1, Value(7));
  uint32_t other = kSlots + 1;
  arena_.Displace(1, &other);
  EXPECT_EQ(Read(1, 1), Value(7));
  EXPECT_TRUE(Write(1, 1, Value(8), &spare_));
  EXPECT_EQ(spare_, kSlots + 1);
  EXPECT_EQ(array_.LoadWord(1), In(1, kSlots, 1));
  EXPECT_EQ(Read(1, 1), Value(8));
}

TEST_F(CellSlotsTest, WriteWithTheSlotsOwnCellForASpareLeavesItThere) {
  Publish(1, Value(7));
  arena_.Displace(1, &spare_);
  ASSERT_EQ(spare_, 1);
  EXPECT_TRUE(Write(1, 1, Value(8), &spare_));
  EXPECT_EQ(spare_, kSlots);
  EXPECT_EQ(array_.LoadWord(1), In(1, 1, 1));
  EXPECT_EQ(Read(1, 1), Value(8));
}

TEST_F(CellSlotsTest, VersionsAreBumpedOfSparesAndWhereWritesAreNotCounted) {
  const auto version = [this](uint32_t cell) {
    return arena_.side(cell).load(std::memory_order_relaxed);
  };
  Publish(1, Value(7));
  for (uint64_t i = 1; i <= 3; ++i) {
    ASSERT_TRUE(Write(1, 1, Value(i), &spare_));
    EXPECT_EQ(version(kSlots), i);
    EXPECT_EQ(version(1), 0);
  }
  uint32_t other = kSlots + 1;
  arena_.Displace(1, &other);
  ASSERT_EQ(other, 1);
  ASSERT_TRUE(Write(1, 1, Value(8), &other));
  EXPECT_EQ(version(1), 1);  // It was the spare.
  ASSERT_TRUE(Write(1, 1, Value(9), &spare_));
  EXPECT_EQ(version(1), 2);  // It was refilled, and the word has no count.
  EXPECT_EQ(version(kSlots), 4);
}

TEST_F(CellSlotsTest, StaleWriteTouchesNothing) {
  Publish(1, Value(7));
  const Word word = array_.LoadWord(1);
  EXPECT_FALSE(Write(1, 3, Value(8), &spare_));
  EXPECT_EQ(Exchange(1, 3, Value(8), &spare_), std::nullopt);
  EXPECT_EQ(spare_, kSlots);
  EXPECT_EQ(array_.LoadWord(1), word);
  EXPECT_EQ(arena_.side(kSlots).load(std::memory_order_relaxed), 0);
  EXPECT_EQ(Read(1, 1), Value(7));
}

TEST_F(CellSlotsTest, ExchangeReturnsWhatItReplaced) {
  Publish(1, Value(7));
  EXPECT_EQ(Exchange(1, 1, Value(8), &spare_), Value(7));
  EXPECT_EQ(Exchange(1, 1, Value(9), &spare_), Value(8));
  EXPECT_EQ(Read(1, 1), Value(9));
}

TEST_F(CellSlotsTest, VacateEndsTheLifeClearsTheMarkAndKeepsTheCell) {
  Publish(1, Value(7));
  ASSERT_TRUE(Write(1, 1, Value(8), &spare_));
  arena_.Displace(1, &spare_);
  const std::optional<Word> vacated = End(1, 1);
  ASSERT_TRUE(vacated);
  EXPECT_EQ(slots_.Value(LifeOf(1, 1), *vacated), Value(8));
  EXPECT_EQ(array_.LoadWord(1), In(1, kSlots, 2));
  EXPECT_EQ(Read(1, 1), std::nullopt);
  EXPECT_EQ(End(1, 1), std::nullopt);
  EXPECT_EQ(array_.LoadWord(1), In(1, kSlots, 2));
}

TEST_F(CellSlotsTest, NextLifeUsesTheCellOfTheLast) {
  Publish(1, Value(7));
  arena_.Displace(1, &spare_);
  ASSERT_TRUE(End(1, 1));
  EXPECT_EQ(Publish(1, Value(9)), 3);
  EXPECT_EQ(array_.LoadWord(1), In(1, kSlots, 3));
  EXPECT_EQ(Read(1, 3), Value(9));
  EXPECT_EQ(Read(1, 1), std::nullopt);
}

TEST_F(CellSlotsTest, FreeSlotTellsWhetherItsCellIsAnother) {
  Publish(1, Value(7));
  arena_.Displace(1, &spare_);
  const Word ended = *End(1, 1);
  const Free free = Slots::Vacated(LifeOf(1, 1), ended);
  EXPECT_EQ(free, links_.FreeSlotAt(1));
  EXPECT_EQ(free, Free(Link(1, true), Generation(2)));
  EXPECT_EQ(links_.FreeSlotOf(free.link()), free);
  EXPECT_EQ(slots_.Publish(free, Value(9)), LifeOf(1, 3));

  Publish(2, Value(7));
  const Free own = Slots::Vacated(LifeOf(2, 1), *End(2, 1));
  EXPECT_EQ(own, links_.FreeSlotAt(2));
  EXPECT_FALSE(own.moved());
}

TEST_F(CellSlotsTest, ASlotThatGetsItsOwnCellBackIsNoLongerMoved) {
  Publish(1, Value(7));
  arena_.Displace(1, &spare_);
  ASSERT_TRUE(Write(1, 1, Value(9), &spare_));
  EXPECT_EQ(Read(1, 1), Value(9));
  const Word ended = *End(1, 1);
  EXPECT_FALSE(Slots::Vacated(LifeOf(1, 1), ended).moved());
  EXPECT_EQ(array_.LoadWord(1), In(1, 1, 2));
}

TEST_F(CellSlotsTest, LinksOfAFreeSlotAreIndependent) {
  Publish(2, Value(7));
  arena_.Displace(2, &spare_);
  ASSERT_TRUE(End(2, 1));
  // Slot 1 has its own cell, slot 2 another one.
  for (const uint32_t index : {1u, 2u}) {
    const Free free = links_.FreeSlotAt(index);
    const Link name = free.link();
    const Word word = array_.LoadWord(index);
    const Link first(3, true);
    const Link second(4, false);
    links_.SetLinks(free, {first, second});
    EXPECT_EQ(links_.LinksOf(name).first, first);
    EXPECT_EQ(links_.LinksOf(name).second, second);
    links_.SetBelow(free, 2);
    EXPECT_EQ(links_.LinksOf(name).first, first);
    EXPECT_EQ(links_.Below(index), 2);
    links_.SetBelow(free, IndexLimits<32>::kNone);
    EXPECT_EQ(links_.LinksOf(name).first, first);
    EXPECT_EQ(links_.Below(index), IndexLimits<32>::kNone);
    links_.SetLinks(free, {});
    EXPECT_TRUE(links_.LinksOf(name).first.IsNone());
    EXPECT_TRUE(links_.LinksOf(name).second.IsNone());
    EXPECT_EQ(array_.LoadWord(index), word);
  }
}

TEST_F(CellSlotsTest, UpdateExclusiveRewritesTheValueInPlace) {
  Publish(1, Value(8));
  arena_.Displace(1, &spare_);
  const Word word = array_.LoadWord(1);
  slots_.UpdateExclusive(1, [](Life<32> life, Value& value) {
    EXPECT_EQ(life, LifeOf(1, 1));
    EXPECT_EQ(value, Value(8));
    value = Value(9);
  });
  EXPECT_EQ(array_.LoadWord(1), word);
  EXPECT_EQ(Read(1, 1), Value(9));
}

struct Tiny : DefaultTraits {
  static constexpr int kGenerationBits = 3;
};

TEST(CellSlotsRetirementTest, TheLastLifeEndsInRetirementWithoutOverflow) {
  using Generations = GenerationLimits<3>;
  SlotArena<CellSlots<Value, Tiny>> arena(2);
  auto slots = arena.slots();
  FreeSlot<3> free = arena.links().FreeSlotAt(1);
  EXPECT_TRUE(LiveOnce<3>(slots, Value(1), &free));
  EXPECT_TRUE(LiveOnce<3>(slots, Value(2), &free));
  EXPECT_FALSE(LiveOnce<3>(slots, Value(3), &free));
  EXPECT_EQ(free, FreeSlot<3>(SlotLink<3>(1, false), Generations::kRetired));
  EXPECT_EQ(arena.array().LoadWord(1),
            CellWord<3>::InCell(CellOffset(), Generations::kRetired));
}

}  // namespace
}  // namespace holdfast::internal
