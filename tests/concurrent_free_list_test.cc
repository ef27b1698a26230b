// Goal: a slot on the free list, or in the pool above it, has one owner at a
// time, and none is lost or doubled, however takes and gives interleave.
//
// Method: the units themselves, without a table. A thread that takes a slot
// exchanges a stamp into it, and takes the stamp out before it gives the slot
// away: an owner that finds the stamp wrong shares its slot with another.
// Threads take and give steadily; at the end every slot is counted.

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "gtest/gtest.h"
#include "holdfast/internal/cell_slots.h"
#include "holdfast/internal/free_list.h"
#include "holdfast/internal/inline_slots.h"
#include "holdfast/internal/pair_slots.h"
#include "holdfast/internal/slot_pool.h"
#include "tests/support/concurrent_hooked_atomics.h"
#include "tests/support/concurrent_threads.h"
#include "tests/support/slot_arena.h"

namespace holdfast::internal {
namespace {

constexpr int kThreads = 4;

// Who owns each slot, by their stamps. Relaxed: stamps order nothing that the
// free list should.
class Owners {
 public:
  explicit Owners(size_t slots)
      : stamps_(slots), plain_(slots), wrong_(kThreads + 1) {}

  void Take(uint32_t slot, int thread) { Swap(slot, 0, thread + 1, thread); }
  void Give(uint32_t slot, int thread) { Swap(slot, thread + 1, 0, thread); }

  uint64_t wrong() const {
    uint64_t sum = 0;
    for (const Counter& counter : wrong_) sum += counter.value;
    return sum;
  }

 private:
  struct alignas(64) Counter {
    uint64_t value = 0;
  };

  void Swap(uint32_t slot, int from, int to, int thread) {
    // Plain data that passes on with the slot: ThreadSanitizer tells whether
    // the hand-over orders it.
    ++plain_[slot];
    if (stamps_[slot].exchange(to, std::memory_order_relaxed) != from) {
      ++wrong_[static_cast<size_t>(thread)].value;
    }
  }

  std::vector<std::atomic<int>> stamps_;
  std::vector<uint64_t> plain_;
  std::vector<Counter> wrong_;
};

template <typename Slots_, typename Traits_>
struct Config {
  using Slots = Slots_;
  using Traits = Traits_;
};

// Threads meet on a stack, and take from another one.
struct TwoStacksTraits : JitteryTraits {
  static constexpr uint32_t kFreeListStacks = 2;
};

// Generations that run out within the test.
struct ShortLivedTraits : JitteryTraits {
  static constexpr uint32_t kFreeListStacks = 1;
  static constexpr int kGenerationBits = 16;
};

template <typename Config>
class ConcurrentFreeListTest : public testing::Test {};

using Configs = testing::Types<
    Config<CellSlots<uint64_t, CalmTraits>, CalmTraits>,
    Config<PairSlots<uint64_t, CalmTraits>, CalmTraits>,
    Config<InlineSlots<uint32_t, CalmTraits>, CalmTraits>,
    Config<CellSlots<uint64_t, JitteryTraits>, JitteryTraits>,
    Config<PairSlots<uint64_t, JitteryTraits>, JitteryTraits>,
    Config<InlineSlots<uint32_t, JitteryTraits>, JitteryTraits>,
    Config<CellSlots<uint64_t, TwoStacksTraits>, TwoStacksTraits>,
    Config<InlineSlots<uint32_t, TwoStacksTraits>, TwoStacksTraits>,
    Config<CellSlots<uint64_t, ShortLivedTraits>, ShortLivedTraits>,
    Config<InlineSlots<uint32_t, ShortLivedTraits>, ShortLivedTraits>>;
TYPED_TEST_SUITE(ConcurrentFreeListTest, Configs);

// Links `chain`, of free slots, and gives it to `list`.
template <typename Free, typename Links, typename List>
void GiveChain(const std::vector<Free>& chain, Links& links, List& list,
               int home) {
  decltype(Free().link()) next;
  for (size_t i = chain.size(); i-- > 0;) {
    links.SetLinks(chain[i], {next, {}});
    next = chain[i].link();
  }
  if (!chain.empty()) list.Push(chain.front(), static_cast<uint64_t>(home));
}

template <typename List>
auto Pop(List& list, int home) {
  typename List::Seen seen;
  return list.Pop(static_cast<uint64_t>(home), &seen);
}

// The slots of a batch of `list`; one more than `limit` if it goes in circles.
template <typename Links, typename List>
auto TakeChain(const Links& links, List& list, int home, size_t limit) {
  const auto first = Pop(list, home);
  std::vector<std::decay_t<decltype(first)>> chain;
  if (first.IsNone()) return chain;
  for (auto at = first.link(); !at.IsNone() && chain.size() <= limit;
       at = links.LinksOf(at).first) {
    chain.push_back(links.FreeSlotOf(at));
  }
  return chain;
}

// A list with so many slots, each of them a batch.
template <typename Config>
struct FullList {
  using Slots = typename Config::Slots;
  using List = FreeList<typename Slots::Links, typename Config::Traits>;
  using Free = typename Slots::Free;

