// Slots whose values lie in value cells, for any value of 1 to 64 bytes.
//
// The slot's word names the cell that holds its value; at first its own, which
// lies beside it. Write touches no slot's value: it fills a spare cell, swaps
// it in with one CAS, and then owns the old cell. If that is the slot's own,
// Write fills it too and swaps it back; else, or if another thread came
// between, it is the next spare. Each cell is one slot's, or is one spare.
// [INV-2]
//
// Reads are optimistic: copy, then look again whether the word is the same. If
// the word counts writes, that is enough. Under any other, the cell may have
// been away and come back, so each has a version, bumped before it is refilled:
// a sequence lock (H.-J. Boehm, "Can seqlocks get along with programming
// language memory models?", MSPC 2012, in its fence-free form) without the
// writer's lock.

#ifndef HOLDFAST_INTERNAL_CELL_SLOTS_H_
#define HOLDFAST_INTERNAL_CELL_SLOTS_H_

#include <atomic>
#include <cstdint>
#include <optional>

#include "absl/base/attributes.h"
#include "absl/base/optimization.h"
#include "holdfast/internal/slot_word.h"
#include "holdfast/internal/value_cell.h"
#include "holdfast/internal/words.h"

namespace holdfast::internal {

template <typename T, typename Traits>
class CellSlots {
  template <typename U>
  using Atomic = typename Traits::Atomics::template Atomic<U>;
  using Word = Words<Traits::kGenerationBits>;
  using Encoded = ValueWords<T>;

 public:
  static constexpr bool kHasCells = true;
  static constexpr uint32_t kLinks = 2;  // Of a free slot, to others.

  struct Slot {
    Atomic<uint64_t> word;
    // The cell of the slot's own index. Entries beyond the slots are cells
    // alone. While the slot that owns a cell is free, the cell's first word is
    // {second link:32 | first link:32}, to other slots of its batch; the second
    // link of a batch's first slot is to the batch below.
    ValueCell<T, Traits> cell;
  };

  using Side = Atomic<uint64_t>;  // A cell's version, which does not wrap.

  CellSlots() = default;
  CellSlots(Slot* slots, Side* versions) : slots_(slots), versions_(versions) {}

  // Where the parts of the slot `index` lie.
  const Slot* slot(uint64_t index) const { return slots_ + index; }
  const Side* side(uint64_t index) const { return versions_ + index; }

  // --- The owner of a free slot -------------------------------------------

  uint64_t FreeSlot(uint32_t index) const noexcept {
    const uint64_t word = LoadWord(index);
    return Word::Pack(index, Word::Generation(word)) | Word::MovedBit(word);
  }

  // Free to live. Returns the place of the new life.
  ABSL_ATTRIBUTE_ALWAYS_INLINE uint64_t Publish(uint64_t free,
                                                const T& value) noexcept {
    const Encoded encoded = Encoded::Encode(value);
    if (ABSL_PREDICT_FALSE(Word::IsMoved(free))) {
      return PublishMoved(free, encoded);
    }
    Slot& slot = slots_[Word::Upper(free)];
    slot.cell.Fill(encoded);
    return Publish(free, slot, Word::Generation(free) | Word::kHome);
  }

  // Links a free slot to others of its batch, short forms, or to kNil.
  void SetLinks(uint64_t free, uint32_t first, uint32_t second) noexcept {
    // order: release -> refill. A late reader of the slot's last life that
    // copies this word sees in its re-check that the life is over.
    Link(Word::ShortForm(free))
        .store(uint64_t{second} << 32 | first, std::memory_order_release);
  }

  // Links the first slot of a batch, which it is linked to, to the batch below.
  void SetBelow(uint64_t free, uint32_t below) noexcept {
    Atomic<uint64_t>& link = Link(Word::ShortForm(free));
    // order: relaxed. The caller owns the slot and wrote the link.
    const uint64_t first = link.load(std::memory_order_relaxed) & ~uint32_t{0};
    // order: release -> refill.
    link.store(uint64_t{below} << 32 | first, std::memory_order_release);
  }

  // By short forms: the walk along a batch waits for one load a slot.
  Links LinksOf(uint32_t free) const noexcept {
    // order: relaxed. The caller owns the slot, by the recycle edge.
    const uint64_t links = Link(free).load(std::memory_order_relaxed);
    return {static_cast<uint32_t>(links), static_cast<uint32_t>(links >> 32)};
  }

