// The cells that Write fills before it swaps them in: one for each thread that
// has a shard, and a few for all others together, claimed for one Write each.
// They are numbered after the slots' own cells, the shared ones first.

#ifndef HOLDFAST_INTERNAL_SPARE_CELLS_H_
#define HOLDFAST_INTERNAL_SPARE_CELLS_H_

#include <algorithm>
#include <atomic>
#include <cstdint>

#include "absl/base/attributes.h"
#include "absl/base/optimization.h"
#include "holdfast/internal/shard.h"
#include "holdfast/internal/thread_ordinals.h"
#include "holdfast/internal/words.h"

namespace holdfast::internal {

template <typename Traits>
class SpareCells {
  template <typename U>
  using Atomic = typename Traits::Atomics::template Atomic<U>;
  using Word = Words<Traits::kGenerationBits>;
  using Threads = typename Traits::Threads;

 public:
  static constexpr uint32_t kMaxShared = Traits::kMaxSharedSpares;
  static_assert(kMaxShared >= 1,
                "some threads have no spare cell of their own");

  // A spare cell that a thread may claim: 0 is the cell it starts with, 1 is
  // taken, others are the cell's index plus two.
  using Entry = Atomic<uint32_t>;

  // Cells needed for `max_slots` slots, spares included. Where the index bits
  // run out, more threads share.
  static constexpr uint64_t Cells(uint64_t max_slots) {
    return std::min(max_slots + kMaxShared + Traits::kMaxThreads,
                    Word::kMaxCells);
  }

  SpareCells() = default;
  SpareCells(Shard<Traits>* shards, Entry* shared, uint64_t max_slots)
      : shards_(shards), shared_(shared) {
    const uint64_t spares = Cells(max_slots) - max_slots;
    shared_count_ =
        static_cast<uint32_t>(std::min<uint64_t>(spares, kMaxShared));
    own_limit_ = static_cast<uint32_t>(spares - shared_count_);
    first_shared_ = static_cast<uint32_t>(max_slots);
    first_own_ = first_shared_ + shared_count_;
  }

  // The spare cell that a thread with one of its own starts with. Those of
  // threads with ordinals close together are kApart cells apart: values return
  // to their slots' own cells, so a thread writes to the same spare, and to its
  // version, again and again.
  uint32_t StartCell(uint32_t ordinal) const {
    const uint32_t rows = own_limit_ / kApart;
    return first_own_ + (ordinal < rows * kApart
                             ? ordinal % rows * kApart + ordinal / rows
                             : ordinal);
  }

  // Returns use(uint32_t* cell) for a cell that the caller owns meanwhile, and
  // keeps what `use` leaves in *cell in its stead. Wait-free for a thread with
  // a cell of its own; else it waits for one of shared_count_ to come back.
  template <typename F>
  ABSL_ATTRIBUTE_ALWAYS_INLINE auto With(F use) {
    const uint32_t ordinal = Threads::Current();
    if (ABSL_PREDICT_TRUE(ordinal < own_limit_)) return WithOwn(ordinal, use);
    return WithSlow(use);
  }

 private:
  static constexpr uint32_t kTaken = 1;
  static constexpr uint32_t kApart = 16;  // Versions on a pair of cache lines.

  template <typename F>
  ABSL_ATTRIBUTE_ALWAYS_INLINE auto WithOwn(uint32_t ordinal, F use) {
    Shard<Traits>& shard = shards_[ordinal];
    const uint32_t plus_one = shard.spare_plus_one;
    uint32_t cell = plus_one == 0 ? StartCell(ordinal) : plus_one - 1;
    auto result = use(&cell);
    shard.spare_plus_one = cell + 1;
    return result;
  }

  template <typename F>
  ABSL_ATTRIBUTE_NOINLINE auto WithSlow(F use) {
    const OrdinalLease<Threads> lease;
    if (lease.ordinal() < own_limit_) return WithOwn(lease.ordinal(), use);
    uint32_t cell;
    Entry& entry = ClaimShared(&cell);
    auto result = use(&cell);
    // order: release -> lend.
    entry.store(cell + 2, std::memory_order_release);
    return result;
  }

  Entry& ClaimShared(uint32_t* cell) {
    for (;;) {
      for (uint32_t i = 0; i < shared_count_; ++i) {
        Entry& entry = shared_[i];
        // order: relaxed. Spares the write where it would fail.
        if (entry.load(std::memory_order_relaxed) == kTaken) continue;
        // order: acquire <- lend. The cell with its version is the caller's.
        const uint32_t plus_two =
            entry.exchange(kTaken, std::memory_order_acquire);
        if (plus_two == kTaken) continue;
        *cell = plus_two == 0 ? first_shared_ + i : plus_two - 2;
        return entry;
      }
      Threads::Yield();
    }
  }

  Shard<Traits>* shards_ = nullptr;
  Entry* shared_ = nullptr;
  uint32_t own_limit_ = 0;  // Threads from this ordinal on share.
  uint32_t shared_count_ = 0;
  uint32_t first_own_ = 0;
  uint32_t first_shared_ = 0;
};

}  // namespace holdfast::internal

#endif  // HOLDFAST_INTERNAL_SPARE_CELLS_H_
