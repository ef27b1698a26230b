// The packed 64-bit words of a table as pure functions: nothing atomic here.
//
//   slot word, values in cells:        {home:1  | writes, or a cell   | gen:G}
//   slot word, values inline:          {value or next free slot:64-G  | gen:G}
//   place, a handle less the key:      {0:2     | slot index:62-G     | gen:G}
//   free slot, as threads pass it on:  {moved:1 | 0:1 | index:62-G    | gen:G}
//   head of the free list:             {0:2     | slot index:62-G     | gen:G}
//
// G is Traits::kGenerationBits, 32 by default. An index has at most 31 bits;
// where G < 32, `moved` is bit G + 31. The generation alone tells a slot's
// state, and it only ever grows:
//
//   generation               state     who may change the word
//   even, < kRetired         free      the owner of the free slot, by store
//   odd                      live      anyone who has the handle, by CAS
//   kRetired = 2^G - 2       retired   nobody
//   2^G - 1                  never occurs
//
//   word of a live slot, values in cells   the value is
//   {kHome | writes:63-G | g}              at home: in the slot's own cell, and
//                                          its writes are counted
//   {0 | 0 | cell:62-G | g}                in `cell`, which may have been here
//                                          before: its version tells
//   {0 | kReturning | cell:62-G | g}       the same, and the write that put it
//                                          there is to bring it back
//
//   transition   from            to                      by
//   pin          free g          live g+1, kHome if in   store by the owner
//                                the slot's own cell
//   write        live g          live g, no kHome; and   CAS by any thread
//                                kReturning from the
//                                slot's own cell
//   bring back   kReturning      live g, kHome if it     CAS by whoever set it
//                                had that, own cell
//   link         free g          free g, the next slot   store by the owner
//   unpin        live g          free g+1, no flags      CAS by any thread
//   retire       live last       kRetired, no flags      the same CAS
//
// (Inline there are no flags, a write sets the new value, and only there the
// word has a link.) A write that takes the value out of the slot's own cell
// sets kReturning, and then brings it back. Another write, whose value that
// would replace, clears it, and none can set it again while the own cell is
// out: so the word does not come back before its writer's CAS has looked for
// it. Nor does a word with kHome come back, ever: writes are counted, and the
// last that can be counted carries kHome away for the rest of the life.
//
// A free slot's word is {0 | 0 | cell:62-G | g}. Cells are named relative to
// the slot: so zeroed memory is a table of free slots of generation 0, each
// with the cell beside it, its own [INV-1]. A free slot is `moved` if its cell
// is another one.

#ifndef HOLDFAST_INTERNAL_WORDS_H_
#define HOLDFAST_INTERNAL_WORDS_H_

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <utility>

#include "absl/base/attributes.h"

namespace holdfast::internal {

template <int kGenerationBits>
struct Words {
  static_assert(kGenerationBits >= 2 && kGenerationBits <= 48,
                "Traits::kGenerationBits must be between 2 and 48");

  static constexpr uint64_t kGenerationMask =
      (uint64_t{1} << kGenerationBits) - 1;
  static constexpr uint64_t kRetired = kGenerationMask - 1;
  static constexpr uint64_t kLastLive = kRetired - 1;

  static constexpr uint64_t kHome = uint64_t{1} << 63;
  static constexpr uint64_t kReturning = uint64_t{1} << 62;  // If not kHome.
  static constexpr int kUpperBits = 64 - kGenerationBits;
  static constexpr int kIndexBits = kUpperBits - 2 < 31 ? kUpperBits - 2 : 31;
  // The upper end of a short form, which has 32 bits or, if there are fewer
  // above the generation, those: there a sign test finds it.
  static constexpr uint32_t kShortMoved =
      uint32_t{1} << (kUpperBits - 1 < 31 ? kUpperBits - 1 : 31);
  static constexpr uint64_t kMoved = uint64_t{kShortMoved} << kGenerationBits;

  // Cells have indexes below 2^kIndexBits, and so have slots; the largest is no
  // slot's, it stands for no link. kNoSlot is none as well.
  static constexpr uint64_t kMaxCells = uint64_t{1} << kIndexBits;
  static constexpr uint64_t kMaxSlots = kMaxCells - 1;
  static constexpr uint32_t kNil = static_cast<uint32_t>(kMaxSlots);
  static constexpr uint64_t kNoSlot = kMaxSlots << kGenerationBits;

  static constexpr uint64_t Pack(uint64_t upper, uint64_t generation) noexcept {
    return upper << kGenerationBits | generation;
  }
  static constexpr uint64_t Upper(uint64_t word) noexcept {
    return word >> kGenerationBits;
  }
  static constexpr uint64_t Generation(uint64_t word) noexcept {
    return word & kGenerationMask;
  }
  // The slot of a place, of a free slot or of the head.
  static constexpr uint32_t Index(uint64_t word) noexcept {
    return ShortIndex(static_cast<uint32_t>(word >> kGenerationBits));
  }
  // A free slot without its generation, {moved:1 | slot index:I}: what free
  // slots are linked by. kNil is that of kNoSlot.
  static constexpr uint32_t ShortForm(uint64_t free) noexcept {
    return static_cast<uint32_t>(free >> kGenerationBits);
  }
  static constexpr uint64_t LongForm(uint32_t short_form,
                                     uint64_t generation) noexcept {
    return Pack(short_form, generation);
  }
  static constexpr uint32_t ShortIndex(uint32_t short_form) noexcept {
    return short_form & (kShortMoved - 1);
  }

