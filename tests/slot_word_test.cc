#include "holdfast/internal/slot_word.h"

#include <atomic>
#include <cstdint>

#include "gtest/gtest.h"

namespace holdfast::internal {
namespace {

TEST(SlotWordTest, ObserveReturnsTheWord) {
  const std::atomic<uint64_t> word = 7;
  EXPECT_EQ(Observe(word), 7);
}

// A word that counts its loads.
struct CountedWord {
  uint64_t load(std::memory_order order) const {
    ++loads[static_cast<int>(order)];
    return 7;
  }
  mutable int loads[6] = {};
};

// Refuse loads the word with acquire.
TEST(SlotWordTest, RefuseLooksAtTheWordOnceMore) {
  const CountedWord word;
  EXPECT_FALSE(Refuse(word));
  EXPECT_EQ(word.loads[static_cast<int>(std::memory_order_acquire)], 1);
}

}  // namespace
}  // namespace holdfast::internal
