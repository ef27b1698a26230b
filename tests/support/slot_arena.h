// Zeroed memory for the parts of a table, for tests of one part alone.

#ifndef HOLDFAST_TESTS_SUPPORT_SLOT_ARENA_H_
#define HOLDFAST_TESTS_SUPPORT_SLOT_ARENA_H_

#include <cstddef>
#include <cstdint>
#include <memory>

#include "tests/support/displace.h"

namespace holdfast {

// `Slots` is CellSlots or InlineSlots.
template <typename Slots>
class SlotArena {
 public:
  explicit SlotArena(size_t cells)
      : slots_(std::make_unique<typename Slots::Slot[]>(cells)),
        sides_(std::make_unique<typename Slots::Side[]>(cells)) {}

  Slots slots() const { return Slots(slots_.get(), sides_.get()); }
  typename Slots::Slot& slot(size_t index) { return slots_[index]; }
  typename Slots::Side& side(size_t index) { return sides_[index]; }

  // Puts the live value of the slot `index` into the cell `*spare`, and leaves
  // the cell that it had there.
  template <typename Word>
  void Displace(uint32_t index, uint32_t* spare) {
    *spare =
        holdfast::Displace<Word>(slots_.get(), sides_.get(), index, *spare);
  }

 private:
  std::unique_ptr<typename Slots::Slot[]> slots_;
  std::unique_ptr<typename Slots::Side[]> sides_;
};

// Pins the free slot `*free`, which is the caller's, and ends that life. False
// if that was the last.
template <typename Word, typename Slots, typename T>
bool LiveOnce(Slots slots, const T& value, uint64_t* free) {
  const uint64_t place = slots.Publish(*free, value);
  uint64_t ended = 0;  // g++ does not see that Vacate succeeds.
  slots.Vacate(Word::Index(place), Word::Generation(place), &ended);
  *free = Slots::Vacated(place, ended);
  return Word::Generation(*free) != Word::kRetired;
}

}  // namespace holdfast

#endif  // HOLDFAST_TESTS_SUPPORT_SLOT_ARENA_H_
