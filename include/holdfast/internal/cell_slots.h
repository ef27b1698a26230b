// Slots whose values lie in value cells: for values of 1 to 64 bytes. A kind of
// slots, see slot_kind.h.
//
//   cell_word.h    what a slot's word says, and how it changes
//   cell_array.h   the memory
//   two_links.h    how free slots are linked
//   cell_read.h    how values are read, while others may replace them
//   cell_write.h   how values are replaced, by way of a spare cell
//   spare_cells.h  which spare cell a thread has
//
// Publish, Vacate, reads and writes each have two forms: one that is inlined
// into the caller, for a slot whose value is at home and which no other thread
// is writing; and one that is called, for every other state. Reads, besides,
// come in a form that returns an optional and one that fills a variable: made
// from each other, either would send each value through memory (g++ 12).

#ifndef HOLDFAST_INTERNAL_CELL_SLOTS_H_
#define HOLDFAST_INTERNAL_CELL_SLOTS_H_

#include <atomic>
#include <cstdint>
#include <optional>

#include "absl/base/attributes.h"
#include "absl/base/optimization.h"
#include "holdfast/internal/cell_array.h"
#include "holdfast/internal/cell_read.h"
#include "holdfast/internal/cell_write.h"
#include "holdfast/internal/prefetch.h"
#include "holdfast/internal/slot_kind.h"
#include "holdfast/internal/slot_names.h"
#include "holdfast/internal/slot_word.h"
#include "holdfast/internal/spare_cells.h"
#include "holdfast/internal/two_links.h"

namespace holdfast::internal {

template <typename T, typename Traits>
class CellSlots {
  using Encoded = ValueWords<T>;
  using Slot = CellSlot<T, Traits>;

 public:
  using Array = CellArray<T, Traits>;
  using Links = TwoLinks<Array, Traits>;
  using Spares = SpareCells<Array, Traits>;
  using Word = CellWord<Traits::kGenerationBits>;
  using Free = FreeSlot<Traits::kGenerationBits>;
  using Life = internal::Life<Traits::kGenerationBits>;

  static constexpr bool kComparesValues = false;

  // The cells that threads share.
  struct Shared {
    typename Spares::Entry spares[Spares::kMaxShared];
  };

  static constexpr uint64_t Entries(uint64_t all_slots) noexcept {
    return Spares::Cells(all_slots);
  }

  CellSlots() = default;
  explicit CellSlots(const SlotParts<CellSlots, Traits>& parts)
      : array_(parts.array),
        spares_(parts.shared->spares, parts.shards, parts.from_end, parts.fresh,
                parts.numbering) {}
  // For tests: without spare cells, so that nothing can be written.
  explicit CellSlots(Array array) : array_(array) {}

  bool ReachShared() const noexcept { return spares_.ReachShared(); }

  // Makes zeros of all but the slots, for a thread that has the table to
  // itself: of the versions, which only a Write changes, and of the spare
  // cells. The first `used` slots were used, and the first `shards` shards.
  void Clear(uint64_t used, uint64_t shards) const noexcept {
    if (spares_.Clear(shards)) array_.ClearSides(used);
  }

  const Array& array() const { return array_; }
  const Spares& spares() const { return spares_; }

  // --- The owner of a free slot ----------------------------------------------

  ABSL_ATTRIBUTE_ALWAYS_INLINE Life Publish(Free free,
                                            const T& value) noexcept {
    const Encoded encoded = Encoded::Encode(value);
    if (ABSL_PREDICT_FALSE(free.moved())) return PublishMoved(free, encoded);
    const Life life = free.NextLife();
    Slot& slot = *array_.slot(life.index());
    slot.cell.Fill(encoded);
    // order: release -> publish. The value is complete before the handle can
    // be read, and so is all that happened before Pin. [INV-3]
    slot.word.store(Word::Home(life.generation()), std::memory_order_release);
    return life;
  }

  // --- Anyone with a handle --------------------------------------------------

  Generation ObservedGeneration(uint64_t index) const noexcept {
    return Observe(array_.slot(index)->word).generation();
  }

  ABSL_ATTRIBUTE_ALWAYS_INLINE bool Read(Life life, T* value) const noexcept {
    const Slot& slot = *array_.slot(life.index());
    const Word word = Observe(slot.word);
    Encoded copy;
    if (word.generation() != life.generation()) return false;
    if (!CopyValue(array_, life.index(), slot, word, &copy)) return false;
    copy.Decode(value);
    return true;
  }

  std::optional<T> Read(Life life) const noexcept {
    const Slot& slot = *array_.slot(life.index());
    const Word word = Observe(slot.word);
    Encoded copy;
    if (ABSL_PREDICT_TRUE(word.generation() == life.generation() &&
                          CopyValue(array_, life.index(), slot, word, &copy))) {
      return copy.Decode();
    }
    return std::nullopt;
  }

  template <typename F>
  bool Visit(uint64_t begin, uint64_t end, F visit) const {
    // The array's address is loaded once, not for each slot.
    const Slot* slot = array_.slot(begin);
    for (uint64_t i = begin; i < end; ++i, ++slot) {
      const Word word = Observe(slot->word);
      // CopyValue looks at this, too. But without this look, g++ 12 keeps a sum
      // that `visit` makes in memory.
      if (!word.IsLive()) continue;
      Encoded copy;
      if (!CopyValue(array_, i, *slot, word, &copy)) continue;
      if (!visit(Life(i, word.generation()), copy.Decode())) return false;
    }
    return true;
  }

