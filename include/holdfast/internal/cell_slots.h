// Slots whose values lie in value cells, for any value of 1 to 64 bytes.
//
// The slot's word names the cell that holds its value; at first the one beside
// it, in the same cache line. Write does not touch the value that readers may
// be copying: it fills a spare cell and swaps it in with one CAS on the word,
// and the old cell becomes the spare. Every cell is owned by exactly one slot
// or is exactly one spare. [INV-2]
//
// Reads are optimistic: copy, then look again whether the word is the same. For
// a word whose rewritten bit is clear that is enough, because a cell cannot
// leave a slot without setting the bit or ending the life. For one whose bit is
// set the cell may have been away and come back, so each cell has a version,
// bumped before it is refilled.
//
// The scheme is a sequence lock per cell (H.-J. Boehm, "Can seqlocks get along
// with programming language memory models?", MSPC 2012, in its fence-free form)
// under a generation check, without the writer's lock.

#ifndef HOLDFAST_INTERNAL_CELL_SLOTS_H_
#define HOLDFAST_INTERNAL_CELL_SLOTS_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "absl/base/attributes.h"
#include "absl/base/optimization.h"
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

  // Slots that a free slot is linked to.
  static constexpr uint32_t kLinks = 2;

  struct Slot {
    Atomic<uint64_t> word;
    // The cell of the slot's own index. Entries beyond the slots are cells
    // alone. While the slot that owns a cell is free, payload[0] of the cell is
    // {second link:32 | first link:32}, to other slots of its batch; the second
    // link of a batch's first slot is to the batch below.
    Atomic<uint64_t> payload[Encoded::kCount];
  };

  // The version of a cell, in an array that nobody touches before the first
  // Write. 64 bits: it does not wrap in a machine's lifetime.
  using Side = Atomic<uint64_t>;

  CellSlots() = default;
  CellSlots(Slot* slots, Side* versions) : slots_(slots), versions_(versions) {}

  // --- The owner of a free slot -------------------------------------------

  // `index` as a free slot that may be passed on.
  uint64_t FreeSlot(uint32_t index) const {
    const uint64_t word = LoadWord(index);
    return Word::Pack(index, Word::Generation(word)) | MovedBit(word);
  }

  // Free to live. Returns the place of the new life.
  uint64_t Publish(uint64_t free, const T& value) {
    const Encoded encoded = Encoded::Encode(value);
    if (ABSL_PREDICT_FALSE(Word::IsMoved(free))) {
      return PublishMoved(free, encoded);
    }
    Slot& slot = slots_[Word::Upper(free)];
    Fill(slot, encoded);
    return Publish(free, slot, Word::Generation(free));
  }

  // Links a free slot to others of its batch, short forms, or to kNil.
  void SetLinks(uint64_t free, uint32_t first, uint32_t second) {
    // order: release -> refill. A late reader of the slot's last life that
    // copies this word sees in its re-check that the life is over.
    Link(Word::ShortForm(free))
        .store(uint64_t{second} << 32 | first, std::memory_order_release);
  }

  // Links the first slot of a batch, which has its first link, to the batch
  // below.
  void SetBelow(uint64_t free, uint32_t below) {
    Atomic<uint64_t>& link = Link(Word::ShortForm(free));
    // order: relaxed. The caller owns the slot and wrote the link.
    const uint64_t first = link.load(std::memory_order_relaxed) & ~uint32_t{0};
    // order: release -> refill.
    link.store(uint64_t{below} << 32 | first, std::memory_order_release);
  }

  // By short forms: the walk along a batch waits for one load a slot.
  Links LinksOf(uint32_t free) const {
    // order: relaxed. The caller owns the slot, and the recycle edge brought
    // what the owner before it stored.
    const uint64_t links = Link(free).load(std::memory_order_relaxed);
    return {static_cast<uint32_t>(links), static_cast<uint32_t>(links >> 32)};
  }

  uint64_t LongForm(uint32_t free) const {
    return Word::LongForm(free, Generation(Word::ShortIndex(free)));
  }

  // --- Whoever looks at the top of the free list ---------------------------

  // What lies below the batch that starts at `index`: anything at all unless
  // that batch is still on top, which the caller's CAS finds out.
  uint32_t Below(uint32_t index) const {
    // order: relaxed. Right if the CAS on the head succeeds: both batches have
    // then lain on the list, unchanged, since the acquire load of the head.
    return static_cast<uint32_t>(Link(Word::ShortForm(FreeSlot(index)))
                                     .load(std::memory_order_relaxed) >>
                                 32);
  }

  uint64_t Generation(uint32_t index) const {
    return Word::Generation(LoadWord(index));
  }

  // --- Anyone with a handle -------------------------------------------------

  // The word as it is; for observers and first checks.
  uint64_t LoadWord(uint32_t index) const {
    // order: relaxed. Nothing is read through it.
    return slots_[index].word.load(std::memory_order_relaxed);
  }

  // The value of that life, or nothing if it is over. Lock-free: a retry means
  // that another thread's Write on this slot succeeded meanwhile.
  std::optional<T> Read(uint32_t index, uint64_t generation) const {
    const Slot& slot = slots_[index];
    // order: acquire <- publish, rewrite.
    const uint64_t word = slot.word.load(std::memory_order_acquire);
    // The usual case: the slot has its own cell and was not rewritten.
    if (ABSL_PREDICT_TRUE(word == generation)) {
      const Encoded copy = Copy(slot);
      // order: relaxed. The acquire loads of the copy are before it: had they
      // read a refill, this would read the word that let it happen. [INV-4]
      if (ABSL_PREDICT_TRUE(slot.word.load(std::memory_order_relaxed) ==
                            word)) {
        return copy.Decode();
      }
    } else if (Word::Generation(word) != generation) {
      return std::nullopt;
    }
    Encoded copy;
    if (!CopyMoved(index, generation, &copy)) return std::nullopt;
    return copy.Decode();
  }

  // Calls visit(generation, const T&) for what Read would return, of whichever
  // life there is.
  template <typename F>
  void Visit(uint32_t index, F visit) const {
    const Slot& slot = slots_[index];
    // order: acquire <- publish, rewrite.
    const uint64_t word = slot.word.load(std::memory_order_acquire);
    if (!Word::IsLive(word)) return;
    const uint64_t generation = Word::Generation(word);
    if (word == generation) {
      const Encoded copy = Copy(slot);
      // order: relaxed. As in Read. [INV-4]
      if (slot.word.load(std::memory_order_relaxed) == word) {
        return visit(generation, copy.Decode());
      }
    }
    Encoded copy;
    if (CopyMoved(index, generation, &copy)) visit(generation, copy.Decode());
  }

  // Swaps `value` in by way of the cell `*spare`, which the caller owns. True
  // if that life was not over: then `*spare` is the old cell, now the caller's.
  // Lock-free: a retry means that another thread's Write succeeded.
  bool Write(uint32_t index, uint64_t generation, const T& value,
             uint32_t* spare) {
    Slot& slot = slots_[index];
    // order: relaxed. The CAS validates it; checked first so that a stale
    // Write writes to nothing that is shared.
    uint64_t word = slot.word.load(std::memory_order_relaxed);
    if (Word::Generation(word) != generation) return false;
    Side& version = versions_[*spare];
    // order: relaxed. The caller owns the cell.
    const uint64_t bumped = version.load(std::memory_order_relaxed) + 1;
    // order: release -> bump. A reader that sees it also sees that the cell had
    // left its last slot.
    version.store(bumped, std::memory_order_release);
    Fill(slots_[*spare], Encoded::Encode(value));
    const uint64_t rewritten =
        Word::kRewritten | Word::Pack(*spare ^ index, generation);
    // What the CAS found goes to a variable of its own, so that after a success
    // nothing waits for it: a chain of writes is then a third faster.
    uint64_t found = word;
    // order: release -> rewrite: the new value; acquire <- publish, rewrite:
    // the old cell is the caller's with all that was done to it. Failure
    // relaxed: the word alone is looked at.
    while (!slot.word.compare_exchange_weak(found, rewritten,
                                            std::memory_order_acq_rel,
                                            std::memory_order_relaxed)) {
      word = found;
      if (Word::Generation(word) != generation) return false;
    }
    *spare = Word::Cell(word, index);
    return true;
  }

  std::optional<T> Exchange(uint32_t index, uint64_t generation, const T& value,
                            uint32_t* spare) {
    if (!Write(index, generation, value, spare)) return std::nullopt;
    return CopyOwned(slots_[*spare]).Decode();
  }

  // Live to free, or retired. False if that life was over. Else the caller owns
  // the slot and its cell, and `*ended` is the last word of the life.
  // Lock-free: a retry means that another thread's Write succeeded.
  bool Vacate(uint32_t index, uint64_t generation, uint64_t* ended) {
    Slot& slot = slots_[index];
    // order: relaxed. The CAS validates it.
    uint64_t word = slot.word.load(std::memory_order_relaxed);
    do {
      if (Word::Generation(word) != generation) return false;
      // order: acquire <- publish, rewrite: the cell, its version and its value
      // are the caller's. It releases nothing: who pins the slot next gets it
      // by a recycle or bequeath edge, and a late reader meets a refill first.
      // Failure relaxed: the word alone is looked at.
    } while (!slot.word.compare_exchange_weak(
        word, (word & ~Word::kRewritten) + 1, std::memory_order_acquire,
        std::memory_order_relaxed));
    *ended = word;
    return true;
  }

  // The slot of a life that the caller ended, as a free slot that may be passed
  // on, unless that was its last life.
  static uint64_t Vacated(uint64_t place, uint64_t ended) {
    if (ABSL_PREDICT_TRUE(ended == Word::Generation(place))) return place + 1;
    return (place + 1) | MovedBit(ended);
  }

  // The value of a life that the caller ended, before it gives the slot away.
  T Value(uint32_t index, uint64_t ended) const {
    return CopyOwned(slots_[Word::Cell(ended, index)]).Decode();
  }

  // --- Whoever has stopped every other thread -------------------------------

  template <typename F>
  void UpdateExclusive(uint32_t index, F update) {
    const uint64_t word = LoadWord(index);
    const uint32_t cell = Word::Cell(word, index);
    T value = CopyOwned(slots_[cell]).Decode();
    update(Word::Generation(word), value);
    Fill(slots_[cell], Encoded::Encode(value));
  }

 private:
  // By value: an address would send every pinned value through memory.
  ABSL_ATTRIBUTE_NOINLINE uint64_t PublishMoved(uint64_t free,
                                                const Encoded encoded) {
    const uint32_t index = Word::Index(free);
    const uint64_t word = LoadWord(index);
    Fill(slots_[Word::Cell(word, index)], encoded);
    return Publish(free & ~Word::kMoved, slots_[index], word);
  }

  // `free` less the moved bit, its slot, and the word of that.
  static uint64_t Publish(uint64_t free, Slot& slot, uint64_t word) {
    // order: release -> publish. The value is complete before the handle can
    // be read, and so is all that happened before Pin. [INV-3]
    slot.word.store(word + 1, std::memory_order_release);
    return free + 1;
  }

  static uint64_t MovedBit(uint64_t word) {
    return Word::CellOffset(word) == 0 ? 0 : Word::kMoved;
  }

  // Read for any cell. (Its result is not an optional: g++ 12 would pass that
  // through memory on the fast path too.)
  ABSL_ATTRIBUTE_NOINLINE bool CopyMoved(uint32_t index, uint64_t generation,
                                         Encoded* copy) const {
    for (;;) {
      // order: relaxed. The first word of this life Read has acquired, and the
      // life's other words TryCopy acquires when it looks again.
      const uint64_t word = slots_[index].word.load(std::memory_order_relaxed);
      if (Word::Generation(word) != generation) return false;
      if (TryCopy(index, word, copy)) return true;
    }
  }

  // Copies the value that `word`, of a life whose first word was acquired,
  // names. False if the word has changed meanwhile, or may have been away and
  // come back.
  bool TryCopy(uint32_t index, uint64_t word, Encoded* copy) const {
    const Slot& slot = slots_[index];
    const uint32_t cell = Word::Cell(word, index);
    if (!Word::IsRewritten(word)) {
      *copy = Copy(slots_[cell]);
      // order: relaxed. As in Read. [INV-4]
      return slot.word.load(std::memory_order_relaxed) == word;
    }
    // order: acquire <- bump. Had the cell left the slot for the refill that
    // this version announces, the next load would show that.
    const uint64_t version = versions_[cell].load(std::memory_order_acquire);
    // order: acquire <- rewrite. If the cell has come back meanwhile, its
    // refill is seen whole.
    if (slot.word.load(std::memory_order_acquire) != word) return false;
    *copy = Copy(slots_[cell]);
    // order: relaxed, both. As above; and a refill after the first look at the
    // version has bumped it before. [INV-4]
    return slot.word.load(std::memory_order_relaxed) == word &&
           versions_[cell].load(std::memory_order_relaxed) == version;
  }

  static void Fill(Slot& cell, const Encoded& encoded) {
    for (size_t i = 0; i < Encoded::kCount; ++i) {
      // order: release -> refill. Whoever reads it sees in its re-check that
      // the cell has left the slot it came from.
      cell.payload[i].store(encoded.words[i], std::memory_order_release);
    }
  }

  static Encoded Copy(const Slot& cell) {
    return Encoded::Of([&](size_t i) {
      // order: acquire <- refill.
      return cell.payload[i].load(std::memory_order_acquire);
    });
  }

  static Encoded CopyOwned(const Slot& cell) {
    return Encoded::Of([&](size_t i) {
      // order: relaxed. The caller owns the cell.
      return cell.payload[i].load(std::memory_order_relaxed);
    });
  }

  // Where a free slot keeps its links: in the cell that it owns.
  Atomic<uint64_t>& Link(uint32_t free) const {
    const uint32_t index = Word::ShortIndex(free);
    const bool moved = (free & Word::kShortMoved) != 0;
    return slots_[moved ? Word::Cell(LoadWord(index), index) : index]
        .payload[0];
  }

  Slot* slots_ = nullptr;
  Side* versions_ = nullptr;
};

}  // namespace holdfast::internal

#endif  // HOLDFAST_INTERNAL_CELL_SLOTS_H_