  // Whether it is of a live slot whose value is in its own cell and whose
  // writes are counted.
  static constexpr bool IsHome(uint64_t word) noexcept {
    return (word & kHome) != 0;
  }
  static constexpr bool IsLive(uint64_t word) noexcept {
    return (word & 1) != 0;
  }
  // Whether `word` is of that life.
  static constexpr bool IsLive(uint64_t word, uint64_t generation) noexcept {
    return Generation(word) == generation && IsLive(word);
  }
  // The cell that `word`, of the slot `index`, names.
  static constexpr uint32_t Cell(uint64_t word, uint32_t index) noexcept {
    return CellOffset(word) ^ index;
  }
  static constexpr uint32_t CellOffset(uint64_t word) noexcept {
    return IsHome(word) ? 0 : static_cast<uint32_t>(Upper(word & ~kReturning));
  }
  // What a write makes of `word`, with the value in a cell of that offset.
  static constexpr uint64_t Written(uint64_t word,
                                    uint32_t cell_offset) noexcept {
    return (CellOffset(word) == 0 ? kReturning : 0) |
           Pack(cell_offset, Generation(word));
  }
  // What the write that found `word`, with the slot's own cell, leaves when it
  // has brought the value back there. The last write that can be counted
  // carries kHome away.
  static constexpr uint64_t BroughtBack(uint64_t word) noexcept {
    return IsHome(word) ? word + Pack(1, 0) : Generation(word);
  }
  // What an unpin leaves of it.
  static constexpr uint64_t Ended(uint64_t word) noexcept {
    return Pack(CellOffset(word), Generation(word)) + 1;
  }
  // What a free slot has of the slot's word besides its generation.
  static constexpr uint64_t MovedBit(uint64_t word) noexcept {
    return CellOffset(word) == 0 ? 0 : kMoved;
  }
  static constexpr bool IsMoved(uint64_t free) noexcept {
    return (free & kMoved) != 0;
  }

  static_assert(kGenerationMask < kReturning);
  static_assert(kRetired % 2 == 0 && kLastLive % 2 == 1);
};

// Where a free slot leads to: short forms, or kNil.
struct Links {
  uint32_t first;
  uint32_t second;
};

template <typename F, size_t... kIndexes>
ABSL_ATTRIBUTE_ALWAYS_INLINE inline void Unroll(
    [[maybe_unused]] F& f, std::index_sequence<kIndexes...>) {
  (f(kIndexes), ...);
}

// Calls f(i) for i = 0, 1, ... kCount - 1, each a constant: a loop that is
// unrolled, so that an array it works on may lie in registers. Always inline:
// g++ 12 calls the longer ones, and then the array lies in memory.
template <size_t kCount, typename F>
ABSL_ATTRIBUTE_ALWAYS_INLINE inline void Unroll(F f) {
  Unroll(f, std::make_index_sequence<kCount>());
}

// A T as a row of 64-bit words, the last one padded with zeros: behind the T,
// or where a single word has it all, above, so that it can be shifted.
//
// Copies are spelled out by words and pairs of words: who copies a value on
// that was stored just now waits if it loads wider than was stored.
template <typename T>
struct ValueWords {
  static constexpr size_t kCount = (sizeof(T) + 7) / 8;

  uint64_t words[kCount];

  // By single words, as the value may have been stored so.
  static ValueWords Encode(const T& value) noexcept {
    const auto* const bytes =
        reinterpret_cast<const unsigned char*>(std::addressof(value));
    constexpr size_t kWhole = sizeof(T) / 8;
    ValueWords encoded;
    for (size_t i = 0; i < kWhole; ++i) {
      std::memcpy(encoded.words + i, bytes + 8 * i, 8);
    }
    if constexpr (kWhole < kCount) {
      uint64_t rest = 0;
      std::memcpy(reinterpret_cast<unsigned char*>(&rest) + kBefore,
                  bytes + 8 * kWhole, sizeof(T) % 8);
      encoded.words[kWhole] = rest;
    }
    return encoded;
  }

  // Of what load(0), load(1), ... return, called in that order. By pairs, as
  // who copies the value on may do so.
  template <typename F>
  static ValueWords Of(F load) {
    ValueWords result;
    Unroll<kCount / 2>([&](size_t i) {
      const Pair pair = {load(2 * i), load(2 * i + 1)};
      std::memcpy(result.words + 2 * i, &pair, sizeof(pair));
    });
    if constexpr (kCount % 2 == 1) {
      result.words[kCount - 1] = load(kCount - 1);
    }
    return result;
  }

  void Decode(T* value) const noexcept {
    if constexpr (kCount == 1) {
      std::memcpy(static_cast<void*>(value),
                  reinterpret_cast<const unsigned char*>(words) + kBefore,
                  sizeof(T));
      return;
    }
    auto* const bytes = reinterpret_cast<unsigned char*>(value);
    constexpr size_t kPairs = sizeof(T) / 16;
    Unroll<kPairs>([&](size_t i) {
      Pair pair;
      std::memcpy(&pair, words + 2 * i, sizeof(pair));
      std::memcpy(bytes + 16 * i, &pair, sizeof(pair));
    });
    if constexpr (16 * kPairs < sizeof(T)) {
      std::memcpy(bytes + 16 * kPairs, words + 2 * kPairs, sizeof(T) % 16);
    }
  }

  T Decode() const noexcept {
    union Uninitialized {
      Uninitialized() noexcept {}
      T value;
    } result;
    Decode(std::addressof(result.value));
    return result.value;
  }

 private:
  // Bytes of a single word that lie before the T: those above it, where the
  // upper bytes come first.
  static constexpr size_t kBefore =
      __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ && sizeof(T) < 8 ? 8 - sizeof(T)
                                                              : 0;

  using Pair = uint64_t __attribute__((vector_size(16)));
};

}  // namespace holdfast::internal

#endif  // HOLDFAST_INTERNAL_WORDS_H_
