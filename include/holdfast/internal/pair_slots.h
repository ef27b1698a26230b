// Slots that hold a word and, beside it, a value of at most 8 bytes, and that
// change both by one double-width compare-and-swap: 16 bytes a slot, and no
// operation needs a spare cell. A kind of slots, see slot_kind.h. pair_array.h
// says how a slot changes.

#ifndef HOLDFAST_INTERNAL_PAIR_SLOTS_H_
#define HOLDFAST_INTERNAL_PAIR_SLOTS_H_

#include <atomic>
#include <cstdint>
#include <optional>

#include "absl/base/attributes.h"
#include "absl/base/optimization.h"
#include "holdfast/compared.h"
#include "holdfast/internal/pair_array.h"
#include "holdfast/internal/prefetch.h"
#include "holdfast/internal/slot_kind.h"
#include "holdfast/internal/slot_names.h"
#include "holdfast/internal/slot_word.h"
#include "holdfast/internal/two_links.h"
#include "holdfast/internal/value_words.h"

namespace holdfast::internal {

template <typename T, typename Traits>
class PairSlots {
  using Encoded = ValueWords<T>;
  using Slot = PairSlot<Traits>;
  static_assert(Encoded::kCount == 1);

 public:
  using Array = PairArray<Traits>;
  using Links = TwoLinks<Array, Traits>;
  using Word = PairWord<Traits::kGenerationBits>;
  using Free = FreeSlot<Traits::kGenerationBits>;
  using Life = internal::Life<Traits::kGenerationBits>;

  struct Shared {};  // Nothing.

  static constexpr bool kComparesValues = true;

  static constexpr uint64_t Entries(uint64_t all_slots) noexcept {
    return all_slots;
  }

  PairSlots() = default;
  explicit PairSlots(const SlotParts<PairSlots, Traits>& parts)
      : array_(parts.array) {}
  explicit PairSlots(Array array) : array_(array) {}

  bool ReachShared() const noexcept { return true; }

  void Clear(uint64_t /*used*/, uint64_t /*shards*/) const noexcept {}

  const Array& array() const noexcept { return array_; }

  // --- The owner of a free slot ----------------------------------------------

  ABSL_ATTRIBUTE_ALWAYS_INLINE Life Publish(Free free,
                                            const T& value) noexcept {
    const Life life = free.NextLife();
    Slot& slot = *array_.slot(life.index());
    // order: release -> refill. A reader that is late, of the slot's last life,
    // sees when it looks at the word again that the life is over.
    slot.value.store(Encoded::BitsOf(value), std::memory_order_release);
    // order: release -> publish. The value is complete before the handle can
    // be read, and so is all that happened before Pin. [INV-3]
    slot.word.store(Word::Live(life.generation()), std::memory_order_release);
    return life;
  }

  // --- Anyone with a handle --------------------------------------------------

  Generation ObservedGeneration(uint64_t index) const noexcept {
    return Observe(array_.slot(index)->word).generation();
  }

  // Wait-free: three loads.
  ABSL_ATTRIBUTE_ALWAYS_INLINE std::optional<T> Read(Life life) const noexcept {
    uint64_t value;
    if (!ReadBits(life, &value)) return std::nullopt;
    return Encoded::ValueOf(value);
  }

  // Wait-free: three loads.
  ABSL_ATTRIBUTE_ALWAYS_INLINE bool Read(Life life, T* value) const noexcept {
    uint64_t found;
    if (!ReadBits(life, &found)) return false;
    Encoded::Put(found, value);
    return true;
  }

  template <typename F>
  bool Visit(uint64_t begin, uint64_t end, F visit) const {
    const Slot* slot = array_.slot(begin);  // Loaded once, not for each slot.
    for (uint64_t i = begin; i < end; ++i, ++slot) {
      const Word word = Observe(slot->word);
      uint64_t value;
      if (!word.IsLive() || !CopyOf(*slot, word, &value)) continue;
      if (!visit(Life(i, word.generation()), Encoded::ValueOf(value)))
        return false;
    }
    return true;
  }

  ABSL_ATTRIBUTE_ALWAYS_INLINE bool Write(Life life, const T& value) noexcept {
    uint64_t old;
    return Replace(life, Encoded::BitsOf(value), &old);
  }

  ABSL_ATTRIBUTE_ALWAYS_INLINE std::optional<T> Exchange(
      Life life, const T& value) noexcept {
    uint64_t old;
    if (!Replace(life, Encoded::BitsOf(value), &old)) return std::nullopt;
    return Encoded::ValueOf(old);
  }

  ABSL_ATTRIBUTE_ALWAYS_INLINE bool ReadBits(Life life,
                                             uint64_t* bits) const noexcept {
    return LoadValue(*array_.slot(life.index()), Word::Live(life.generation()),
                     bits);
  }

  ABSL_ATTRIBUTE_ALWAYS_INLINE Compared
  CompareExchange(Life life, uint64_t expected, uint64_t desired,
                  uint64_t* found) noexcept {
    return ReplaceIfEqual(life, expected, Word::Live(life.generation()),
                          desired, found);
  }

