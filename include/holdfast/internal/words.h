// The packed 64-bit words of a table as pure functions: nothing atomic here.
//
//   slot word, values in cells:  {rewritten:1 | cell index:63-G | generation:G}
//   slot word, values inline:    {value or next free slot:64-G  | generation:G}
//   handle (before the key):     {0:1 | slot index:63-G         | generation:G}
//   head of the free list:       {0:1 | slot index:63-G         | generation:G}
//
// G is Traits::kGenerationBits, 32 by default. The generation alone tells a
// slot's state, and it only ever grows:
//
//   generation               state     who may change the word
//   even, < kRetired         free      the owner of the free slot, by store
//   odd                      live      anyone who has the handle, by CAS
//   kRetired = 2^G - 2       retired   nobody
//   2^G - 1                  never occurs
//
//   transition   from       to                      by
//   pin          free g     live g+1, rewritten 0   store by the owner
//   write        live g     live g, rewritten 1     CAS by any thread
//   unpin        live g     free g+1, rewritten 0   CAS by any thread
//   retire       live last  kRetired, rewritten 0   the same CAS
//   advance      free g     free g+2, or kRetired   store by the owner
//
// Zeroed memory is a free slot of generation 0. [INV-1]

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

  // Slots and cells have indexes below 2^kIndexBits. The largest is no slot's:
  // it ends chains of free slots.
  static constexpr uint64_t kMaxCells = uint64_t{1} << kIndexBits;
  static constexpr uint64_t kMaxSlots = kMaxCells - 1;
  static constexpr uint32_t kNil = static_cast<uint32_t>(kMaxSlots);

  static constexpr uint64_t Pack(uint64_t upper, uint64_t generation) {
    return upper << kGenerationBits | generation;
  }
  static constexpr uint64_t Upper(uint64_t word) {
    return word >> kGenerationBits;
  }
  static constexpr uint64_t Generation(uint64_t word) {
    return word & kGenerationMask;
  }
  static constexpr uint32_t Index(uint64_t word) {
    return static_cast<uint32_t>(word >> kGenerationBits);
  }
  static constexpr uint32_t Cell(uint64_t word) {
    return static_cast<uint32_t>((word & ~kRewritten) >> kGenerationBits);
  }
  static constexpr bool IsRewritten(uint64_t word) {
    return (word & kRewritten) != 0;
  }
  static constexpr bool IsLive(uint64_t word) { return (word & 1) != 0; }

  static_assert((kGenerationMask & kRewritten) == 0);
  static_assert(kRetired % 2 == 0 && kLastLive % 2 == 1);
};

// A T as a row of 64-bit words, the last one padded with zeros.
template <typename T>
struct ValueWords {
  static constexpr size_t kCount = (sizeof(T) + 7) / 8;

  uint64_t words[kCount];

  static ValueWords Encode(const T& value) {
    ValueWords encoded{};
    std::memcpy(encoded.words, &value, sizeof(T));
    return encoded;
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