  explicit FullList(uint32_t count)
      : arena(count),
        slots(arena.slots()),
        links(arena.links()),
        list(stacks, links, count) {
    for (uint32_t slot = 0; slot < count; ++slot) {
      GiveChain<Free>({Free::Fresh(slot)}, links, list, /*home=*/0);
    }
  }

  SlotArena<Slots> arena;
  Slots slots;
  typename Slots::Links links;
  typename List::Stack stacks[List::kStacks] = {};
  List list;
};

TYPED_TEST(ConcurrentFreeListTest, EverySlotHasOneOwnerAtATime) {
  using Slots = typename TypeParam::Slots;
  using Free = typename Slots::Free;
  constexpr uint32_t kSlots = 6;  // Few, so that the same come back at once.
  const uint64_t seed = TestSeed();
  const int rounds = Rounds(150'000);

  FullList<TypeParam> full(kSlots);
  Slots& slots = full.slots;
  auto& links = full.links;
  auto& list = full.list;
  Owners owners(kSlots);

  std::atomic<uint32_t> retired{0};
  RunThreads(kThreads, [&](int thread) {
    Random random(seed, static_cast<uint64_t>(thread));
    std::vector<Free> mine;
    // Gives the last `size` of them; the first lives once more, as Push asks.
    const auto give = [&](size_t size) {
      std::vector<Free> chain(mine.end() - static_cast<ptrdiff_t>(size),
                              mine.end());
      mine.resize(mine.size() - size);
      for (const Free free : chain) owners.Give(free.index(), thread);
      while (!chain.empty() && !LiveOnce<TypeParam::Traits::kGenerationBits>(
                                   slots, 0u, &chain.front())) {
        retired.fetch_add(1);
        chain.erase(chain.begin());
      }
      GiveChain(chain, links, list, thread);
    };
    for (int round = 0; round < rounds; ++round) {
      if (!mine.empty() && random.OneIn(2)) {
        give(1 + random.Below(mine.size()));
        continue;
      }
      for (const Free free : TakeChain(links, list, thread, kSlots)) {
        owners.Take(free.index(), thread);
        mine.push_back(free);
        ASSERT_LE(mine.size(), size_t{kSlots}) << "the list goes in circles";
      }
    }
    give(mine.size());
  });

  uint32_t left = 0;
  for (auto chain = TakeChain(links, list, 0, kSlots); !chain.empty();
       chain = TakeChain(links, list, 0, kSlots)) {
    for (const Free free : chain) {
      owners.Take(free.index(), kThreads);
      ASSERT_LE(++left, kSlots) << "the list goes in circles";
    }
  }
  EXPECT_EQ(left + retired.load(), kSlots);
  EXPECT_EQ(owners.wrong(), 0u);
}

// A Pop that lost looks at links of slots that others own: it may meet links,
// values and anything else, and must tolerate all.
TYPED_TEST(ConcurrentFreeListTest, LosingPopsTolerateWhateverTheyRead) {
  using Slots = typename TypeParam::Slots;
  using Traits = typename TypeParam::Traits;
  using Free = typename Slots::Free;
  using Generations = GenerationLimits<Traits::kGenerationBits>;
  constexpr uint32_t kSlots = 3;
  const uint64_t seed = TestSeed();
  const int rounds = Rounds(150'000);

  FullList<TypeParam> full(kSlots);
  Slots& slots = full.slots;
  auto& links = full.links;
  auto& list = full.list;
  Owners owners(kSlots);

  std::atomic<uint32_t> retired{0};
  RunThreads(kThreads, [&](int thread) {
    Random random(seed, static_cast<uint64_t>(thread));
    for (int round = 0; round < rounds; ++round) {
      const Free free = Pop(list, thread);
      if (free.IsNone()) continue;
      const uint32_t slot = free.index();
      owners.Take(slot, thread);
      // As small numbers, which look like links, and as large ones.
      const uint64_t garbage =
          random.OneIn(2) ? random.Below(kSlots) : random.Next();
      const auto life = slots.Publish(free, static_cast<uint32_t>(garbage));
      const auto ended = Vacate(slots, life);
      ASSERT_TRUE(ended);
      owners.Give(slot, thread);
      if (life.generation() == Generations::kLastLive) {
        retired.fetch_add(1);
      } else {
        GiveChain<Free>({Slots::Vacated(life, *ended)}, links, list, thread);
      }
    }
  });

  uint32_t left = 0;
  while (!Pop(list, 0).IsNone()) ASSERT_LE(++left, kSlots);
  EXPECT_EQ(left + retired.load(), kSlots);
  EXPECT_EQ(owners.wrong(), 0u);
}

TYPED_TEST(ConcurrentFreeListTest, ThePoolGivesEverySlotToOneOwnerAtATime) {
  using Slots = typename TypeParam::Slots;
  using Traits = typename TypeParam::Traits;
  using Pool = SlotPool<typename Slots::Links, Traits>;
  using Free = typename Slots::Free;
  using Generations = GenerationLimits<Traits::kGenerationBits>;
  constexpr uint32_t kSlots = 48;
  const uint64_t seed = TestSeed();
  const int rounds = Rounds(30'000);

  for (const uint32_t cache : {0u, 1u, 2u, 3u, 8u, 64u}) {
    SCOPED_TRACE(cache);
    const SlotArena<Slots> arena(kSlots);
    Slots slots = arena.slots();
    const auto links = arena.links();
    const auto control = std::make_unique<typename Pool::Control>();
    const auto shards = std::make_unique<Shard<Traits>[]>(Traits::kMaxThreads);
    // No slots beyond those that are to be live, so that each is asked for.
    const typename Pool::Fresh fresh(
        &control->high_water, &control->swept, &control->replaced, kSlots,
        GrowingArray<typename Slots::Array, Traits>(arena.array()));
    Pool pool(control.get(), {shards.get(), &control->opened}, links, fresh,
              kSlots, cache, Traits::Threads::Numbering::OfThisCopy());
    Owners owners(kSlots);
    std::atomic<uint32_t> retired{0};

    const auto acquire = [&pool] {
      Free free;
      return pool.AcquireFast(&free) ? free : pool.AcquireSlow();
    };
    const auto end_life = [&](Free free, int thread) {
      const auto life = slots.Publish(free, 0);
      const auto ended = Vacate(slots, life);
      ASSERT_TRUE(ended);
      owners.Give(free.index(), thread);
      if (life.generation() == Generations::kLastLive) {
        retired.fetch_add(1);
      } else {
        pool.Release(Slots::Vacated(life, *ended));
      }
    };
    RunThreads(kThreads, [&](int thread) {
      Random random(seed, static_cast<uint64_t>(thread));
      std::vector<Free> mine;
      for (int round = 0; round < rounds; ++round) {
        if (mine.size() < kSlots / kThreads && random.OneIn(2)) {
          const Free free = acquire();
          if (free.IsNone()) continue;
          owners.Take(free.index(), thread);
          mine.push_back(free);
        } else if (!mine.empty()) {
          end_life(mine.back(), thread);
          mine.pop_back();
        }
      }
      while (!mine.empty()) {
        end_life(mine.back(), thread);
        mine.pop_back();
      }
    });

    EXPECT_EQ(owners.wrong(), 0u);
    EXPECT_LE(pool.high_water(), uint64_t{kSlots});
    // Exited threads hold nothing back: what is not retired is all there.
    std::vector<bool> seen(kSlots);
    uint32_t left = 0;
    for (Free free; !(free = acquire()).IsNone(); ++left) {
      const uint32_t slot = free.index();
      ASSERT_LT(slot, kSlots);
      EXPECT_FALSE(seen[slot]);
      seen[slot] = true;
    }
    uint32_t gone = 0;
    for (uint32_t slot = 0; slot < kSlots; ++slot) {
      if (links.GenerationAt(slot) == Generations::kRetired) ++gone;
    }
    EXPECT_EQ(left + gone, kSlots);
    EXPECT_EQ(gone, retired.load());
  }
}

}  // namespace
}  // namespace holdfast::internal
