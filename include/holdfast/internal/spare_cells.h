// The cells that a Write fills before it swaps them into a slot: one for each
// thread that has a shard, and a few that all other threads share, each claimed
// for one Write. They have numbers after the slots' own cells, from the largest
// number down: first the shared ones, then the threads' own.
//
// While a Write has its thread's cell in hand, the shard says so. If the thread
// leaves the call halfway, the cell may be in a slot; so the next Write through
// this shard takes another cell, and this one is lost. [INV-9]

#ifndef HOLDFAST_INTERNAL_SPARE_CELLS_H_
#define HOLDFAST_INTERNAL_SPARE_CELLS_H_

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "absl/base/attributes.h"
#include "absl/base/optimization.h"
#include "holdfast/internal/atomic_word.h"
#include "holdfast/internal/fresh_slots.h"
#include "holdfast/internal/growing_array.h"
#include "holdfast/internal/shard.h"
#include "holdfast/internal/shard_array.h"
#include "holdfast/internal/slot_array.h"
#include "holdfast/internal/slot_names.h"
#include "holdfast/internal/spare_cell.h"
#include "holdfast/internal/thread_ordinals.h"
#include "holdfast/internal/zeros.h"

namespace holdfast::internal {

// `Array` has the cells and their versions: CellArray.
template <typename Array, typename Traits>
class SpareCells {
  using Threads = typename Traits::Threads;
  using Numbering = typename Threads::Numbering;

 public:
  static constexpr uint32_t kMaxShared = Traits::kMaxSharedSpares;
  static_assert(kMaxShared >= 1,
                "some threads have no spare cell of their own");

  // What is known of a cell that threads share.
  using Entry = AtomicWord<SpareCell, typename Traits::Atomics>;

  // Cells needed for `all_slots` slots, spares included. Where the index bits
  // run out, more threads share.
  static constexpr uint64_t Cells(uint64_t all_slots) noexcept {
    return std::min(all_slots + kMaxShared + ShardArray<Traits>::kLimit,
                    IndexLimits<Traits::kGenerationBits>::kMaxCells);
  }

  SpareCells() = default;

  // The kMaxShared entries at `shared` and the shards are zeroed. `cells`
  // become writable from the last number down. Lost cells are replaced by those
  // of `fresh` slots.
  SpareCells(Entry* shared, ShardArray<Traits> shards,
             const GrowingArray<Array, Traits>& cells,
             const FreshSlots<Array, Traits>& fresh, Numbering numbering)
      : numbering_(numbering),
        shards_(shards),
        shared_(shared),
        cells_(cells),
        fresh_(fresh) {
    const uint64_t all_slots = fresh.all_slots();
    const uint64_t spares = Cells(all_slots) - all_slots;
    shared_count_ =
        static_cast<uint32_t>(std::min<uint64_t>(spares, kMaxShared));
    own_limit_ = static_cast<uint32_t>(
        std::min<uint64_t>(spares - shared_count_, ShardArray<Traits>::kLimit));
    last_ = static_cast<uint32_t>(Cells(all_slots) - 1);
  }

  // Makes the shared cells writable. False if the system refuses.
  bool ReachShared() const noexcept {
    return cells_.Reach(last_ - (shared_count_ - 1));
  }

