// PinMany, ReadMany and UnpinMany do what as many Pins, Reads and Unpins do.

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "holdfast/handle_table.h"

namespace holdfast {
namespace {

struct ThreeLives : DefaultTraits {
  static constexpr int kGenerationBits = 3;
};

struct Large {
  std::array<uint64_t, 8> words;
};

uint64_t NumberOf(uint64_t value) { return value; }
uint64_t NumberOf(const Large& value) { return value.words[7]; }

template <typename T>
T Make(uint64_t number) {
  return static_cast<T>(number);
}
template <>
Large Make(uint64_t number) {
  return {{number, number, number, number, number, number, number, number}};
}

// Values in the words of slots, beside them, and in cells.
template <typename T>
class ManyTest : public testing::Test {
 protected:
  using Table = HandleTable<T>;
  using TheHandle = typename Table::Handle;

  static Table MakeTable(uint64_t max_slots, uint32_t cache_slots = 75) {
    return *Table::Create({max_slots, cache_slots});
  }

  // The values 1 to `count`.
  static std::vector<T> Values(size_t count) {
    std::vector<T> values;
    for (size_t i = 1; i <= count; ++i) values.push_back(Make<T>(i));
    return values;
  }

  // Pins the values 1 to `count`, all of them.
  static std::vector<TheHandle> PinAll(Table* table, size_t count) {
    std::vector<TheHandle> handles(count);
    EXPECT_EQ(table->PinMany(Values(count).data(), count, handles.data()),
              count);
    return handles;
  }

  // What ReadMany shows, 0 for nothing.
  static std::vector<uint64_t> ReadAll(const Table& table,
                                       const std::vector<TheHandle>& handles) {
    std::vector<uint64_t> found;
    EXPECT_TRUE(table.ReadMany(handles.data(), handles.size(),
                               [&](size_t i, const std::optional<T>& value) {
                                 EXPECT_EQ(i, found.size());
                                 found.push_back(value ? NumberOf(*value) : 0);
                               }));
    return found;
  }

