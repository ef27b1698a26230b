// Slots that hold their values themselves, beside the generation: 8 bytes a
// slot, and a Write is one CAS. For values that fit into the 64 -
// kGenerationBits upper bits of the word: by default, 4 bytes. A kind of slots,
// see slot_kind.h.

#ifndef HOLDFAST_INTERNAL_INLINE_SLOTS_H_
#define HOLDFAST_INTERNAL_INLINE_SLOTS_H_

#include <atomic>
#include <cstdint>
#include <optional>

#include "holdfast/compared.h"
#include "holdfast/internal/inline_links.h"
#include "holdfast/internal/inline_word.h"
#include "holdfast/internal/prefetch.h"
#include "holdfast/internal/slot_kind.h"
#include "holdfast/internal/slot_names.h"
#include "holdfast/internal/slot_word.h"
#include "holdfast/internal/value_words.h"

namespace holdfast::internal {

template <typename T, typename Traits>
class InlineSlots {
  using Encoded = ValueWords<T>;
  using Slot = InlineSlot<Traits>;

 public:
  using Array = InlineArray<Traits>;
  using Links = InlineLinks<Traits>;
  using Word = InlineWord<Traits::kGenerationBits>;
  using Free = FreeSlot<Traits::kGenerationBits>;
  using Life = internal::Life<Traits::kGenerationBits>;
  static_assert(sizeof(T) * 8 <= Word::kValueBits);

  struct Shared {};  // Nothing.

  static constexpr bool kComparesValues = true;

  static constexpr uint64_t Entries(uint64_t all_slots) noexcept {
    return all_slots;
  }

  InlineSlots() = default;
  explicit InlineSlots(const SlotParts<InlineSlots, Traits>& parts)
      : array_(parts.array) {}
  explicit InlineSlots(Array array) : array_(array) {}

  bool ReachShared() const noexcept { return true; }

  // Makes zeros of the links between batches, for a thread that has the table
  // to itself. The first `used` slots were used.
  void Clear(uint64_t used, uint64_t /*shards*/) const noexcept {
    array_.ClearSides(used);
  }

  const Array& array() const noexcept { return array_; }

  // --- The owner of a free slot ----------------------------------------------

  Life Publish(Free free, const T& value) noexcept {
    const Life life = free.NextLife();
    // order: release -> publish. All that happened before Pin is visible to
    // every thread that reads the handle. [INV-3]
    array_.slot(life.index())
        ->word.store(Encode(value, life.generation()),
                     std::memory_order_release);
    return life;
  }

  // --- Anyone with a handle --------------------------------------------------

  Generation ObservedGeneration(uint64_t index) const noexcept {
    return Observe(array_.slot(index)->word).generation();
  }

  // Wait-free: one load.
  std::optional<T> Read(Life life) const noexcept {
    Word word;
    if (!Find(life, &word)) return std::nullopt;
    return Decode(word);
  }

  // Wait-free: one load.
  bool Read(Life life, T* value) const noexcept {
    Word word;
    if (!Find(life, &word)) return false;
    Encoded{{word.value()}}.Decode(value);
    return true;
  }

  template <typename F>
  bool Visit(uint64_t begin, uint64_t end, F visit) const {
    const Slot* slot = array_.slot(begin);  // Loaded once, not for each slot.
    for (uint64_t i = begin; i < end; ++i, ++slot) {
      const Word word = Observe(slot->word);
      if (!word.IsLive()) continue;
      if (!visit(Life(i, word.generation()), Decode(word))) return false;
    }
    return true;
  }

  bool Write(Life life, const T& value) noexcept {
    return Exchange(life, value).has_value();
  }

  // Lock-free: a retry means that another thread's Write succeeded.
  std::optional<T> Exchange(Life life, const T& value) noexcept {
    Slot& slot = *array_.slot(life.index());
    Word word = array_.LoadWord(life.index());
    do {
      if (word.generation() != life.generation()) {
        Refuse(slot.word);
        return std::nullopt;
      }
      // order: release -> rewrite; acquire <- publish, rewrite: what the old
      // value refers to. Failure relaxed: the word alone is looked at.
    } while (!slot.word.compare_exchange_weak(
        word, Encode(value, life.generation()), std::memory_order_acq_rel,
        std::memory_order_relaxed));
    return Decode(word);
  }

  bool Vacate(Life life, Word* ended) noexcept {
    Slot& slot = *array_.slot(life.index());
    PrefetchForWrite(&slot);
    *ended = array_.LoadWord(life.index());  // On every path, or g++ -O1 warns.
    do {
      if (ended->generation() != life.generation()) return Refuse(slot.word);
      // order: acquire <- publish, rewrite: what the value refers to;
      // release -> end. Failure relaxed: the word alone is looked at.
    } while (!slot.word.compare_exchange_weak(*ended, ended->Ended(),
                                              std::memory_order_acq_rel,
                                              std::memory_order_relaxed));
    return true;
  }

  bool ReadBits(Life life, uint64_t* bits) const noexcept {
    Word word;
    if (!Find(life, &word)) return false;
    *bits = word.value();
    return true;
  }

  Compared CompareExchange(Life life, uint64_t expected, uint64_t desired,
                           uint64_t* found) noexcept {
    return ReplaceIfEqual(life, Word(expected, life.generation()),
                          Word(desired, life.generation()), found);
  }

  Compared VacateIf(Life life, uint64_t* expected, Word* ended) noexcept {
    *ended = Word(*expected, life.generation());
    return ReplaceIfEqual(life, *ended, ended->Ended(), expected);
  }

  static Free Vacated(Life life, Word) noexcept { return Free::After(life); }

  static T Value(Life, Word ended) noexcept { return Decode(ended); }

  // --- A thread that has stopped every other one -----------------------------

  template <typename F>
  void UpdateExclusive(uint64_t index, F update) {
    const Word word = array_.LoadWord(index);
    T value = Decode(word);
    update(Life(index, word.generation()), value);
    // order: relaxed. No other thread runs.
    array_.slot(index)->word.store(Encode(value, word.generation()),
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
  // The slot's word, and whether it is of that life.
  bool Find(Life life, Word* word) const noexcept {
    *word = Observe(array_.slot(life.index())->word);
    return word->generation() == life.generation() && word->IsLive();
  }

  // If the word of a life is `expected`, stores `desired`. If its value is
  // another one, puts that into `*found`. Lock-free: a retry means that a weak
  // CAS has failed without a reason.
  Compared ReplaceIfEqual(Life life, Word expected, Word desired,
                          uint64_t* found) noexcept {
    Slot& slot = *array_.slot(life.index());
    // Looked at first so that a call that fails writes to nothing that is
    // shared.
    Word word = Observe(slot.word);
    while (word == expected) {
      // order: release -> rewrite: the new value or, if `desired` is that of a
      // free slot, release -> end; acquire <- publish, rewrite: the old one.
      // Failure acquire <- rewrite, end: the value that was found, or what
      // preceded the end of the life.
      if (slot.word.compare_exchange_weak(word, desired,
                                          std::memory_order_acq_rel,
                                          std::memory_order_acquire)) {
        return Compared::kEqual;
      }
    }
    if (word.generation() != life.generation()) return Compared::kStale;
    *found = word.value();
    return Compared::kDifferent;
  }

  static Word Encode(const T& value, Generation generation) noexcept {
    return Word(Encoded::Encode(value).words[0], generation);
  }

  static T Decode(Word word) noexcept {
    return Encoded{{word.value()}}.Decode();
  }

  Array array_;
};

}  // namespace holdfast::internal

#endif  // HOLDFAST_INTERNAL_INLINE_SLOTS_H_
