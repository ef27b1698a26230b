// The cells that Write fills before it swaps them in: one for each thread that
// has a shard, and a few for all others together, claimed for one Write each.
// They are numbered after the slots' own cells, from the last number down: the
// shared ones, then the threads' own.
//
// While a Write has its thread's cell, the shard says so. If the thread leaves
// the call halfway, the cell may be in a slot; the next owner of the shard then
// takes another, and the one is lost. [INV-9]

#ifndef HOLDFAST_INTERNAL_SPARE_CELLS_H_
#define HOLDFAST_INTERNAL_SPARE_CELLS_H_

#include <algorithm>
#include <atomic>
#include <cstdint>

#include "absl/base/attributes.h"
#include "absl/base/optimization.h"
#include "holdfast/internal/growing_part.h"
#include "holdfast/internal/shard.h"
#include "holdfast/internal/shard_array.h"
#include "holdfast/internal/thread_ordinals.h"
#include "holdfast/internal/words.h"

namespace holdfast::internal {

// `Slots` keeps the cells and their versions: CellSlots.
template <typename Slots, typename Traits>
class SpareCells {
  template <typename U>
  using Atomic = typename Traits::Atomics::template Atomic<U>;
  using Word = Words<Traits::kGenerationBits>;
  using Threads = typename Traits::Threads;
  using Numbering = typename Threads::Numbering;

 public:
  static constexpr uint32_t kMaxShared = Traits::kMaxSharedSpares;
  static_assert(kMaxShared >= 1,
                "some threads have no spare cell of their own");

  // A spare cell that a thread may claim: 0 is the cell it starts with, 1 is
  // taken, others are the cell's index plus two.
  using Entry = Atomic<uint32_t>;

  // Cells needed for `all_slots` slots, spares included. Where the index bits
  // run out, more threads share.
  static constexpr uint64_t Cells(uint64_t all_slots) noexcept {
    return std::min(all_slots + kMaxShared + ShardArray<Traits>::kLimit,
                    Word::kMaxCells);
  }

  SpareCells() = default;

  // The kMaxShared entries, the shards and the cells are zeroed; the cells
  // after `all_slots`, and their versions, become writable with the two parts.
  SpareCells(Entry* shared, ShardArray<Traits> shards, Slots slots,
             uint64_t all_slots, Numbering numbering,
             GrowingPart<Traits> cells = {}, GrowingPart<Traits> versions = {})
      : numbering_(numbering),
        shards_(shards),
        shared_(shared),
        slots_(slots),
        cells_(cells),
        versions_(versions) {
    const uint64_t spares = Cells(all_slots) - all_slots;
    shared_count_ =
        static_cast<uint32_t>(std::min<uint64_t>(spares, kMaxShared));
    own_limit_ = static_cast<uint32_t>(
        std::min<uint64_t>(spares - shared_count_, ShardArray<Traits>::kLimit));
    last_ = static_cast<uint32_t>(Cells(all_slots) - 1);
  }

  // Makes the shared cells writable. False if the system refuses.
  bool ReachShared() const noexcept {
    return Reach(last_ - (shared_count_ - 1));
  }

  // Makes the cell that a thread with one of its own starts with writable.
  bool ReachStartCell(uint32_t ordinal) const noexcept {
    return shards_.Reach(ordinal) && Reach(StartCell(ordinal));
  }

  // The spare cell that a thread with one of its own starts with. Those of
  // threads with ordinals close together are kApart cells apart: values return
  // to their slots' own cells, so a thread writes to the same spare, and to its
  // version, again and again.
  uint32_t StartCell(uint32_t ordinal) const noexcept {
    const uint32_t rows = own_limit_ / kApart;
    return last_ - shared_count_ -
           (ordinal < rows * kApart ? ordinal % rows * kApart + ordinal / rows
                                    : ordinal);
  }

