#include "holdfast/internal/shard.h"

#include <cstdint>
#include <memory>
#include <type_traits>

#include "gtest/gtest.h"
#include "holdfast/internal/cache_shape.h"
#include "holdfast/traits.h"

namespace holdfast::internal {
namespace {

template <uint32_t kSlots>
struct CacheTraits : DefaultTraits {
  static constexpr uint32_t kMaxThreadCacheSlots = kSlots;
};

template <uint32_t kSlots>
using ShardOf = Shard<CacheTraits<kSlots>>;

// No two shards share a cache line, and the default shard fills its lines. The
// address of a shard is found by a shift.
static_assert(sizeof(Shard<DefaultTraits>) == 512);
static_assert(alignof(Shard<DefaultTraits>) == 64);
static_assert(sizeof(ShardOf<0>) == 64);
static_assert(sizeof(ShardOf<1>) == 64);
static_assert(sizeof(ShardOf<3>) == 64);
static_assert(std::is_trivially_destructible_v<Shard<DefaultTraits>>);

TEST(ShardTest, HasRoomForTheFrontOfEachSmallerCache) {
  const auto check = [](uint32_t room, uint32_t largest) {
    for (uint32_t slots = 0; slots <= largest; ++slots) {
      EXPECT_LE(CacheShape(slots).front(), room) << slots;
    }
  };
  check(Shard<DefaultTraits>::kMostFront, DefaultTraits::kMaxThreadCacheSlots);
  check(ShardOf<72>::kMostFront, 72);
  check(ShardOf<7>::kMostFront, 7);
  check(ShardOf<1>::kMostFront, 1);
  check(ShardOf<0>::kMostFront, 0);
}

TEST(ShardTest, ZeroedMemoryIsAClosedShardWithoutASpareCell) {
  const auto shard = std::make_unique<Shard<DefaultTraits>[]>(1);
  EXPECT_TRUE(shard[0].last.Get().IsClosed());
  EXPECT_EQ(shard[0].level.Get(), 0);
  EXPECT_EQ(shard[0].next_opened.Get(), 0);
  EXPECT_TRUE(shard[0].spare.IsUnused());
  EXPECT_EQ(shard[0].Count(CacheShape(256)), 0);
}

TEST(LastFreedTest, StatesAreDifferent) {
  using Last = LastFreed<32>;
  const FreeSlot<32> first = FreeSlot<32>::After(Life<32>(0, Generation(1)));
  EXPECT_TRUE(Last::FromBits(0).IsClosed());
  EXPECT_TRUE(Last().IsClosed());
  EXPECT_FALSE(Last().IsEmpty());
  EXPECT_FALSE(Last().HasSlot());
  EXPECT_TRUE(Last::Empty().IsEmpty());
  EXPECT_FALSE(Last::Empty().IsClosed());
  EXPECT_FALSE(Last::Empty().HasSlot());
  EXPECT_TRUE(Last(first).HasSlot());
  EXPECT_FALSE(Last(first).IsClosed());
  EXPECT_FALSE(Last(first).IsEmpty());
  EXPECT_EQ(Last(first).slot(), first);
}

}  // namespace
}  // namespace holdfast::internal
