// The owners of free slots. FakeThreads plays several threads, one call after
// another.

#include "holdfast/internal/slot_pool.h"

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <memory>
#include <random>
#include <set>
#include <vector>

#include "gtest/gtest.h"
#include "holdfast/internal/cache_shape.h"
#include "holdfast/internal/cell_slots.h"
#include "holdfast/internal/inline_slots.h"
#include "holdfast/internal/pair_slots.h"
#include "holdfast/traits.h"
#include "tests/support/fake_threads.h"
#include "tests/support/slot_arena.h"

namespace holdfast::internal {
namespace {

struct PoolTraits : DefaultTraits {
  static constexpr uint32_t kMaxThreads = 4;
  static constexpr uint32_t kFreeListStacks = 1;
  using Threads = FakeThreads;
};

template <typename SlotsType>
class SlotPoolTest : public testing::Test {
 protected:
  using Slots = SlotsType;
  using Links = typename Slots::Links;
  using Pool = SlotPool<Links, PoolTraits>;
  using Fresh = typename Pool::Fresh;
  static constexpr uint32_t kNone = IndexLimits<32>::kNone;

  // Makes the pool of a table that no thread has used yet.
  void Start(uint64_t max_slots, uint32_t cache_slots) {
    Start(max_slots, cache_slots, Surplus(cache_slots));
  }
  void Start(uint64_t max_slots, uint32_t cache_slots, uint64_t surplus) {
    FakeThreads::Reset();
    control_ = std::make_unique<typename Pool::Control[]>(1);
    shards_ = std::make_unique<Shard<PoolTraits>[]>(PoolTraits::kMaxThreads);
    arena_ = std::make_unique<SlotArena<Slots>>(max_slots + surplus);
    slots_ = arena_->slots();
    links_ = arena_->links();
    fresh_ =
        Fresh(&control_[0].high_water, &control_[0].swept,
              &control_[0].replaced, max_slots + surplus,
              GrowingArray<typename Slots::Array, PoolTraits>(arena_->array()));
    pool_ = Pool(control_.get(), {shards_.get(), &control_[0].opened}, links_,
                 fresh_, max_slots, cache_slots, FakeThreads::OfThisCopy());
    FakeThreads::Become(0);
  }

  // How many slots one shard may keep, with the one in its owner's hand; and
  // all shards together.
  static uint64_t Kept(uint32_t cache_slots) {
    return cache_slots == 0 ? 0 : CacheShape(cache_slots).slots() + 1;
  }
  static uint64_t Surplus(uint32_t cache_slots) {
    return PoolTraits::kMaxThreads * Kept(cache_slots);
  }

  // Pins a slot. Returns its index, or kNone if none is left.
  uint32_t Acquire() {
    FreeSlot<32> free;
    if (!pool_.AcquireFast(&free)) free = pool_.AcquireSlow();
    if (free.IsNone()) return kNone;
    EXPECT_EQ(free, links_.FreeSlotAt(free.index()));
    return static_cast<uint32_t>(slots_.Publish(free, 1).index());
  }

  // Unpins the slot.
  void Release(uint32_t index) {
    const Life<32> life(index, links_.GenerationAt(index));
    const auto ended = Vacate(slots_, life);
    ASSERT_TRUE(ended);
    pool_.Release(Slots::Vacated(life, *ended));
  }

  uint64_t GenerationOf(uint32_t index) {
    return links_.GenerationAt(index).number();
  }

  // Acquires until nothing is left.
  std::set<uint32_t> AcquireAll() {
    std::set<uint32_t> all;
    for (uint32_t i = Acquire(); i != kNone; i = Acquire()) {
      EXPECT_TRUE(all.insert(i).second) << "slot " << i << " twice";
    }
    return all;
  }

