#include "holdfast/internal/shard.h"

#include <cstdint>
#include <memory>
#include <type_traits>

#include "gtest/gtest.h"
#include "holdfast/traits.h"

namespace holdfast::internal {
namespace {

template <uint32_t kSlots>
struct CacheTraits : DefaultTraits {
  static constexpr uint32_t kMaxThreadCacheSlots = kSlots;
};

template <uint32_t kSlots>
using ShardOf = Shard<CacheTraits<kSlots>>;

// No two shards share a cache line, and the default shard fills its lines.
static_assert(sizeof(Shard<DefaultTraits>) == 1024);
static_assert(alignof(Shard<DefaultTraits>) == 64);
static_assert(sizeof(ShardOf<0>) == 64);
static_assert(sizeof(ShardOf<1>) == 64);
static_assert(sizeof(ShardOf<6>) == 64);
static_assert(sizeof(ShardOf<7>) == 128);
static_assert(std::is_trivially_destructible_v<Shard<DefaultTraits>>);

TEST(ShardTest, HasRoomForTheLargestCacheAndAtLeastOneSlot) {
  EXPECT_EQ(Shard<DefaultTraits>::kCapacity, 126);
  EXPECT_EQ(ShardOf<7>::kCapacity, 7);
  EXPECT_EQ(ShardOf<1>::kCapacity, 1);
  EXPECT_EQ(ShardOf<0>::kCapacity, 1);
}

TEST(ShardTest, ZeroedMemoryIsAClosedShardWithoutASpareCell) {
  const auto shard = std::make_unique<Shard<DefaultTraits>[]>(1);
  EXPECT_TRUE(shard[0].last.Get().IsClosed());
  EXPECT_EQ(shard[0].level.Get(), 0);
  EXPECT_EQ(shard[0].next_opened.Get(), 0);
  EXPECT_TRUE(shard[0].spare.IsUnused());
  EXPECT_EQ(shard[0].Count(), 0);
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
