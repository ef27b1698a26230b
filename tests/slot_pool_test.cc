// SlotPool, which knows where free slots are. FakeThreads plays several
// threads, one call after another.

#include "holdfast/internal/slot_pool.h"

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <memory>
#include <random>
#include <set>
#include <vector>

#include "gtest/gtest.h"
#include "holdfast/internal/cell_slots.h"
#include "holdfast/internal/inline_slots.h"
#include "holdfast/traits.h"
#include "tests/support/fake_threads.h"
#include "tests/support/slot_arena.h"

namespace holdfast::internal {
namespace {

struct PoolTraits : DefaultTraits {
  static constexpr uint32_t kMaxThreads = 4;
  using Threads = FakeThreads;
};

template <typename SlotsType>
class SlotPoolTest : public testing::Test {
 protected:
  using Slots = SlotsType;
  using Pool = SlotPool<Slots, PoolTraits>;
  using Word = Words<32>;
  static constexpr uint32_t kNil = Word::kNil;

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
    pool_ = Pool(control_.get(), {shards_.get(), &control_[0].opened}, slots_,
                 {max_slots, max_slots + surplus}, cache_slots,
                 FakeThreads::OfThisCopy());
    FakeThreads::Become(0);
  }

  // How many slots all shards together may keep.
  static uint64_t Surplus(uint32_t cache_slots) {
    return cache_slots == 0
               ? 0
               : uint64_t{PoolTraits::kMaxThreads} * (cache_slots + 1);
  }

  // Pins a slot. Returns its index, or kNil if none is left.
  uint32_t Acquire() {
    uint64_t free;
    if (!pool_.AcquireFast(&free)) free = pool_.AcquireSlow();
    if (free == Word::kNoSlot) return kNil;
    EXPECT_EQ(free, slots_.FreeSlot(Word::Index(free)));
    return Word::Index(slots_.Publish(free, 1));
  }

  // Unpins the slot.
  void Release(uint32_t index) {
    const uint64_t place = Word::Pack(index, slots_.Generation(index));
    uint64_t ended;
    ASSERT_TRUE(slots_.Vacate(index, Word::Generation(place), &ended));
    pool_.Release(Slots::Vacated(place, ended));
  }

  // Acquires until nothing is left.
  std::set<uint32_t> AcquireAll() {
    std::set<uint32_t> all;
    for (uint32_t i = Acquire(); i != kNil; i = Acquire()) {
      EXPECT_TRUE(all.insert(i).second) << "slot " << i << " twice";
    }
    return all;
  }