  // Returns use(uint32_t* cell) for a cell that the caller owns meanwhile, and
  // keeps what `use` leaves in *cell in its stead. Wait-free for a thread with
  // a cell of its own; else it waits for one of shared_count_ to come back.
  // replace(uint32_t* cell) returns whether it has a cell that nobody owns, for
  // a shard whose own was lost. Neither may throw.
  template <typename F, typename G>
  ABSL_ATTRIBUTE_ALWAYS_INLINE auto With(F use, G replace) noexcept {
    const uint64_t ordinal = numbering_.Current();
    if (ABSL_PREDICT_TRUE(ordinal < own_limit_)) {
      Shard<Traits>& shard = shards_[ordinal];
      const uint32_t spare = shard.spare;
      if (ABSL_PREDICT_TRUE(spare >= Shard<Traits>::kFirstSpare)) {
        return WithOwn(shard, spare - Shard<Traits>::kFirstSpare, use);
      }
    }
    return WithSlow(use, replace);
  }

 private:
  static constexpr uint32_t kTaken = 1;
  static constexpr uint32_t kApart = 16;  // Versions on a pair of cache lines.

  // The two stores stay where they are: the first one before all that `use`
  // shows to others, which it stores with release; the second one depends on
  // what the last CAS in `use` has found.
  template <typename F>
  ABSL_ATTRIBUTE_ALWAYS_INLINE auto WithOwn(Shard<Traits>& shard, uint32_t cell,
                                            F use) noexcept {
    shard.spare = Shard<Traits>::kSpareTaken;
    auto result = use(&cell);
    shard.spare = cell + Shard<Traits>::kFirstSpare;
    return result;
  }

  template <typename F, typename G>
  ABSL_ATTRIBUTE_NOINLINE auto WithSlow(F use, G replace) noexcept {
    const OrdinalLease<Numbering> lease(numbering_);
    uint32_t cell;
    if (lease.ordinal() < own_limit_ &&
        FindOwn(lease.ordinal(), replace, &cell)) {
      return WithOwn(shards_[lease.ordinal()], cell, use);
    }
    Entry& entry = ClaimShared(&cell);
    auto result = use(&cell);
    // order: release -> lend.
    entry.store(cell + 2, std::memory_order_release);
    return result;
  }

  // The spare cell of the shard, or a first or another one if it has none.
  // False if there is none to be had.
  template <typename G>
  bool FindOwn(uint32_t ordinal, G replace, uint32_t* cell) noexcept {
    const uint32_t spare = shards_[ordinal].spare;
    if (spare >= Shard<Traits>::kFirstSpare) {
      *cell = spare - Shard<Traits>::kFirstSpare;
      return true;
    }
    if (spare == Shard<Traits>::kSpareTaken) return replace(cell);
    *cell = StartCell(ordinal);
    return ReachStartCell(ordinal);
  }

  bool Reach(uint32_t cell) const noexcept {
    return cells_.Reach(slots_.slot(cell), sizeof(typename Slots::Slot)) &&
           versions_.Reach(slots_.side(cell), sizeof(typename Slots::Side));
  }

  Entry& ClaimShared(uint32_t* cell) noexcept {
    for (;;) {
      for (uint32_t i = 0; i < shared_count_; ++i) {
        Entry& entry = shared_[i];
        // order: relaxed. Spares the write where it would fail.
        if (entry.load(std::memory_order_relaxed) == kTaken) continue;
        // order: acquire <- lend. The cell with its version is the caller's.
        const uint32_t plus_two =
            entry.exchange(kTaken, std::memory_order_acquire);
        if (plus_two == kTaken) continue;
        *cell = plus_two == 0 ? last_ - i : plus_two - 2;
        return entry;
      }
      Threads::YieldThread();
    }
  }

  Numbering numbering_;
  ShardArray<Traits> shards_;
  Entry* shared_ = nullptr;
  uint32_t own_limit_ = 0;  // Threads from this ordinal on share.
  uint32_t shared_count_ = 0;
  uint32_t last_ = 0;
  Slots slots_;
  GrowingPart<Traits> cells_;
  GrowingPart<Traits> versions_;
};

}  // namespace holdfast::internal

#endif  // HOLDFAST_INTERNAL_SPARE_CELLS_H_
