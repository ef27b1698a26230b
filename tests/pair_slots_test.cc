// The slots whose values lie beside their words, in one thread. AccessHook acts
// as another thread between two accesses.

#include "holdfast/internal/pair_slots.h"

#include <cstddef>
#include <cstdint>
#include <optional>

#include "gtest/gtest.h"
#include "holdfast/compared.h"
#include "holdfast/internal/value_words.h"
#include "holdfast/traits.h"
#include "tests/support/hooked_atomics.h"
#include "tests/support/slot_arena.h"
#include "tests/support/test_values.h"

namespace holdfast::internal {
namespace {

static_assert(sizeof(PairSlot<DefaultTraits>) == 16);
static_assert(alignof(PairSlot<DefaultTraits>) == 16);
static_assert(PairArray<DefaultTraits>::kSideBytes == 0);

template <int kBits, size_t kSize>
struct Config {
  struct Traits : DefaultTraits {
    static constexpr int kGenerationBits = kBits;
    using Atomics = HookedAtomics;
  };
  using Value = TestValue<kSize>;
};

template <typename Config>
class PairSlotsTest : public testing::Test {
 protected:
  static constexpr uint32_t kSlots = 4;
  static constexpr uint32_t kSlot = 1;
  using T = typename Config::Value;
  using Slots = PairSlots<T, typename Config::Traits>;
  using Life = typename Slots::Life;

  static Life LifeOf(uint64_t generation) {
    return {kSlot, Generation(generation)};
  }
  Life Publish(uint64_t seed) {
    return slots_.Publish(links_.FreeSlotAt(kSlot), T(seed));
  }
  auto LoadWord() { return arena_.array().LoadWord(kSlot); }
  // With values instead of their bits. What is found goes to `*found`.
  Compared CompareExchange(Life life, const T& expected, const T& desired,
                           T* found = nullptr) {
    uint64_t bits = 0;
    const Compared compared =
        slots_.CompareExchange(life, ValueWords<T>::BitsOf(expected),
                               ValueWords<T>::BitsOf(desired), &bits);
    if (compared == Compared::kDifferent && found != nullptr) {
      ValueWords<T>::Put(bits, found);
    }
    return compared;
  }
  Compared VacateIf(Life life, const T& expected, typename Slots::Word* ended) {
    uint64_t bits = ValueWords<T>::BitsOf(expected);
    return slots_.VacateIf(life, &bits, ended);
  }

  // Calls call() again and again, each time with `other` before another one of
  // its accesses, and spurious failures every second time. Before each round
  // the slot begins its first life, with Value(1). check() looks at the result.
  template <typename Other, typename Call, typename Check>
  void Interfere(Other other, Call call, Check check) {
    int rounds = 0;
    for (int at = 0;; ++at) {
      ASSERT_LT(at, 20);
      arena_ = SlotArena<Slots>(kSlots);
      links_ = arena_.links();
      slots_ = arena_.slots();
      Publish(1);
      AccessHook::FailExchanges(at % 2);
      AccessHook::Arm(at, other);
      const auto result = call();
      AccessHook::FailExchanges(0);
      if (AccessHook::Disarm()) break;
      SCOPED_TRACE(testing::Message() << "before access " << at);
      check(result);
      ++rounds;
    }
    EXPECT_GE(rounds, 2);
  }

