// The shards of a table, by ordinal. A shard reads as zeros, and is closed,
// until a thread with its ordinal needs one: then it is opened, once and for
// all, and joins the list of those that the table has to count and to search.

#ifndef HOLDFAST_INTERNAL_SHARD_ARRAY_H_
#define HOLDFAST_INTERNAL_SHARD_ARRAY_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "holdfast/internal/atomic_word.h"
#include "holdfast/internal/growing_part.h"
#include "holdfast/internal/shard.h"
#include "holdfast/internal/zeros.h"

namespace holdfast::internal {

// The list of opened shards: {how many:32 | the last one's ordinal plus
// one:32}.
class OpenedShards {
 public:
  constexpr OpenedShards() noexcept = default;  // None. Zeroed memory is this.
  static constexpr OpenedShards FromBits(uint64_t bits) noexcept {
    OpenedShards opened;
    opened.bits_ = bits;
    return opened;
  }

  constexpr uint64_t bits() const noexcept { return bits_; }
  constexpr uint32_t count() const noexcept {
    return static_cast<uint32_t>(bits_ >> 32);
  }
  // 0 if there is none.
  constexpr uint32_t last_plus_one() const noexcept {
    return static_cast<uint32_t>(bits_);
  }
  constexpr OpenedShards With(uint32_t ordinal) const noexcept {
    return FromBits((uint64_t{count()} + 1) << 32 | (ordinal + 1));
  }

 private:
  uint64_t bits_ = 0;
};

template <typename Traits>
class ShardArray {
 public:
  using Opened = AtomicWord<OpenedShards, typename Traits::Atomics>;

  // Ordinals from here on have no shard.
  static constexpr uint32_t kLimit = Traits::kMaxThreads;

  ShardArray() = default;
  // The kLimit shards lie at `shards`, that of the last ordinal first: so a
  // table can have the first ordinals' on one page with what follows them.
  // Without a part, all of them are writable as they are.
  ShardArray(Shard<Traits>* shards, Opened* opened,
             GrowingPart<Traits>* part = nullptr)
      : end_(shards + kLimit), opened_(opened), part_(part) {}

  Shard<Traits>& operator[](uint64_t ordinal) const noexcept {
    // That is -1 - ordinal.
    return end_[static_cast<ptrdiff_t>(~ordinal)];
  }

  // Makes the shard writable. False if the system refuses.
  bool Reach(uint32_t ordinal) const noexcept {
    return part_ == nullptr ||
           part_->Reach(&(*this)[ordinal], sizeof(Shard<Traits>));
  }

  // Opens the shard unless it is open. False if the system refuses the memory.
  // Lock-free. Requires that the caller owns the ordinal.
  bool Open(uint32_t ordinal) const noexcept {
    Shard<Traits>& shard = (*this)[ordinal];
    if (shard.level.Get() != 0) return true;
    if (!Reach(ordinal)) return false;
    // An owner may have left halfway through this, with the shard in the list
    // or not. [INV-9]
    if (shard.next_opened.Get() == 0 || !IsListed(ordinal)) List(ordinal);
    // An owner that left the call after this line may have put a slot into
    // `last` since.
    if (shard.last.Get().IsClosed())
      shard.last.Set(Shard<Traits>::Last::Empty());
    shard.SetFrontCount(0);
    return true;
  }

  // Makes the first `shards` of them zeros, for a thread that has the table to
  // itself. Those that were never used are only read: so a page that was never
  // written takes no memory now.
  void Clear(uint64_t shards) const noexcept {
    for (uint64_t i = 0; i < shards; ++i) {
      Shard<Traits>& shard = (*this)[i];
      if (shard.IsUsed()) ClearObject(&shard);
    }
  }

  // How many shards have been opened.
  uint64_t OpenedCount() const noexcept {
    // order: relaxed. A thread opens its shard before it takes a slot, so the
    // exhaust edge shows that to a thread which finds nothing left to take.
    return opened_->load(std::memory_order_relaxed).count();
  }

  // Calls f(ordinal), which is noexcept, for each shard that has been opened.
  template <typename F>
  void ForEachOpened(F f) const noexcept {
    // order: acquire <- open. Each change of the list is an RMW, so this
    // acquires the links of all shards in it.
    ForEachFrom(opened_->load(std::memory_order_acquire), f);
  }

  // The same. A thread that opens its shard too late for this call is informed:
  // from then on, it knows all that the caller did before.
  template <typename F>
  void ForEachOpenedOrInformed(F f) const noexcept {
    // order: relaxed. The CAS validates it.
    OpenedShards opened = opened_->load(std::memory_order_relaxed);
    // order: acquire <- open; release -> open. It changes nothing, but it comes
    // before the CAS that opens another shard, which acquires it. Failure
    // relaxed: tried again.
    while (!opened_->compare_exchange_weak(
        opened, opened, std::memory_order_acq_rel, std::memory_order_relaxed)) {
    }
    ForEachFrom(opened, f);
  }

 private:
  template <typename F>
  void ForEachFrom(OpenedShards opened, F f) const noexcept {
    static_assert(std::is_nothrow_invocable_v<F, uint32_t>,
                  "a cancelled thread may unwind from here");
    uint32_t at = opened.last_plus_one();
    while (at != 0) {
      f(at - 1);
      const uint32_t next = (*this)[at - 1].next_opened.Get();
      at = next == at ? 0 : next;
    }
  }

  bool IsListed(uint32_t ordinal) const noexcept {
    bool listed = false;
    ForEachOpened(
        [&](uint32_t opened) noexcept { listed |= opened == ordinal; });
    return listed;
  }

  // Lock-free: a retry means that another thread listed its shard.
  void List(uint32_t ordinal) const noexcept {
    // order: relaxed. The CAS validates it.
    OpenedShards opened = opened_->load(std::memory_order_relaxed);
    do {
      const uint32_t before = opened.last_plus_one();
      (*this)[ordinal].next_opened.Set(before != 0 ? before : ordinal + 1);
      // order: release -> open. The link is complete before the shard is
      // found. Acquire <- open: what those knew who have looked at the list
      // before: see ForEachOpenedOrInformed. Failure relaxed: the new value is
      // only linked to.
    } while (!opened_->compare_exchange_weak(opened, opened.With(ordinal),
                                             std::memory_order_acq_rel,
                                             std::memory_order_relaxed));
  }

  Shard<Traits>* end_ = nullptr;
  Opened* opened_ = nullptr;
  GrowingPart<Traits>* part_ = nullptr;
};

}  // namespace holdfast::internal

#endif  // HOLDFAST_INTERNAL_SHARD_ARRAY_H_