  ABSL_ATTRIBUTE_ALWAYS_INLINE bool Write(Life life, const T& value) noexcept {
    return spares_.With(Replace{array_, life, value});
  }

  ABSL_ATTRIBUTE_ALWAYS_INLINE std::optional<T> Exchange(
      Life life, const T& value) noexcept {
    return spares_.With(ReplaceAndCopy{array_, life, value});
  }

  ABSL_ATTRIBUTE_ALWAYS_INLINE bool Vacate(Life life, Word* ended) noexcept {
    Slot& slot = *array_.slot(life.index());
    PrefetchForWrite(&slot);
    // order: relaxed. The CAS validates it. Checked first so that a stale Unpin
    // writes to nothing that is shared.
    const Word word = slot.word.load(std::memory_order_relaxed);
    const Word unwritten = Word::Home(life.generation());
    Word found = unwritten;
    // order: acquire <- publish, rewrite: the cell, its version and its value
    // are the caller's; release -> end. Failure relaxed: VacateAnywhere looks
    // again.
    if (ABSL_PREDICT_FALSE(
            word != unwritten ||
            !slot.word.compare_exchange_strong(found, unwritten.Ended(),
                                               std::memory_order_acq_rel,
                                               std::memory_order_relaxed))) {
      return VacateAnywhere(slot, life.generation(), ended);
    }
    *ended = found;
    return true;
  }

  static Free Vacated(Life life, Word ended) noexcept {
    const Free free = Free::After(life);
    if (ABSL_PREDICT_TRUE(ended.IsHome())) return free;
    return free.WithMoved(!ended.offset().IsOwn());
  }

  T Value(Life life, Word ended) const noexcept {
    const uint32_t cell = ended.CellOf(static_cast<uint32_t>(life.index()));
    return array_.slot(cell)->cell.CopyOwned().Decode();
  }

  // --- A thread that has stopped every other one -----------------------------

  template <typename F>
  void UpdateExclusive(uint64_t index, F update) {
    const Word word = array_.LoadWord(index);
    const uint32_t cell = word.CellOf(static_cast<uint32_t>(index));
    T value = array_.slot(cell)->cell.CopyOwned().Decode();
    update(Life(index, word.generation()), value);
    array_.slot(cell)->cell.Fill(Encoded::Encode(value));
  }

  ABSL_ATTRIBUTE_ALWAYS_INLINE bool EndExclusive(uint64_t index) noexcept {
    const Word word = array_.LoadWord(index);
    if (!word.IsLive()) return false;
    // order: relaxed. No other thread runs.
    array_.slot(index)->word.store(word.Ended(), std::memory_order_relaxed);
    return true;
  }

 private:
  // What Write and Exchange do with a spare cell. Not lambdas, because g++ and
  // clang have no syntax in common for one that is always inline.
  struct Replace {
    const Array& array;
    Life life;
    const T& value;

    ABSL_ATTRIBUTE_ALWAYS_INLINE bool operator()(
        uint32_t* spare) const noexcept {
      return ReplaceValue<T, Traits>(array, life, value, spare, nullptr);
    }
  };
  struct ReplaceAndCopy {
    const Array& array;
    Life life;
    const T& value;

    ABSL_ATTRIBUTE_ALWAYS_INLINE std::optional<T> operator()(
        uint32_t* spare) const noexcept {
      Encoded old;
      if (!ReplaceValue(array, life, value, spare, &old)) return std::nullopt;
      return old.Decode();
    }
  };

  // The value comes by value: if it had an address, each pin would send its
  // value through memory.
  ABSL_ATTRIBUTE_NOINLINE Life PublishMoved(Free free,
                                            const Encoded encoded) noexcept {
    const uint32_t index = free.index();
    Slot& slot = *array_.slot(index);
    const Word word = array_.LoadWord(index);
    array_.slot(word.CellOf(index))->cell.Fill(encoded);
    // order: release -> publish. As in Publish.
    slot.word.store(word.Pinned(), std::memory_order_release);
    return free.WithMoved(false).NextLife();
  }

  // Vacate from any word.
  ABSL_ATTRIBUTE_NOINLINE static bool VacateAnywhere(Slot& slot,
                                                     Generation generation,
                                                     Word* ended) noexcept {
    // order: relaxed. The CAS validates it.
    *ended = slot.word.load(std::memory_order_relaxed);
    do {
      if (ended->generation() != generation) return Refuse(slot.word);
      // order: acquire <- publish, rewrite; release -> end. Failure relaxed. As
      // in Vacate.
    } while (!slot.word.compare_exchange_weak(*ended, ended->Ended(),
                                              std::memory_order_acq_rel,
                                              std::memory_order_relaxed));
    return true;
  }

  Array array_;
  Spares spares_;
};

}  // namespace holdfast::internal

#endif  // HOLDFAST_INTERNAL_CELL_SLOTS_H_
