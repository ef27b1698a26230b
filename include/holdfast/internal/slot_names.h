// The packed types that name a slot, most of them together with a generation.
//
//   Life       {0:2     | slot index:62-G | generation:G}   one life of a slot
//   FreeSlot   {moved:1 | 0:1 | index:62-G | generation:G}  a slot not live
//   SlotLink   {moved:1 | slot index:I}                     its shorter name
//   ListHead   {.:2     | slot index:62-G | generation:G}   the slot that leads
//                                                           a stack's top batch
//
// G is Traits::kGenerationBits. An index has I bits, at most 31. Where G < 32,
// `moved` is bit G + 31.
//
// A free slot is `moved` if the value cell that it will use next is not its own
// (cell_word.h). Slots whose values have no cells are never moved.

#ifndef HOLDFAST_INTERNAL_SLOT_NAMES_H_
#define HOLDFAST_INTERNAL_SLOT_NAMES_H_

#include <algorithm>
#include <cstdint>

#include "holdfast/internal/generation.h"

namespace holdfast::internal {

template <int kGenerationBits>
struct IndexLimits {
  // Bits of a packed word above the generation.
  static constexpr int kUpperBits = 64 - kGenerationBits;
  static constexpr int kBits = std::min(kUpperBits - 2, 31);

  // Cells and slots have indexes below kMaxCells. The largest is a cell's, but
  // no slot's: where a slot is named, it stands for none.
  static constexpr uint64_t kMaxCells = uint64_t{1} << kBits;
  static constexpr uint64_t kMaxSlots = kMaxCells - 1;
  static constexpr uint32_t kNone = static_cast<uint32_t>(kMaxSlots);
};

// One life of one slot. A handle is a life XOR the key of its table.
template <int kGenerationBits>
class Life {
 public:
  constexpr Life() noexcept = default;
  constexpr Life(uint64_t index, Generation generation) noexcept
      : bits_(index << kGenerationBits | generation.number()) {}

  // Any bits: they may come from a handle that nobody has issued.
  static constexpr Life FromBits(uint64_t bits) noexcept {
    Life life;
    life.bits_ = bits;
    return life;
  }

  constexpr uint64_t bits() const noexcept { return bits_; }
  // May be larger than any slot's, if the bits came from elsewhere.
  constexpr uint64_t index() const noexcept { return bits_ >> kGenerationBits; }
  constexpr Generation generation() const noexcept {
    return Generation(bits_ & GenerationLimits<kGenerationBits>::kMask);
  }
  constexpr bool IsLive() const noexcept { return bits_ % 2 != 0; }

  friend constexpr bool operator==(Life a, Life b) noexcept {
    return a.bits_ == b.bits_;
  }
  friend constexpr bool operator!=(Life a, Life b) noexcept {
    return a.bits_ != b.bits_;
  }

 private:
  uint64_t bits_ = 0;
};

// A link from one free slot to another: a FreeSlot without its generation,
// which lies in the slot itself; or a link to no slot.
template <int kGenerationBits>
class SlotLink {
  using Limits = IndexLimits<kGenerationBits>;

 public:
  constexpr SlotLink() noexcept = default;  // To no slot.
  constexpr SlotLink(uint32_t index, bool moved) noexcept
      : bits_(index | (moved ? kMovedBit : 0)) {}

  static constexpr SlotLink FromBits(uint32_t bits) noexcept {
    SlotLink link;
    link.bits_ = bits;
    return link;
  }

  constexpr uint32_t bits() const noexcept { return bits_; }
  constexpr bool IsNone() const noexcept { return bits_ == Limits::kNone; }
  constexpr uint32_t index() const noexcept { return bits_ & (kMovedBit - 1); }
  constexpr bool moved() const noexcept { return (bits_ & kMovedBit) != 0; }

  friend constexpr bool operator==(SlotLink a, SlotLink b) noexcept {
    return a.bits_ == b.bits_;
  }
  friend constexpr bool operator!=(SlotLink a, SlotLink b) noexcept {
    return a.bits_ != b.bits_;
  }

 private:
  // The highest of the 32 bits or, if there are fewer above a generation, of
  // those. So a test of the sign finds it: in a FreeSlot where G >= 32, and in
  // a SlotLink where G <= 32.
  static constexpr uint32_t kMovedBit = uint32_t{1}
                                        << std::min(Limits::kUpperBits - 1, 31);

  uint32_t bits_ = Limits::kNone;
};

// A slot that is not live, in the hands of the thread that owns it; or no slot.
template <int kGenerationBits>
class FreeSlot {
  using Limits = IndexLimits<kGenerationBits>;
  using Link = SlotLink<kGenerationBits>;

 public:
  constexpr FreeSlot() noexcept = default;  // No slot.
  constexpr FreeSlot(Link link, Generation generation) noexcept
      : bits_(uint64_t{link.bits()} << kGenerationBits | generation.number()) {}