  // Wait-free: only the end of the life can make the CAS fail.
  ABSL_ATTRIBUTE_ALWAYS_INLINE bool Vacate(Life life, Word* ended) noexcept {
    Slot& slot = *array_.slot(life.index());
    PrefetchForWrite(&slot);
    *ended = Word::Live(life.generation());
    // order: relaxed. The CAS validates it. Checked first so that a stale Unpin
    // writes to nothing that is shared.
    if (ABSL_PREDICT_FALSE(slot.word.load(std::memory_order_relaxed) !=
                           *ended)) {
      return Refuse(slot.word);
    }
    Word found = *ended;
    // order: acquire <- publish, rewrite: the value and what it refers to;
    // release -> end. Failure acquire <- end: what preceded the end of the
    // life.
    return slot.word.compare_exchange_strong(found, ended->Ended(),
                                             std::memory_order_acq_rel,
                                             std::memory_order_acquire);
  }

  ABSL_ATTRIBUTE_ALWAYS_INLINE Compared VacateIf(Life life, uint64_t* expected,
                                                 Word* ended) noexcept {
    *ended = Word::Live(life.generation());
    return ReplaceIfEqual(life, *expected, ended->Ended(), *expected, expected);
  }

  static Free Vacated(Life life, Word) noexcept { return Free::After(life); }

  T Value(Life life, Word) const noexcept {
    // order: relaxed. The slot is the caller's, and the CAS that ended the life
    // has acquired the value.
    return Encoded::ValueOf(
        array_.slot(life.index())->value.load(std::memory_order_relaxed));
  }

  // --- A thread that has stopped every other one -----------------------------

  template <typename F>
  void UpdateExclusive(uint64_t index, F update) {
    const Word word = array_.LoadWord(index);
    const Life life(index, word.generation());
    T value = Value(life, word);
    update(life, value);
    // order: relaxed. No other thread runs.
    array_.slot(index)->value.store(Encoded::BitsOf(value),
                                    std::memory_order_relaxed);
  }

  ABSL_ATTRIBUTE_ALWAYS_INLINE bool EndExclusive(uint64_t index) noexcept {
    const Word word = array_.LoadWord(index);
    if (!word.IsLive()) return false;
    // order: relaxed. No other thread runs.
    array_.slot(index)->word.store(word.Ended(), std::memory_order_relaxed);
    return true;
  }

 private:
  // Copies the value of a slot whose word, of a life, the caller has acquired.
  // False if the life has ended meanwhile.
  ABSL_ATTRIBUTE_ALWAYS_INLINE static bool CopyOf(const Slot& slot, Word word,
                                                  uint64_t* value) noexcept {
    // order: acquire <- rewrite: what the value refers to; acquire <- refill.
    *value = slot.value.load(std::memory_order_acquire);
    // order: relaxed. If the value is a later life's, or links of the free
    // slot, its acquire load has synchronized with a store that comes after the
    // end of this life; so this load sees that end. [INV-4]
    return ABSL_PREDICT_TRUE(slot.word.load(std::memory_order_relaxed) ==
                             word) ||
           Refuse(slot.word);
  }

  // Loads the value of the life that `word` belongs to. False if that is over.
  ABSL_ATTRIBUTE_ALWAYS_INLINE static bool LoadValue(const Slot& slot,
                                                     Word word,
                                                     uint64_t* value) noexcept {
    return Observe(slot.word) == word && CopyOf(slot, word, value);
  }

  // Replaces the value of a life, and puts the old one into `*old`. False, and
  // nothing is changed, if the life is over. Lock-free: a retry means that
  // another thread has replaced the value.
  ABSL_ATTRIBUTE_ALWAYS_INLINE bool Replace(Life life, uint64_t value,
                                            uint64_t* old) noexcept {
    Slot& slot = *array_.slot(life.index());
    const Word word = Word::Live(life.generation());
    PrefetchForWrite(&slot);
    // order: relaxed. The CAS validates it. On every path, or g++ -Og warns.
    *old = slot.value.load(std::memory_order_relaxed);
    // order: relaxed. The CAS validates it. Looked at first so that a stale
    // Write writes to nothing that is shared.
    if (slot.word.load(std::memory_order_relaxed) != word) {
      return Refuse(slot.word);
    }
    // order: release -> rewrite: the new value; acquire <- publish, rewrite:
    // the old one.
    while (ABSL_PREDICT_FALSE(!slot.word.compare_exchange_both(
        word, word, slot.value, *old, value, std::memory_order_acq_rel))) {
      if (!LoadValue(slot, word, old)) return false;
    }
    return true;
  }

  // If the value of a life is `expected`, stores `word` and `desired`. If it is
  // another one, puts that into `*found`. Lock-free: a retry means that another
  // thread has replaced the value.
  ABSL_ATTRIBUTE_ALWAYS_INLINE Compared
  ReplaceIfEqual(Life life, uint64_t expected, Word word, uint64_t desired,
                 uint64_t* found) noexcept {
    Slot& slot = *array_.slot(life.index());
    const Word live = Word::Live(life.generation());
    uint64_t value = 0;  // Or g++ -Og warns.
    do {
      // Looked at first so that a call that fails writes to nothing that is
      // shared.
      if (ABSL_PREDICT_FALSE(!LoadValue(slot, live, &value))) {
        return Compared::kStale;
      }
      if (value != expected) {
        *found = value;
        return Compared::kDifferent;
      }
      // order: release -> rewrite: the new value or, if `word` is that of a
      // free slot, release -> end; acquire <- publish, rewrite: the old one.
    } while (ABSL_PREDICT_FALSE(!slot.word.compare_exchange_both(
        live, word, slot.value, expected, desired, std::memory_order_acq_rel)));
    return Compared::kEqual;
  }

  Array array_;
};

}  // namespace holdfast::internal

#endif  // HOLDFAST_INTERNAL_PAIR_SLOTS_H_
