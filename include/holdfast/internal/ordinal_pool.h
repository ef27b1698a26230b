// Hands out about the smallest free of kCapacity numbers, lock-free: the dense
// thread ordinals that tables index their shards with.
//
// One bit an ordinal, set while it is owned. A claim looks at 64 of them at a
// time and starts about where an ordinal was last claimed, or released below
// that. A thread that claims an ordinal sees everything that its last owner did
// before releasing it.

#ifndef HOLDFAST_INTERNAL_ORDINAL_POOL_H_
#define HOLDFAST_INTERNAL_ORDINAL_POOL_H_

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace holdfast::internal {

template <typename Atomics, uint32_t kCapacity>
class OrdinalPool {
 public:
  static constexpr uint32_t kNone = ~uint32_t{0};

  // An ordinal below kCapacity, owned by the caller until Release(), or kNone
  // if it found every one owned when it looked. Lock-free: each retry is
  // another's claim.
  uint32_t Claim() noexcept {
    // order: relaxed. Where to look first; every word is looked at.
    const uint32_t start = hint_.load(std::memory_order_relaxed);
    for (uint32_t n = 0; n < kWords; ++n) {
      const uint32_t at = (start + n) % kWords;
      // order: relaxed. TryClaimBit decides.
      uint64_t owned = words_[at].load(std::memory_order_relaxed);
      while ((owned & ValidBits(at)) != ValidBits(at)) {
        const uint64_t free = ~owned & ValidBits(at);
        const uint64_t lowest = free & (~free + 1);
        if (TryClaimBit(at, lowest, &owned)) {
          // order: relaxed. A hint.
          hint_.store(at, std::memory_order_relaxed);
          const uint32_t ordinal = at * 64 + BitIndex(lowest);
          RaiseLimit(ordinal + 1);
          return ordinal;
        }
      }
    }
    return kNone;
  }

  // Claims this very ordinal, unless it has an owner. Wait-free.
  bool TryClaim(uint32_t ordinal) noexcept {
    const uint64_t bit = uint64_t{1} << (ordinal % 64);
    // order: relaxed. Spares the write where it would fail; TryClaimBit
    // decides.
    uint64_t owned = words_[ordinal / 64].load(std::memory_order_relaxed);
    return (owned & bit) == 0 && TryClaimBit(ordinal / 64, bit, &owned);
  }

  // Requires that the caller owns `ordinal`. Wait-free.
  void Release(uint32_t ordinal) noexcept {
    const uint32_t at = ordinal / 64;
    const uint64_t bit = uint64_t{1} << (ordinal % 64);
    // order: release -> bequeath. The shards of this ordinal, in every table,
    // pass to the next owner as they stand. [INV-6]
    words_[at].fetch_and(~bit, std::memory_order_release);
    // order: relaxed, both. A hint: a lost update costs a longer search.
    if (at < hint_.load(std::memory_order_relaxed)) {
      hint_.store(at, std::memory_order_relaxed);
    }
  }

  // One past the largest ordinal ever claimed. Only grows.
  uint32_t Limit() const noexcept {
    // order: relaxed. A bound for searches; it publishes nothing.
    return limit_.load(std::memory_order_relaxed);
  }

  // How many are owned. Approximate while other threads go on.
  uint32_t CountOwned() const noexcept {
    uint32_t owned = 0;
    for (const Atomic<uint64_t>& word : words_) {
      // order: relaxed. Only the number counts.
      owned += static_cast<uint32_t>(
          __builtin_popcountll(word.load(std::memory_order_relaxed)));
    }
    return owned;
  }

 private:
  template <typename U>
  using Atomic = typename Atomics::template Atomic<U>;

  static constexpr uint32_t kWords = (kCapacity + 63) / 64;

  // The bits of word `at` that stand for ordinals below kCapacity.
  static constexpr uint64_t ValidBits(uint32_t at) noexcept {
    return at == kWords - 1 && kCapacity % 64 != 0
               ? (uint64_t{1} << (kCapacity % 64)) - 1
               : ~uint64_t{0};
  }

  static uint32_t BitIndex(uint64_t bit) noexcept {
    return static_cast<uint32_t>(__builtin_ctzll(bit));
  }

  // Sets one bit; true if this call did. `*owned` becomes the word as it is.
  bool TryClaimBit(uint32_t at, uint64_t bit, uint64_t* owned) noexcept {
    // order: acquire <- bequeath.
    const uint64_t before = words_[at].fetch_or(bit, std::memory_order_acquire);
    *owned = before | bit;
    return (before & bit) == 0;
  }

  void RaiseLimit(uint32_t limit) noexcept {
    // order: relaxed, all. The largest value wins; only the range of a search
    // depends on it. A thread that learns of another's exit sees its limit.
    uint32_t seen = limit_.load(std::memory_order_relaxed);
    while (seen < limit &&
           !limit_.compare_exchange_weak(seen, limit, std::memory_order_relaxed,
                                         std::memory_order_relaxed)) {
    }
  }

  Atomic<uint64_t> words_[kWords] = {};
  Atomic<uint32_t> hint_ = {};
  Atomic<uint32_t> limit_ = {};
};

}  // namespace holdfast::internal

#endif  // HOLDFAST_INTERNAL_ORDINAL_POOL_H_
