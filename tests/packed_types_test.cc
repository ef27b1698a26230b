// Generation, the names of slots in slot_names.h, and the words of slots: for
// every number of generation bits that matters.

#include <cstddef>
#include <cstdint>
#include <set>
#include <type_traits>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "holdfast/internal/cell_word.h"
#include "holdfast/internal/generation.h"
#include "holdfast/internal/inline_word.h"
#include "holdfast/internal/pair_array.h"
#include "holdfast/internal/shard.h"
#include "holdfast/internal/shard_array.h"
#include "holdfast/internal/shared_walk.h"
#include "holdfast/internal/slot_names.h"
#include "holdfast/internal/spare_cell.h"

namespace holdfast::internal {
namespace {

constexpr uint64_t kAllOnes = ~uint64_t{0};

template <typename Bits>
class PackedTypesTest : public testing::Test {
 protected:
  static constexpr int kBits = Bits::value;

  static std::vector<uint64_t> SomeIndexes() {
    return {0, 1, IndexLimits<kBits>::kMaxSlots / 2,
            IndexLimits<kBits>::kMaxSlots - 1};
  }
  static std::vector<Generation> SomeGenerations() {
    return {Generation(0), Generation(1),
            Generation(GenerationLimits<kBits>::kMask / 2),
            GenerationLimits<kBits>::kLastLive,
            GenerationLimits<kBits>::kRetired};
  }
  // A live word at home, after so many writes.
  static CellWord<kBits> Counted(uint64_t writes) {
    using Word = CellWord<kBits>;
    return Word::FromBits(
        Word::Home(GenerationLimits<kBits>::kLastLive).bits() | writes
                                                                    << kBits);
  }
  static constexpr uint64_t kMostWrites = (kAllOnes >> 1) >> kBits;
};

template <int kBits>
using GenerationBits = std::integral_constant<int, kBits>;
using AllBits =
    testing::Types<GenerationBits<2>, GenerationBits<3>, GenerationBits<16>,
                   GenerationBits<31>, GenerationBits<32>, GenerationBits<33>,
                   GenerationBits<40>, GenerationBits<48>>;
TYPED_TEST_SUITE(PackedTypesTest, AllBits);

// --- Generations and indexes -----------------------------------------------

TYPED_TEST(PackedTypesTest, RetiredIsTheLastEvenGeneration) {
  using Generations = GenerationLimits<TypeParam::value>;
  EXPECT_EQ(Generations::kMask, kAllOnes >> (64 - TestFixture::kBits));
  EXPECT_EQ(Generations::kRetired.number(), Generations::kMask - 1);
  EXPECT_EQ(Generations::kLastLive.Next(), Generations::kRetired);
  EXPECT_FALSE(Generations::kRetired.IsLive());
  EXPECT_TRUE(Generations::kLastLive.IsLive());
  EXPECT_EQ(Generations::kLives, (uint64_t{1} << (TestFixture::kBits - 1)) - 1);
}

TYPED_TEST(PackedTypesTest, IndexesFitInTheirBitsAndIn31) {
  using Indexes = IndexLimits<TypeParam::value>;
  constexpr int kIndexBits =
      TestFixture::kBits > 31 ? 62 - TestFixture::kBits : 31;
  EXPECT_EQ(Indexes::kUpperBits, 64 - TestFixture::kBits);
  EXPECT_EQ(Indexes::kMaxCells, uint64_t{1} << kIndexBits);
  EXPECT_EQ(Indexes::kMaxSlots, Indexes::kMaxCells - 1);
  EXPECT_EQ(Indexes::kNone, Indexes::kMaxSlots);
}

// --- Names of slots --------------------------------------------------------

TYPED_TEST(PackedTypesTest, PartsOfAPlaceComeBack) {
  using OneLife = Life<TypeParam::value>;
  for (const uint64_t index : TestFixture::SomeIndexes()) {
    for (const Generation generation : TestFixture::SomeGenerations()) {
      const OneLife life(index, generation);
      EXPECT_EQ(life.index(), index);
      EXPECT_EQ(life.generation(), generation);
      EXPECT_EQ(life.IsLive(), generation.IsLive());
      EXPECT_EQ(OneLife::FromBits(life.bits()), life);
      EXPECT_LT(life.bits(), uint64_t{1} << 62);
    }
  }
  EXPECT_EQ(OneLife::FromBits(kAllOnes).index(),
            kAllOnes >> TestFixture::kBits);
}

TYPED_TEST(PackedTypesTest, PartsOfAFreeSlotComeBack) {
  using Free = FreeSlot<TypeParam::value>;
  using Link = SlotLink<TypeParam::value>;
  for (const uint64_t wide : TestFixture::SomeIndexes()) {
    const uint32_t index = static_cast<uint32_t>(wide);
    for (const bool moved : {false, true}) {
      for (const Generation generation : TestFixture::SomeGenerations()) {
        const Link link(index, moved);
        EXPECT_EQ(link.index(), index);
        EXPECT_EQ(link.moved(), moved);
        EXPECT_FALSE(link.IsNone());
        const Free free(link, generation);
        EXPECT_EQ(free.index(), index);
        EXPECT_EQ(free.generation(), generation);
        EXPECT_EQ(free.moved(), moved);
        EXPECT_EQ(free.link(), link);
        EXPECT_FALSE(free.IsNone());
        EXPECT_EQ(Free::FromBits(free.bits()), free);
        EXPECT_EQ(free.WithMoved(!moved),
                  Free(Link(index, !moved), generation));
        EXPECT_EQ(free.WithMoved(moved), free);
      }
    }
  }
}

TYPED_TEST(PackedTypesTest, NoSlotHasNoSlotsIndex) {
  using Free = FreeSlot<TypeParam::value>;
  using Link = SlotLink<TypeParam::value>;
  using Head = ListHead<TypeParam::value>;
  EXPECT_TRUE(Free().IsNone());
  EXPECT_TRUE(Link().IsNone());
  EXPECT_TRUE(Head().IsEmpty());
  EXPECT_EQ(Free().link(), Link());
  EXPECT_FALSE(Free().moved());
  EXPECT_EQ(Head().index(), IndexLimits<TypeParam::value>::kNone);
  // Of any generation but 0 it is no free slot, but a link to none all the
  // same.
  EXPECT_FALSE(Free(Link(), Generation(2)).IsNone());
}

TYPED_TEST(PackedTypesTest, LivesFollowOnFreeSlotsAndFreeSlotsOnLives) {
  using Free = FreeSlot<TypeParam::value>;
  using OneLife = Life<TypeParam::value>;
  const Free fresh = Free::Fresh(7);
  EXPECT_EQ(fresh, Free({7, false}, Generation(0)));
  EXPECT_EQ(fresh.NextLife(), OneLife(7, Generation(1)));
  EXPECT_EQ(Free::After(OneLife(7, Generation(1))),
            Free({7, false}, Generation(2)));
}

TYPED_TEST(PackedTypesTest, LinksComeBack) {
  using Link = SlotLink<TypeParam::value>;
  using Links = LinkPair<TypeParam::value>;
  for (const Link first : {Link(), Link(3, true)}) {
    for (const Link second : {Link(), Link(4, false)}) {
      const Links links = Links::FromBits(Links{first, second}.bits());
      EXPECT_EQ(links.first, first);
      EXPECT_EQ(links.second, second);
    }
  }
}

TYPED_TEST(PackedTypesTest, AHeadDoesNotSayWhetherItsSlotIsMoved) {
  using Free = FreeSlot<TypeParam::value>;
  using Head = ListHead<TypeParam::value>;
  const Head head = Head::Of(Free({5, true}, Generation(2)));
  EXPECT_EQ(head.bits(), Head(5, Generation(2)).bits());
  EXPECT_EQ(head.index(), 5);
  EXPECT_FALSE(head.IsEmpty());
}

TYPED_TEST(PackedTypesTest, HeadsOfEmptyStacksDifferByTheirLastBatch) {
  using Head = ListHead<TypeParam::value>;
  std::set<uint64_t> heads = {Head().bits()};
  for (const uint32_t index : {0u, 5u}) {
    for (const uint64_t generation : {0u, 2u}) {
      const Head head(index, Generation(generation));
      const Head emptied = head.Emptied();
      EXPECT_TRUE(emptied.IsEmpty());
      EXPECT_EQ(emptied.index(), IndexLimits<TypeParam::value>::kNone);
      EXPECT_FALSE(head.IsEmpty());
      EXPECT_TRUE(heads.insert(emptied.bits()).second);
      EXPECT_TRUE(heads.insert(head.bits()).second);
    }
  }
}

// --- Words of slots with cells ---------------------------------------------

TYPED_TEST(PackedTypesTest, ACellThatIsNamedComesBack) {
  using Cell = CellWord<TypeParam::value>;
  const uint32_t last = IndexLimits<TypeParam::value>::kNone;
  for (const uint32_t slot : {0u, 1u, last / 2, last - 1}) {
    for (const uint32_t cell : {0u, 1u, last / 2, last}) {
      for (const Generation generation : TestFixture::SomeGenerations()) {
        const Cell word = Cell::InCell(CellOffset(slot, cell), generation);
        EXPECT_EQ(word.CellOf(slot), cell);
        EXPECT_EQ(word.offset().IsOwn(), slot == cell);
        EXPECT_EQ(word.generation(), generation);
        EXPECT_EQ(word.IsLive(), generation.IsLive());
        EXPECT_FALSE(word.IsHome());
      }
    }
    // A word that is its generation alone names the cell beside the slot.
    EXPECT_EQ(Cell::FromBits(1).CellOf(slot), slot);
  }
}

TYPED_TEST(PackedTypesTest, AWordThatIsAwayNamesTheSameCell) {
  using Cell = CellWord<TypeParam::value>;
  const Generation last = GenerationLimits<TypeParam::value>::kLastLive;
  const CellOffset offset(0, IndexLimits<TypeParam::value>::kNone);
  const Cell away = Cell::Away(offset, last);
  EXPECT_FALSE(away.IsHome());
  EXPECT_TRUE(away.IsLive());
  EXPECT_EQ(away.generation(), last);
  EXPECT_EQ(away.CellOf(0), IndexLimits<TypeParam::value>::kNone);
  EXPECT_NE(away, Cell::InCell(offset, last));
}

TYPED_TEST(PackedTypesTest, AWordAtHomeNamesTheOwnCell) {
  using Cell = CellWord<TypeParam::value>;
  const Generation last = GenerationLimits<TypeParam::value>::kLastLive;
  for (const uint64_t writes :
       {uint64_t{0}, uint64_t{1}, TestFixture::kMostWrites}) {
    const Cell word = TestFixture::Counted(writes);
    EXPECT_TRUE(word.IsHome());
    EXPECT_TRUE(word.IsLive());
    EXPECT_EQ(word.generation(), last);
    EXPECT_EQ(word.CellOf(5), 5);
    EXPECT_TRUE(word.offset().IsOwn());
    EXPECT_EQ(word.Ended(), Cell::InCell(CellOffset(), last.Next()));
  }
}

TYPED_TEST(PackedTypesTest, OnlyAWriteThatTakesTheOwnCellIsToReturn) {
  using Cell = CellWord<TypeParam::value>;
  const Generation last = GenerationLimits<TypeParam::value>::kLastLive;
  const CellOffset to(0, 3);
  for (const Cell own : {TestFixture::Counted(0), TestFixture::Counted(9),
                         Cell::InCell(CellOffset(), last)}) {
    EXPECT_EQ(own.Written(to), Cell::Away(to, last));
  }
  const CellOffset other(0, 2);
  for (const Cell word : {Cell::InCell(other, last), Cell::Away(other, last)}) {
    EXPECT_EQ(word.Written(to), Cell::InCell(to, last));
    EXPECT_EQ(word.Written(CellOffset()), Cell::InCell(CellOffset(), last));
  }
}

TYPED_TEST(PackedTypesTest, WritesAreCountedToTheLastAndNeverWrap) {
  using Cell = CellWord<TypeParam::value>;
  const uint64_t last = TestFixture::kMostWrites;
  const Cell uncounted =
      Cell::InCell(CellOffset(), GenerationLimits<TypeParam::value>::kLastLive);
  EXPECT_EQ(TestFixture::Counted(0).BroughtHome(), TestFixture::Counted(1));
  EXPECT_EQ(TestFixture::Counted(1).BroughtHome(), TestFixture::Counted(2));
  EXPECT_EQ(TestFixture::Counted(last - 1).BroughtHome(),
            TestFixture::Counted(last));
  EXPECT_EQ(TestFixture::Counted(last).BroughtHome(), uncounted);
  EXPECT_EQ(uncounted.BroughtHome(), uncounted);
}

TYPED_TEST(PackedTypesTest, TheEndOfALifeKeepsTheCellAndNoFlag) {
  using Cell = CellWord<TypeParam::value>;
  const CellOffset cell(0, IndexLimits<TypeParam::value>::kNone);
  for (const Cell word :
       {Cell::InCell(cell, Generation(1)), Cell::Away(cell, Generation(1))}) {
    EXPECT_EQ(word.Ended(), Cell::InCell(cell, Generation(2)));
  }
  EXPECT_EQ(Cell::InCell(cell, Generation(0)).Pinned(),
            Cell::InCell(cell, Generation(1)));
}

TYPED_TEST(PackedTypesTest, ZeroIsAFreeSlotWithItsOwnCell) {
  using Cell = CellWord<TypeParam::value>;
  EXPECT_EQ(Cell::FromBits(0), Cell::InCell(CellOffset(), Generation(0)));
  EXPECT_FALSE(Cell::FromBits(0).IsLive());
  EXPECT_FALSE(Cell::FromBits(0).IsHome());
}

// --- Words beside values ---------------------------------------------------

TYPED_TEST(PackedTypesTest, AWordBesideAValueIsAGenerationThatSaysIfItIsLive) {
  using Word = PairWord<TypeParam::value>;
  EXPECT_FALSE(Word::FromBits(0).IsLive());
  EXPECT_EQ(Word::FromBits(0).generation(), Generation(0));
  for (const Generation generation : TestFixture::SomeGenerations()) {
    if (!generation.IsLive()) continue;
    const Word word = Word::Live(generation);
    EXPECT_TRUE(word.IsLive());
    EXPECT_EQ(word.generation(), generation);
    EXPECT_EQ(Word::FromBits(word.bits()), word);
    EXPECT_FALSE(word.Ended().IsLive());
    EXPECT_EQ(word.Ended().generation(), generation.Next());
    EXPECT_EQ(word.Ended().bits(), generation.Next().number());
  }
}

TYPED_TEST(PackedTypesTest, AnEvenGenerationHasNoLiveWord) {
  using Word = PairWord<TypeParam::value>;
  const Generation retired = GenerationLimits<TypeParam::value>::kRetired;
  EXPECT_NE(Word::Live(Generation(0)), Word::FromBits(0));
  EXPECT_NE(Word::Live(retired),
            Word::Live(GenerationLimits<TypeParam::value>::kLastLive).Ended());
}

// --- Words of slots without ------------------------------------------------

TYPED_TEST(PackedTypesTest, AValueInAWordComesBack) {
  using Inline = InlineWord<TypeParam::value>;
  const uint64_t most = kAllOnes >> TestFixture::kBits;
  for (const uint64_t value : {uint64_t{0}, uint64_t{1}, most}) {
    for (const Generation generation : TestFixture::SomeGenerations()) {
      const Inline word(value, generation);
      EXPECT_EQ(word.value(), value);
      EXPECT_EQ(word.generation(), generation);
      EXPECT_EQ(word.IsLive(), generation.IsLive());
      EXPECT_EQ(Inline::FromBits(word.bits()), word);
    }
    EXPECT_EQ(Inline(value, Generation(1)).Ended(),
              Inline(value, Generation(2)));
  }
}

TYPED_TEST(PackedTypesTest, ALinkInAWordComesBack) {
  using Inline = InlineWord<TypeParam::value>;
  using Link = SlotLink<TypeParam::value>;
  for (const Link link : {Link(), Link(5, false)}) {
    const Inline word(link, Generation(2));
    EXPECT_EQ(word.link(), link);
    EXPECT_EQ(word.generation(), Generation(2));
  }
}

// --- Spare cells -----------------------------------------------------------

TEST(SpareCellTest, StatesAreDifferent) {
  EXPECT_TRUE(SpareCell().IsUnused());
  EXPECT_TRUE(SpareCell::FromBits(0).IsUnused());
  EXPECT_FALSE(SpareCell().IsTaken());
  EXPECT_FALSE(SpareCell().HasCell());
  EXPECT_TRUE(SpareCell::Taken().IsTaken());
  EXPECT_FALSE(SpareCell::Taken().IsUnused());
  EXPECT_FALSE(SpareCell::Taken().HasCell());
  for (const uint32_t cell : {0u, 1u, 2u, 0x7FFF'FFFFu}) {
    const SpareCell spare = SpareCell::Of(cell);
    EXPECT_TRUE(spare.HasCell());
    EXPECT_FALSE(spare.IsUnused());
    EXPECT_FALSE(spare.IsTaken());
    EXPECT_EQ(spare.cell(), cell);
  }
}

// --- Open shards and walks -------------------------------------------------

TEST(OpenedShardsTest, CountsShardsAndNamesTheLast) {
  EXPECT_EQ(OpenedShards::FromBits(0).count(), 0);
  EXPECT_EQ(OpenedShards::FromBits(0).last_plus_one(), 0);
  const OpenedShards two = OpenedShards().With(7).With(0xFFFF'FFFE);
  EXPECT_EQ(two.count(), 2);
  EXPECT_EQ(two.last_plus_one(), 0xFFFF'FFFF);
  EXPECT_EQ(two.With(3).count(), 3);
  EXPECT_EQ(two.With(3).last_plus_one(), 4);
}

TEST(WalkPlaceTest, StatesAreDifferent) {
  EXPECT_TRUE(WalkPlace::FromBits(0).IsUnused());
  for (const WalkPlace place :
       {WalkPlace(), WalkPlace::Taken(), WalkPlace::Empty(),
        WalkPlace::LeftOver(0, 1)}) {
    EXPECT_EQ(place.IsUnused(), place.bits() == WalkPlace().bits());
    EXPECT_EQ(place.IsTaken(), place.bits() == WalkPlace::Taken().bits());
    EXPECT_EQ(place.IsLeftOver(),
              place.bits() == WalkPlace::LeftOver(0, 1).bits());
  }
  const WalkPlace most = WalkPlace::LeftOver(0xFFFF'FFFE, 0xFFFF'FFFF);
  EXPECT_TRUE(most.IsLeftOver());
  EXPECT_EQ(most.begin(), 0xFFFF'FFFE);
  EXPECT_EQ(most.end(), 0xFFFF'FFFF);
}

// --- What must not compile -------------------------------------------------

using OneLife = Life<32>;
using Free = FreeSlot<32>;
using Link = SlotLink<32>;
using Head = ListHead<32>;
using Cell = CellWord<32>;
using Inline = InlineWord<32>;

template <typename A, typename B, typename = void>
struct CanCompare : std::false_type {};
template <typename A, typename B>
struct CanCompare<A, B,
                  std::void_t<decltype(std::declval<A>() == std::declval<B>())>>
    : std::true_type {};

template <typename... Types>
struct List {};

// Whether T neither becomes one of the others nor compares with it.
template <typename T, typename... Others>
constexpr bool IsApartFrom(List<Others...>) {
  return ((std::is_same_v<T, Others> || (!std::is_convertible_v<T, Others> &&
                                         !std::is_constructible_v<Others, T> &&
                                         !std::is_assignable_v<Others&, T> &&
                                         !CanCompare<T, Others>::value)) &&
          ...);
}

template <typename... Types>
constexpr bool AreApart(List<Types...> all) {
  return (IsApartFrom<Types>(all) && ...);
}

static_assert(AreApart(List<Generation, OneLife, Free, Link, Head, Cell, Inline,
                            CellOffset, SpareCell, OpenedShards, WalkPlace>()));
// A LastFreed is made of a free slot, explicitly, and of nothing else.
static_assert(AreApart(List<Generation, OneLife, Link, Head, Cell, Inline,
                            SpareCell, LastFreed<32>>()));
static_assert(!std::is_convertible_v<Free, LastFreed<32>> &&
              !std::is_convertible_v<LastFreed<32>, Free>);
// Nor do those for another number of generation bits.
static_assert(AreApart(List<OneLife, Life<40>>()));
static_assert(AreApart(List<Free, FreeSlot<40>>()));
static_assert(AreApart(List<Cell, CellWord<40>>()));

// A number becomes none of them, and none becomes a number.
template <typename... Types>
constexpr bool AreNoNumbers(List<Types...>) {
  return ((!std::is_convertible_v<uint64_t, Types> &&
           !std::is_convertible_v<Types, uint64_t> &&
           !CanCompare<Types, uint64_t>::value) &&
          ...);
}
static_assert(AreNoNumbers(
    List<Generation, OneLife, Free, Link, Head, Cell, Inline, CellOffset,
         SpareCell, LastFreed<32>, OpenedShards, WalkPlace>()));

// An index and a generation are not mixed up.
static_assert(std::is_constructible_v<OneLife, uint64_t, Generation>);
static_assert(!std::is_constructible_v<OneLife, Generation, uint64_t>);
static_assert(!std::is_constructible_v<OneLife, uint64_t, uint64_t>);
static_assert(!std::is_constructible_v<Free, Link, uint64_t>);
static_assert(!std::is_constructible_v<Free, uint64_t, Generation>);

template <typename T>
constexpr bool kCostsNothing = std::is_trivially_copyable_v<T> &&
                               sizeof(T) <= sizeof(uint64_t);
static_assert(kCostsNothing<Generation> && kCostsNothing<OneLife> &&
              kCostsNothing<Free> && kCostsNothing<Link> &&
              kCostsNothing<Head> && kCostsNothing<Cell> &&
              kCostsNothing<Inline> && kCostsNothing<CellOffset> &&
              kCostsNothing<SpareCell>);

}  // namespace
}  // namespace holdfast::internal
