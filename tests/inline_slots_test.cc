// The slots whose values lie in their words, in one thread. AccessHook acts as
// another thread between two accesses.

#include "holdfast/internal/inline_slots.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <type_traits>

#include "gtest/gtest.h"
#include "holdfast/traits.h"
#include "tests/support/hooked_atomics.h"
#include "tests/support/slot_arena.h"
#include "tests/support/test_values.h"

namespace holdfast::internal {
namespace {

static_assert(sizeof(InlineSlots<uint32_t, DefaultTraits>::Slot) == 8);

template <int kBits, size_t kSize>
struct Config {
  struct Traits : DefaultTraits {
    static constexpr int kGenerationBits = kBits;
    using Atomics = HookedAtomics;
  };
  using Value = TestValue<kSize>;
};

template <typename Config>
class InlineSlotsTest : public testing::Test {
 protected:
  static constexpr uint32_t kSlots = 4;
  using Traits = typename Config::Traits;
  using WordType = Words<Traits::kGenerationBits>;
  using Slots = InlineSlots<typename Config::Value, Traits>;

  // Returns a value with no byte that is zero.
  static auto Full(uint64_t n) {
    return typename Config::Value(0x0101010101010101 * n);
  }

  // Pins the free slot `index`. Returns the generation of its new life.
  uint64_t Publish(uint32_t index, const typename Config::Value& value) {
    return WordType::Generation(slots_.Publish(slots_.FreeSlot(index), value));
  }
  // Ends a life. Returns its last word, or nothing if it was over.
  std::optional<uint64_t> Vacate(uint32_t index, uint64_t generation) {
    uint64_t ended;
    if (!slots_.Vacate(index, generation, &ended)) return std::nullopt;
    return ended;
  }

