#include "holdfast/internal/words.h"

#include <cstddef>
#include <cstdint>
#include <set>
#include <type_traits>

#include "gtest/gtest.h"
#include "tests/support/test_values.h"

namespace holdfast::internal {
namespace {

template <typename Bits>
class WordsTest : public testing::Test {
 protected:
  static constexpr int kBits = Bits::value;
  static constexpr uint64_t kAllOnes = ~uint64_t{0};
};

template <int kBits>
using GenerationBits = std::integral_constant<int, kBits>;
using AllBits =
    testing::Types<GenerationBits<2>, GenerationBits<3>, GenerationBits<16>,
                   GenerationBits<31>, GenerationBits<32>, GenerationBits<33>,
                   GenerationBits<40>, GenerationBits<48>>;
TYPED_TEST_SUITE(WordsTest, AllBits);

TYPED_TEST(WordsTest, MasksAreDisjointAndCoverTheWord) {
  using Word = Words<TypeParam::value>;
  const uint64_t upper = Word::Pack(TestFixture::kAllOnes, 0);
  EXPECT_EQ(Word::kGenerationMask & upper, 0);
  EXPECT_EQ(Word::kGenerationMask | upper, TestFixture::kAllOnes);
  EXPECT_EQ(Word::kHome & Word::kReturning, 0);
  const uint64_t flags = Word::kHome | Word::kReturning;
  EXPECT_EQ(upper & flags, flags);
  const uint64_t cell = upper & ~flags;
  EXPECT_EQ(Word::kGenerationMask | cell | flags, TestFixture::kAllOnes);
}

TYPED_TEST(WordsTest, GenerationHasTheBitsThatTheTraitsName) {
  using Word = Words<TypeParam::value>;
  EXPECT_EQ(Word::kGenerationMask,
            TestFixture::kAllOnes >> (64 - TestFixture::kBits));
  EXPECT_EQ(Word::kUpperBits, 64 - TestFixture::kBits);
}

TYPED_TEST(WordsTest, RetiredIsTheLastEvenGeneration) {
  using Word = Words<TypeParam::value>;
  EXPECT_EQ(Word::kRetired, Word::kGenerationMask - 1);
  EXPECT_EQ(Word::kLastLive + 1, Word::kRetired);
  EXPECT_FALSE(Word::IsLive(Word::kRetired));
  EXPECT_TRUE(Word::IsLive(Word::kLastLive));
}

TYPED_TEST(WordsTest, IndexesFitInTheirBitsAndIn31) {
  using Word = Words<TypeParam::value>;
  constexpr int kIndexBits =
      TestFixture::kBits > 31 ? 62 - TestFixture::kBits : 31;
  EXPECT_EQ(Word::kMaxCells, uint64_t{1} << kIndexBits);
  EXPECT_EQ(Word::kMaxSlots, Word::kMaxCells - 1);
  EXPECT_EQ(Word::kNil, Word::kMaxSlots);
  // The largest index and all generation bits do not overlap the flags.
  EXPECT_EQ(Word::Pack(Word::kNil, Word::kGenerationMask) &
                (Word::kHome | Word::kReturning),
            0);
}

TYPED_TEST(WordsTest, PackedPartsComeBack) {
  using Word = Words<TypeParam::value>;
  for (const uint64_t index : {uint64_t{0}, uint64_t{1}, Word::kMaxSlots / 2,
                               Word::kMaxSlots - 1, Word::kMaxSlots}) {
    for (const uint64_t generation :
         {uint64_t{0}, uint64_t{1}, Word::kGenerationMask / 2, Word::kLastLive,
          Word::kRetired, Word::kGenerationMask}) {
      const uint64_t word = Word::Pack(index, generation);
      EXPECT_EQ(Word::Upper(word), index);
      EXPECT_EQ(Word::Index(word), index);
      EXPECT_EQ(Word::Cell(word, 0), index);
      EXPECT_EQ(Word::Cell(word, Word::Index(word)), 0);
      EXPECT_EQ(Word::Generation(word), generation);
      EXPECT_FALSE(Word::IsHome(word));
      EXPECT_EQ(Word::IsLive(word), generation % 2 == 1);
      EXPECT_EQ(Word::IsLive(word, generation), generation % 2 == 1);
      EXPECT_FALSE(Word::IsLive(word, generation ^ 2));
    }
  }
}

TYPED_TEST(WordsTest, ReturningChangesNeitherCellNorGeneration) {
  using Word = Words<TypeParam::value>;
  const uint64_t word =
      Word::kReturning | Word::Pack(Word::kMaxSlots, Word::kLastLive);
  EXPECT_FALSE(Word::IsHome(word));
  EXPECT_TRUE(Word::IsLive(word, Word::kLastLive));
  EXPECT_EQ(Word::Cell(word, 0), Word::kMaxSlots);
  EXPECT_EQ(Word::Generation(word), Word::kLastLive);
  EXPECT_NE(Word::Upper(word), Word::kMaxSlots);
}

TYPED_TEST(WordsTest, AWordAtHomeNamesTheOwnCell) {
  using Word = Words<TypeParam::value>;
  const uint64_t last = ~Word::kHome >> TestFixture::kBits;
  for (const uint64_t writes : {uint64_t{0}, uint64_t{1}, last}) {
    const uint64_t word = Word::kHome | Word::Pack(writes, Word::kLastLive);
    EXPECT_TRUE(Word::IsHome(word));
    EXPECT_TRUE(Word::IsLive(word, Word::kLastLive));
    EXPECT_FALSE(Word::IsLive(word, Word::kLastLive - 2));
    EXPECT_FALSE(Word::IsLive(word, Word::kLastLive - 1));
    EXPECT_EQ(Word::Cell(word, 5), 5);
    EXPECT_EQ(Word::Ended(word), Word::kRetired);
  }
}

TYPED_TEST(WordsTest, OnlyAWriteThatTakesTheOwnCellIsToReturn) {
  using Word = Words<TypeParam::value>;
  const uint64_t away = Word::Pack(3, Word::kLastLive);
  for (const uint64_t own :
       {Word::kHome | Word::kLastLive,
        Word::kHome | Word::Pack(9, Word::kLastLive), Word::kLastLive}) {
    EXPECT_EQ(Word::Written(own, 3), away | Word::kReturning);
  }
  for (const uint64_t flags : {uint64_t{0}, Word::kReturning}) {
    const uint64_t word = flags | Word::Pack(2, Word::kLastLive);
    EXPECT_EQ(Word::Written(word, 3), away);
    EXPECT_EQ(Word::Written(word, 0), Word::kLastLive);
  }
}

TYPED_TEST(WordsTest, WritesAreCountedToTheLastAndNeverWrap) {
  using Word = Words<TypeParam::value>;
  const auto counted = [](uint64_t writes) {
    return Word::kHome | Word::Pack(writes, Word::kLastLive);
  };
  EXPECT_EQ(Word::BroughtBack(counted(0)), counted(1));
  EXPECT_EQ(Word::BroughtBack(counted(1)), counted(2));
  const uint64_t last = ~Word::kHome >> TestFixture::kBits;
  EXPECT_EQ(Word::BroughtBack(counted(last - 1)), counted(last));
  EXPECT_EQ(Word::BroughtBack(counted(last)), Word::kLastLive);
  EXPECT_EQ(Word::BroughtBack(Word::kLastLive), Word::kLastLive);
}

TYPED_TEST(WordsTest, TheEndOfALifeKeepsTheCellAndNoFlag) {
  using Word = Words<TypeParam::value>;
  for (const uint64_t flags : {uint64_t{0}, Word::kReturning}) {
    EXPECT_EQ(Word::Ended(flags | Word::Pack(Word::kMaxSlots, 1)),
              Word::Pack(Word::kMaxSlots, 2));
  }
}

TYPED_TEST(WordsTest, TransitionsBetweenGenerationsKeepTheUpperBits) {
  using Word = Words<TypeParam::value>;
  const uint64_t last = Word::Pack(Word::kMaxSlots, Word::kLastLive);
  EXPECT_EQ(Word::Generation(last + 1), Word::kRetired);
  EXPECT_EQ(Word::Index(last + 1), Word::kMaxSlots);
  const uint64_t fresh = Word::Pack(7 & Word::kMaxSlots, 0);
  EXPECT_EQ(Word::Generation(fresh + 1), 1);
  EXPECT_EQ(Word::Index(fresh + 1), 7);
}

TYPED_TEST(WordsTest, EveryCellHasANameRelativeToEverySlot) {
  using Word = Words<TypeParam::value>;
  for (const uint32_t index : {0u, 1u, Word::kNil / 2, Word::kNil - 1}) {
    for (const uint32_t cell : {0u, 1u, Word::kNil / 2, Word::kNil}) {
      const uint64_t word = Word::Pack(cell ^ index, 1);
      EXPECT_EQ(word & (Word::kHome | Word::kReturning), 0);
      EXPECT_EQ(Word::Cell(word, index), cell);
    }
    // A word with nothing but a generation names the cell beside the slot.
    EXPECT_EQ(Word::Cell(Word::kLastLive, index), index);
  }
}

TYPED_TEST(WordsTest, ShortFormsOfFreeSlotsComeBack) {
  using Word = Words<TypeParam::value>;
  for (const uint64_t index : {uint64_t{0}, uint64_t{1}, Word::kMaxSlots - 1}) {
    for (const uint64_t moved : {uint64_t{0}, Word::kMoved}) {
      for (const uint64_t generation : {uint64_t{0}, Word::kLastLive - 1}) {
        const uint64_t free = moved | Word::Pack(index, generation);
        EXPECT_EQ(Word::Index(free), index);
        EXPECT_EQ(Word::Generation(free), generation);
        EXPECT_EQ(Word::IsMoved(free), moved != 0);
        const uint32_t short_form = Word::ShortForm(free);
        EXPECT_EQ(Word::ShortIndex(short_form), index);
        EXPECT_EQ(Word::LongForm(short_form, generation), free);
        EXPECT_NE(short_form, Word::kNil);
      }
    }
  }
}

TYPED_TEST(WordsTest, NoSlotIsNoSlots) {
  using Word = Words<TypeParam::value>;
  EXPECT_EQ(Word::ShortForm(Word::kNoSlot), Word::kNil);
  EXPECT_EQ(Word::Index(Word::kNoSlot), Word::kMaxSlots);
  EXPECT_FALSE(Word::IsMoved(Word::kNoSlot));
}

TEST(WordsTest, ZeroIsAFreeSlotOfGenerationZero) {
  EXPECT_FALSE(Words<32>::IsLive(0));
  EXPECT_FALSE(Words<32>::IsHome(0));
  EXPECT_EQ(Words<32>::Generation(0), 0);
}

TEST(WordsTest, FunctionsAreConstantExpressions) {
  static_assert(Words<32>::Pack(5, 3) == (uint64_t{5} << 32 | 3));
  static_assert(Words<32>::Index(uint64_t{5} << 32 | 3) == 5);
  static_assert(Words<32>::Generation(uint64_t{5} << 32 | 3) == 3);
  static_assert(Words<31>::kMaxSlots == 2'147'483'647);
  static_assert(Words<32>::kMaxSlots == 1'073'741'823);
  static_assert(Words<40>::kMaxSlots == 4'194'303);
  static_assert(Words<48>::kMaxSlots == 16'383);
  static_assert(Words<3>::kLastLive == 5);
  static_assert(Words<3>::kRetired == 6);
  static_assert(Words<2>::kLastLive == 1);
}

template <typename Size>
class ValueWordsTest : public testing::Test {};

template <size_t kSize>
using Size = std::integral_constant<size_t, kSize>;
using Sizes =
    testing::Types<Size<1>, Size<2>, Size<3>, Size<4>, Size<5>, Size<7>,
                   Size<8>, Size<9>, Size<12>, Size<15>, Size<16>, Size<17>,
                   Size<23>, Size<24>, Size<31>, Size<32>, Size<33>, Size<40>,
                   Size<47>, Size<48>, Size<56>, Size<57>, Size<63>, Size<64>>;
TYPED_TEST_SUITE(ValueWordsTest, Sizes);

TYPED_TEST(ValueWordsTest, ValuesComeBackWithoutADefaultConstructor) {
  using T = TestValue<TypeParam::value>;
  static_assert(!std::is_default_constructible_v<T>);
  for (const uint64_t seed : {uint64_t{0}, uint64_t{1}, uint64_t{0xA5},
                              uint64_t{0x0123456789ABCDEF}, ~uint64_t{0}}) {
    const T value(seed);
    EXPECT_EQ(ValueWords<T>::Encode(value).Decode(), value);
  }
}

TYPED_TEST(ValueWordsTest, TakesTheFewestWordsAndPadsWithZeros) {
  constexpr size_t kSize = TypeParam::value;
  using T = TestValue<kSize>;
  using Encoded = ValueWords<T>;
  EXPECT_EQ(Encoded::kCount, (kSize + 7) / 8);
  T value(0);
  std::memset(value.bytes, 0xFF, kSize);
  const Encoded encoded = Encoded::Encode(value);
  if (kSize < 8) {  // The value is in the lower bits, for any byte order.
    EXPECT_EQ(encoded.words[0], (uint64_t{1} << kSize % 8 * 8) - 1);
    return;
  }
  unsigned char bytes[Encoded::kCount * 8];
  std::memcpy(bytes, encoded.words, sizeof(bytes));
  for (size_t i = 0; i < sizeof(bytes); ++i) {
    EXPECT_EQ(bytes[i], i < kSize ? 0xFF : 0) << "byte " << i;
  }
}

TEST(ValueWordsTest, EveryByteOfTheValueCounts) {
  std::set<uint64_t> firsts;
  for (size_t i = 0; i < 8; ++i) {
    TestValue<8> value(0);
    value.bytes[i] = 1;
    firsts.insert(ValueWords<TestValue<8>>::Encode(value).words[0]);
  }
  EXPECT_EQ(firsts.size(), 8);
}

}  // namespace
}  // namespace holdfast::internal
