// Zeroed memory for slots, for tests of one class without a whole table.

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

  // Puts the live value of the slot `index` into the cell `*spare`, and sets
  // `*spare` to the cell where the value was.
  template <typename Word>
  void Displace(uint32_t index, uint32_t* spare) {
    *spare =
        holdfast::Displace<Word>(slots_.get(), sides_.get(), index, *spare);
  }

 private:
  std::unique_ptr<typename Slots::Slot[]> slots_;
  std::unique_ptr<typename Slots::Side[]> sides_;
};

// Pins the free slot `*free`, which the caller owns, and ends that life.
// Returns false if that was the slot's last life.
template <typename Word, typename Slots, typename T>
bool LiveOnce(Slots slots, const T& value, uint64_t* free) {
  const uint64_t place = slots.Publish(*free, value);
  uint64_t ended = 0;  // Vacate sets it, but g++ does not see that and warns.
  slots.Vacate(Word::Index(place), Word::Generation(place), &ended);
  *free = Slots::Vacated(place, ended);
  return Word::Generation(*free) != Word::kRetired;
}

}  // namespace holdfast

#endif  // HOLDFAST_TESTS_SUPPORT_SLOT_ARENA_H_
