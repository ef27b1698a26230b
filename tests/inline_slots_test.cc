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

static_assert(sizeof(InlineSlot<DefaultTraits>) == 8);

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
  using Slots = InlineSlots<typename Config::Value, Traits>;

  // Returns a value with no byte that is zero.
  static auto Full(uint64_t n) {
    return typename Config::Value(0x0101010101010101 * n);
  }

  using Life = typename Slots::Life;

  static Life LifeOf(uint32_t index, uint64_t generation) {
    return {index, Generation(generation)};
  }
  // Pins the free slot `index`. Returns the generation of its new life.
  uint64_t Publish(uint32_t index, const typename Config::Value& value) {
    return slots_.Publish(links_.FreeSlotAt(index), value)
        .generation()
        .number();
  }
  auto Read(uint32_t index, uint64_t generation) {
    return slots_.Read(LifeOf(index, generation));
  }
  bool Write(uint32_t index, uint64_t generation,
             const typename Config::Value& value) {
    return slots_.Write(LifeOf(index, generation), value);
  }
  auto Exchange(uint32_t index, uint64_t generation,
                const typename Config::Value& value) {
    return slots_.Exchange(LifeOf(index, generation), value);
  }
  // The last word of the life that this ends.
  auto End(uint32_t index, uint64_t generation) {
    return Vacate(slots_, LifeOf(index, generation));
  }
  uint64_t GenerationOf(uint32_t index) {
    return links_.GenerationAt(index).number();
  }
  auto LoadWord(uint32_t index) { return arena_.array().LoadWord(index); }

  SlotArena<Slots> arena_{kSlots};
  typename Slots::Links links_ = arena_.links();
  Slots slots_ = arena_.slots();
};

// Numbers of generation bits, with the largest value that fits, or the
// smallest.
using Configs = testing::Types<Config<2, 7>, Config<3, 7>, Config<3, 1>,
                               Config<16, 6>, Config<32, 4>, Config<32, 1>,
                               Config<40, 3>, Config<48, 2>, Config<48, 1>>;
TYPED_TEST_SUITE(InlineSlotsTest, Configs);

TYPED_TEST(InlineSlotsTest, ZeroedMemoryIsAFreeSlot) {
  EXPECT_EQ(this->links_.FreeSlotAt(2), TestFixture::Slots::Free::Fresh(2));
  EXPECT_EQ(this->LoadWord(2).bits(), 0);
  EXPECT_EQ(this->GenerationOf(2), 0);
}

TYPED_TEST(InlineSlotsTest, PublishedValueComesBack) {
  EXPECT_EQ(this->Publish(2, this->Full(0xEF)), 1);
  EXPECT_EQ(this->Read(2, 1), this->Full(0xEF));
  EXPECT_EQ(this->Read(2, 0), std::nullopt);
  EXPECT_EQ(this->Read(2, 3), std::nullopt);
  EXPECT_EQ(this->LoadWord(1).bits(), 0);
  EXPECT_EQ(this->LoadWord(3).bits(), 0);
}

TYPED_TEST(InlineSlotsTest, ReadIntoAVariableWritesOnlyWhatItFinds) {
  this->Publish(2, this->Full(0xEF));
  auto value = this->Full(1);
  for (const uint64_t generation : {uint64_t{0}, uint64_t{2}, uint64_t{3}}) {
    EXPECT_FALSE(this->slots_.Read(this->LifeOf(2, generation), &value));
    EXPECT_EQ(value, this->Full(1));
  }
  EXPECT_TRUE(this->slots_.Read(this->LifeOf(2, 1), &value));
  EXPECT_EQ(value, this->Full(0xEF));
  ASSERT_TRUE(this->Write(2, 1, this->Full(0x7F)));
  EXPECT_TRUE(this->slots_.Read(this->LifeOf(2, 1), &value));
  EXPECT_EQ(value, this->Full(0x7F));
}

TYPED_TEST(InlineSlotsTest, ValuesDoNotTouchTheGeneration) {
  this->Publish(1, this->Full(0));
  for (const uint64_t n : {0xFFu, 0u, 0x80u, 1u}) {
    EXPECT_TRUE(this->Write(1, 1, this->Full(n)));
    EXPECT_EQ(this->GenerationOf(1), 1);
    EXPECT_EQ(this->Read(1, 1), this->Full(n));
  }
}

TYPED_TEST(InlineSlotsTest, ExchangeReturnsWhatItReplaced) {
  this->Publish(1, this->Full(1));
  EXPECT_EQ(this->Exchange(1, 1, this->Full(2)), this->Full(1));
  EXPECT_EQ(this->Exchange(1, 1, this->Full(3)), this->Full(2));
  EXPECT_EQ(this->Read(1, 1), this->Full(3));
}

