#include "holdfast/internal/slot_word.h"

#include <atomic>
#include <cstdint>

#include "gtest/gtest.h"
#include "holdfast/internal/atomic_word.h"
#include "holdfast/internal/cell_word.h"

namespace holdfast::internal {
namespace {

using Word = CellWord<32>;

// Counts the loads of each order.
template <typename U>
struct CountedAtomic {
  U load(std::memory_order order) const {
    ++loads[static_cast<int>(order)];
    return value;
  }

  static inline int loads[6] = {};
  U value = 0;
};

struct CountedAtomics {
  template <typename U>
  using Atomic = CountedAtomic<U>;
};

using Counted = CountedAtomic<uint64_t>;
constexpr int kAcquire = static_cast<int>(std::memory_order_acquire);

TEST(SlotWordTest, ObserveAcquiresTheWord) {
  const AtomicWord<Word, CountedAtomics> word{};
  const int before = Counted::loads[kAcquire];
  EXPECT_EQ(Observe(word), Word::FromBits(0));
  EXPECT_EQ(Counted::loads[kAcquire], before + 1);
}

TEST(SlotWordTest, RefuseAcquiresTheWordOnceMore) {
  const AtomicWord<Word, CountedAtomics> word{};
  const int before = Counted::loads[kAcquire];
  EXPECT_FALSE(Refuse(word));
  EXPECT_EQ(Counted::loads[kAcquire], before + 1);
}

}  // namespace
}  // namespace holdfast::internal
