// Values that describe themselves. A value contains a claim: the worker and the
// entry that it belongs to, the life of the entry, and the number of the write
// in that life; and a checksum of the claim and of the value's size. A value is
// whole if encoding its claim gives the same value.

#ifndef HOLDFAST_STRESS_PAYLOAD_H_
#define HOLDFAST_STRESS_PAYLOAD_H_

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "tests/support/random.h"

namespace holdfast::stress {

struct Claim {
  uint64_t owner = 0;
  uint64_t entry = 0;
  uint64_t life = 0;      // Modulo 2^Payload::kLifeBits.
  uint64_t sequence = 0;  // At most Payload::kLastSequence.
};

template <size_t kBytes>
struct Payload {
  static_assert(kBytes == 4 || kBytes % 8 == 0);

  static constexpr int kOwnerBits = 7;
  static constexpr int kEntryBits = 7;
  static constexpr int kLifeBits = kBytes == 4 ? 5 : kBytes == 8 ? 18 : 50;
  static constexpr int kSequenceBits = kBytes == 4 ? 5 : kBytes == 8 ? 16 : 32;
  static constexpr int kCheckBits = kBytes == 4 ? 8 : kBytes == 8 ? 16 : 32;
  static constexpr uint64_t kLastSequence = (uint64_t{1} << kSequenceBits) - 1;

  uint32_t words[kBytes / 4];

  static Payload Encode(const Claim& claim) {
    const uint64_t head = Head(claim);
    const uint64_t sequence = Low(claim.sequence, kSequenceBits);
    const uint64_t check =
        Low(Scramble(head ^ Scramble(sequence + kBytes * 0x9E3779B97F4A7C15u)),
            kCheckBits);
    const uint64_t tail = sequence | check << kSequenceBits;
    Payload payload;
    if constexpr (kBytes <= 8) {
      payload.Set(0, head | tail << kHeadBits);
    } else {
      payload.Set(0, head);
      payload.Set(1, tail);
      for (size_t i = 2; i < kBytes / 8; ++i) {
        payload.Set(i, Scramble(head ^ Scramble(tail + i)));
      }
    }
    return payload;
  }

  // Returns the claim, or nothing if the value is not whole.
  std::optional<Claim> Decode() const {
    const uint64_t head = Get(0);
    const uint64_t tail = kBytes <= 8 ? head >> kHeadBits % 64 : Get(1);
    Claim claim;
    claim.owner = Low(head, kOwnerBits);
    claim.entry = Low(head >> kOwnerBits, kEntryBits);
    claim.life = Low(head >> (kOwnerBits + kEntryBits), kLifeBits);
    claim.sequence = Low(tail, kSequenceBits);
    if (!(Encode(claim) == *this)) return std::nullopt;
    return claim;
  }

  static uint64_t TruncateLife(uint64_t life) { return Low(life, kLifeBits); }

  // For sums over values: see Ledger.
  uint64_t Hash() const {
    uint64_t hash = kBytes;
    for (const uint32_t word : words) hash = Scramble(hash * 31 + word);
    return hash;
  }

  std::string DebugString() const {
    const std::optional<Claim> claim = Decode();
    if (claim) {
      return absl::StrCat("owner ", claim->owner, " entry ", claim->entry,
                          " life ", claim->life, " sequence ", claim->sequence);
    }
    std::string hex = "damaged:";
    for (const uint32_t word : words) {
      absl::StrAppend(&hex, " ", absl::Hex(word, absl::kZeroPad8));
    }
    return hex;
  }

  friend bool operator==(const Payload& a, const Payload& b) {
    return std::memcmp(a.words, b.words, sizeof(a.words)) == 0;
  }

 private:
  static constexpr int kHeadBits = kOwnerBits + kEntryBits + kLifeBits;
  static_assert(kBytes > 8 || kHeadBits + kSequenceBits + kCheckBits ==
                                  static_cast<int>(kBytes) * 8);

  static constexpr uint64_t Low(uint64_t x, int bits) {
    return x & ((uint64_t{1} << bits) - 1);
  }

  static uint64_t Head(const Claim& claim) {
    return Low(claim.owner, kOwnerBits) |
           Low(claim.entry, kEntryBits) << kOwnerBits |
           Low(claim.life, kLifeBits) << (kOwnerBits + kEntryBits);
  }

  void Set(size_t i, uint64_t x) {
    words[2 * i] = static_cast<uint32_t>(x);
    if constexpr (kBytes > 4) words[2 * i + 1] = static_cast<uint32_t>(x >> 32);
  }

  uint64_t Get(size_t i) const {
    uint64_t x = words[2 * i];
    if constexpr (kBytes > 4) x |= uint64_t{words[2 * i + 1]} << 32;
    return x;
  }
};

template <size_t kBytes>
std::string DebugString(const std::optional<Payload<kBytes>>& payload) {
  return payload ? payload->DebugString() : "nothing";
}

}  // namespace holdfast::stress

#endif  // HOLDFAST_STRESS_PAYLOAD_H_
