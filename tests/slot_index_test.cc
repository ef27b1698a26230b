// The indexes of slots, by which arrays and bit sets beside a table are
// indexed.

#include <cstdint>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "holdfast/handle_table.h"
#include "tests/support/table_access.h"

namespace holdfast {
namespace {

template <typename T>
class SlotIndexTest : public testing::Test {
 protected:
  using Table = HandleTable<T>;

  static Table New(uint64_t max_slots, uint32_t cache_slots) {
    TableOptions options;
    options.max_slots = max_slots;
    options.thread_cache_slots = cache_slots;
    return *Table::Create(options);
  }
};

using Values = testing::Types<uint32_t, uint64_t>;
TYPED_TEST_SUITE(SlotIndexTest, Values);

TYPED_TEST(SlotIndexTest, LiveHandlesHaveDenseIndexesThatLeadBack) {
  auto table = this->New(1000, 16);
  EXPECT_EQ(table.IndexLimit(), 0);
  std::vector<bool> seen(1000, false);
  for (int i = 0; i < 1000; ++i) {
    const auto handle = table.Pin(7);
    const std::optional<uint32_t> index = table.IndexOf(handle);
    ASSERT_TRUE(index.has_value());
    ASSERT_LT(*index, table.IndexLimit());
    // Besides the pinned ones: at most the slots of a full cache and a batch.
    ASSERT_LE(table.IndexLimit(), static_cast<uint64_t>(i) + 1 + 16 + 8);
    ASSERT_FALSE(seen[*index]);
    seen[*index] = true;
    ASSERT_EQ(table.HandleAt(*index), handle);
  }
  EXPECT_EQ(table.IndexLimit(), 1000);
}

TYPED_TEST(SlotIndexTest, AnIndexPassesToTheNextLife) {
  auto table = this->New(1, 0);
  const auto first = table.Pin(1);
  EXPECT_EQ(table.IndexOf(first), 0u);
  ASSERT_TRUE(table.Unpin(first));
  EXPECT_FALSE(table.IndexOf(first).has_value());
  EXPECT_FALSE(table.HandleAt(0));
  const auto second = table.Pin(2);
  EXPECT_EQ(table.IndexOf(second), 0u);
  EXPECT_FALSE(table.IndexOf(first).has_value());
  EXPECT_EQ(table.HandleAt(0), second);
  EXPECT_NE(first, second);
}

TYPED_TEST(SlotIndexTest, IndexesOutOfRangeHaveNoHandle) {
  auto table = this->New(10, 0);
  ASSERT_TRUE(table.Pin(1));
  EXPECT_TRUE(table.HandleAt(0));
  for (const uint32_t index : {1u, 9u, 10u, 1000u, 0x7FFF'FFFFu, ~0u}) {
    EXPECT_FALSE(table.HandleAt(index));
  }
}

TYPED_TEST(SlotIndexTest, NullForeignAndRetiredHandlesHaveNone) {
  auto table = this->New(2, 0);
  typename TestFixture::Table::TestAccess access(table);
  const auto last = table.Pin(1);
  ASSERT_TRUE(table.Unpin(last));
  access.AgeFreeSlots(0xFFFF'FFFC);
  const auto retired = table.Pin(1);
  ASSERT_TRUE(table.Unpin(retired));
  auto other = this->New(2, 0);
  for (const auto handle :
       {typename TestFixture::Table::Handle(), last, retired, other.Pin(1)}) {
    EXPECT_FALSE(table.IndexOf(handle).has_value());
  }
  EXPECT_FALSE(table.HandleAt(0));
}

TYPED_TEST(SlotIndexTest, ATableThatWasMovedFromHasNone) {
  auto table = this->New(2, 0);
  const auto handle = table.Pin(1);
  auto moved_to = std::move(table);
  // NOLINTBEGIN(bugprone-use-after-move): what it says.
  EXPECT_FALSE(table.IndexOf(handle).has_value());
  EXPECT_FALSE(table.HandleAt(0));
  EXPECT_EQ(table.IndexLimit(), 0);
  // NOLINTEND(bugprone-use-after-move)
  EXPECT_EQ(moved_to.IndexOf(handle), 0u);
  EXPECT_EQ(moved_to.HandleAt(0), handle);
}

}  // namespace
}  // namespace holdfast