  SlotArena<Slots> arena_{kSlots};
  Slots slots_ = arena_.slots();
};

// Numbers of generation bits, with the largest value that fits, or the
// smallest.
using Configs = testing::Types<Config<2, 7>, Config<3, 7>, Config<3, 1>,
                               Config<16, 6>, Config<32, 4>, Config<32, 1>,
                               Config<40, 3>, Config<48, 2>, Config<48, 1>>;
TYPED_TEST_SUITE(InlineSlotsTest, Configs);

TYPED_TEST(InlineSlotsTest, ZeroedMemoryIsAFreeSlot) {
  using Word = Words<TypeParam::Traits::kGenerationBits>;
  EXPECT_EQ(this->slots_.FreeSlot(2), Word::Pack(2, 0));
  EXPECT_EQ(this->slots_.LoadWord(2), 0);
  EXPECT_EQ(this->slots_.Generation(2), 0);
}

TYPED_TEST(InlineSlotsTest, PublishedValueComesBack) {
  EXPECT_EQ(this->Publish(2, this->Full(0xEF)), 1);
  EXPECT_EQ(this->slots_.Read(2, 1), this->Full(0xEF));
  EXPECT_EQ(this->slots_.Read(2, 0), std::nullopt);
  EXPECT_EQ(this->slots_.Read(2, 3), std::nullopt);
  EXPECT_EQ(this->slots_.LoadWord(1), 0);
  EXPECT_EQ(this->slots_.LoadWord(3), 0);
}

TYPED_TEST(InlineSlotsTest, ReadIntoAVariableWritesOnlyWhatItFinds) {
  this->Publish(2, this->Full(0xEF));
  auto value = this->Full(1);
  for (const uint64_t generation : {uint64_t{0}, uint64_t{2}, uint64_t{3}}) {
    EXPECT_FALSE(this->slots_.Read(2, generation, &value));
    EXPECT_EQ(value, this->Full(1));
  }
  EXPECT_TRUE(this->slots_.Read(2, 1, &value));
  EXPECT_EQ(value, this->Full(0xEF));
  ASSERT_TRUE(this->slots_.Write(2, 1, this->Full(0x7F), nullptr));
  EXPECT_TRUE(this->slots_.Read(2, 1, &value));
  EXPECT_EQ(value, this->Full(0x7F));
}

TYPED_TEST(InlineSlotsTest, ValuesDoNotTouchTheGeneration) {
  this->Publish(1, this->Full(0));
  for (const uint64_t n : {0xFFu, 0u, 0x80u, 1u}) {
    EXPECT_TRUE(this->slots_.Write(1, 1, this->Full(n), nullptr));
    EXPECT_EQ(this->slots_.Generation(1), 1);
    EXPECT_EQ(this->slots_.Read(1, 1), this->Full(n));
  }
}

TYPED_TEST(InlineSlotsTest, ExchangeReturnsWhatItReplaced) {
  this->Publish(1, this->Full(1));
  EXPECT_EQ(this->slots_.Exchange(1, 1, this->Full(2), nullptr), this->Full(1));
  EXPECT_EQ(this->slots_.Exchange(1, 1, this->Full(3), nullptr), this->Full(2));
  EXPECT_EQ(this->slots_.Read(1, 1), this->Full(3));
}

TYPED_TEST(InlineSlotsTest, StaleOperationsChangeNothing) {
  this->Publish(1, this->Full(1));
  const uint64_t word = this->slots_.LoadWord(1);
  const int writes = AccessHook::writes();
  for (const uint64_t generation : {uint64_t{0}, uint64_t{3}}) {
    EXPECT_FALSE(this->slots_.Write(1, generation, this->Full(2), nullptr));
    EXPECT_FALSE(this->slots_.Exchange(1, generation, this->Full(2), nullptr));
    EXPECT_FALSE(this->Vacate(1, generation));
    EXPECT_FALSE(this->slots_.Read(1, generation));
  }
  EXPECT_EQ(this->slots_.LoadWord(1), word);
  EXPECT_EQ(AccessHook::writes(), writes);
}

TYPED_TEST(InlineSlotsTest, VacateEndsTheLifeOnce) {
  this->Publish(1, this->Full(0xFF));
  const std::optional<uint64_t> vacated = this->Vacate(1, 1);
  ASSERT_TRUE(vacated);
  EXPECT_EQ(this->slots_.Value(1, *vacated), this->Full(0xFF));
  EXPECT_EQ(this->slots_.Generation(1), 2);
  EXPECT_FALSE(this->Vacate(1, 1));
  EXPECT_EQ(this->slots_.Generation(1), 2);
}

TYPED_TEST(InlineSlotsTest, EveryLifeUpToTheLastIsPublishedAndThenRetired) {
  using Word = Words<TypeParam::Traits::kGenerationBits>;
  if (Word::kLastLive > 1000) GTEST_SKIP() << "too many lives";
  for (uint64_t life = 1; life <= Word::kLastLive; life += 2) {
    EXPECT_EQ(this->Publish(1, this->Full(0xFF)), life);
    EXPECT_TRUE(this->Vacate(1, life));
  }
  EXPECT_EQ(this->slots_.Generation(1), Word::kRetired);
}

TYPED_TEST(InlineSlotsTest, LinksOfAFreeSlotKeepItsGeneration) {
  using Word = Words<TypeParam::Traits::kGenerationBits>;
  uint64_t free = this->slots_.FreeSlot(1);
  ASSERT_NE(LiveOnce<Word>(this->slots_, this->Full(1), &free),
            Word::kRetired == 2);
  EXPECT_EQ(free, Word::Pack(1, 2));
  this->slots_.SetLinks(free, 3, Word::kNil);
  this->slots_.SetBelow(free, 2);
  EXPECT_EQ(this->slots_.LinksOf(1).first, 3);
  EXPECT_EQ(this->slots_.Below(1), 2);
  this->slots_.SetLinks(free, Word::kNil, Word::kNil);
  this->slots_.SetBelow(free, Word::kNil);
  EXPECT_EQ(this->slots_.LinksOf(1).first, Word::kNil);
  EXPECT_EQ(this->slots_.Below(1), Word::kNil);
  EXPECT_EQ(this->slots_.Generation(1), 2);
}

TYPED_TEST(InlineSlotsTest, UpdateExclusiveRewritesTheValueInPlace) {
  using Value = typename TypeParam::Value;
  this->Publish(1, this->Full(1));
  this->slots_.UpdateExclusive(1, [](uint64_t generation, Value& value) {
    EXPECT_EQ(generation, 1);
    EXPECT_EQ(value, TestFixture::Full(1));
    value = TestFixture::Full(2);
  });
  EXPECT_EQ(this->slots_.Read(1, 1), this->Full(2));
}

// Another thread writes before each access in turn, and compare-exchanges fail
// spuriously.
TYPED_TEST(InlineSlotsTest, ExchangesOfTwoThreadsFormAChain) {
  this->Publish(1, this->Full(1));
  for (int at = 0;; ++at) {
    ASSERT_LT(at, 20);
    ASSERT_TRUE(this->slots_.Write(1, 1, this->Full(1), nullptr));
    std::optional<typename TypeParam::Value> other;
    AccessHook::FailExchanges(at % 2);
    AccessHook::Arm(at, [&] {
      other = this->slots_.Exchange(1, 1, this->Full(2), nullptr);
    });
    const auto mine = this->slots_.Exchange(1, 1, this->Full(3), nullptr);
    if (AccessHook::Disarm()) break;
    EXPECT_EQ(other, this->Full(1));
    EXPECT_EQ(mine, this->Full(2));
    EXPECT_EQ(this->slots_.Read(1, 1), this->Full(3));
  }
}

TYPED_TEST(InlineSlotsTest, OfTwoUnpinsExactlyOneWins) {
  for (int at = 0;; ++at) {
    ASSERT_LT(at, 20);
    this->arena_ = SlotArena<typename TestFixture::Slots>(this->kSlots);
    this->slots_ = this->arena_.slots();
    this->Publish(1, this->Full(1));
    AccessHook::FailExchanges(at % 2);
    bool other = false;
    AccessHook::Arm(at, [&] { other = this->Vacate(1, 1).has_value(); });
    const bool mine = this->Vacate(1, 1).has_value();
    if (AccessHook::Disarm()) break;
    EXPECT_NE(mine, other);
    EXPECT_EQ(this->slots_.Generation(1), 2);
  }
}

}  // namespace
}  // namespace holdfast::internal
