// The packed 64-bit words of a table as pure functions: nothing atomic here.
//
//   slot word, values in cells:  {rewritten:1 | cell ^ slot index:63-G | gen:G}
//   slot word, values inline:    {value or next free slot:64-G         | gen:G}
//   place, a handle less the key:        {0:1 | slot index:63-G        | gen:G}
//   free slot, as threads pass it on: {0 | moved:1 | slot index:I      | gen:G}
//   head of the free list:               {0:1 | slot index:63-G        | gen:G}
//
// G is Traits::kGenerationBits, 32 by default, and I is 63-G or 31, whichever
// is less. The generation alone tells a slot's state, and it only ever grows:
//
//   generation               state     who may change the word
//   even, < kRetired         free      the owner of the free slot, by store
//   odd                      live      anyone who has the handle, by CAS
//   kRetired = 2^G - 2       retired   nobody
//   2^G - 1                  never occurs
//
//   transition   from       to                      by
//   pin          free g     live g+1, rewritten 0   store by the owner
//   write        live g     live g, rewritten 1     CAS by any thread (inline:
//                                                   the new value)
//   link         free g     free g, the next slot   store by the owner (inline)
//   unpin        live g     free g+1, rewritten 0   CAS by any thread
//   retire       live last  kRetired, rewritten 0   the same CAS
//
// Cells are named relative to the slot, so that zeroed memory is a table of
// free slots of generation 0, each with the cell beside it [INV-1], and so that
// the word of a slot that has its own cell and was not rewritten is its
// generation alone. A free slot is `moved` if its cell is another one.

#ifndef HOLDFAST_INTERNAL_WORDS_H_
#define HOLDFAST_INTERNAL_WORDS_H_

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace holdfast::internal {

template <int kGenerationBits>
struct Words {
  static_assert(kGenerationBits >= 2 && kGenerationBits <= 48,
                "Traits::kGenerationBits must be between 2 and 48");

  static constexpr uint64_t kGenerationMask =
      (uint64_t{1} << kGenerationBits) - 1;
  static constexpr uint64_t kRetired = kGenerationMask - 1;
  static constexpr uint64_t kLastLive = kRetired - 1;

  static constexpr uint64_t kRewritten = uint64_t{1} << 63;
  static constexpr int kUpperBits = 64 - kGenerationBits;
  static constexpr int kIndexBits = kUpperBits - 1 < 31 ? kUpperBits - 1 : 31;
  static constexpr uint32_t kShortMoved = uint32_t{1} << kIndexBits;
  static constexpr uint64_t kMoved = uint64_t{kShortMoved} << kGenerationBits;

  // Cells have indexes below 2^kIndexBits, and so have slots; the largest is no
  // slot's, it stands for no link. kNoSlot is none as well.
  static constexpr uint64_t kMaxCells = uint64_t{1} << kIndexBits;
  static constexpr uint64_t kMaxSlots = kMaxCells - 1;
  static constexpr uint32_t kNil = static_cast<uint32_t>(kMaxSlots);
  static constexpr uint64_t kNoSlot = kMaxSlots << kGenerationBits;

  static constexpr uint64_t Pack(uint64_t upper, uint64_t generation) {
    return upper << kGenerationBits | generation;
  }
  static constexpr uint64_t Upper(uint64_t word) {
    return word >> kGenerationBits;
  }
  static constexpr uint64_t Generation(uint64_t word) {
    return word & kGenerationMask;
  }
  // The slot of a place, of a free slot or of the head.
  static constexpr uint32_t Index(uint64_t word) {
    return ShortIndex(static_cast<uint32_t>(word >> kGenerationBits));
  }
  // A free slot without its generation, {moved:1 | slot index:I}: what free
  // slots are linked by. kNil is that of kNoSlot.
  static constexpr uint32_t ShortForm(uint64_t free) {
    return static_cast<uint32_t>(free >> kGenerationBits);
  }
  static constexpr uint64_t LongForm(uint32_t short_form, uint64_t generation) {
    return Pack(short_form, generation);
  }
  static constexpr uint32_t ShortIndex(uint32_t short_form) {
    return short_form & (kShortMoved - 1);
  }

  // The cell that `word`, of the slot `index`, names.
  static constexpr uint32_t Cell(uint64_t word, uint32_t index) {
    return CellOffset(word) ^ index;
  }
  static constexpr uint32_t CellOffset(uint64_t word) {
    return static_cast<uint32_t>((word & ~kRewritten) >> kGenerationBits);
  }
  static constexpr bool IsRewritten(uint64_t word) {
    return (word & kRewritten) != 0;
  }
  static constexpr bool IsMoved(uint64_t free) { return (free & kMoved) != 0; }
  static constexpr bool IsLive(uint64_t word) { return (word & 1) != 0; }

  static_assert((kGenerationMask & kRewritten) == 0);
  static_assert(kRetired % 2 == 0 && kLastLive % 2 == 1);
};

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
              "values that lie in the word are shifted as little-endian");

// Where a free slot leads to: short forms, or kNil.
struct Links {
  uint32_t first;
  uint32_t second;
};

// A T as a row of 64-bit words, the last one padded with zeros.
template <typename T>
struct ValueWords {
  static constexpr size_t kCount = (sizeof(T) + 7) / 8;

  uint64_t words[kCount];

  // By eights, as the value may have been stored just now: a wider load would
  // wait until the stores have left the core's store buffer.
  static ValueWords Encode(const T& value) {
    const auto* const bytes = reinterpret_cast<const unsigned char*>(&value);
    constexpr size_t kWhole = sizeof(T) / 8;
    ValueWords encoded;
    for (size_t i = 0; i < kWhole; ++i) {
      std::memcpy(encoded.words + i, bytes + 8 * i, 8);
    }
    if constexpr (kWhole < kCount) {
      encoded.words[kWhole] = 0;
      std::memcpy(encoded.words + kWhole, bytes + 8 * kWhole, sizeof(T) % 8);
    }
    return encoded;
  }

  // Of what load(0), load(1), ... return, called in that order. Written by
  // pairs: who copies the value on, 16 bytes at a time, would wait likewise.
  template <typename F>
  static ValueWords Of(F load) {
    ValueWords result;
    if constexpr (kCount > 1) {
      for (size_t i = 0; i + 1 < kCount; i += 2) {
        using Pair = uint64_t __attribute__((vector_size(16)));
        const Pair pair = {load(i), load(i + 1)};
        std::memcpy(result.words + i, &pair, sizeof(pair));
      }
    }
    if constexpr (kCount % 2 == 1) {
      result.words[kCount - 1] = load(kCount - 1);
    }
    return result;
  }

  T Decode() const {
    union Uninitialized {
      Uninitialized() {}
      T value;
    } result;
    std::memcpy(static_cast<void*>(&result.value), words, sizeof(T));
    return result.value;
  }
};

}  // namespace holdfast::internal

#endif  // HOLDFAST_INTERNAL_WORDS_H_
