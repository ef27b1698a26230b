// Slots whose values lie in the word itself, beside the generation: 8 bytes a
// slot, and one CAS is a whole Write. For values that fit in the 64 -
// kGenerationBits upper bits, which is 4 bytes by default.
//
// The same operations as CellSlots; see there for what each requires.

#ifndef HOLDFAST_INTERNAL_INLINE_SLOTS_H_
#define HOLDFAST_INTERNAL_INLINE_SLOTS_H_

#include <atomic>
#include <cstdint>
#include <optional>

#include "holdfast/internal/slot_word.h"
#include "holdfast/internal/words.h"

namespace holdfast::internal {

template <typename T, typename Traits>
class InlineSlots {
  template <typename U>
  using Atomic = typename Traits::Atomics::template Atomic<U>;
  using Word = Words<Traits::kGenerationBits>;
  using Encoded = ValueWords<T>;
  static_assert(sizeof(T) * 8 <= Word::kUpperBits);

 public:
  static constexpr bool kHasCells = false;
  static constexpr uint32_t kLinks = 1;

  struct Slot {
    // While the slot is free, the upper bits are its only link, to the next
    // slot of its batch.
    Atomic<uint64_t> word;
  };

  // The slot below a batch on the free list, at the index of the batch's first
  // slot; in an array of its own, touched only where a batch began.
  using Side = Atomic<uint32_t>;

  InlineSlots() = default;
  InlineSlots(Slot* slots, Side* below) : slots_(slots), below_(below) {}

  // Where the parts of the slot `index` lie.
  const Slot* slot(uint64_t index) const { return slots_ + index; }
  const Side* side(uint64_t index) const { return below_ + index; }

  // --- The owner of a free slot -------------------------------------------

  uint64_t FreeSlot(uint32_t index) const noexcept {
    return Word::Pack(index, Generation(index));
  }

  uint64_t Publish(uint64_t free, const T& value) noexcept {
    const uint64_t generation = Word::Generation(free) + 1;
    // order: release -> publish. All that happened before Pin is visible to
    // whoever reads the handle. [INV-3]
    slots_[Word::Index(free)].word.store(Pack(value, generation),
                                         std::memory_order_release);
    return free + 1;
  }

  void SetLinks(uint64_t free, uint32_t first, uint32_t /*second*/) noexcept {
    // order: release -> end. Whoever is refused by this word has what happened
    // before the slot's last life ended, as the caller has, who owns the slot.
    slots_[Word::Index(free)].word.store(
        Word::Pack(first, Word::Generation(free)), std::memory_order_release);
  }

  void SetBelow(uint64_t free, uint32_t below) noexcept {
    // order: relaxed. The recycle edge carries it.
    below_[Word::Index(free)].store(below, std::memory_order_relaxed);
  }

  Links LinksOf(uint32_t free) const noexcept {
    return {static_cast<uint32_t>(Word::Upper(LoadWord(free))), Word::kNil};
  }

  uint64_t LongForm(uint32_t free) const noexcept { return FreeSlot(free); }

  // --- Whoever looks at the top of the free list ---------------------------

  uint32_t Below(uint32_t index) const noexcept {
    // order: relaxed. Right if the CAS on the head succeeds: both batches have
    // then lain on the list, unchanged, since the acquire load of the head.
    return below_[index].load(std::memory_order_relaxed);
  }

  uint64_t Generation(uint32_t index) const noexcept {
    return Word::Generation(LoadWord(index));
  }

  uint64_t LoadWord(uint32_t index) const noexcept {
    // order: relaxed. Nothing is read through it.
    return slots_[index].word.load(std::memory_order_relaxed);
  }

  // --- Anyone with a handle -------------------------------------------------

  uint64_t ObservedGeneration(uint32_t index) const noexcept {
    return Word::Generation(Observe(slots_[index].word));
  }

  // Wait-free: one load. As CellSlots::Read.
  std::optional<T> Read(uint32_t index, uint64_t generation) const noexcept {
    uint64_t word;
    if (!Find(index, generation, &word)) return std::nullopt;
    return Unpack(word);
  }

  // As Read, into `*value`.
  bool Read(uint32_t index, uint64_t generation, T* value) const noexcept {
    uint64_t word;
    if (!Find(index, generation, &word)) return false;
    Encoded{{Word::Upper(word)}}.Decode(value);
    return true;
  }

  // As CellSlots::Visit.
  template <typename F>
  bool Visit(uint64_t begin, uint64_t end, F visit) const {
    const Slot* slot = slots_ + begin;
    for (uint64_t i = begin; i < end; ++i, ++slot) {
      const uint64_t word = Observe(slot->word);
      if (!Word::IsLive(word)) continue;
      if (!visit(i, Word::Generation(word), Unpack(word))) return false;
    }
    return true;
  }

  bool Write(uint32_t index, uint64_t generation, const T& value,
             uint32_t* spare) noexcept {
    return Exchange(index, generation, value, spare).has_value();
  }

  // Lock-free: a retry means that another thread's Write succeeded.
  std::optional<T> Exchange(uint32_t index, uint64_t generation, const T& value,
                            uint32_t* /*spare*/) noexcept {
    Slot& slot = slots_[index];
    uint64_t word = LoadWord(index);
    do {
      if (Word::Generation(word) != generation) {
        Refuse(slot.word);
        return std::nullopt;
      }
      // order: release -> rewrite; acquire <- publish, rewrite: what the old
      // value refers to. Failure relaxed: the word alone is looked at.
    } while (!slot.word.compare_exchange_weak(word, Pack(value, generation),
                                              std::memory_order_acq_rel,
                                              std::memory_order_relaxed));
    return Unpack(word);
  }

  bool Vacate(uint32_t index, uint64_t generation, uint64_t* ended) noexcept {
    Slot& slot = slots_[index];
    *ended = LoadWord(index);  // Always, or g++ -O1 warns of it.
    do {
      if (Word::Generation(*ended) != generation) return Refuse(slot.word);
      // order: acquire <- publish, rewrite: what the value refers to;
      // release -> end. Failure relaxed: the word alone is looked at.
    } while (!slot.word.compare_exchange_weak(*ended, *ended + 1,
                                              std::memory_order_acq_rel,
                                              std::memory_order_relaxed));
    return true;
  }

  static uint64_t Vacated(uint64_t place, uint64_t /*ended*/) noexcept {
    return place + 1;
  }

  T Value(uint32_t /*index*/, uint64_t ended) const noexcept {
    return Unpack(ended);
  }

  // --- Whoever has stopped every other thread -------------------------------

  template <typename F>
  void UpdateExclusive(uint32_t index, F update) {
    const uint64_t word = LoadWord(index);
    T value = Unpack(word);
    update(Word::Generation(word), value);
    // order: relaxed. Nobody else runs.
    slots_[index].word.store(Pack(value, Word::Generation(word)),
                             std::memory_order_relaxed);
  }

 private:
  // The slot's word, and whether it is of that life.
  bool Find(uint32_t index, uint64_t generation,
            uint64_t* word) const noexcept {
    *word = Observe(slots_[index].word);
    return Word::IsLive(*word, generation);
  }

  static uint64_t Pack(const T& value, uint64_t generation) noexcept {
    return Word::Pack(Encoded::Encode(value).words[0], generation);
  }

  static T Unpack(uint64_t word) noexcept {
    return Encoded{{Word::Upper(word)}}.Decode();
  }

  Slot* slots_ = nullptr;
  Side* below_ = nullptr;
};

}  // namespace holdfast::internal

#endif  // HOLDFAST_INTERNAL_INLINE_SLOTS_H_