  std::unique_ptr<typename Pool::Control[]> control_;
  std::unique_ptr<Shard<PoolTraits>[]> shards_;
  std::unique_ptr<SlotArena<Slots>> arena_;
  Slots slots_;
  Pool pool_;
};

using SlotTypes = testing::Types<CellSlots<uint64_t, PoolTraits>,
                                 InlineSlots<uint32_t, PoolTraits>>;
TYPED_TEST_SUITE(SlotPoolTest, SlotTypes);

TYPED_TEST(SlotPoolTest, DefaultPoolHasNoSlots) {
  FakeThreads::Reset();
  FakeThreads::Become(0);
  typename TestFixture::Pool pool;
  uint64_t free;
  EXPECT_FALSE(pool.AcquireFast(&free));
  EXPECT_EQ(pool.AcquireSlow(), Words<32>::kNoSlot);
  EXPECT_EQ(pool.high_water(), 0);
  EXPECT_EQ(pool.CachedSlots(), 0);
}

TYPED_TEST(SlotPoolTest, ControlWordsLieOnCacheLinesOfTheirOwn) {
  using Control = typename TestFixture::Pool::Control;
  static_assert(sizeof(Control) == 384 && alignof(Control) == 128);
}

TYPED_TEST(SlotPoolTest, OneThreadGetsExactlyEverySlotWhateverItsCache) {
  for (const uint32_t cache : {0u, 1u, 2u, 3u, 5u, 64u, 126u}) {
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
  this->Start(100, 8);
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
  for (const uint32_t cache : {0u, 1u, 2u, 7u, 126u}) {
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
    EXPECT_LE(got, 200 + 3 * (cache + 1));
    EXPECT_EQ(this->pool_.high_water(), 200 + 3 * (cache + 1));
    EXPECT_EQ(this->Acquire(), TestFixture::kNil);
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
    this->shards_[1].next_opened.Set(1);
    this->shards_[1].level.Set(0);
    FakeThreads::Become(1);
    const uint64_t before =
        this->control_[0].opened.load(std::memory_order_relaxed) >> 32;
    this->Acquire();
    EXPECT_EQ(this->control_[0].opened.load(std::memory_order_relaxed) >> 32,
              listed ? before : before + 1);
    // This ends only if the list of shards has no cycle.
    EXPECT_GT(this->pool_.CachedSlots(), 0);
  }
}

TYPED_TEST(SlotPoolTest, ACellThatIsTakenCostsNoCapacity) {
  this->Start(100, 16);
  std::set<uint32_t> all = {this->Acquire()};
  uint32_t cell = 0;
  ASSERT_TRUE(this->pool_.TakeCell(&cell));
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
  this->Start(100, 16);
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
  this->Start(16, 8);
  for (const uint32_t index : this->AcquireAll()) this->Release(index);
  // Thread 4 has no shard: it pops a batch of four and gives three back.
  FakeThreads::Become(PoolTraits::kMaxThreads);
  std::set<uint64_t> heads;
  const auto& head = this->control_[0].head;
  constexpr uint64_t kEmpty = FreeList<TypeParam, PoolTraits>::kEmpty;
  while (head.load(std::memory_order_relaxed) != kEmpty) {
    const uint64_t top = head.load(std::memory_order_relaxed);
    EXPECT_TRUE(heads.insert(top).second);
    EXPECT_EQ(this->Acquire(), Words<32>::Index(top));
  }
  EXPECT_GE(heads.size(), 8);
}

// [INV-5]
TYPED_TEST(SlotPoolTest, DrainedCacheGoesToTheListAndCostsNoLife) {
  this->Start(4, 4);
  for (const uint32_t index : this->AcquireAll()) this->Release(index);
  FakeThreads::Become(PoolTraits::kMaxThreads);
  while (this->Acquire() != TestFixture::kNil) {
  }
  const uint64_t cached = this->pool_.CachedSlots();
  ASSERT_GT(cached, 0);
  std::vector<uint64_t> before;
  for (uint32_t i = 0; i < 4; ++i) {
    before.push_back(this->slots_.Generation(i));
  }
  FakeThreads::Exit(0);
  for (uint64_t i = 0; i < cached; ++i) {
    const uint32_t taken = this->Acquire();
    ASSERT_NE(taken, TestFixture::kNil);
    EXPECT_EQ(this->slots_.Generation(taken), before[taken] + 1);
  }
  EXPECT_EQ(this->Acquire(), TestFixture::kNil);
}

TYPED_TEST(SlotPoolTest, ManyShortLivedThreadsLoseNoSlot) {
  this->Start(200, 8);
  for (int thread = 0; thread < 10'000; ++thread) {
    FakeThreads::BecomeNew();
    std::vector<uint32_t> mine;
    for (int i = 0; i < 5; ++i) mine.push_back(this->Acquire());
    for (const uint32_t index : mine) {
      ASSERT_NE(index, TestFixture::kNil);
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
  for (const uint32_t cache : {0u, 1u, 4u, 9u, 24u}) {
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
        if (index == TestFixture::kNil) {
          ASSERT_GE(live.size(), 64) << "refused, whatever others keep";
          continue;
        }
        ASSERT_EQ(std::count(live.begin(), live.end(), index), 0);
        ASSERT_GT(this->slots_.Generation(index), last[index]);
        last[index] = this->slots_.Generation(index);
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