  // Makes writable the cell that the thread with this ordinal starts with.
  bool ReachStartCell(uint32_t ordinal) const noexcept {
    return shards_.Reach(ordinal) && cells_.Reach(StartCell(ordinal));
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

  // Makes the cells that were ever spare, and their versions, zeros again, and
  // returns whether there was one. Requires that no other thread uses the
  // table, and that only the first `shards` shards were ever used.
  bool Clear(uint64_t shards) const noexcept {
    bool any = false;
    const auto clear = [&](uint32_t cell) {
      cells_.array().ClearEntry(cell);
      any = true;
    };
    const size_t shared_bytes = shared_count_ * sizeof(Entry);
    const uint32_t shared = AreZeros(shared_, shared_bytes) ? 0 : shared_count_;
    for (uint32_t i = 0; i < shared; ++i) {
      // order: relaxed. No other thread uses the table.
      const SpareCell spare = shared_[i].load(std::memory_order_relaxed);
      if (!spare.IsUnused()) clear(last_ - i);
    }
    for (uint32_t i = 0; i < std::min<uint64_t>(shards, own_limit_); ++i) {
      const SpareCell spare = shards_[i].spare;
      if (!spare.IsUnused()) clear(StartCell(i));
    }
    return any;
  }

  // Returns use(uint32_t* cell) for a cell that the caller owns meanwhile, and
  // keeps for later the cell that `use` leaves in *cell. `use` must not
  // throw. Wait-free for a thread with a cell of its own; any other thread
  // waits until one of the shared cells is free.
  template <typename F>
  ABSL_ATTRIBUTE_ALWAYS_INLINE auto With(F use) noexcept {
    const uint64_t ordinal = numbering_.Current();
    if (ABSL_PREDICT_TRUE(ordinal < own_limit_)) {
      Shard<Traits>& shard = shards_[ordinal];
      const SpareCell spare = shard.spare;
      if (ABSL_PREDICT_TRUE(spare.HasCell())) {
        return WithOwn(shard, spare.cell(), use);
      }
    }
    return WithSlow(use);
  }

 private:
  static constexpr uint32_t kApart = 16;  // Versions on a pair of cache lines.

  // A compiler cannot move the two stores to shard.spare: all that `use` shows
  // to other threads is stored with release, which the first store stays
  // before; and the second store depends on what the last CAS in `use` finds.
  template <typename F>
  ABSL_ATTRIBUTE_ALWAYS_INLINE auto WithOwn(Shard<Traits>& shard, uint32_t cell,
                                            F use) noexcept {
    shard.spare = SpareCell::Taken();
    auto result = use(&cell);
    shard.spare = SpareCell::Of(cell);
    return result;
  }

  template <typename F>
  ABSL_ATTRIBUTE_NOINLINE auto WithSlow(F use) noexcept {
    const OrdinalLease<Numbering> lease(numbering_);
    uint32_t cell;
    if (lease.ordinal() < own_limit_ && FindOwn(lease.ordinal(), &cell)) {
      return WithOwn(shards_[lease.ordinal()], cell, use);
    }
    Entry& entry = ClaimShared(&cell);
    auto result = use(&cell);
    // order: release -> lend.
    entry.store(SpareCell::Of(cell), std::memory_order_release);
    return result;
  }

  // The spare cell of the shard; or a first one, if it had none; or another
  // one, if it was lost. False if there is none to be had.
  bool FindOwn(uint32_t ordinal, uint32_t* cell) noexcept {
    const SpareCell spare = shards_[ordinal].spare;
    if (spare.IsTaken()) return fresh_.TakeCell(cell);
    if (spare.HasCell()) {
      *cell = spare.cell();
      return true;
    }
    *cell = StartCell(ordinal);
    return ReachStartCell(ordinal);
  }

  Entry& ClaimShared(uint32_t* cell) noexcept {
    for (;;) {
      for (uint32_t i = 0; i < shared_count_; ++i) {
        Entry& entry = shared_[i];
        // order: relaxed. Looked at first, so that a taken entry is not written
        // to.
        if (entry.load(std::memory_order_relaxed).IsTaken()) continue;
        // order: acquire <- lend. The cell with its version is the caller's.
        const SpareCell spare =
            entry.exchange(SpareCell::Taken(), std::memory_order_acquire);
        if (spare.IsTaken()) continue;
        *cell = spare.HasCell() ? spare.cell() : last_ - i;
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
  GrowingArray<Array, Traits> cells_;
  FreshSlots<Array, Traits> fresh_;
};

}  // namespace holdfast::internal

#endif  // HOLDFAST_INTERNAL_SPARE_CELLS_H_
