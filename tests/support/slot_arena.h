// Zeroed memory for the slots of one kind, for tests of one unit alone.

#ifndef HOLDFAST_TESTS_SUPPORT_SLOT_ARENA_H_
#define HOLDFAST_TESTS_SUPPORT_SLOT_ARENA_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

#include "holdfast/internal/generation.h"
#include "tests/support/displace.h"

namespace holdfast {

// `KindType` is CellSlots or InlineSlots.
template <typename KindType>
class SlotArena {
 public:
  using Kind = KindType;
  using Array = typename Kind::Array;
  using Links = typename Kind::Links;
  using Slot = typename Array::Slot;
  using Side = typename Array::Side;

  explicit SlotArena(size_t entries)
      : slots_(std::make_unique<Slot[]>(entries)),
        sides_(std::make_unique<Side[]>(entries)) {}

  Array array() const { return Array(slots_.get(), sides_.get()); }
  Links links() const { return Links(array()); }
  // Without spare cells: those that have cells cannot be written.
  Kind slots() const { return Kind(array()); }

  Slot& slot(size_t index) { return slots_[index]; }
  Side& side(size_t index) { return sides_[index]; }

  // Puts the live value of the slot `index` into the cell `*spare`, and leaves
  // the cell that it had there.
  void Displace(uint32_t index, uint32_t* spare) {
    *spare = holdfast::Displace(array(), index, *spare);
  }

 private:
  std::unique_ptr<Slot[]> slots_;
  std::unique_ptr<Side[]> sides_;
};

// The last word of the life that this ends; nothing if the life is over.
template <typename Kind>
std::optional<typename Kind::Word> Vacate(Kind& slots,
                                          typename Kind::Life life) {
  typename Kind::Word ended;
  if (!slots.Vacate(life, &ended)) return std::nullopt;
  return ended;
}

// Pins the free slot `*free`, which is the caller's, and ends that life. False
// if that was the last.
template <int kGenerationBits, typename Kind, typename T>
bool LiveOnce(Kind slots, const T& value, typename Kind::Free* free) {
  const auto life = slots.Publish(*free, value);
  const auto ended = Vacate(slots, life);
  *free = Kind::Vacated(life, *ended);
  return free->generation() !=
         internal::GenerationLimits<kGenerationBits>::kRetired;
}

}  // namespace holdfast

#endif  // HOLDFAST_TESTS_SUPPORT_SLOT_ARENA_H_
