#include "holdfast/internal/value_cell.h"

#include <cstddef>
#include <cstdint>

#include "gtest/gtest.h"
#include "holdfast/traits.h"
#include "tests/support/test_values.h"

namespace holdfast::internal {
namespace {

template <size_t kSize>
void ComesBack() {
  using T = TestValue<kSize>;
  using Cell = ValueCell<T, DefaultTraits>;
  static_assert(sizeof(Cell) == (kSize + 7) / 8 * 8);
  Cell cell;
  for (const uint64_t seed : {uint64_t{1}, ~uint64_t{0}, uint64_t{0xA5A5}}) {
    const T value(seed);
    cell.Fill(ValueWords<T>::Encode(value));
    EXPECT_EQ(cell.Copy().Decode(), value);
    EXPECT_EQ(cell.CopyOwned().Decode(), value);
  }
}

TEST(ValueCellTest, WhatItIsFilledWithComesBack) {
  ComesBack<1>();
  ComesBack<8>();
  ComesBack<12>();
  ComesBack<16>();
  ComesBack<24>();
  ComesBack<64>();
}

}  // namespace
}  // namespace holdfast::internal
