// What a thread announces before it uses an object: so nobody destroys the
// object until the announcement is cleared.

#ifndef HOLDFAST_INTERNAL_ANNOUNCEMENT_H_
#define HOLDFAST_INTERNAL_ANNOUNCEMENT_H_

#include <atomic>
#include <cstdint>

#include "holdfast/internal/atomic_word.h"
#include "holdfast/internal/slot_names.h"

namespace holdfast::internal {

//   0                       the place was never opened
//   a Life (odd)            the thread uses the object of that life
//   2                       nothing: the place is free
//   {block + 1:62 | 0:2}    a walk uses the objects of the slots of that block
class Announcement {
 public:
  // Slots that a walk announces together.
  static constexpr uint64_t kBlock = 64;

  constexpr Announcement() noexcept = default;  // Closed. Zeros are this.
  // Requires that the life is live.
  template <int kGenerationBits>
  static constexpr Announcement Of(Life<kGenerationBits> life) noexcept {
    return FromBits(life.bits());
  }
  static constexpr Announcement OfBlock(uint64_t block) noexcept {
    return FromBits((block + 1) << 2);
  }
  static constexpr Announcement Free() noexcept { return FromBits(kFree); }
  static constexpr Announcement FromBits(uint64_t bits) noexcept {
    Announcement announcement;
    announcement.bits_ = bits;
    return announcement;
  }

  constexpr uint64_t bits() const noexcept { return bits_; }
  constexpr bool IsClosed() const noexcept { return bits_ == 0; }
  constexpr bool IsFree() const noexcept { return bits_ == kFree; }
  constexpr bool IsLife() const noexcept { return bits_ % 2 != 0; }
  constexpr bool IsBlock() const noexcept {
    return bits_ % 4 == 0 && bits_ != 0;
  }
  // Requires IsLife().
  template <int kGenerationBits>
  constexpr Life<kGenerationBits> life() const noexcept {
    return Life<kGenerationBits>::FromBits(bits_);
  }
  // Requires IsBlock().
  constexpr uint64_t block() const noexcept { return (bits_ >> 2) - 1; }

 private:
  static constexpr uint64_t kFree = 2;

  uint64_t bits_ = 0;
};

// A place for an announcement. Any thread may clear it, but only the thread
// that has the place to itself announces anything there.
template <typename Atomics>
class AnnouncementPlace {
 public:
  // Whether it is free. Then all uses of the object that was announced here
  // last happen before.
  bool IsFree() const noexcept {
    // order: acquire <- clear. Announce passes it on.
    return word_.load(std::memory_order_acquire).IsFree();
  }

  // The announcement, for a thread that has shaken hands.
  Announcement Look() const noexcept {
    // order: acquire <- clear, announce: all uses of what was announced here
    // before.
    return word_.load(std::memory_order_acquire);
  }

  bool IsClosed() const noexcept {
    // order: relaxed. Only the owner opens it.
    return word_.load(std::memory_order_relaxed).IsClosed();
  }

  // Makes the place one that can be used, before anybody else does.
  void Open() noexcept {
    // order: relaxed. It announces nothing, as before.
    word_.store(Announcement::Free(), std::memory_order_relaxed);
  }

  // Requires that the caller owns the place, and that it is free.
  void Announce(Announcement announcement) noexcept {
    // order: release -> announce. It carries the uses of what was announced
    // here before: a thread that sees this announcement in the place of an
    // earlier one knows them to be over. The handshake publishes the
    // announcement itself.
    word_.store(announcement, std::memory_order_release);
  }

  // As Announce, for a place that threads share. False if it is not free.
  bool TryAnnounce(Announcement announcement) noexcept {
    Announcement found = Announcement::Free();
    // order: relaxed. The CAS validates it.
    if (!word_.load(std::memory_order_relaxed).IsFree()) return false;
    // order: acquire <- clear. As IsFree. No release: an RMW hands on what the
    // clear before it has released. Failure relaxed: nothing is done.
    return word_.compare_exchange_strong(found, announcement,
                                         std::memory_order_acquire,
                                         std::memory_order_relaxed);
  }

  // Requires that the caller has the use of what is announced here.
  void Clear() noexcept {
    // order: release -> clear. The thread that sees this, or what follows it
    // in this place, may destroy the object.
    word_.store(Announcement::Free(), std::memory_order_release);
  }

 private:
  AtomicWord<Announcement, Atomics> word_;
};

// Where a borrower and a reclaimer meet: see announcements.h.
template <typename Atomics>
class Handshake {
 public:
  void Shake() noexcept {
    // order: release -> handshake; acquire <- handshake. All who shake hands
    // here come one after another, and each knows what those before did first:
    // a borrower that a life is over, a reclaimer what is announced.
    count_.fetch_add(1, std::memory_order_acq_rel);
  }

 private:
  typename Atomics::template Atomic<uint64_t> count_;
};

// The places of one thread, and its handshake.
template <typename Atomics, uint32_t kPlaces>
struct alignas(64) AnnouncementRecord {
  Handshake<Atomics> handshake;
  AnnouncementPlace<Atomics> places[kPlaces];
};

}  // namespace holdfast::internal

#endif  // HOLDFAST_INTERNAL_ANNOUNCEMENT_H_