  SlotArena<Slots> arena_{kSlots};
  typename Slots::Links links_ = arena_.links();
  Slots slots_ = arena_.slots();
};

using Configs = testing::Types<Config<2, 8>, Config<3, 8>, Config<16, 8>,
                               Config<32, 8>, Config<32, 5>, Config<48, 3>>;
TYPED_TEST_SUITE(PairSlotsTest, Configs);

// --- In one thread -----------------------------------------------------------

TYPED_TEST(PairSlotsTest, ZeroedMemoryIsAFreeSlot) {
  EXPECT_EQ(this->links_.FreeSlotAt(2), TestFixture::Slots::Free::Fresh(2));
  EXPECT_EQ(this->LoadWord().bits(), 0);
  EXPECT_FALSE(this->LoadWord().IsLive());
}

TYPED_TEST(PairSlotsTest, PublishedValueComesBack) {
  using Value = typename TestFixture::T;
  EXPECT_EQ(this->Publish(5), this->LifeOf(1));
  EXPECT_EQ(this->slots_.Read(this->LifeOf(1)), Value(5));
  EXPECT_EQ(this->slots_.Read(this->LifeOf(0)), std::nullopt);
  EXPECT_EQ(this->slots_.Read(this->LifeOf(3)), std::nullopt);
  Value value(9);
  EXPECT_FALSE(this->slots_.Read(this->LifeOf(3), &value));
  EXPECT_EQ(value, Value(9));
  EXPECT_TRUE(this->slots_.Read(this->LifeOf(1), &value));
  EXPECT_EQ(value, Value(5));
}

// A free slot's word and that of a handle with an even generation are not
// alike.
TYPED_TEST(PairSlotsTest, NoFreeSlotIsRead) {
  for (const uint64_t generation : {0u, 1u, 2u, 3u}) {
    EXPECT_EQ(this->slots_.Read(this->LifeOf(generation)), std::nullopt);
  }
  ASSERT_TRUE(Vacate(this->slots_, this->Publish(5)));
  for (const uint64_t generation : {0u, 1u, 2u, 3u}) {
    EXPECT_EQ(this->slots_.Read(this->LifeOf(generation)), std::nullopt);
  }
}

TYPED_TEST(PairSlotsTest, WritesAreOneCompareAndSwap) {
  const auto life = this->Publish(5);
  const int writes = AccessHook::writes();
  EXPECT_TRUE(this->slots_.Write(life, typename TestFixture::T(6)));
  EXPECT_EQ(AccessHook::writes(), writes + 1);
}

TYPED_TEST(PairSlotsTest, StaleOperationsChangeNothing) {
  using Value = typename TestFixture::T;
  this->Publish(1);
  const auto word = this->LoadWord();
  const int writes = AccessHook::writes();
  for (const uint64_t generation : {uint64_t{0}, uint64_t{3}}) {
    const auto life = this->LifeOf(generation);
    EXPECT_FALSE(this->slots_.Write(life, Value(2)));
    EXPECT_FALSE(this->slots_.Exchange(life, Value(2)));
    Value found(7);
    EXPECT_EQ(this->CompareExchange(life, Value(1), Value(2), &found),
              Compared::kStale);
    EXPECT_EQ(found, Value(7));
    typename TestFixture::Slots::Word ended;
    EXPECT_EQ(this->VacateIf(life, Value(1), &ended), Compared::kStale);
    EXPECT_FALSE(Vacate(this->slots_, life));
  }
  EXPECT_EQ(this->LoadWord(), word);
  EXPECT_EQ(AccessHook::writes(), writes);
  EXPECT_EQ(this->slots_.Read(this->LifeOf(1)), Value(1));
}

TYPED_TEST(PairSlotsTest, ComparisonsThatFailWriteNothing) {
  using Value = typename TestFixture::T;
  const auto life = this->Publish(1);
  const int writes = AccessHook::writes();
  Value found(7);
  EXPECT_EQ(this->CompareExchange(life, Value(3), Value(2), &found),
            Compared::kDifferent);
  EXPECT_EQ(found, Value(1));
  EXPECT_EQ(this->CompareExchange(life, Value(3), Value(2)),
            Compared::kDifferent);
  typename TestFixture::Slots::Word ended;
  EXPECT_EQ(this->VacateIf(life, Value(3), &ended), Compared::kDifferent);
  EXPECT_EQ(AccessHook::writes(), writes);
}

TYPED_TEST(PairSlotsTest, EveryLifeUpToTheLastIsPublishedAndThenRetired) {
  using Value = typename TestFixture::T;
  using Generations = GenerationLimits<TypeParam::Traits::kGenerationBits>;
  constexpr uint64_t kLast = Generations::kLastLive.number();
  if (kLast > 1000) GTEST_SKIP() << "too many lives";
  for (uint64_t life = 1; life <= kLast; life += 2) {
    EXPECT_EQ(this->Publish(life), this->LifeOf(life));
    typename TestFixture::Slots::Word ended;
    if (life % 4 == 1) {
      EXPECT_EQ(this->VacateIf(this->LifeOf(life), Value(life), &ended),
                Compared::kEqual);
    } else {
      EXPECT_TRUE(this->slots_.Vacate(this->LifeOf(life), &ended));
    }
    EXPECT_EQ(this->slots_.Value(this->LifeOf(life), ended), Value(life));
  }
  EXPECT_EQ(this->LoadWord().generation(), Generations::kRetired);
}

TYPED_TEST(PairSlotsTest, LinksOfAFreeSlotKeepItsGeneration) {
  constexpr int kBits = TypeParam::Traits::kGenerationBits;
  using Link = SlotLink<kBits>;
  FreeSlot<kBits> free = this->links_.FreeSlotAt(1);
  LiveOnce<kBits>(this->slots_, typename TestFixture::T(1), &free);
  EXPECT_EQ(free, FreeSlot<kBits>(Link(1, false), Generation(2)));
  this->links_.SetLinks(free, {Link(3, false), Link(2, false)});
  EXPECT_EQ(this->links_.LinksOf(free.link()).first, Link(3, false));
  EXPECT_EQ(this->links_.LinksOf(free.link()).second, Link(2, false));
  this->links_.SetLinks(free, {Link(3, false), Link()});
  this->links_.SetBelow(free, 2);
  EXPECT_EQ(this->links_.LinksOf(free.link()).first, Link(3, false));
  EXPECT_EQ(this->links_.Below(1), 2);
  EXPECT_EQ(this->links_.FreeSlotAt(1), free);
}

TYPED_TEST(PairSlotsTest, AThreadThatIsAloneChangesAndEndsLives) {
  using Value = typename TestFixture::T;
  const auto life = this->Publish(1);
  this->slots_.UpdateExclusive(
      TestFixture::kSlot, [&](typename TestFixture::Life seen, Value& value) {
        EXPECT_EQ(seen, life);
        EXPECT_EQ(value, Value(1));
        value = Value(2);
      });
  EXPECT_EQ(this->slots_.Read(life), Value(2));
  EXPECT_TRUE(this->slots_.EndExclusive(TestFixture::kSlot));
  EXPECT_FALSE(this->slots_.EndExclusive(TestFixture::kSlot));
  EXPECT_EQ(this->links_.FreeSlotAt(TestFixture::kSlot).generation(),
            Generation(2));
}

// --- Another thread between two accesses -------------------------------------

TYPED_TEST(PairSlotsTest, ExchangesOfTwoThreadsFormAChain) {
  using Value = typename TestFixture::T;
  std::optional<Value> other;
  this->Interfere(
      [&] { other = this->slots_.Exchange(this->LifeOf(1), Value(2)); },
      [&] { return this->slots_.Exchange(this->LifeOf(1), Value(3)); },
      [&](const std::optional<Value>& mine) {
        EXPECT_EQ(other, Value(1));
        EXPECT_EQ(mine, Value(2));
        EXPECT_EQ(this->slots_.Read(this->LifeOf(1)), Value(3));
      });
}

// A value that leaves and comes back between two accesses is as good as one
// that stayed.
TYPED_TEST(PairSlotsTest, CompareExchangeMeetsAValueThatCameBack) {
  using Value = typename TestFixture::T;
  this->Interfere(
      [&] {
        this->slots_.Write(this->LifeOf(1), Value(2));
        this->slots_.Write(this->LifeOf(1), Value(1));
      },
      [&] {
        return this->CompareExchange(this->LifeOf(1), Value(1), Value(3));
      },
      [&](Compared compared) {
        EXPECT_EQ(compared, Compared::kEqual);
        EXPECT_EQ(this->slots_.Read(this->LifeOf(1)), Value(3));
      });
}

TYPED_TEST(PairSlotsTest, CompareExchangeFindsAValueThatReplacedTheExpected) {
  using Value = typename TestFixture::T;
  Value found(0);
  this->Interfere([&] { this->slots_.Write(this->LifeOf(1), Value(2)); },
                  [&] {
                    return this->CompareExchange(this->LifeOf(1), Value(1),
                                                 Value(3), &found);
                  },
                  [&](Compared compared) {
                    EXPECT_EQ(compared, Compared::kDifferent);
                    EXPECT_EQ(found, Value(2));
                    EXPECT_EQ(this->slots_.Read(this->LifeOf(1)), Value(2));
                  });
}

// The slot's next life has the value that the call expects of the last one.
TYPED_TEST(PairSlotsTest, NoCallReachesTheNextLife) {
  if (TypeParam::Traits::kGenerationBits == 2) GTEST_SKIP() << "one life";
  using Value = typename TestFixture::T;
  const auto begin_another = [&] {
    ASSERT_TRUE(Vacate(this->slots_, this->LifeOf(1)));
    ASSERT_EQ(this->Publish(1), this->LifeOf(3));
  };
  const auto expect_untouched = [&](bool refused) {
    EXPECT_TRUE(refused);
    EXPECT_EQ(this->slots_.Read(this->LifeOf(3)), Value(1));
  };
  const auto life = this->LifeOf(1);
  typename TestFixture::Slots::Word ended;
  this->Interfere(
      begin_another, [&] { return !this->slots_.Write(life, Value(2)); },
      expect_untouched);
  this->Interfere(
      begin_another,
      [&] {
        return this->CompareExchange(life, Value(1), Value(2)) ==
               Compared::kStale;
      },
      expect_untouched);
  this->Interfere(
      begin_another,
      [&] {
        return this->VacateIf(life, Value(1), &ended) == Compared::kStale;
      },
      expect_untouched);
  this->Interfere(
      begin_another, [&] { return !this->slots_.Vacate(life, &ended); },
      expect_untouched);
}

// A reader that comes between sees the value of its life, or none.
TYPED_TEST(PairSlotsTest, ReadNeverSeesAnotherLifeNorLinks) {
  if (TypeParam::Traits::kGenerationBits == 2) GTEST_SKIP() << "one life";
  using Value = typename TestFixture::T;
  constexpr int kBits = TypeParam::Traits::kGenerationBits;
  for (const bool again : {false, true}) {
    this->Interfere(
        [&] {
          ASSERT_TRUE(Vacate(this->slots_, this->LifeOf(1)));
          if (again) {
            this->Publish(2);
          } else {
            this->links_.SetLinks(this->links_.FreeSlotAt(TestFixture::kSlot),
                                  LinkPair<kBits>{});
          }
        },
        [&] { return this->slots_.Read(this->LifeOf(1)); },
        [&](const std::optional<Value>& value) {
          EXPECT_TRUE(!value || *value == Value(1));
        });
  }
}

}  // namespace
}  // namespace holdfast::internal
