// The operations on slots with cells, by index and generation, and with a spare
// cell that the caller has: for tests of these slots without a table.

#ifndef HOLDFAST_TESTS_SUPPORT_CELL_VERBS_H_
#define HOLDFAST_TESTS_SUPPORT_CELL_VERBS_H_

#include <cstddef>
#include <cstdint>
#include <optional>

#include "holdfast/internal/cell_slots.h"
#include "tests/support/slot_arena.h"

namespace holdfast {

template <typename Value, typename Traits>
class CellVerbs {
 public:
  using Slots = internal::CellSlots<Value, Traits>;
  using Word = typename Slots::Word;

  // Slots and spare cells, as many as `entries` together.
  explicit CellVerbs(size_t entries)
      : arena_(entries),
        array_(arena_.array()),
        links_(arena_.links()),
        slots_(arena_.slots()) {}

 protected:
  static typename Slots::Life LifeOf(uint32_t index, uint64_t generation) {
    return {index, internal::Generation(generation)};
  }

  // Pins the free slot `index`. Returns the generation of its new life.
  uint64_t Publish(uint32_t index, const Value& value) {
    return slots_.Publish(links_.FreeSlotAt(index), value)
        .generation()
        .number();
  }

  std::optional<Value> Read(uint32_t index, uint64_t generation) const {
    return slots_.Read(LifeOf(index, generation));
  }

  bool Write(uint32_t index, uint64_t generation, const Value& value,
             uint32_t* spare) {
    return internal::ReplaceValue<Value, Traits>(
        array_, LifeOf(index, generation), value, spare, nullptr);
  }

  std::optional<Value> Exchange(uint32_t index, uint64_t generation,
                                const Value& value, uint32_t* spare) {
    internal::ValueWords<Value> old;
    if (!internal::ReplaceValue(array_, LifeOf(index, generation), value, spare,
                                &old)) {
      return std::nullopt;
    }
    return old.Decode();
  }

  // Ends a life. Returns its last word, or nothing if it was over.
  std::optional<Word> End(uint32_t index, uint64_t generation) {
    return Vacate(slots_, LifeOf(index, generation));
  }

  SlotArena<Slots> arena_;
  typename Slots::Array array_;
  typename Slots::Links links_;
  Slots slots_;
};

}  // namespace holdfast

#endif  // HOLDFAST_TESTS_SUPPORT_CELL_VERBS_H_
