#include "holdfast/internal/atomic_word.h"

#include <atomic>
#include <cstdint>
#include <memory>

#include "gtest/gtest.h"
#include "holdfast/internal/cell_word.h"
#include "holdfast/internal/spare_cell.h"
#include "holdfast/traits.h"

namespace holdfast::internal {
namespace {

using Word = CellWord<32>;
using Atomic = AtomicWord<Word, StdAtomics>;

static_assert(sizeof(Atomic) == 8 && alignof(Atomic) == 8);
static_assert(sizeof(AtomicWord<SpareCell, StdAtomics>) == 4);

Word Live(uint64_t generation) { return Word::Home(Generation(generation)); }

TEST(AtomicWordTest, WhatIsStoredIsLoaded) {
  const auto atomic = std::make_unique<Atomic>();
  atomic->store(Live(3), std::memory_order_relaxed);
  EXPECT_EQ(atomic->load(std::memory_order_relaxed), Live(3));
  EXPECT_EQ(atomic->exchange(Live(5), std::memory_order_relaxed), Live(3));
  EXPECT_EQ(atomic->load(std::memory_order_relaxed), Live(5));
}

TEST(AtomicWordTest, ACompareExchangeThatFailsTellsWhatItFound) {
  const auto atomic = std::make_unique<Atomic>();
  atomic->store(Live(3), std::memory_order_relaxed);
  Word expected = Live(1);
  EXPECT_FALSE(atomic->compare_exchange_strong(
      expected, Live(7), std::memory_order_relaxed, std::memory_order_relaxed));
  EXPECT_EQ(expected, Live(3));
  EXPECT_TRUE(atomic->compare_exchange_strong(
      expected, Live(7), std::memory_order_relaxed, std::memory_order_relaxed));
  EXPECT_EQ(atomic->load(std::memory_order_relaxed), Live(7));

  expected = Live(1);
  EXPECT_FALSE(atomic->compare_exchange_weak(
      expected, Live(9), std::memory_order_relaxed, std::memory_order_relaxed));
  EXPECT_EQ(expected, Live(7));
  while (!atomic->compare_exchange_weak(expected, Live(9),
                                        std::memory_order_relaxed,
                                        std::memory_order_relaxed)) {
  }
  EXPECT_EQ(atomic->load(std::memory_order_relaxed), Live(9));
}

}  // namespace
}  // namespace holdfast::internal
