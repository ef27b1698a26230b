#include "holdfast/internal/value_words.h"

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <set>
#include <type_traits>

#include "gtest/gtest.h"
#include "tests/support/test_values.h"

namespace holdfast::internal {
namespace {

template <typename Size>
class ValueWordsTest : public testing::Test {};

template <size_t kSize>
using Size = std::integral_constant<size_t, kSize>;
using Sizes =
    testing::Types<Size<1>, Size<2>, Size<3>, Size<4>, Size<5>, Size<7>,
                   Size<8>, Size<9>, Size<12>, Size<15>, Size<16>, Size<17>,
                   Size<23>, Size<24>, Size<31>, Size<32>, Size<33>, Size<40>,
                   Size<47>, Size<48>, Size<56>, Size<57>, Size<63>, Size<64>>;
TYPED_TEST_SUITE(ValueWordsTest, Sizes);

TYPED_TEST(ValueWordsTest, ValuesComeBackWithoutADefaultConstructor) {
  using T = TestValue<TypeParam::value>;
  static_assert(!std::is_default_constructible_v<T>);
  for (const uint64_t seed : {uint64_t{0}, uint64_t{1}, uint64_t{0xA5},
                              uint64_t{0x0123456789ABCDEF}, ~uint64_t{0}}) {
    const T value(seed);
    EXPECT_EQ(ValueWords<T>::Encode(value).Decode(), value);
  }
}

TYPED_TEST(ValueWordsTest, TakesTheFewestWordsAndPadsWithZeros) {
  constexpr size_t kSize = TypeParam::value;
  using T = TestValue<kSize>;
  using Encoded = ValueWords<T>;
  EXPECT_EQ(Encoded::kCount, (kSize + 7) / 8);
  T value(0);
  std::memset(value.bytes, 0xFF, kSize);
  const Encoded encoded = Encoded::Encode(value);
  if (kSize < 8) {  // So that it can be shifted, whichever byte comes first.
    EXPECT_EQ(encoded.words[0], (uint64_t{1} << kSize % 8 * 8) - 1);
    return;
  }
  unsigned char bytes[Encoded::kCount * 8];
  std::memcpy(bytes, encoded.words, sizeof(bytes));
  for (size_t i = 0; i < sizeof(bytes); ++i) {
    EXPECT_EQ(bytes[i], i < kSize ? 0xFF : 0) << "byte " << i;
  }
}

TEST(ValueWordsTest, EveryByteOfTheValueCounts) {
  std::set<uint64_t> firsts;
  for (size_t i = 0; i < 8; ++i) {
    TestValue<8> value(0);
    value.bytes[i] = 1;
    firsts.insert(ValueWords<TestValue<8>>::Encode(value).words[0]);
  }
  EXPECT_EQ(firsts.size(), 8);
}

}  // namespace
}  // namespace holdfast::internal
