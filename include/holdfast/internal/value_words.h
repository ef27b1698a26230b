// A value as 64-bit words, which are what atomic variables hold.

#ifndef HOLDFAST_INTERNAL_VALUE_WORDS_H_
#define HOLDFAST_INTERNAL_VALUE_WORDS_H_

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>

#include "holdfast/internal/unroll.h"

namespace holdfast::internal {

// A T as a row of 64-bit words. The part of the last word that the T does not
// fill is zero: the bytes after the T or, if one word holds all of the T, the
// upper bits, so that the word can be shifted.
//
// A load wider than the stores before it cannot be forwarded from the store
// buffer and stalls; so values are copied in the units in which they were
// stored.
template <typename T>
struct ValueWords {
  static constexpr size_t kCount = (sizeof(T) + 7) / 8;

  uint64_t words[kCount];

  // Loads single words, because the caller may just have stored the value by
  // single words.
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

  // Makes a row of the results of load(0), load(1), ..., called in that order.
  // Stores pairs of words, because Decode and its callers may load pairs.
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

  // Of values that one word holds: that word.
  static uint64_t BitsOf(const T& value) noexcept {
    static_assert(kCount == 1);
    return Encode(value).words[0];
  }
  static void Put(uint64_t bits, T* value) noexcept {
    ValueWords{{bits}}.Decode(value);
  }
  static T ValueOf(uint64_t bits) noexcept {
    return ValueWords{{bits}}.Decode();
  }

 private:
  // How many zero bytes precede the T in memory, if one word holds it: some
  // where a word's upper bytes come first (big endian).
  static constexpr size_t kBefore =
      __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ && sizeof(T) < 8 ? 8 - sizeof(T)
                                                              : 0;

  using Pair = uint64_t __attribute__((vector_size(16)));
};

}  // namespace holdfast::internal

#endif  // HOLDFAST_INTERNAL_VALUE_WORDS_H_
