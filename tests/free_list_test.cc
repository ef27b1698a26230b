// The shared stack of batches, in one thread. AccessHook acts as another thread
// between two accesses.

#include "holdfast/internal/free_list.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <random>
#include <vector>

#include "gtest/gtest.h"
#include "holdfast/handle_table.h"
#include "holdfast/internal/cell_slots.h"
#include "holdfast/internal/inline_slots.h"
#include "holdfast/internal/pair_slots.h"
#include "holdfast/traits.h"
#include "tests/support/fake_threads.h"
#include "tests/support/hooked_atomics.h"
#include "tests/support/slot_arena.h"

namespace holdfast::internal {
namespace {

using Free = FreeSlot<32>;
using Link = SlotLink<32>;
using Top = ListHead<32>;
constexpr uint32_t kNone = IndexLimits<32>::kNone;

struct HookedTraits : DefaultTraits {
  using Atomics = HookedAtomics;
  static constexpr uint32_t kFreeListStacks = 1;
};

template <typename SlotsType>
class FreeListTest : public testing::Test {
 protected:
  static constexpr uint32_t kSlots = 16;
  using Slots = SlotsType;
  using List = FreeList<typename Slots::Links, HookedTraits>;
  using Batch = std::vector<uint32_t>;

  // Links `batch` and pushes it. Before, its first slot lives once more, as
  // [INV-5] requires.
  void Push(const Batch& batch) {
    Free first = links_.FreeSlotAt(batch[0]);
    LiveOnce<32>(slots_, 0u, &first);
    for (size_t i = 0; i < batch.size(); ++i) {
      const Link next = i + 1 < batch.size()
                            ? links_.FreeSlotAt(batch[i + 1]).link()
                            : Link();
      links_.SetLinks(links_.FreeSlotAt(batch[i]), {next, Link()});
    }
    list_.Push(first, 0);
  }

  Free PopFirst() {
    typename List::Seen seen;
    return list_.Pop(0, &seen);
  }

  Batch Pop() {
    Batch batch;
    const Free first = PopFirst();
    if (first.IsNone()) return batch;
    EXPECT_EQ(first, links_.FreeSlotAt(first.index()));
    for (Link link = first.link(); !link.IsNone();
         link = links_.LinksOf(link).first) {
      batch.push_back(link.index());
    }
    return batch;
  }

  std::vector<Batch> PopAll() {
    std::vector<Batch> all;
    for (Batch batch = Pop(); !batch.empty(); batch = Pop()) {
      all.push_back(batch);
    }
    return all;
  }

  uint64_t Head() {
    return stack_->head.load(std::memory_order_relaxed).bits();
  }
  static uint64_t HeadOf(uint32_t index, uint64_t generation) {
    return Top(index, Generation(generation)).bits();
  }