TYPED_TEST(InlineSlotsTest, StaleOperationsChangeNothing) {
  this->Publish(1, this->Full(1));
  const auto word = this->LoadWord(1);
  const int writes = AccessHook::writes();
  for (const uint64_t generation : {uint64_t{0}, uint64_t{3}}) {
    EXPECT_FALSE(this->Write(1, generation, this->Full(2)));
    EXPECT_FALSE(this->Exchange(1, generation, this->Full(2)));
    EXPECT_FALSE(this->End(1, generation));
    EXPECT_FALSE(this->Read(1, generation));
  }
  EXPECT_EQ(this->LoadWord(1), word);
  EXPECT_EQ(AccessHook::writes(), writes);
}

TYPED_TEST(InlineSlotsTest, VacateEndsTheLifeOnce) {
  this->Publish(1, this->Full(0xFF));
  const auto vacated = this->End(1, 1);
  ASSERT_TRUE(vacated);
  EXPECT_EQ(this->slots_.Value(this->LifeOf(1, 1), *vacated), this->Full(0xFF));
  EXPECT_EQ(this->GenerationOf(1), 2);
  EXPECT_FALSE(this->End(1, 1));
  EXPECT_EQ(this->GenerationOf(1), 2);
}

TYPED_TEST(InlineSlotsTest, EveryLifeUpToTheLastIsPublishedAndThenRetired) {
  using Generations = GenerationLimits<TypeParam::Traits::kGenerationBits>;
  constexpr uint64_t kLast = Generations::kLastLive.number();
  if (kLast > 1000) GTEST_SKIP() << "too many lives";
  for (uint64_t life = 1; life <= kLast; life += 2) {
    EXPECT_EQ(this->Publish(1, this->Full(0xFF)), life);
    EXPECT_TRUE(this->End(1, life));
  }
  EXPECT_EQ(this->GenerationOf(1), Generations::kRetired.number());
}

TYPED_TEST(InlineSlotsTest, LinksOfAFreeSlotKeepItsGeneration) {
  constexpr int kBits = TypeParam::Traits::kGenerationBits;
  using Link = SlotLink<kBits>;
  FreeSlot<kBits> free = this->links_.FreeSlotAt(1);
  ASSERT_NE(LiveOnce<kBits>(this->slots_, this->Full(1), &free), kBits == 2);
  EXPECT_EQ(free, FreeSlot<kBits>(Link(1, false), Generation(2)));
  this->links_.SetLinks(free, {Link(3, false), Link()});
  this->links_.SetBelow(free, 2);
  EXPECT_EQ(this->links_.LinksOf(free.link()).first, Link(3, false));
  EXPECT_TRUE(this->links_.LinksOf(free.link()).second.IsNone());
  EXPECT_EQ(this->links_.Below(1), 2);
  this->links_.SetLinks(free, {});
  this->links_.SetBelow(free, IndexLimits<kBits>::kNone);
  EXPECT_TRUE(this->links_.LinksOf(free.link()).first.IsNone());
  EXPECT_EQ(this->links_.Below(1), IndexLimits<kBits>::kNone);
  EXPECT_EQ(this->GenerationOf(1), 2);
}

TYPED_TEST(InlineSlotsTest, UpdateExclusiveRewritesTheValueInPlace) {
  using Value = typename TypeParam::Value;
  this->Publish(1, this->Full(1));
  this->slots_.UpdateExclusive(
      1, [](typename TestFixture::Life life, Value& value) {
        EXPECT_EQ(life, TestFixture::LifeOf(1, 1));
        EXPECT_EQ(value, TestFixture::Full(1));
        value = TestFixture::Full(2);
      });
  EXPECT_EQ(this->Read(1, 1), this->Full(2));
}

// Another thread writes before each access in turn, and compare-exchanges fail
// spuriously.
TYPED_TEST(InlineSlotsTest, ExchangesOfTwoThreadsFormAChain) {
  this->Publish(1, this->Full(1));
  for (int at = 0;; ++at) {
    ASSERT_LT(at, 20);
    ASSERT_TRUE(this->Write(1, 1, this->Full(1)));
    std::optional<typename TypeParam::Value> other;
    AccessHook::FailExchanges(at % 2);
    AccessHook::Arm(at, [&] { other = this->Exchange(1, 1, this->Full(2)); });
    const auto mine = this->Exchange(1, 1, this->Full(3));
    if (AccessHook::Disarm()) break;
    EXPECT_EQ(other, this->Full(1));
    EXPECT_EQ(mine, this->Full(2));
    EXPECT_EQ(this->Read(1, 1), this->Full(3));
  }
}

TYPED_TEST(InlineSlotsTest, OfTwoUnpinsExactlyOneWins) {
  for (int at = 0;; ++at) {
    ASSERT_LT(at, 20);
    this->arena_ = SlotArena<typename TestFixture::Slots>(this->kSlots);
    this->links_ = this->arena_.links();
    this->slots_ = this->arena_.slots();
    this->Publish(1, this->Full(1));
    AccessHook::FailExchanges(at % 2);
    bool other = false;
    AccessHook::Arm(at, [&] { other = this->End(1, 1).has_value(); });
    const bool mine = this->End(1, 1).has_value();
    if (AccessHook::Disarm()) break;
    EXPECT_NE(mine, other);
    EXPECT_EQ(this->GenerationOf(1), 2);
  }
}

}  // namespace
}  // namespace holdfast::internal
