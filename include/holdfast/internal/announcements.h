// The announcements of a table: which objects threads are using now.
//
// A thread that wants to use an object, and one that wants to destroy it:
//
//   borrower                            reclaimer
//   1 announces the life                1 ends the life
//   2 shakes hands                      2 shakes hands
//   3 looks whether the life goes on    3 looks for announcements of the life
//
// To shake hands is a read-modify-write of one word, the borrower's: so one of
// the two comes first. If the reclaimer does, the borrower sees that the life
// is over, and gives up. If the borrower does, the reclaimer sees the
// announcement, and waits. Nothing else keeps both from going on. (M. Michael,
// "Hazard Pointers", IEEE TPDS 2004, has a fence of both in place of the
// handshake; neither a fence nor seq_cst is needed here.)
//
// Each thread has places for a few announcements, in its shard. A thread that
// needs more, or that has no shard, takes shared places. These lie in blocks
// that are allocated as they are needed, and all have one handshake.

#ifndef HOLDFAST_INTERNAL_ANNOUNCEMENTS_H_
#define HOLDFAST_INTERNAL_ANNOUNCEMENTS_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <new>

#include "absl/base/attributes.h"
#include "absl/base/optimization.h"
#include "holdfast/internal/announcement.h"
#include "holdfast/internal/shard.h"
#include "holdfast/internal/shard_array.h"
#include "holdfast/internal/thread_ordinals.h"
#include "holdfast/internal/to_size.h"

namespace holdfast::internal {

// The shared places of a table. Zeroed memory is a valid object.
template <typename Atomics, uint32_t kFirstPlaces>
class SharedPlaces {
 public:
  using Place = AnnouncementPlace<Atomics>;

  // Announces at a free place, and shakes hands. Null if there is none, and
  // either the system refuses memory for more or there are kBlocks blocks.
  // Lock-free, but for the allocation of memory.
  Place* Announce(Announcement announcement) noexcept {
    Place* place = AnnounceInOld(announcement);
    if (place == nullptr) place = AnnounceInNew(announcement);
    if (place != nullptr) handshake_.Shake();
    return place;
  }

  // Shakes hands with all that announce here, and calls f(Announcement) for
  // each place.
  template <typename F>
  void ForEach(F f) noexcept {
    handshake_.Shake();
    for (uint32_t i = 0; i < kBlocks; ++i) {
      const Block* const block = BlockAt(i);
      if (block == nullptr) return;
      const Place* const places = block->places;
      for (size_t at = 0; at < Size(i); ++at) f(places[at].Look());
    }
  }

  // Frees the blocks, for a thread that has the table to itself.
  void Free() noexcept {
    for (uint32_t i = 0; i < kBlocks; ++i) Delete(BlockAt(i));
  }

 private:
  template <typename U>
  using Atomic = typename Atomics::template Atomic<U>;
  template <typename U>
  using Plain = typename Atomics::template Plain<U>;

  struct Block {
    Plain<Place*> places;
  };

  // Each block has twice the places of the one before.
  static constexpr uint32_t kBlocks = 16;
  static constexpr size_t Size(uint32_t block) noexcept {
    return size_t{kFirstPlaces} << block;
  }

  // Null if there is no such block yet; then those after it are not there
  // either.
  Block* BlockAt(uint32_t i) const noexcept {
    // order: acquire <- extend. The places are open.
    return ToBlock(blocks_[i].load(std::memory_order_acquire));
  }
  static Block* ToBlock(uint64_t address) noexcept {
    // NOLINTNEXTLINE(performance-no-int-to-ptr): model checkers know integers.
    return reinterpret_cast<Block*>(ToSize(address));
  }

  static Place* AnnounceIn(const Block& block, size_t size,
                           Announcement announcement) noexcept {
    Place* const places = block.places;
    for (size_t at = 0; at < size; ++at) {
      if (places[at].TryAnnounce(announcement)) return &places[at];
    }
    return nullptr;
  }

  Place* AnnounceInOld(Announcement announcement) noexcept {
    // order: relaxed. Where to look first; all blocks are looked at.
    const uint32_t start = hint_.load(std::memory_order_relaxed);
    for (uint32_t n = 0; n < kBlocks; ++n) {
      const uint32_t i = n <= start ? start - n : n;
      const Block* const block = BlockAt(i);
      if (block == nullptr) continue;
      Place* const place = AnnounceIn(*block, Size(i), announcement);
      if (place == nullptr) continue;
      // order: relaxed. A hint.
      hint_.store(i, std::memory_order_relaxed);
      return place;
    }
    return nullptr;
  }

  Place* AnnounceInNew(Announcement announcement) noexcept {
    for (uint32_t i = 0; i < kBlocks; ++i) {
      if (BlockAt(i) != nullptr) continue;
      const Block* const block = Extend(i);
      if (block == nullptr) return nullptr;
      Place* const place = AnnounceIn(*block, Size(i), announcement);
      if (place != nullptr) return place;
    }
    return nullptr;
  }

