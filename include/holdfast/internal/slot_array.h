// The memory of a table's slots: a Slot and a Side for each, in two arrays. So
// the Sides, which are seldom used, share no cache line with Slots. Zeros are
// free slots of generation 0. [INV-1]

#ifndef HOLDFAST_INTERNAL_SLOT_ARRAY_H_
#define HOLDFAST_INTERNAL_SLOT_ARRAY_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>

#include "holdfast/internal/to_size.h"
#include "holdfast/internal/zeros.h"

namespace holdfast::internal {

// Each kind of slots says what its Slot and its Side are. A Slot has an
// AtomicWord `word`, of the type Slot::Word.
template <typename SlotType, typename SideType>
class SlotArray {
 public:
  using Slot = SlotType;
  using Side = SideType;
  using Word = typename Slot::Word;

  // A kind whose slots need no Side says so by an empty class.
  static constexpr size_t kSideBytes = std::is_empty_v<Side> ? 0 : sizeof(Side);

  SlotArray() = default;
  SlotArray(Slot* slots, Side* sides) : slots_(slots), sides_(sides) {}

  Slot* slot(uint64_t index) const noexcept { return slots_ + index; }
  Side* side(uint64_t index) const noexcept { return sides_ + index; }

  // For a thread that has the table to itself: makes entries zeros.
  void ClearEntry(uint64_t index) const noexcept {
    std::memset(static_cast<void*>(slot(index)), 0, sizeof(Slot));
    if constexpr (kSideBytes != 0) {
      std::memset(static_cast<void*>(side(index)), 0, kSideBytes);
    }
  }
  void ClearSides(uint64_t end) const noexcept {
    ClearUsedLines(sides_, ToSize(end * kSideBytes));
  }

  // For the slot's owner, and for callers that use the word only if a CAS then
  // succeeds.
  Word LoadWord(uint64_t index) const noexcept {
    // order: relaxed. The owner has the word by another edge, and the CAS
    // validates what others find.
    return slots_[index].word.load(std::memory_order_relaxed);
  }

 private:
  Slot* slots_ = nullptr;
  Side* sides_ = nullptr;
};

}  // namespace holdfast::internal

#endif  // HOLDFAST_INTERNAL_SLOT_ARRAY_H_