  // A slot that was never used: zeroed memory. [INV-1]
  static constexpr FreeSlot Fresh(uint64_t index) noexcept {
    return FromBits(index << kGenerationBits);
  }
  // The slot of a life that has ended, with its own cell.
  static constexpr FreeSlot After(Life<kGenerationBits> life) noexcept {
    return FromBits(life.bits() + 1);
  }
  static constexpr FreeSlot FromBits(uint64_t bits) noexcept {
    FreeSlot slot;
    slot.bits_ = bits;
    return slot;
  }

  constexpr uint64_t bits() const noexcept { return bits_; }
  constexpr bool IsNone() const noexcept { return bits_ == kNone; }
  constexpr uint32_t index() const noexcept { return link().index(); }
  constexpr Generation generation() const noexcept {
    return Generation(bits_ & GenerationLimits<kGenerationBits>::kMask);
  }
  constexpr Link link() const noexcept {
    return Link::FromBits(static_cast<uint32_t>(bits_ >> kGenerationBits));
  }

  constexpr bool moved() const noexcept { return (bits_ & kMovedBit) != 0; }
  constexpr FreeSlot WithMoved(bool moved) const noexcept {
    return FromBits((bits_ & ~kMovedBit) | (moved ? kMovedBit : 0));
  }

  // The life that a pin begins. Requires that the slot is not moved.
  constexpr Life<kGenerationBits> NextLife() const noexcept {
    return Life<kGenerationBits>::FromBits(bits_ + 1);
  }

  friend constexpr bool operator==(FreeSlot a, FreeSlot b) noexcept {
    return a.bits_ == b.bits_;
  }
  friend constexpr bool operator!=(FreeSlot a, FreeSlot b) noexcept {
    return a.bits_ != b.bits_;
  }

 private:
  static constexpr uint64_t kNone = Limits::kMaxSlots << kGenerationBits;
  static constexpr uint64_t kMovedBit = uint64_t{Link(0, true).bits()}
                                        << kGenerationBits;

  uint64_t bits_ = kNone;
};

// The two links of a free slot.
template <int kGenerationBits>
struct LinkPair {
  using Link = SlotLink<kGenerationBits>;

  Link first;
  Link second;

  // {second:32 | first:32}
  static constexpr LinkPair FromBits(uint64_t bits) noexcept {
    return {Link::FromBits(static_cast<uint32_t>(bits)),
            Link::FromBits(static_cast<uint32_t>(bits >> 32))};
  }
  constexpr uint64_t bits() const noexcept {
    return uint64_t{second.bits()} << 32 | first.bits();
  }
};

// The head of a stack of batches: the first slot of the top batch, with its
// generation for a tag. The head of an empty stack still has the slot that led
// the last batch, which has led no other batch in that generation [INV-5]: so
// if a batch comes and goes, the stack is empty in another way than before.
//
// {slot index | generation, of which bit 0 says whether there is a batch}
template <int kGenerationBits>
class ListHead {
  using Limits = IndexLimits<kGenerationBits>;

 public:
  // The stack is empty and always was. Zeroed memory is this.
  constexpr ListHead() noexcept = default;
  constexpr ListHead(uint32_t index, Generation generation) noexcept
      : bits_(uint64_t{index} << kGenerationBits | generation.number() |
              kHasBatch) {}

  // A batch that this slot leads. (Whether the slot is moved can be found in
  // the slot.)
  static constexpr ListHead Of(FreeSlot<kGenerationBits> first) noexcept {
    return FromBits(first.WithMoved(false).bits() | kHasBatch);
  }
  // The head once this batch, the only one, has been popped. It is marked as
  // moved, only so that it is not zero.
  constexpr ListHead Emptied() const noexcept {
    const auto first = FreeSlot<kGenerationBits>::FromBits(bits_ & ~kHasBatch);
    return FromBits(first.WithMoved(true).bits());
  }
  static constexpr ListHead FromBits(uint64_t bits) noexcept {
    ListHead head;
    head.bits_ = bits;
    return head;
  }

  constexpr uint64_t bits() const noexcept { return bits_; }
  // IndexLimits::kNone if the stack is empty.
  constexpr uint32_t index() const noexcept {
    return IsEmpty() ? Limits::kNone
                     : FreeSlot<kGenerationBits>::FromBits(bits_).index();
  }
  constexpr bool IsEmpty() const noexcept { return (bits_ & kHasBatch) == 0; }

 private:
  // The generation of a free slot is even.
  static constexpr uint64_t kHasBatch = 1;

  uint64_t bits_ = 0;
};

}  // namespace holdfast::internal

#endif  // HOLDFAST_INTERNAL_SLOT_NAMES_H_