  // Makes a block, unless another thread is faster. Null if the system refuses
  // the memory.
  Block* Extend(uint32_t i) noexcept {
    Block* const block = New(Size(i));
    if (block == nullptr) return nullptr;
    uint64_t found = 0;
    // order: release -> extend. The places are open before they are found. A
    // reclaimer finds them by the handshake: whoever announces in the block
    // knows it before. Failure acquire <- extend.
    if (blocks_[i].compare_exchange_strong(
            found, reinterpret_cast<uintptr_t>(block),
            std::memory_order_release, std::memory_order_acquire)) {
      return block;
    }
    Delete(block);
    return ToBlock(found);
  }

  static Block* New(size_t size) noexcept {
    Place* const places = new (std::nothrow) Place[size];
    Block* const block = new (std::nothrow) Block;
    if (places == nullptr || block == nullptr) {
      delete[] places;
      delete block;
      return nullptr;
    }
    for (size_t at = 0; at < size; ++at) places[at].Open();
    block->places = places;
    return block;
  }
  static void Delete(Block* block) noexcept {
    if (block == nullptr) return;
    delete[] static_cast<Place*>(block->places);
    delete block;
  }

  Handshake<Atomics> handshake_;
  Atomic<uint32_t> hint_;
  Atomic<uint64_t> blocks_[kBlocks];  // Addresses.
};

// `Traits` are those of a table of objects: see shard.h.
template <typename Traits>
class Announcements {
  using Atomics = typename Traits::Atomics;
  using Numbering = typename Traits::Threads::Numbering;
  using Shards = ShardArray<Traits>;

 public:
  using Place = AnnouncementPlace<Atomics>;
  using Shared = SharedPlaces<Atomics, Traits::kSharedPlaces>;

  Announcements() = default;
  Announcements(Shards shards, Shared* shared, Numbering numbering)
      : numbering_(numbering), shards_(shards), shared_(shared) {}

  // Announces, and shakes hands. So if the caller now finds that the life has
  // not ended, its object stays until the place is cleared. Null if there is no
  // place to be had. Wait-free if the thread has a free one of its own, else as
  // SharedPlaces::Announce.
  ABSL_ATTRIBUTE_ALWAYS_INLINE Place* Announce(
      Announcement announcement) noexcept {
    const uint64_t ordinal = numbering_.Current();
    if (ABSL_PREDICT_TRUE(ordinal < Shards::kLimit)) {
      Place* const place = AnnounceIn(shards_[ordinal], announcement);
      if (ABSL_PREDICT_TRUE(place != nullptr)) return place;
    }
    return AnnounceSlow(announcement);
  }

  // Opens the shard of an ordinal that the caller owns, and its places. False
  // if there is no such shard, or if the system refuses the memory.
  bool Open(uint32_t ordinal) noexcept {
    if (ordinal >= Shards::kLimit || !shards_.Open(ordinal)) return false;
    for (Place& place : shards_[ordinal].announced.places) {
      if (place.IsClosed()) place.Open();
    }
    return true;
  }

  // Shakes hands with every thread that may announce something, and calls
  // f(Announcement) for what is announced. What is announced later is not of a
  // life whose end happens before this call.
  template <typename F>
  void ForEach(F f) noexcept {
    const auto show = [&](Announcement announcement) {
      if (!announcement.IsClosed() && !announcement.IsFree()) f(announcement);
    };
    shards_.ForEachOpenedOrInformed([&](uint32_t ordinal) noexcept {
      auto& record = shards_[ordinal].announced;
      record.handshake.Shake();
      for (const Place& place : record.places) show(place.Look());
    });
    shared_->ForEach(show);
  }

 private:
  ABSL_ATTRIBUTE_ALWAYS_INLINE static Place* AnnounceIn(
      Shard<Traits>& shard, Announcement announcement) noexcept {
    for (Place& place : shard.announced.places) {
      if (!place.IsFree()) continue;
      place.Announce(announcement);
      shard.announced.handshake.Shake();
      return &place;
    }
    return nullptr;
  }

  ABSL_ATTRIBUTE_NOINLINE Place* AnnounceSlow(
      Announcement announcement) noexcept {
    const OrdinalLease<Numbering> lease(numbering_);
    Place* const place =
        Open(lease.ordinal())
            ? AnnounceIn(shards_[lease.ordinal()], announcement)
            : nullptr;
    return place != nullptr ? place : shared_->Announce(announcement);
  }

  Numbering numbering_;
  Shards shards_;
  Shared* shared_ = nullptr;
};

}  // namespace holdfast::internal

#endif  // HOLDFAST_INTERNAL_ANNOUNCEMENTS_H_