  std::unique_ptr<typename List::Stack> stack_ =
      std::make_unique<typename List::Stack>();
  SlotArena<Slots> arena_{kSlots};
  Slots slots_ = arena_.slots();
  typename Slots::Links links_ = arena_.links();
  List list_{stack_.get(), links_, kSlots};
};

using SlotTypes = testing::Types<CellSlots<uint64_t, HookedTraits>,
                                 PairSlots<uint64_t, HookedTraits>,
                                 InlineSlots<uint32_t, HookedTraits>>;
TYPED_TEST_SUITE(FreeListTest, SlotTypes);

TYPED_TEST(FreeListTest, PopOfAnEmptyListIsNoSlot) {
  EXPECT_TRUE(this->PopFirst().IsNone());
  EXPECT_TRUE(this->PopFirst().IsNone());
}

TYPED_TEST(FreeListTest, BatchesComeBackWholeAndLastInFirstOut) {
  this->Push({3});
  this->Push({5, 1, 2});
  this->Push({0, 15});
  EXPECT_EQ(this->Pop(), (std::vector<uint32_t>{0, 15}));
  EXPECT_EQ(this->Pop(), (std::vector<uint32_t>{5, 1, 2}));
  this->Push({7});
  EXPECT_EQ(this->Pop(), std::vector<uint32_t>{7});
  EXPECT_EQ(this->Pop(), std::vector<uint32_t>{3});
  EXPECT_TRUE(this->Pop().empty());
}

TYPED_TEST(FreeListTest, HeadCarriesTheGenerationOfItsSlot) {
  this->Push({3});
  EXPECT_EQ(this->Head(), this->HeadOf(3, 2));
  this->Push({4, 3});
  EXPECT_EQ(this->Head(), this->HeadOf(4, 2));
  this->Pop();
  EXPECT_EQ(this->Head(), this->HeadOf(3, 2));
}

// [INV-5]
TYPED_TEST(FreeListTest, NoHeadIsEverSeenTwiceExceptForTheSameStack) {
  for (int i = 0; i < 100; ++i) {
    this->Push({3});
    const uint64_t head = this->Head();
    EXPECT_EQ(this->Pop(), std::vector<uint32_t>{3});
    this->Push({3});
    EXPECT_NE(this->Head(), head);
    this->Pop();
  }
}

// ABA: another thread pops the top batch and the next one, and pushes the first
// one again.
TYPED_TEST(FreeListTest, PopIsNotFooledByATopThatWasAwayAndCameBack) {
  for (int at = 0;; ++at) {
    ASSERT_LT(at, 100);
    while (!this->Pop().empty()) {
    }
    this->Push({2});
    this->Push({1});
    std::vector<uint32_t> stolen;
    AccessHook::Arm(at, [&] {
      const auto first = this->Pop();
      if (first.empty()) return;
      stolen = this->Pop();  // {2}, unless the Pop below came first.
      this->Push(first);
    });
    const auto popped = this->Pop();
    if (AccessHook::Disarm()) break;
    SCOPED_TRACE(testing::Message() << "access " << at);
    std::vector<uint32_t> seen = popped;
    seen.insert(seen.end(), stolen.begin(), stolen.end());
    for (const auto& batch : this->PopAll()) {
      seen.insert(seen.end(), batch.begin(), batch.end());
    }
    std::sort(seen.begin(), seen.end());
    EXPECT_EQ(seen, (std::vector<uint32_t>{1, 2}));
  }
}

// The batch that a Pop looks at is taken and used, so its links may be
// anything.
TYPED_TEST(FreeListTest, PopToleratesLinksOfABatchThatIsGone) {
  for (const uint32_t garbage : {uint32_t{0}, uint32_t{9}, uint32_t{16},
                                 kNone - 1, kNone, ~uint32_t{0}}) {
    for (int at = 0;; ++at) {
      ASSERT_LT(at, 100);
      while (!this->Pop().empty()) {
      }
      this->Push({2});
      this->Push({1});
      std::vector<uint32_t> stolen;
      AccessHook::Arm(at, [&] {
        stolen = this->Pop();
        if (stolen != std::vector<uint32_t>{1}) return;
        this->links_.SetBelow(this->links_.FreeSlotAt(1), garbage);
      });
      const auto popped = this->Pop();
      if (AccessHook::Disarm()) break;
      SCOPED_TRACE(testing::Message() << garbage << " at access " << at);
      std::vector<uint32_t> seen = popped;
      seen.insert(seen.end(), stolen.begin(), stolen.end());
      std::sort(seen.begin(), seen.end());
      EXPECT_EQ(seen, (std::vector<uint32_t>{1, 2}));
      EXPECT_TRUE(this->Pop().empty());
    }
  }
}

TYPED_TEST(FreeListTest, PushGoesOnTopOfAnotherThreadsPush) {
  for (int at = 0;; ++at) {
    ASSERT_LT(at, 100);
    while (!this->Pop().empty()) {
    }
    this->Push({3});
    AccessHook::Arm(at, [&] { this->Push({2}); });
    this->Push({1});
    if (AccessHook::Disarm()) break;
    SCOPED_TRACE(testing::Message() << "access " << at);
    std::vector<uint32_t> seen;
    for (const auto& batch : this->PopAll()) {
      ASSERT_EQ(batch.size(), 1);
      seen.push_back(batch[0]);
    }
    ASSERT_EQ(seen.size(), 3);
    EXPECT_EQ(seen[2], 3);
    EXPECT_EQ(seen[0] + seen[1], 3);
  }
}

TYPED_TEST(FreeListTest, SpuriousFailuresOfTheExchangeChangeNothing) {
  AccessHook::FailExchanges(3);
  this->Push({1, 2});
  this->Push({3});
  AccessHook::FailExchanges(3);
  EXPECT_EQ(this->Pop(), std::vector<uint32_t>{3});
  EXPECT_EQ(this->Pop(), (std::vector<uint32_t>{1, 2}));
  EXPECT_TRUE(this->Pop().empty());
}

TYPED_TEST(FreeListTest, AgreesWithAVectorOverManyRandomSteps) {
  std::mt19937 random(715);
  std::vector<std::vector<uint32_t>> stack;
  std::vector<uint32_t> hand;
  for (uint32_t i = 0; i < TestFixture::kSlots; ++i) hand.push_back(i);
  for (int step = 0; step < 20'000; ++step) {
    if (random() % 2 == 0 && !hand.empty()) {
      std::shuffle(hand.begin(), hand.end(), random);
      const size_t size = 1 + random() % hand.size();
      stack.emplace_back(hand.end() - static_cast<ptrdiff_t>(size), hand.end());
      hand.resize(hand.size() - size);
      this->Push(stack.back());
    } else {
      const auto batch = this->Pop();
      if (stack.empty()) {
        ASSERT_TRUE(batch.empty());
        continue;
      }
      ASSERT_EQ(batch, stack.back());
      hand.insert(hand.end(), batch.begin(), batch.end());
      stack.pop_back();
    }
  }
}

// --- Several stacks ----------------------------------------------------------

struct FourStacksTraits : DefaultTraits {
  using Atomics = HookedAtomics;
  static constexpr uint32_t kFreeListStacks = 4;
};

class FreeListStacksTest : public testing::Test {
 protected:
  using Slots = CellSlots<uint64_t, FourStacksTraits>;
  using List = FreeList<Slots::Links, FourStacksTraits>;
  static constexpr uint32_t kSlots = 16;

