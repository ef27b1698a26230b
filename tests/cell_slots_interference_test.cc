// Goal: another thread may do anything to a slot between two accesses of an
// operation on it. The results are then those of one of the two orders.
//
// Method: one thread. At each access in turn, AccessHook acts as the other
// thread.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <set>

#include "gtest/gtest.h"
#include "holdfast/internal/cell_slots.h"
#include "holdfast/traits.h"
#include "tests/support/cell_verbs.h"
#include "tests/support/hooked_atomics.h"
#include "tests/support/slot_arena.h"
#include "tests/support/test_values.h"

namespace holdfast::internal {
namespace {

struct HookedTraits : DefaultTraits {
  using Atomics = HookedAtomics;
};

// Two words a value, so that a torn read would show.
using Value = TestValue<16>;
using Verbs = CellVerbs<Value, HookedTraits>;
using Slots = Verbs::Slots;
using Word = CellWord<32>;

// What happened to slot 0 before.
enum class Past {
  kFresh,      // It has its own cell, and was not written.
  kDisplaced,  // It got another cell in this life.
  kMoved,      // It got another cell in its last life, and still has it.
  kReturned,   // A Write moved it to another cell and back to its own.
  kBack,       // It got another cell in this life, and later its own again.
};

class CellSlotsInterferenceTest : public testing::TestWithParam<Past>,
                                  protected Verbs {
 protected:
  CellSlotsInterferenceTest() : Verbs(0) {}

  // Slot 0 holds Value(1) in generation now_. Cells spare_ and other_spare_ are
  // spare.
  void Start() {
    Verbs::operator=(Verbs(3));
    spare_ = 1;
    other_spare_ = 2;
    now_ = Publish(0, Value(1));
    if (GetParam() == Past::kDisplaced || GetParam() == Past::kMoved) {
      arena_.Displace(0, &spare_);
    }
    for (int i = 0; i < 2 && GetParam() == Past::kBack; ++i) {
      arena_.Displace(0, &spare_);
    }
    if (GetParam() == Past::kMoved) {
      ASSERT_TRUE(End(0, now_));
      now_ = Publish(0, Value(1));
    }
    if (GetParam() == Past::kReturned) {
      ASSERT_TRUE(Write(0, now_, Value(1), &spare_));
    }
    interfered_ = false;
  }

  // For each access of `operation`: starts anew, runs `operation` with
  // `interfere` before that access, and calls `check`. Does the same a last
  // time without `interfere`.
  void ForEachAccess(const std::function<void()>& interfere,
                     const std::function<void()>& operation,
                     const std::function<void()>& check) {
    for (int at = 0;; ++at) {
      SCOPED_TRACE(testing::Message() << "access " << at);
      ASSERT_LT(at, 100);
      Start();
      AccessHook::Arm(at, [&] {
        interfered_ = true;
        interfere();
      });
      operation();
      AccessHook::Disarm();
      check();
      if (!interfered_) return;
    }
  }

  uint64_t GenerationNow() { return links_.GenerationAt(0).number(); }
  uint32_t CellNow() { return array_.LoadWord(0).CellOf(0); }

  bool OtherWrites(uint64_t value) {
    return Write(0, now_, Value(value), &other_spare_);
  }
  bool OtherUnpins() { return End(0, now_).has_value(); }

  uint32_t spare_ = 1;
  uint32_t other_spare_ = 2;
  uint64_t now_ = 1;
  bool interfered_ = false;
};

INSTANTIATE_TEST_SUITE_P(EachPast, CellSlotsInterferenceTest,
                         testing::Values(Past::kFresh, Past::kDisplaced,
                                         Past::kMoved, Past::kReturned,
                                         Past::kBack));

TEST_P(CellSlotsInterferenceTest, ReadSeesTheValueBeforeOrAfterAWrite) {
  std::optional<Value> read;
  ForEachAccess([&] { OtherWrites(2); }, [&] { read = Read(0, now_); },
                [&] { EXPECT_TRUE(read == Value(1) || read == Value(2)); });
}

// The cell leaves the slot, is refilled, and may come back.
TEST_P(CellSlotsInterferenceTest, ReadSeesTheValueBeforeOrAfterManyWrites) {
  std::optional<Value> read;
  for (uint64_t writes = 2; writes <= 5; ++writes) {
    ForEachAccess(
        [&] {
          for (uint64_t i = 1; i <= writes; ++i) OtherWrites(10 + i);
        },
        [&] { read = Read(0, now_); },
        [&] { EXPECT_TRUE(read == Value(1) || read == Value(10 + writes)); });
  }
}

// Another thread writes Value(3) through the cell that the reader looks at, in
// three steps, each between two accesses of the reader. First the cell leaves
// the slot, as after a Write of Value(1), and its refill begins. Then the
// refill goes on. Then the cell comes back. [INV-4]
TEST_P(CellSlotsInterferenceTest, ReadTakesNoCellThatIsBeingRefilled) {
  const auto refill = ValueWords<Value>::Encode(Value(3));
  for (int first = 0; first < 12; ++first) {
    for (int second = 0; second < 12; ++second) {
      for (int third = 0; third < 12; ++third) {
        SCOPED_TRACE(testing::Message() << "accesses " << first << ", "
                                        << second << ", " << third);
        Start();
        Word word;
        const auto comes_back = [&] {
          auto& cell = arena_.slot(other_spare_).cell;
          cell.words[1].store(refill.words[1], std::memory_order_release);
          arena_.slot(0).word.store(word, std::memory_order_release);
        };
        const auto goes_on = [&] {
          auto& cell = arena_.slot(other_spare_).cell;
          cell.words[0].store(refill.words[0], std::memory_order_release);
          AccessHook::Arm(third, comes_back);
        };
        AccessHook::Arm(first, [&] {
          arena_.Displace(0, &other_spare_);
          Slots::Array::Side& version = arena_.side(other_spare_);
          version.store(version.load(std::memory_order_relaxed) + 1,
                        std::memory_order_release);
          word = Word::InCell(CellOffset(0, other_spare_), Generation(now_));
          AccessHook::Arm(second, goes_on);
        });
        const auto read = Read(0, now_);
        AccessHook::Disarm();
        EXPECT_TRUE(read == Value(1) || read == Value(3));
      }
    }
  }
}

// The cell that the reader looks at leaves the slot, and the writer stops when
// it has written half of the next value to the cell.
TEST_P(CellSlotsInterferenceTest, ReadTakesNoHalfWrittenSpareForTheValue) {
  const auto refill = ValueWords<Value>::Encode(Value(3));
  for (size_t half = 0; half < 2; ++half) {
    std::optional<Value> read;
    ForEachAccess(
        [&] {
          arena_.Displace(0, &other_spare_);
          // Who brings a value home fills the slot's own cell without a bump;
          // who brings back one that is not counted would bump, too.
          if (other_spare_ != 0) {
            Slots::Array::Side& version = arena_.side(other_spare_);
            version.store(version.load(std::memory_order_relaxed) + 1,
                          std::memory_order_release);
          }
          arena_.slot(other_spare_)
              .cell.words[half]
              .store(refill.words[half], std::memory_order_release);
        },
        [&] { read = Read(0, now_); }, [&] { EXPECT_EQ(read, Value(1)); });
  }
}

TEST_P(CellSlotsInterferenceTest, RefusedReadLeavesTheVariableAsItWas) {
  Value read(9);
  bool found;
  int refused = 0;
  ForEachAccess(
      [&] {
        OtherUnpins();
        Publish(0, Value(3));
      },
      [&] {
        read = Value(9);
        found = slots_.Read(LifeOf(0, now_), &read);
      },
      [&] {
        EXPECT_EQ(read, Value(found ? 1 : 9));
        refused += !found;
      });
  EXPECT_GT(refused, 1) << "never at the second look";
}

// [INV-4]
TEST_P(CellSlotsInterferenceTest, ReadSeesNoValueOfALaterLife) {
  std::optional<Value> read;
  ForEachAccess(
      [&] {
        OtherUnpins();
        Publish(0, Value(3));
      },
      [&] { read = Read(0, now_); },
      [&] { EXPECT_TRUE(read == std::nullopt || read == Value(1)); });
}

// The reader has guessed the handle that the Pin is about to return. [INV-3]
TEST_P(CellSlotsInterferenceTest, AValueIsReadOnlyWhenItsPinIsComplete) {
  std::optional<Value> read;
  const auto read_next = [&] { read = Read(0, now_ + 2); };
  ForEachAccess(
      read_next,
      [&] {
        read = std::nullopt;
        OtherUnpins();
        Publish(0, Value(2));
      },
      [&] {
        EXPECT_TRUE(read == std::nullopt || read == Value(2));
        read_next();
        EXPECT_EQ(read, Value(2));
      });
}

// [INV-3]
TEST_P(CellSlotsInterferenceTest, AValueIsReadOnlyWhenItsWriteIsComplete) {
  std::optional<Value> read;
  const auto read_now = [&] { read = Read(0, now_); };
  ForEachAccess(
      read_now,
      [&] {
        read = Value(1);
        EXPECT_TRUE(Write(0, now_, Value(2), &spare_));
      },
      [&] {
        EXPECT_TRUE(read == Value(1) || read == Value(2));
        read_now();
        EXPECT_EQ(read, Value(2));
      });
}

TEST_P(CellSlotsInterferenceTest, ReadTakesNoLinkOfAFreeSlotForAValue) {
  std::optional<Value> read;
  ForEachAccess(
      [&] {
        OtherUnpins();
        links_.SetLinks(links_.FreeSlotAt(0),
                        {SlotLink<32>(2, false), SlotLink<32>(1, false)});
        links_.SetBelow(links_.FreeSlotAt(0), 3);
      },
      [&] { read = Read(0, now_); },
      [&] { EXPECT_TRUE(read == std::nullopt || read == Value(1)); });
}

TEST_P(CellSlotsInterferenceTest, ExchangesOfTwoThreadsFormAChain) {
  std::optional<Value> mine, other;
  ForEachAccess([&] { other = Exchange(0, now_, Value(2), &other_spare_); },
                [&] { mine = Exchange(0, now_, Value(3), &spare_); },
                [&] {
                  const auto last = Read(0, now_);
                  if (!interfered_) {
                    EXPECT_EQ(mine, Value(1));
                    EXPECT_EQ(last, Value(3));
                  } else if (mine == Value(1)) {
                    EXPECT_EQ(other, Value(3));
                    EXPECT_EQ(last, Value(2));
                  } else {
                    EXPECT_EQ(mine, Value(2));
                    EXPECT_EQ(other, Value(1));
                    EXPECT_EQ(last, Value(3));
                  }
                  EXPECT_NE(spare_, other_spare_);
                  EXPECT_NE(spare_, CellNow());
                });
}

TEST_P(CellSlotsInterferenceTest, WriteThatLosesToAnUnpinKeepsItsSpare) {
  bool written;
  uint32_t before;
  ForEachAccess([&] { EXPECT_TRUE(OtherUnpins()); },
                [&] {
                  before = spare_;
                  written = Write(0, now_, Value(2), &spare_);
                },
                [&] {
                  EXPECT_TRUE(written || spare_ == before);
                  EXPECT_EQ(GenerationNow(), interfered_ ? now_ + 1 : now_);
                  EXPECT_NE(spare_, CellNow());
                });
}

// The slot, the writer and the other thread each have another cell, whichever
// Write came between the two compare-exchanges of the other one. [INV-2]
TEST_P(CellSlotsInterferenceTest, WritesOfTwoThreadsShareNoCell) {
  for (int writes = 1; writes <= 3; ++writes) {
    ForEachAccess(
        [&] {
          for (int i = 0; i < writes; ++i) OtherWrites(2);
        },
        [&] { EXPECT_TRUE(Write(0, now_, Value(3), &spare_)); },
        [&] {
          const uint32_t cell = CellNow();
          EXPECT_EQ((std::set<uint32_t>{cell, spare_, other_spare_}),
                    (std::set<uint32_t>{0, 1, 2}));
          const auto last = Read(0, now_);
          EXPECT_TRUE(last == Value(3) || (interfered_ && last == Value(2)));
        });
  }
}

TEST_P(CellSlotsInterferenceTest, WriteDoesNotReachALaterLife) {
  ForEachAccess(
      [&] {
        OtherUnpins();
        Publish(0, Value(3));
      },
      [&] { Write(0, now_, Value(2), &spare_); },
      [&] {
        EXPECT_EQ(Read(0, interfered_ ? now_ + 2 : now_),
                  Value(interfered_ ? 3 : 2));
      });
}

TEST_P(CellSlotsInterferenceTest, OfTwoUnpinsExactlyOneWins) {
  bool mine, other = false;
  ForEachAccess([&] { other = OtherUnpins(); },
                [&] {
                  other = false;
                  mine = End(0, now_).has_value();
                },
                [&] {
                  EXPECT_NE(mine, other);
                  EXPECT_EQ(GenerationNow(), now_ + 1);
                });
}

TEST_P(CellSlotsInterferenceTest, EndOfALifeTakesTheValueOfTheLastWrite) {
  std::optional<Word> ended;
  ForEachAccess([&] { EXPECT_TRUE(OtherWrites(2)); },
                [&] { ended = End(0, now_); },
                [&] {
                  ASSERT_TRUE(ended);
                  EXPECT_EQ(slots_.Value(LifeOf(0, now_), *ended),
                            Value(interfered_ ? 2 : 1));
                  EXPECT_FALSE(array_.LoadWord(0).IsHome());
                });
}

TEST_P(CellSlotsInterferenceTest, SpuriousFailuresOfTheExchangeChangeNothing) {
  Start();
  AccessHook::FailExchanges(3);
  EXPECT_EQ(Exchange(0, now_, Value(2), &spare_), Value(1));
  AccessHook::FailExchanges(3);
  EXPECT_TRUE(End(0, now_));
  EXPECT_EQ(GenerationNow(), now_ + 1);
}

TEST_P(CellSlotsInterferenceTest, ReadsAndStaleCallsWriteToNoSharedMemory) {
  Start();
  const int writes = AccessHook::writes();
  EXPECT_TRUE(Read(0, now_));
  EXPECT_FALSE(Read(0, now_ + 2));
  EXPECT_FALSE(Write(0, now_ + 2, Value(2), &spare_));
  EXPECT_FALSE(Exchange(0, now_ + 2, Value(2), &spare_));
  EXPECT_FALSE(End(0, now_ + 2));
  EXPECT_EQ(AccessHook::writes(), writes);
}

}  // namespace
}  // namespace holdfast::internal