  uint64_t LongForm(uint32_t free) const noexcept {
    return Word::LongForm(free, Generation(Word::ShortIndex(free)));
  }

  // --- Whoever looks at the top of the free list ---------------------------

  // What lies below the batch that starts at `index`, if that is still on top.
  uint32_t Below(uint32_t index) const noexcept {
    // order: relaxed. Right if the CAS on the head succeeds: both batches have
    // then lain on the list, unchanged, since the acquire load of the head.
    return static_cast<uint32_t>(Link(Word::ShortForm(FreeSlot(index)))
                                     .load(std::memory_order_relaxed) >>
                                 32);
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

  // Copies the value of that life to `*value`; false if it is over, or if
  // `generation` is even, and so no life's. Lock-free: a retry means that a
  // Write of another thread was under way.
  ABSL_ATTRIBUTE_ALWAYS_INLINE bool Read(uint32_t index, uint64_t generation,
                                         T* value) const noexcept {
    const Slot& slot = slots_[index];
    const uint64_t word = Observe(slot.word);
    Encoded copy;
    if (Word::Generation(word) != generation) return false;
    if (!Copy(index, slot, word, &copy)) return false;
    copy.Decode(value);
    return true;
  }

  // As Read, for an optional that is returned in registers: made here and not
  // of `*value`, or g++ 12 would store it and wait for it.
  std::optional<T> Read(uint32_t index, uint64_t generation) const noexcept {
    const Slot& slot = slots_[index];
    const uint64_t word = Observe(slot.word);
    Encoded copy;
    if (ABSL_PREDICT_TRUE(Word::Generation(word) == generation &&
                          Copy(index, slot, word, &copy))) {
      return copy.Decode();
    }
    return std::nullopt;
  }

  // Calls visit(index, generation, const T&) for the slots of [begin, end) of
  // which Read would return a value, until a call returns false. Then it
  // returns false as well.
  template <typename F>
  bool Visit(uint64_t begin, uint64_t end, F visit) const {
    const Slot* slot = slots_ + begin;  // Not to be loaded for each.
    for (uint64_t i = begin; i < end; ++i, ++slot) {
      const uint64_t word = Observe(slot->word);
      // Also in Copy; but g++ 12 then keeps a sum that `visit` makes in memory.
      if (!Word::IsLive(word)) continue;
      Encoded copy;
      if (!Copy(static_cast<uint32_t>(i), *slot, word, &copy)) continue;
      if (!visit(i, Word::Generation(word), copy.Decode())) return false;
    }
    return true;
  }

  // Replaces the value by way of the cell `*spare`, which the caller owns;
  // false if that life is over. Leaves a cell that is the caller's in `*spare`.
  // Lock-free: a retry means that a Write of another thread was under way.
  bool Write(uint32_t index, uint64_t generation, const T& value,
             uint32_t* spare) noexcept {
    return Replace(index, generation, value, spare, nullptr);
  }

  std::optional<T> Exchange(uint32_t index, uint64_t generation, const T& value,
                            uint32_t* spare) noexcept {
    Encoded old;
    if (!Replace(index, generation, value, spare, &old)) return std::nullopt;
    return old.Decode();
  }

  // Live to free, or retired; false if that life was over. The caller then owns
  // slot and cell; `*ended` is the last word of the life. Lock-free, as Write.
  ABSL_ATTRIBUTE_ALWAYS_INLINE bool Vacate(uint32_t index, uint64_t generation,
                                           uint64_t* ended) noexcept {
    Slot& slot = slots_[index];
    // order: relaxed. The CAS validates it; checked first so that a stale Unpin
    // writes to nothing that is shared.
    const uint64_t word = slot.word.load(std::memory_order_relaxed);
    uint64_t found = generation | Word::kHome;
    // order: acquire <- publish, rewrite: the cell, its version and its value
    // are the caller's; release -> end. Failure relaxed: VacateAny looks again.
    if (ABSL_PREDICT_FALSE(word != found ||
                           !slot.word.compare_exchange_strong(
                               found, generation + 1, std::memory_order_acq_rel,
                               std::memory_order_relaxed))) {
      return VacateAny(slot, generation, ended);
    }
    *ended = found;
    return true;
  }

  // The slot of a life that the caller ended, unless that was its last.
  static uint64_t Vacated(uint64_t place, uint64_t ended) noexcept {
    if (ABSL_PREDICT_TRUE(Word::IsHome(ended))) return place + 1;
    return (place + 1) | Word::MovedBit(ended);
  }

  // The value of a life that the caller ended, before it gives the slot away.
  T Value(uint32_t index, uint64_t ended) const noexcept {
    return slots_[Word::Cell(ended, index)].cell.CopyOwned().Decode();
  }

  // --- Whoever has stopped every other thread -------------------------------

  template <typename F>
  void UpdateExclusive(uint32_t index, F update) {
    const uint64_t word = LoadWord(index);
    const uint32_t cell = Word::Cell(word, index);
    T value = slots_[cell].cell.CopyOwned().Decode();
    update(Word::Generation(word), value);
    slots_[cell].cell.Fill(Encoded::Encode(value));
  }

 private:
  // By value: an address would send each value through memory.
  ABSL_ATTRIBUTE_NOINLINE uint64_t
  PublishMoved(uint64_t free, const Encoded encoded) noexcept {
    const uint32_t index = Word::Index(free);
    const uint64_t word = LoadWord(index);
    slots_[Word::Cell(word, index)].cell.Fill(encoded);
    return Publish(free & ~Word::kMoved, slots_[index], word);
  }

  static uint64_t Publish(uint64_t place, Slot& slot, uint64_t word) noexcept {
    // order: release -> publish. The value is complete before the handle can
    // be read, and so is all that happened before Pin. [INV-3]
    slot.word.store(word + 1, std::memory_order_release);
    return place + 1;
  }

  // Vacate from any word.
  ABSL_ATTRIBUTE_NOINLINE static bool VacateAny(Slot& slot, uint64_t generation,
                                                uint64_t* ended) noexcept {
    // order: relaxed. The CAS validates it.
    *ended = slot.word.load(std::memory_order_relaxed);
    do {
      if (Word::Generation(*ended) != generation) return Refuse(slot.word);
      // order: acquire <- publish, rewrite; release -> end. Failure relaxed. As
      // in Vacate.
    } while (!slot.word.compare_exchange_weak(*ended, Word::Ended(*ended),
                                              std::memory_order_acq_rel,
                                              std::memory_order_relaxed));
    return true;
  }

  // Copies the value of the slot `index`, whose word was acquired. False if
  // that is of no life, or if the life has ended meanwhile.
  ABSL_ATTRIBUTE_ALWAYS_INLINE bool Copy(uint32_t index, const Slot& slot,
                                         uint64_t word,
                                         Encoded* copy) const noexcept {
    if (ABSL_PREDICT_TRUE(Word::IsHome(word) && CopyHome(slot, word, copy))) {
      return true;
    }
    Encoded any;  // Has an address: `*copy` is to stay in registers.
    if (!Word::IsLive(word) || !CopyAny(index, word, &any)) return false;
    *copy = any;
    return true;
  }

  // Copies the value of a slot whose word, which was acquired, has it at home.
  // False if that may have changed meanwhile.
  ABSL_ATTRIBUTE_ALWAYS_INLINE static bool CopyHome(const Slot& slot,
                                                    uint64_t word,
                                                    Encoded* copy) noexcept {
    *copy = slot.cell.Copy();
    // order: relaxed. The acquire loads of the copy are before it: had they
    // read a refill, this would read the word that let it happen. [INV-4]
    return slot.word.load(std::memory_order_relaxed) == word;
  }

  // Read for any cell, after a first look that acquired `word`.
  ABSL_ATTRIBUTE_NOINLINE bool CopyAny(uint32_t index, uint64_t word,
                                       Encoded* copy) const noexcept {
    const uint64_t generation = Word::Generation(word);
    while (!TryCopy(index, word, copy)) {
      // order: acquire <- rewrite, end.
      word = slots_[index].word.load(std::memory_order_acquire);
      if (Word::Generation(word) != generation) return false;
    }
    return true;
  }

  // Copies the value that `word`, which was acquired, names. False if the cell
  // may have been elsewhere meanwhile.
  bool TryCopy(uint32_t index, uint64_t word, Encoded* copy) const noexcept {
    const Slot& slot = slots_[index];
    if (Word::IsHome(word)) return CopyHome(slot, word, copy);
    const uint32_t cell = Word::Cell(word, index);
    // order: acquire <- bump. Had the cell left the slot for the refill that
    // this version announces, the next load would show that.
    const uint64_t version = versions_[cell].load(std::memory_order_acquire);
    // order: acquire <- rewrite. If the cell has come back meanwhile, its
    // refill is seen whole.
    if (slot.word.load(std::memory_order_acquire) != word) return false;
    *copy = slots_[cell].cell.Copy();
    // order: relaxed, both. As above; and a refill after the first look at the
    // version has bumped it before. [INV-4]
    return slot.word.load(std::memory_order_relaxed) == word &&
           versions_[cell].load(std::memory_order_relaxed) == version;
  }

  // Write. Copies the value that it replaces to `*old` unless that is null.
  ABSL_ATTRIBUTE_ALWAYS_INLINE bool Replace(uint32_t index, uint64_t generation,
                                            const T& value, uint32_t* spare,
                                            Encoded* old) noexcept {
    Slot& slot = slots_[index];
    // order: relaxed. The CAS validates it; checked first so that a stale
    // Write writes to nothing that is shared.
    const uint64_t word = slot.word.load(std::memory_order_relaxed);
    if (Word::Generation(word) != generation) return Refuse(slot.word);
    const Encoded encoded = Encoded::Encode(value);
    BumpVersion(versions_[*spare]);
    slots_[*spare].cell.Fill(encoded);
    const uint64_t away =
        Word::kReturning | Word::Pack(*spare ^ index, generation);
    uint64_t found = word;
    // order: release -> rewrite: the new value; acquire <- publish, rewrite:
    // the own cell is the caller's with all that was done to it. Failure
    // relaxed: ReplaceAny looks at the word.
    if (ABSL_PREDICT_FALSE(!Word::IsHome(word) ||
                           !slot.word.compare_exchange_strong(
                               found, away, std::memory_order_acq_rel,
                               std::memory_order_relaxed))) {
      return ReplaceAny(index, generation, encoded, spare, old);
    }
    if (old != nullptr) *old = slot.cell.CopyOwned();
    if (!BringBack(slot, encoded, word, away)) *spare = index;
    return true;
  }

  // Replace from any word, with the spare filled.
  ABSL_ATTRIBUTE_NOINLINE bool ReplaceAny(uint32_t index, uint64_t generation,
                                          const Encoded encoded,
                                          uint32_t* spare,
                                          Encoded* old) noexcept {
    Slot& slot = slots_[index];
    // order: relaxed. The CAS validates it.
    uint64_t word = slot.word.load(std::memory_order_relaxed);
    uint64_t written;
    do {
      if (Word::Generation(word) != generation) return Refuse(slot.word);
      written = Word::Written(word, *spare ^ index);
      // order: release -> rewrite; acquire <- publish, rewrite. As in Replace,
      // of whichever cell. Failure relaxed: the word alone is looked at.
    } while (!slot.word.compare_exchange_weak(
        word, written, std::memory_order_acq_rel, std::memory_order_relaxed));
    const uint32_t cell = Word::Cell(word, index);
    if (old != nullptr) *old = slots_[cell].cell.CopyOwned();
    if (cell == index) {
      // For readers of a word that does not count writes; else it is idle.
      BumpVersion(versions_[index]);
      if (BringBack(slot, encoded, word, written)) return true;
    }
    *spare = cell;
    return true;
  }

  // Fills the slot's own cell, which the caller took out of it when it made
  // `away` of `word`, and puts it back. False if another thread has ended the
  // life, or has replaced the value, and thereby taken the spare.
  ABSL_ATTRIBUTE_ALWAYS_INLINE static bool BringBack(Slot& slot,
                                                     const Encoded& encoded,
                                                     uint64_t word,
                                                     uint64_t away) noexcept {
    slot.cell.Fill(encoded);
    // order: release -> rewrite: the value, in its second place. It acquires
    // nothing: the spare is as this thread left it. Failure relaxed: all done.
    return slot.word.compare_exchange_strong(away, Word::BroughtBack(word),
                                             std::memory_order_release,
                                             std::memory_order_relaxed);
  }

  // Where a free slot keeps its links.
  Atomic<uint64_t>& Link(uint32_t free) const noexcept {
    const uint32_t index = Word::ShortIndex(free);
    const bool moved = (free & Word::kShortMoved) != 0;
    return slots_[moved ? Word::Cell(LoadWord(index), index) : index]
        .cell.words[0];
  }

  Slot* slots_ = nullptr;
  Side* versions_ = nullptr;
};

}  // namespace holdfast::internal

#endif  // HOLDFAST_INTERNAL_CELL_SLOTS_H_