  // Pushes a batch of one slot, which lives once more before.
  void Push(uint32_t index, uint64_t home) {
    Free slot = links_.FreeSlotAt(index);
    LiveOnce<32>(slots_, 0u, &slot);
    links_.SetLinks(slot, {});
    list_.Push(slot, home);
  }

  // Returns the index, or kNone.
  uint32_t Pop(uint64_t home) { return list_.Pop(home, &seen_).index(); }

  List::Stack stacks_[List::kStacks] = {};
  SlotArena<Slots> arena_{kSlots};
  Slots slots_ = arena_.slots();
  Slots::Links links_ = arena_.links();
  List list_{stacks_, links_, kSlots};
  List::Seen seen_;
};

// The stacks lie in the order of the homes 0, 2, 1, 3: see PlaceOf.
TEST_F(FreeListStacksTest, APopGoesHomeFirstAndThenToTheOthersInTurn) {
  for (uint32_t i = 0; i < 4; ++i) Push(i, i);
  Push(7, 7);  // Its home is stack 3.
  EXPECT_EQ(Pop(6), 2u);
  EXPECT_EQ(Pop(2), 1u);
  EXPECT_EQ(Pop(3), 7u);
  EXPECT_EQ(Pop(2), 3u);
  EXPECT_EQ(Pop(2), 0u);
  EXPECT_EQ(Pop(0), kNone);
  EXPECT_TRUE(list_.WereEmptyTogether(seen_));
}

TEST_F(FreeListStacksTest, AnEmptyStackTellsWhetherABatchCameAndWent) {
  // Slot 0 has not lived yet, as those that an exited thread has left.
  list_.Push(links_.FreeSlotAt(0), 0);
  EXPECT_EQ(Pop(0), 0u);
  EXPECT_NE(stacks_[0].head.load(std::memory_order_relaxed).bits(), 0u);
  for (int i = 0; i < 10; ++i) {
    for (const uint64_t home : {0u, 3u}) {
      EXPECT_EQ(Pop(1), kNone);
      const List::Seen seen = seen_;
      EXPECT_TRUE(list_.WereEmptyTogether(seen));
      Push(5, home);
      EXPECT_FALSE(list_.WereEmptyTogether(seen));
      EXPECT_EQ(Pop(1), 5u);
      EXPECT_FALSE(list_.WereEmptyTogether(seen));
    }
  }
}

// While a Pop looks at the stacks one after another, a batch moves from one
// that comes to one that is past.
TEST_F(FreeListStacksTest, APopThatMissesABatchSaysSo) {
  Push(1, 3);
  bool missed = false;
  for (int at = 0;; ++at) {
    ASSERT_LT(at, 100);
    AccessHook::Arm(at, [&] {
      List::Seen seen;
      const Free slot = list_.Pop(3, &seen);
      if (!slot.IsNone()) Push(1, 0);
    });
    const uint32_t popped = Pop(0);
    if (AccessHook::Disarm()) break;
    if (popped == kNone) {
      missed = true;
      EXPECT_FALSE(list_.WereEmptyTogether(seen_)) << "access " << at;
      EXPECT_EQ(Pop(0), 1u);
    }
    while (Pop(0) != kNone) {
    }
    Push(1, 3);
  }
  EXPECT_TRUE(missed);
}

struct TwoStacksTraits : DefaultTraits {
  using Atomics = HookedAtomics;
  using Threads = FakeThreads;
  static constexpr uint32_t kFreeListStacks = 2;
  static constexpr uint32_t kMaxThreads = 4;
};

// One of two slots is free all the time. But whenever a Pin looks at one stack,
// that slot is on the other one.
TEST(FreeListTableTest, APinThatMissesAFreeSlotTwiceLooksAgain) {
  using Table = HandleTable<uint64_t, TwoStacksTraits>;
  constexpr int kAccesses = 14;  // More than there are between two looks.
  for (int at = 0; at < kAccesses * kAccesses * kAccesses; ++at) {
    FakeThreads::Reset();
    FakeThreads::Become(0);
    TableOptions options;
    options.max_slots = 2;
    options.thread_cache_slots = 0;
    Table table = *Table::Create(options);
    Table::Handle of_0 = table.Pin(0);
    FakeThreads::Become(1);
    Table::Handle of_1 = table.Pin(1);
    table.Unpin(of_1);
    // The free slot is that of thread 0, or that of thread 1. Each has a stack
    // of its own.
    const auto free_that_of_0 = [&] {
      FakeThreads::Become(0);
      table.Unpin(of_0);
      FakeThreads::Become(1);
      of_1 = table.Pin(1);
      FakeThreads::Become(2);
    };
    const auto free_that_of_1 = [&] {
      FakeThreads::Become(1);
      table.Unpin(of_1);
      FakeThreads::Become(0);
      of_0 = table.Pin(0);
      FakeThreads::Become(2);
    };
    FakeThreads::Become(2);
    AccessHook::Arm(at % kAccesses, [&] {
      free_that_of_0();
      AccessHook::Arm(at / kAccesses % kAccesses, [&] {
        free_that_of_1();
        AccessHook::Arm(at / kAccesses / kAccesses, free_that_of_0);
      });
    });
    EXPECT_TRUE(table.Pin(2)) << at;
    AccessHook::Disarm();
  }
}

}  // namespace
}  // namespace holdfast::internal
