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

// Keeps the orders of the last operation.
template <typename U>
struct RecordingAtomic {
  U load(std::memory_order order) const { return first = order, U{}; }
  void store(U, std::memory_order order) { first = order; }
  U exchange(U, std::memory_order order) { return first = order, U{}; }
  bool compare_exchange_weak(U&, U, std::memory_order success,
                             std::memory_order failure) {
    first = success;
    second = failure;
    return true;
  }
  bool compare_exchange_strong(U&, U, std::memory_order success,
                               std::memory_order failure) {
    first = success;
    second = failure;
    return true;
  }

  static inline std::memory_order first = std::memory_order_seq_cst;
  static inline std::memory_order second = std::memory_order_seq_cst;
};
struct RecordingAtomics {
  template <typename U>
  using Atomic = RecordingAtomic<U>;
};

TEST(AtomicWordTest, OrdersArePassedOn) {
  using Record = RecordingAtomic<uint64_t>;
  AtomicWord<Word, RecordingAtomics> atomic{};
  Word expected = Live(1);
  atomic.load(std::memory_order_acquire);
  EXPECT_EQ(Record::first, std::memory_order_acquire);
  atomic.store(Live(1), std::memory_order_release);
  EXPECT_EQ(Record::first, std::memory_order_release);
  atomic.exchange(Live(1), std::memory_order_acq_rel);
  EXPECT_EQ(Record::first, std::memory_order_acq_rel);
  atomic.compare_exchange_weak(expected, Live(3), std::memory_order_release,
                               std::memory_order_relaxed);
  EXPECT_EQ(Record::first, std::memory_order_release);
  EXPECT_EQ(Record::second, std::memory_order_relaxed);
  atomic.compare_exchange_strong(expected, Live(3), std::memory_order_acq_rel,
                                 std::memory_order_acquire);
  EXPECT_EQ(Record::first, std::memory_order_acq_rel);
  EXPECT_EQ(Record::second, std::memory_order_acquire);
}

}  // namespace
}  // namespace holdfast::internal
