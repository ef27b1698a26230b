// Goal: any 14 neighbouring bits of the hash tell handles apart as well as
// random numbers would, whichever bits of a handle are the index and which the
// generation.
//
// Method: take 8,192 handles of a real table, which is new, or sparsely used,
// or has seen many lives. For each 14 neighbouring bits, count how many
// different values the hashes have there. For random hashes, the expected
// number and its standard deviation are known. The count may be up to eight
// standard deviations lower, which leaves 96.3 % of the expected number.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "holdfast/handle.h"
#include "holdfast/handle_table.h"

namespace holdfast {
namespace {

constexpr int kWindowBits = 14;
constexpr double kBuckets = 1 << kWindowBits;
constexpr uint64_t kHandles = 8192;
constexpr double kTolerated = 8;  // Standard deviations.

// Returns how many buckets `balls` balls that are thrown at random should hit
// at least: the expected number, less kTolerated standard deviations.
double LeastDistinct(double balls) {
  const double empty = std::pow(1 - 1 / kBuckets, balls);
  const double both_empty = std::pow(1 - 2 / kBuckets, balls);
  const double variance = kBuckets * empty +
                          kBuckets * (kBuckets - 1) * both_empty -
                          kBuckets * kBuckets * empty * empty;
  return kBuckets * (1 - empty) - kTolerated * std::sqrt(variance);
}

// Returns how many different values the hashes have in the bits from `shift`
// on.
template <typename H>
int Distinct(const std::vector<H>& hashes, int shift) {
  std::vector<bool> hit(static_cast<size_t>(kBuckets));
  int distinct = 0;
  for (const H hash : hashes) {
    const auto bucket = static_cast<size_t>(hash >> shift) % hit.size();
    distinct += hit[bucket] ? 0 : 1;
    hit[bucket] = true;
  }
  return distinct;
}

template <typename H>
int FirstWindowThatIsPoor(const std::vector<H>& hashes) {
  const double least = LeastDistinct(static_cast<double>(hashes.size()));
  for (int shift = 0; shift + kWindowBits <= int{sizeof(H)} * 8; ++shift) {
    if (Distinct(hashes, shift) < least) return shift;
  }
  return -1;
}

template <int kBits>
struct Split : DefaultTraits {
  static constexpr int kGenerationBits = kBits;
};

template <typename Traits>
class HandleHashTest : public testing::Test {
 protected:
  using Table = HandleTable<uint64_t, Traits>;
  using Handle = typename Table::Handle;

  // Returns max_slots for a table that is `apart` times as large as the number
  // of handles that are hashed, or as large as possible.
  static uint64_t Slots(uint64_t apart) {
    return std::min(kHandles * apart, Table::kMaxSlots);
  }

  static std::vector<Handle> PinMany(Table& table, uint64_t count) {
    std::vector<Handle> handles;
    for (uint64_t i = 0; i < count; ++i) handles.push_back(table.Pin(i));
    return handles;
  }

  static void Check(const std::vector<Handle>& handles) {
    std::vector<uint64_t> wide;
    std::vector<uint32_t> narrow;
    for (const Handle handle : handles) {
      ASSERT_TRUE(handle);
      const uint64_t mixed = internal::MixHandle(handle.bits());
      ASSERT_EQ(std::hash<Handle>()(handle), static_cast<size_t>(mixed));
      wide.push_back(mixed);
      narrow.push_back(static_cast<uint32_t>(mixed));
    }
    EXPECT_EQ(FirstWindowThatIsPoor(wide), -1);
    EXPECT_EQ(FirstWindowThatIsPoor(narrow), -1);  // If size_t has 32 bits.
  }
};

using Splits = testing::Types<Split<2>, Split<16>, Split<32>, Split<36>,
                              Split<40>, Split<48>>;
TYPED_TEST_SUITE(HandleHashTest, Splits);

TYPED_TEST(HandleHashTest, SpreadsHandlesOfAFreshTable) {
  for (int round = 0; round < 8; ++round) {  // Each table has another key.
    auto table = *TestFixture::Table::Create({this->Slots(1)});
    this->Check(this->PinMany(table, this->Slots(1)));
  }
}

TYPED_TEST(HandleHashTest, SpreadsHandlesOfEveryNthSlot) {
  for (const uint64_t apart : {2u, 16u, 64u}) {
    const uint64_t slots = this->Slots(apart);
    auto table = *TestFixture::Table::Create({slots});
    const auto all = this->PinMany(table, slots);
    std::vector<typename TestFixture::Handle> some;
    for (uint64_t i = 0; i < slots; i += slots / kHandles) {
      some.push_back(all[i]);
    }
    this->Check(some);
  }
}

TYPED_TEST(HandleHashTest, SpreadsHandlesOfATableAfterChurn) {
  constexpr uint64_t kLive = 4000;
  auto table = *TestFixture::Table::Create({this->Slots(64)});
  auto handles = this->PinMany(table, kLive);
  std::mt19937_64 random(1);
  // With two generation bits a slot serves one life: then half of the slots are
  // used.
  const uint64_t rounds =
      std::min(50 * kLive, (this->Slots(64) - kLive) / 2 *
                               TestFixture::Table::kLivesPerSlot);
  for (uint64_t i = 0; i < rounds; ++i) {
    auto& handle = handles[random() % kLive];
    ASSERT_TRUE(table.Unpin(handle));
    handle = table.Pin(i);
  }
  this->Check(handles);
}

// The check finds that a hash which was once used here is poor.
TEST(HandleHashCheckTest, FindsAMultiplicationAndAFoldTooLittle) {
  const auto poor = [](uint64_t bits) {
    const uint64_t mixed = bits * 0x9E3779B97F4A7C15u;
    return mixed ^ (mixed >> 32);
  };
  std::vector<uint64_t> hashes;
  for (uint64_t i = 0; i < kHandles; ++i) hashes.push_back(poor(i << 40 | 1));
  EXPECT_LE(Distinct(hashes, 0), 64);
  EXPECT_EQ(FirstWindowThatIsPoor(hashes), 0);
}

// The check finds nothing wrong with random numbers.
TEST(HandleHashCheckTest, IsContentWithRandomNumbers) {
  std::mt19937_64 random(1);
  std::vector<uint64_t> hashes(kHandles);
  for (uint64_t& hash : hashes) hash = random();
  EXPECT_EQ(FirstWindowThatIsPoor(hashes), -1);
  EXPECT_NEAR(Distinct(hashes, 0), 6447, 240);
  EXPECT_NEAR(LeastDistinct(kHandles), 6447 - 240, 5);
}

}  // namespace
}  // namespace holdfast