  std::unique_ptr<typename Pool::Control[]> control_;
  std::unique_ptr<Shard<PoolTraits>[]> shards_;
  std::unique_ptr<SlotArena<Slots>> arena_;
  Slots slots_;
  Links links_;
  Fresh fresh_;
  Pool pool_;
};

using SlotTypes = testing::Types<CellSlots<uint64_t, PoolTraits>,
                                 PairSlots<uint64_t, PoolTraits>,
                                 InlineSlots<uint32_t, PoolTraits>>;
TYPED_TEST_SUITE(SlotPoolTest, SlotTypes);

TYPED_TEST(SlotPoolTest, DefaultPoolHasNoSlots) {
  FakeThreads::Reset();
  FakeThreads::Become(0);
  typename TestFixture::Pool pool;
  FreeSlot<32> free;
  EXPECT_FALSE(pool.AcquireFast(&free));
  EXPECT_TRUE(pool.AcquireSlow().IsNone());
  EXPECT_EQ(pool.high_water(), 0);
  EXPECT_EQ(pool.CachedSlots(), 0);
}

TYPED_TEST(SlotPoolTest, ControlWordsLieOnCacheLinesOfTheirOwn) {
  using Control = typename TestFixture::Pool::Control;
  static_assert(sizeof(Control) == 384 && alignof(Control) == 128);
}

TYPED_TEST(SlotPoolTest, OneThreadGetsExactlyEverySlotWhateverItsCache) {
  for (const uint32_t cache : {0u, 1u, 2u, 3u, 5u, 16u, 64u, 126u, 256u}) {
    for (const uint32_t max_slots : {1u, 2u, 7u, 64u, 200u}) {
      this->Start(max_slots, cache);
      for (int round = 0; round < 3; ++round) {
        const std::set<uint32_t> all = this->AcquireAll();
        EXPECT_EQ(all.size(), max_slots) << "cache " << cache;
        EXPECT_EQ(*all.rbegin(), max_slots - 1);
        for (const uint32_t index : all) this->Release(index);
      }
      EXPECT_EQ(this->pool_.high_water(), max_slots);
    }
  }
}

TYPED_TEST(SlotPoolTest, WithoutCacheGrowsByOneAndOnlyIfNothingIsFree) {
  this->Start(100, 0);
  EXPECT_EQ(this->Acquire(), 0);
  EXPECT_EQ(this->Acquire(), 1);
  EXPECT_EQ(this->pool_.high_water(), 2);
  this->Release(0);
  EXPECT_EQ(this->Acquire(), 0);
  EXPECT_EQ(this->pool_.high_water(), 2);
  EXPECT_EQ(this->pool_.CachedSlots(), 0);
}

TYPED_TEST(SlotPoolTest, GrowsByBatchesWithTheLowestSlotFirst) {
  this->Start(100, 9);
  for (uint32_t i = 0; i < 9; ++i) EXPECT_EQ(this->Acquire(), i);
  EXPECT_EQ(this->pool_.high_water(), 12);
  EXPECT_EQ(this->pool_.CachedSlots(), 3);
}

TYPED_TEST(SlotPoolTest, WithoutCacheLastInIsFirstOut) {
  this->Start(100, 0);
  for (uint32_t i = 0; i < 40; ++i) this->Acquire();
  for (uint32_t i = 0; i < 40; ++i) this->Release(i);
  for (uint32_t i = 40; i-- > 0;) EXPECT_EQ(this->Acquire(), i);
}

// A batch goes to the shard's own list first, then to the free list.
TYPED_TEST(SlotPoolTest, BatchesStayWithTheThreadUntilItsCacheIsFull) {
  constexpr CacheShape kShape(75 + 2 * 32);
  static_assert(kShape.kept_batches() == 2);
  this->Start(1000, kShape.slots());
  std::vector<uint32_t> mine;
  for (int i = 0; i < 7 * 32; ++i) mine.push_back(this->Acquire());
  ASSERT_EQ(this->pool_.CachedSlots(), 0);
  const auto& head = this->control_[0].stacks[0].head;
  uint32_t released = 0;
  while (head.load(std::memory_order_relaxed).IsEmpty()) {
    ASSERT_LT(released, mine.size());
    this->Release(mine[released++]);
  }
  // The last one, the front and two batches, and the first slot too many.
  EXPECT_EQ(released, 1 + kShape.front() + 2 * 32 + 1);
  // They come back, and nothing new.
  const uint64_t high_water = this->pool_.high_water();
  std::set<uint32_t> back;
  for (uint32_t i = 0; i < released; ++i) back.insert(this->Acquire());
  EXPECT_EQ(back, std::set<uint32_t>(mine.begin(), mine.begin() + released));
  EXPECT_EQ(this->pool_.high_water(), high_water);
}

// The slots of a batch that another thread gave leave it two levels at a time.
TYPED_TEST(SlotPoolTest, ABatchOfAnotherThreadIsTakenInSteps) {
  this->Start(1000, 75);
  std::vector<uint32_t> mine;
  for (int i = 0; i < 3 * 32; ++i) mine.push_back(this->Acquire());
  for (const uint32_t index : mine) this->Release(index);
  FakeThreads::Become(1);
  const Shard<PoolTraits>& shard =
      this->shards_[PoolTraits::kMaxThreads - 1 - 1];
  std::set<uint32_t> got;
  std::vector<uint32_t> left;
  for (int i = 0; i < 32; ++i) {
    got.insert(this->Acquire());
    if (left.empty() || left.back() != shard.taken.Count()) {
      left.push_back(shard.taken.Count());
    }
  }
  EXPECT_EQ(got.size(), 32);
  EXPECT_EQ(left, TestFixture::Links::kLinks == 2
                      ? std::vector<uint32_t>({31, 28, 16, 0})
                      : std::vector<uint32_t>({31, 23, 15, 7, 0}));
}

TYPED_TEST(SlotPoolTest, ASlotThatIsGivenAndTakenAgainIsTheSame) {
  for (const uint32_t cache : {0u, 1u, 2u, 40u}) {
    this->Start(100, cache);
    const uint32_t index = this->Acquire();
    for (int i = 0; i < 10; ++i) {
      this->Release(index);
      EXPECT_EQ(this->Acquire(), index);
    }
  }
}

TYPED_TEST(SlotPoolTest, AThreadKeepsNoMoreThanItsCache) {
  for (const uint32_t cache : {0u, 1u, 2u, 7u, 18u, 126u, 256u}) {
    this->Start(1000, cache);
    const std::set<uint32_t> all = this->AcquireAll();
    for (const uint32_t index : all) {
      this->Release(index);
      EXPECT_LE(this->pool_.CachedSlots(), cache);
    }
    FakeThreads::Become(1);
    EXPECT_GE(this->AcquireAll().size(), 1000 - cache);
  }
}

// Each of the other threads keeps a full cache and does nothing.
TYPED_TEST(SlotPoolTest, WhatOthersKeepTakesNothingFromMaxSlots) {
  for (const uint32_t cache : {1u, 2u, 7u, 126u}) {
    this->Start(200, cache);
    for (uint32_t thread = 1; thread < PoolTraits::kMaxThreads; ++thread) {
      FakeThreads::Become(thread);
      std::vector<uint32_t> mine;
      for (uint32_t i = 0; i < 150; ++i) mine.push_back(this->Acquire());
      for (const uint32_t index : mine) this->Release(index);
    }
    FakeThreads::Become(0);
    const uint64_t got = this->AcquireAll().size();
    EXPECT_GE(got, 200) << "cache " << cache;
    EXPECT_LE(got, 200 + 3 * TestFixture::Kept(cache));
    EXPECT_EQ(this->pool_.high_water(), 200 + 3 * TestFixture::Kept(cache));
    EXPECT_EQ(this->Acquire(), TestFixture::kNone);
  }
}

TYPED_TEST(SlotPoolTest, AThreadWithoutAShardGetsMaxSlotsToo) {
  this->Start(100, 16);
  for (uint32_t thread = 0; thread < PoolTraits::kMaxThreads; ++thread) {
    FakeThreads::Become(thread);
    this->Release(this->Acquire());
  }
  FakeThreads::Become(PoolTraits::kMaxThreads);
  EXPECT_GE(this->AcquireAll().size(), 100);
}

// [INV-9]
TYPED_TEST(SlotPoolTest, AShardThatWasOpenedHalfwayIsOpenedOnce) {
  for (const bool listed : {false, true}) {
    this->Start(100, 16);
    this->Acquire();
    if (listed) {
      FakeThreads::Become(1);
      this->Acquire();
    }
    // The shard of thread 1, as an owner left it that stopped halfway.
    auto& shard = this->shards_[PoolTraits::kMaxThreads - 1 - 1];
    shard.next_opened.Set(1);
    shard.level.Set(0);
    FakeThreads::Become(1);
    const uint64_t before =
        this->control_[0].opened.load(std::memory_order_relaxed).count();
    this->Acquire();
    EXPECT_EQ(this->control_[0].opened.load(std::memory_order_relaxed).count(),
              listed ? before : before + 1);
    // This ends only if the list of shards has no cycle.
    EXPECT_GT(this->pool_.CachedSlots(), 0);
  }
}

TYPED_TEST(SlotPoolTest, ACellThatIsTakenCostsNoCapacity) {
  this->Start(100, 16);
  std::set<uint32_t> all = {this->Acquire()};
  uint32_t cell = 0;
  ASSERT_TRUE(this->fresh_.TakeCell(&cell));
  EXPECT_FALSE(all.count(cell));
  all.merge(this->AcquireAll());
  EXPECT_EQ(all.size(), 100);
  EXPECT_FALSE(all.count(cell));
}

TYPED_TEST(SlotPoolTest, WithoutCacheWhatOneThreadGivesAnyOtherGets) {
  this->Start(10, 0);
  for (int round = 0; round < 5; ++round) {
    for (uint32_t thread = 0; thread < 6; ++thread) {
      FakeThreads::Become(thread);
      const std::set<uint32_t> all = this->AcquireAll();
      EXPECT_EQ(all.size(), 10);
      for (const uint32_t index : all) this->Release(index);
    }
  }
}

// [INV-6]
TYPED_TEST(SlotPoolTest, SlotsInTheShardOfAnExitedThreadAreFoundWhenFull) {
  this->Start(100, 16, /*surplus=*/0);
  FakeThreads::Become(1);
  const std::set<uint32_t> all = this->AcquireAll();
  for (const uint32_t index : all) this->Release(index);
  const uint64_t kept = this->pool_.CachedSlots();
  EXPECT_GT(kept, 0);
  FakeThreads::Become(0);
  std::set<uint32_t> got = this->AcquireAll();
  EXPECT_EQ(got.size(), 100 - kept);  // Thread 1 lives, and keeps its slots.
  EXPECT_EQ(this->pool_.CachedSlots(), kept);
  FakeThreads::Exit(1);
  got.merge(this->AcquireAll());
  EXPECT_EQ(got.size(), 100);
  EXPECT_FALSE(FakeThreads::IsOwned(1));
  EXPECT_FALSE(FakeThreads::released_unowned());
}

TYPED_TEST(SlotPoolTest, ANewThreadInheritsTheShardOfAnExitedOne) {
  this->Start(100, 18);
  FakeThreads::Become(1);
  const uint32_t index = this->Acquire();
  this->Release(index);
  FakeThreads::Exit(1);
  FakeThreads::BecomeNew();
  EXPECT_EQ(this->Acquire(), index);
  EXPECT_EQ(FakeThreads::Current(), 1);
  EXPECT_EQ(this->pool_.high_water(), 8);
}

TYPED_TEST(SlotPoolTest, ThreadsPastTheLimitGoToTheFreeList) {
  this->Start(100, 16);
  FakeThreads::Become(PoolTraits::kMaxThreads);
  for (int round = 0; round < 3; ++round) {
    const std::set<uint32_t> all = this->AcquireAll();
    EXPECT_EQ(all.size(), 100);
    for (const uint32_t index : all) this->Release(index);
    EXPECT_EQ(this->pool_.CachedSlots(), 0);
  }
}

// [INV-5]
TYPED_TEST(SlotPoolTest, UnusedRestOfABatchGoesBackLedByAnotherSlot) {
  this->Start(16, 9);
  for (const uint32_t index : this->AcquireAll()) this->Release(index);
  // Thread 4 has no shard: it pops a batch of four and gives three back.
  FakeThreads::Become(PoolTraits::kMaxThreads);
  std::set<uint64_t> heads;
  const auto& head = this->control_[0].stacks[0].head;
  while (!head.load(std::memory_order_relaxed).IsEmpty()) {
    const ListHead<32> top = head.load(std::memory_order_relaxed);
    EXPECT_TRUE(heads.insert(top.bits()).second);
    EXPECT_EQ(this->Acquire(), top.index());
  }
  EXPECT_GE(heads.size(), 8);
}

// [INV-5]
TYPED_TEST(SlotPoolTest, DrainedCacheGoesToTheListAndCostsNoLife) {
  this->Start(4, 4);
  for (const uint32_t index : this->AcquireAll()) this->Release(index);
  FakeThreads::Become(PoolTraits::kMaxThreads);
  while (this->Acquire() != TestFixture::kNone) {
  }
  const uint64_t cached = this->pool_.CachedSlots();
  ASSERT_GT(cached, 0);
  std::vector<uint64_t> before;
  for (uint32_t i = 0; i < 4; ++i) {
    before.push_back(this->GenerationOf(i));
  }
  FakeThreads::Exit(0);
  for (uint64_t i = 0; i < cached; ++i) {
    const uint32_t taken = this->Acquire();
    ASSERT_NE(taken, TestFixture::kNone);
    EXPECT_EQ(this->GenerationOf(taken), before[taken] + 1);
  }
  EXPECT_EQ(this->Acquire(), TestFixture::kNone);
}

TYPED_TEST(SlotPoolTest, ManyShortLivedThreadsLoseNoSlot) {
  this->Start(200, 8);
  for (int thread = 0; thread < 10'000; ++thread) {
    FakeThreads::BecomeNew();
    std::vector<uint32_t> mine;
    for (int i = 0; i < 5; ++i) mine.push_back(this->Acquire());
    for (const uint32_t index : mine) {
      ASSERT_NE(index, TestFixture::kNone);
      this->Release(index);
    }
    FakeThreads::Exit(FakeThreads::Current());
  }
  // Ordinal 0 belongs to the fixture's first thread, 1 to all the others.
  EXPECT_EQ(FakeThreads::Limit(), 2);
  EXPECT_LE(this->pool_.high_water(), 8);
  FakeThreads::Become(0);
  EXPECT_EQ(this->AcquireAll().size(), 200 + 9);
}

// Threads come, take slots, give them back and exit at random. Some have no
// shard, and some have no ordinal. No slot is handed out twice, and none is
// lost.
TYPED_TEST(SlotPoolTest, RandomStepsOfManyThreadsKeepEverySlotInOnePlace) {
  for (const uint32_t cache : {0u, 1u, 4u, 9u, 18u, 40u}) {
    SCOPED_TRACE(testing::Message() << "cache " << cache);
    this->Start(64, cache);
    std::mt19937 random(9001 + cache);
    std::vector<uint32_t> live;
    const uint64_t surplus = TestFixture::Surplus(cache);
    std::vector<uint64_t> last(64 + surplus, 0);
    for (int step = 0; step < 30'000; ++step) {
      const uint32_t thread = static_cast<uint32_t>(random() % 6);
      if (random() % 50 == 0) {
        if (FakeThreads::IsOwned(thread)) FakeThreads::Exit(thread);
        continue;
      }
      if (random() % 20 == 0) {
        FakeThreads::BecomeExiting();
      } else {
        FakeThreads::Become(thread);
      }
      if (random() % (64 + surplus / 2) >= live.size()) {
        const uint32_t index = this->Acquire();
        if (index == TestFixture::kNone) {
          ASSERT_GE(live.size(), 64) << "refused, whatever others keep";
          continue;
        }
        ASSERT_EQ(std::count(live.begin(), live.end(), index), 0);
        ASSERT_GT(this->GenerationOf(index), last[index]);
        last[index] = this->GenerationOf(index);
        live.push_back(index);
      } else if (!live.empty()) {
        std::swap(live[random() % live.size()], live.back());
        this->Release(live.back());
        live.pop_back();
      }
    }
    for (uint32_t i = 0; i < 6; ++i) {
      if (FakeThreads::IsOwned(i)) FakeThreads::Exit(i);
    }
    FakeThreads::BecomeNew();
    // It finds the slots of exited threads. One of the shards is its own.
    EXPECT_EQ(
        this->AcquireAll().size() + live.size(),
        64 + surplus / PoolTraits::kMaxThreads * (PoolTraits::kMaxThreads - 1));
    EXPECT_FALSE(FakeThreads::released_unowned());
  }
}

}  // namespace
}  // namespace holdfast::internal