  // The numbers 1 to `count`.
  static std::vector<uint64_t> Numbers(size_t count) {
    std::vector<uint64_t> numbers;
    for (size_t i = 1; i <= count; ++i) numbers.push_back(i);
    return numbers;
  }
};

using Types = testing::Types<uint32_t, uint64_t, Large>;
TYPED_TEST_SUITE(ManyTest, Types);

TYPED_TEST(ManyTest, AllArePinnedReadAndUnpinnedWhateverTheirNumber) {
  for (const uint32_t cache : {0u, 1u, 2u, 5u, 75u, 256u}) {
    auto table = this->MakeTable(1'000, cache);
    for (const size_t count : {0u, 1u, 2u, 31u, 32u, 33u, 100u, 1'000u}) {
      // Twice: first, slots may be new; then they are free slots.
      for (int round = 0; round < 2; ++round) {
        SCOPED_TRACE(std::to_string(cache) + ", " + std::to_string(count));
        const auto handles = this->PinAll(&table, count);
        std::set<uint64_t> distinct;
        for (const auto handle : handles) distinct.insert(handle.bits());
        EXPECT_EQ(distinct.size(), count);
        EXPECT_EQ(this->ReadAll(table, handles), this->Numbers(count));
        EXPECT_EQ(table.GetStats().live, count);
        EXPECT_EQ(table.UnpinMany(handles.data(), count), count);
        EXPECT_EQ(table.GetStats().live, 0);
        EXPECT_EQ(this->ReadAll(table, handles), std::vector<uint64_t>(count));
      }
    }
    EXPECT_LE(table.IndexLimit(), 1'000);
  }
}

TYPED_TEST(ManyTest, PinManyStopsWhereTheTableIsFull) {
  for (const uint32_t cache : {0u, 4u, 75u}) {
    auto table = this->MakeTable(100, cache);
    ASSERT_TRUE(table.Pin(Make<TypeParam>(0)));
    std::vector<typename TestFixture::TheHandle> handles(120);
    const auto values = this->Values(120);
    EXPECT_EQ(table.PinMany(values.data(), 120, handles.data()), 99);
    for (size_t i = 0; i < 120; ++i) {
      EXPECT_EQ(static_cast<bool>(handles[i]), i < 99);
    }
    auto expected = this->Numbers(99);
    expected.resize(120);
    EXPECT_EQ(this->ReadAll(table, handles), expected);
    EXPECT_EQ(table.PinMany(values.data(), 1, handles.data() + 99), 0);
    EXPECT_EQ(table.UnpinMany(handles.data(), 120), 99);
  }
}

TYPED_TEST(ManyTest, HandlesThatAreNotLiveAreRefusedOneByOne) {
  auto table = this->MakeTable(64);
  auto handles = this->PinAll(&table, 40);
  auto expected = this->Numbers(40);
  for (const size_t i : {3u, 20u, 39u}) {
    EXPECT_TRUE(table.Unpin(handles[i]));
    expected[i] = 0;
  }
  // Bits that no table has issued, some of them far out of range.
  for (const uint64_t bits :
       {uint64_t{0}, uint64_t{1}, ~uint64_t{0}, uint64_t{1} << 62}) {
    handles.push_back(TestFixture::TheHandle::FromBits(bits));
    expected.push_back(0);
  }
  EXPECT_EQ(this->ReadAll(table, handles), expected);
  // The same handle twice: the second time it is stale.
  handles.push_back(handles[0]);
  EXPECT_EQ(table.UnpinMany(handles.data(), handles.size()), 37);
  EXPECT_EQ(table.UnpinMany(handles.data(), handles.size()), 0);
  EXPECT_EQ(table.GetStats().live, 0);
}

TYPED_TEST(ManyTest, TheFunctionOfReadManyMayStopIt) {
  auto table = this->MakeTable(64);
  const auto handles = this->PinAll(&table, 40);
  size_t calls = 0;
  EXPECT_FALSE(table.ReadMany(handles.data(), handles.size(),
                              [&](size_t i, const std::optional<TypeParam>&) {
                                ++calls;
                                return i == 9 ? Step::kStop : Step::kNext;
                              }));
  EXPECT_EQ(calls, 10);
  const auto fail = [&](size_t i, const std::optional<TypeParam>&) {
    if (i == 5) throw std::runtime_error("no");
  };
  EXPECT_THROW(table.ReadMany(handles.data(), handles.size(), fail),
               std::runtime_error);
  EXPECT_EQ(this->ReadAll(table, handles), this->Numbers(40));
}

TYPED_TEST(ManyTest, TheFunctionOfReadManyMayUseTheTable) {
  auto table = this->MakeTable(64);
  const auto handles = this->PinAll(&table, 40);
  size_t found = 0;
  table.ReadMany(handles.data(), handles.size(),
                 [&](size_t i, const std::optional<TypeParam>& value) {
                   if (!value) return;
                   ++found;
                   EXPECT_TRUE(table.Unpin(handles[i]));
                   if (i + 1 < 40) {
                     EXPECT_TRUE(table.Unpin(handles[i + 1]));
                   }
                   EXPECT_TRUE(table.Pin(*value));
                 });
  EXPECT_EQ(found, 20);
  EXPECT_EQ(table.GetStats().live, 20);
}

TEST(Many, RetiredSlotsAreNotPinnedAgain) {
  using Table = HandleTable<uint32_t, ThreeLives>;
  Table table = *Table::Create({/*max_slots=*/8});
  const std::vector<uint32_t> values(10, 1);
  std::set<uint64_t> issued;
  size_t pins = 0;
  for (;;) {
    std::vector<Table::Handle> handles(10);
    const size_t pinned = table.PinMany(values.data(), 10, handles.data());
    if (pinned == 0) break;
    for (size_t i = 0; i < pinned; ++i) issued.insert(handles[i].bits());
    pins += pinned;
    EXPECT_EQ(table.UnpinMany(handles.data(), 10), pinned);
  }
  EXPECT_EQ(pins, 8 * Table::kLivesPerSlot);
  EXPECT_EQ(issued.size(), pins);
}

TEST(Many, ATableThatWasMovedFromRefusesAll) {
  using Table = HandleTable<uint64_t>;
  Table table = *Table::Create({/*max_slots=*/64});
  const uint64_t value = 1;
  Table::Handle handle;
  ASSERT_EQ(table.PinMany(&value, 1, &handle), 1);
  const Table moved = std::move(table);
  EXPECT_EQ(table.PinMany(&value, 1, &handle), 0);  // NOLINT: that is the test.
  EXPECT_EQ(table.UnpinMany(&handle, 1), 0);
  EXPECT_TRUE(moved.Contains(handle));
}

}  // namespace
}  // namespace holdfast
