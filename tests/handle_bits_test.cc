// Handles of fewer than 63 bits, keys that are given, and tags.

#include <cmath>
#include <cstdint>
#include <functional>
#include <optional>
#include <random>
#include <set>
#include <type_traits>
#include <vector>

#include "gtest/gtest.h"
#include "holdfast/handle_table.h"
#include "tests/support/table_access.h"

namespace holdfast {
namespace {

template <int kHandle, int kGeneration>
struct BitsTraits : DefaultTraits {
  static constexpr int kHandleBits = kHandle;
  static constexpr int kGenerationBits = kGeneration;
};

TableOptions Slots(uint64_t max_slots, uint32_t thread_cache_slots = 0) {
  TableOptions options;
  options.max_slots = max_slots;
  options.thread_cache_slots = thread_cache_slots;
  return options;
}

// --- Limits ------------------------------------------------------------------

template <int kHandle, int kGeneration, typename T = uint64_t>
constexpr uint64_t kMost =
    HandleTable<T, BitsTraits<kHandle, kGeneration>>::kMaxSlots;

static_assert(DefaultTraits::kHandleBits == 63);
static_assert(kMost<63, 32> == HandleTable<uint64_t>::kMaxSlots);
static_assert(kMost<63, 32> == (1u << 30) - 1);
static_assert(kMost<62, 32> == (1u << 30) - 1);
static_assert(kMost<61, 32> == 1u << 29);
static_assert(kMost<53, 32> == 1u << 21);
static_assert(kMost<53, 24> == 1u << 29);
static_assert(kMost<53, 20> == (1u << 31) - 1);
static_assert(kMost<32, 16> == 1u << 16);
static_assert(kMost<32, 31> == 2);
static_assert(kMost<3, 2> == 2);

// --- Widths ------------------------------------------------------------------

template <typename Param>
class HandleBitsTest : public testing::Test {
 protected:
  using Traits = typename Param::Traits;
  using TableType = HandleTable<typename Param::Value, Traits>;
  static constexpr uint64_t kLimit = uint64_t{1} << Traits::kHandleBits;
};

template <typename T, int kHandle, int kGeneration>
struct Of {
  using Value = T;
  using Traits = BitsTraits<kHandle, kGeneration>;
};

using Widths = testing::Types<Of<uint64_t, 53, 32>, Of<uint32_t, 53, 32>,
                              Of<uint64_t, 53, 24>, Of<uint64_t, 48, 24>,
                              Of<uint64_t, 32, 16>, Of<uint32_t, 32, 16>,
                              Of<uint64_t, 32, 24>, Of<uint64_t, 16, 8>>;
TYPED_TEST_SUITE(HandleBitsTest, Widths);

// Takes many tables, since each has its own key.
TYPED_TEST(HandleBitsTest, HandlesOfManyTablesAreOddAndBelowTheLimit) {
  using Table = typename TestFixture::TableType;
  uint64_t ever_set = 0;
  for (int i = 0; i < 200; ++i) {
    Table table = *Table::Create(Slots(4));
    for (int life = 0; life < 20; ++life) {
      const auto handle = table.Pin(1);
      ASSERT_EQ(handle.bits() % 2, 1);
      ASSERT_LT(handle.bits(), TestFixture::kLimit);
      ASSERT_TRUE(table.Unpin(handle));
      ever_set |= handle.bits();
    }
  }
  EXPECT_EQ(ever_set, TestFixture::kLimit - 1);  // Keys use all the bits.
}

TYPED_TEST(HandleBitsTest, HandlesSurviveTheirWidth) {
  using Table = typename TestFixture::TableType;
  Table table = *Table::Create(Slots(100));
  for (int i = 0; i < 100; ++i) {
    const auto handle = table.Pin(1);
    const uint64_t bits = handle.bits();
    // A handle comes back from a double, and, if it has 32 bits, from a
    // uint32_t.
    const double number = static_cast<double>(bits);
    EXPECT_EQ(
        table.Read(Table::Handle::FromBits(static_cast<uint64_t>(number))), 1u);
    if (TestFixture::kLimit <= uint64_t{1} << 32) {
      EXPECT_EQ(static_cast<uint32_t>(bits), bits);
    }
  }
}

// Uses all slots up to the last index, unless that takes too long.
TYPED_TEST(HandleBitsTest, AllSlotsServeAndRetire) {
  using Table = typename TestFixture::TableType;
  if (Table::kMaxSlots > 256 || Table::kLivesPerSlot > 1000) {
    GTEST_SKIP() << "too many lives";
  }
  Table table = *Table::Create(Slots(Table::kMaxSlots));
  std::set<uint64_t> issued;
  for (uint64_t life = 0; life < Table::kLivesPerSlot; ++life) {
    std::vector<typename Table::Handle> handles;
    for (uint64_t i = 0; i < Table::kMaxSlots; ++i) {
      handles.push_back(table.Pin(7));
      ASSERT_TRUE(handles.back());
      ASSERT_LT(handles.back().bits(), TestFixture::kLimit);
      ASSERT_TRUE(issued.insert(handles.back().bits()).second);
    }
    ASSERT_FALSE(table.Pin(7));
    for (const auto handle : handles) ASSERT_TRUE(table.Unpin(handle));
  }
  EXPECT_FALSE(table.Pin(7));
  EXPECT_EQ(table.GetStats().retired, Table::kMaxSlots);
}

TYPED_TEST(HandleBitsTest, MoreThanTheLimitIsRefused) {
  using Table = typename TestFixture::TableType;
  if (Table::kMaxSlots < 1000) GTEST_SKIP() << "fewer slots than are tried";
  Table table = *Table::Create(Slots(1000));
  const auto live = table.Pin(1);
  for (int bit = TestFixture::Traits::kHandleBits; bit < 64; ++bit) {
    const auto wrong =
        Table::Handle::FromBits(live.bits() | uint64_t{1} << bit);
    EXPECT_FALSE(table.Read(wrong));
    EXPECT_FALSE(table.Contains(wrong));
    EXPECT_FALSE(table.IndexOf(wrong));
    EXPECT_FALSE(table.Write(wrong, 2));
    EXPECT_FALSE(table.Take(wrong));
    EXPECT_FALSE(table.Unpin(wrong));
    EXPECT_EQ(table.Diagnose(wrong).state, HandleState::kForeign);
  }
  EXPECT_TRUE(table.Contains(live));
}

// traits.h states how often a number that was not issued is taken for a live
// handle: with a probability of 2^-(kHandleBits - 1) for each live value.
TEST(HandleBitsOddsTest, StrangersAreTakenForLiveAsOftenAsIsStated) {
  using Table = HandleTable<uint32_t, BitsTraits<24, 8>>;
  constexpr uint64_t kLive = 10'000;
  constexpr int kTries = 2'000'000;
  constexpr double kExpected = double{kTries} * kLive / (1 << 23);
  Table table = *Table::Create(Slots(kLive));
  for (uint64_t i = 0; i < kLive; ++i) ASSERT_TRUE(table.Pin(1));
  std::mt19937_64 random(4713);
  int taken = 0;
  for (int i = 0; i < kTries; ++i) {
    const uint64_t stranger = (random() & 0xFF'FFFF) | 1;
    taken += table.Contains(Table::Handle::FromBits(stranger));
  }
  // Five standard deviations.
  EXPECT_NEAR(taken, kExpected, 5 * std::sqrt(kExpected));
}

// --- Keys --------------------------------------------------------------------

std::vector<uint64_t> HandlesOf(std::optional<uint64_t> key) {
  TableOptions options = Slots(1000, 20);
  options.key = key;
  auto table = *HandleTable<uint64_t>::Create(options);
  std::vector<uint64_t> handles;
  for (uint64_t i = 0; i < 300; ++i) {
    const auto handle = table.Pin(i);
    handles.push_back(handle.bits());
    if (i % 3 == 0) table.Unpin(handle);
  }
  return handles;
}

TEST(TableKeyOptionTest, TheSameKeyGivesTheSameHandles) {
  constexpr uint64_t kKey = 0x1234'5678'9ABC'DEF0;
  const std::vector<uint64_t> handles = HandlesOf(kKey);
  EXPECT_EQ(HandlesOf(kKey), handles);
  const std::vector<uint64_t> places = HandlesOf(0);
  for (size_t i = 0; i < places.size(); ++i) {
    EXPECT_EQ(places[i] ^ kKey, handles[i]);
  }
  EXPECT_EQ(places[0], 1);  // The first life of slot 0.
  EXPECT_NE(HandlesOf(std::nullopt), HandlesOf(std::nullopt));
}

TEST(TableKeyOptionTest, KeysBeyondTheHandlesBitsAreRefused) {
  using Table = HandleTable<uint64_t, BitsTraits<53, 32>>;
  TableOptions options = Slots(10);
  for (const uint64_t key : {uint64_t{1}, uint64_t{1} << 53, ~uint64_t{0}}) {
    options.key = key;
    EXPECT_TRUE(absl::IsInvalidArgument(Table::Create(options).status()));
  }
  options.key = (uint64_t{1} << 53) - 2;
  EXPECT_TRUE(Table::Create(options).ok());
}

// --- Tags --------------------------------------------------------------------

struct TexturesTraits : DefaultTraits {
  using HandleTag = TexturesTraits;
};
struct BuffersTraits : DefaultTraits {
  using HandleTag = BuffersTraits;
};
using Textures = HandleTable<uint32_t, TexturesTraits>;
using Buffers = HandleTable<uint32_t, BuffersTraits>;

static_assert(!std::is_convertible_v<Textures::Handle, Buffers::Handle>);
static_assert(!std::is_constructible_v<Textures::Handle, Buffers::Handle>);
static_assert(!std::is_invocable_v<decltype(&Textures::Contains), Textures&,
                                   Buffers::Handle>);
static_assert(std::is_same_v<HandleTable<uint32_t>::Handle, Handle<uint32_t>>);
static_assert(sizeof(Textures::Handle) == 8);

TEST(HandleTagTest, TablesOfTwoTagsWorkAsOthers) {
  Textures textures = *Textures::Create(Slots(10));
  Buffers buffers = *Buffers::Create(Slots(10));
  const Textures::Handle texture = textures.Pin(1);
  const Buffers::Handle buffer = buffers.Pin(2);
  EXPECT_EQ(textures.Read(texture), 1u);
  EXPECT_EQ(buffers.Read(buffer), 2u);
  EXPECT_EQ(std::hash<Textures::Handle>()(texture),
            std::hash<Handle<uint32_t>>()(
                Handle<uint32_t>::FromBits(texture.bits())));
}

}  // namespace
}  // namespace holdfast
