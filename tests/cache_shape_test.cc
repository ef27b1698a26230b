#include "holdfast/internal/cache_shape.h"

#include <cstdint>

#include "gtest/gtest.h"

namespace holdfast::internal {
namespace {

TEST(CacheShapeTest, NoSlotsAreNoCache) {
  constexpr CacheShape kShape(0);
  static_assert(kShape.slots() == 0 && kShape.front() == 0);
  static_assert(kShape.tree() == 0 && kShape.kept_batches() == 0);
}

TEST(CacheShapeTest, OfTheDefaultTable) {
  constexpr CacheShape kShape(256);
  static_assert(kShape.batch() == 32 && kShape.tree() == 31);
  static_assert(kShape.front() == 43 && kShape.kept_batches() == 5);
  static_assert(kShape.slots() == 1 + 43 + 31 + 5 * 32);
}

TEST(CacheShapeTest, EachSlotOfACacheHasAPlace) {
  for (uint32_t slots = 1; slots < 1000; ++slots) {
    const CacheShape shape(slots);
    EXPECT_EQ(shape.slots(), 1 + shape.front() + shape.tree() +
                                 shape.kept_batches() * shape.batch());
    EXPECT_LE(shape.slots(), slots);
    EXPECT_GT(shape.slots() + shape.batch(), slots);
    EXPECT_EQ(CacheShape(shape.slots()).slots(), shape.slots());
  }
}

TEST(CacheShapeTest, TreesArePerfect) {
  for (uint32_t slots = 0; slots < 1000; ++slots) {
    const uint32_t batch = CacheShape(slots).batch();
    EXPECT_EQ(batch & (batch - 1), 0) << slots;
  }
}

// The front gives a batch, and then has some slots left.
TEST(CacheShapeTest, ABatchFitsIntoTheFront) {
  for (uint32_t slots = 2; slots < 1000; ++slots) {
    const CacheShape shape(slots);
    EXPECT_GE(shape.front(), shape.batch() + shape.batch() / 4) << slots;
  }
}

}  // namespace
}  // namespace holdfast::internal
