// Shares out the numbers from 0 to an end among threads that work them off
// together, each number once.
//
// A counter hands out runs of kRun numbers. If the work on a number throws an
// exception, the rest of the worker's run must not be lost; so each worker has
// one of kPlaces places, where it then leaves the rest for others. A worker
// that finds no place takes one number at a time, of which there is no rest.
// Nothing is allocated: the threads that a collector has stopped may be inside
// malloc.

#ifndef HOLDFAST_INTERNAL_SHARED_WALK_H_
#define HOLDFAST_INTERNAL_SHARED_WALK_H_

#include <algorithm>
#include <atomic>
#include <cstdint>

#include "holdfast/internal/atomic_word.h"

namespace holdfast::internal {

// What a place of a SharedWalk holds.
class WalkPlace {
 public:
  // Nothing: the place was never taken. All places behind it are unused, too.
  constexpr WalkPlace() noexcept = default;
  static constexpr WalkPlace Taken() noexcept { return FromBits(kTaken); }
  // Nothing: its worker has given it back.
  static constexpr WalkPlace Empty() noexcept { return FromBits(kEmpty); }
  // Numbers that a worker has left over. Requires begin < end.
  static constexpr WalkPlace LeftOver(uint64_t begin, uint64_t end) noexcept {
    return FromBits(end << 32 | begin);
  }
  static constexpr WalkPlace FromBits(uint64_t bits) noexcept {
    WalkPlace place;
    place.bits_ = bits;
    return place;
  }

  constexpr uint64_t bits() const noexcept { return bits_; }
  constexpr bool IsUnused() const noexcept { return bits_ == 0; }
  constexpr bool IsTaken() const noexcept { return bits_ == kTaken; }
  constexpr bool IsLeftOver() const noexcept { return bits_ > kEmpty; }
  // The numbers that are left over. Require IsLeftOver().
  constexpr uint64_t begin() const noexcept {
    return static_cast<uint32_t>(bits_);
  }
  constexpr uint64_t end() const noexcept { return bits_ >> 32; }

 private:
  // An end is not 0, so what is left over is larger.
  static constexpr uint64_t kTaken = 1;
  static constexpr uint64_t kEmpty = 2;

  uint64_t bits_ = 0;
};

// `Atomics` is that of the Traits.
template <typename Atomics>
class SharedWalk {
 public:
  // `end` is less than 2^32.
  explicit SharedWalk(uint64_t end) : end_(end) {}

  SharedWalk(const SharedWalk&) = delete;
  SharedWalk& operator=(const SharedWalk&) = delete;

  // What one thread has taken: the numbers [begin, end), which it is to work
  // off from `begin` on. It sets `begin` beyond each number as it begins to
  // work on that number. Destroyed, a Worker leaves the rest for others.
  class Worker {
   public:
    explicit Worker(SharedWalk& walk) : walk_(walk) { TakePlace(); }
    Worker(const Worker&) = delete;
    Worker& operator=(const Worker&) = delete;
    ~Worker() { GiveBack(); }

    // Takes more numbers, once all that were taken are worked off: new ones, or
    // what others have left over. False if there are none.
    bool Next() {
      TakeRun();
      return begin < end || TakeLeftOver();
    }

    uint64_t begin = 0;
    uint64_t end = 0;

   private:
    void TakeRun() {
      const uint64_t count = place_ == kNoPlace ? 1 : kRun;
      // order: relaxed. The numbers only share out the work; the slots that
      // they stand for are ordered by their own words.
      begin = walk_.next_.fetch_add(count, std::memory_order_relaxed);
      end = std::min(begin + count, walk_.end_);
    }

    // Takes the first place that nobody has, and what is left over there.
    void TakePlace() {
      for (uint32_t i = 0; i < kPlaces; ++i) {
        // order: relaxed. The CAS validates it.
        const WalkPlace found =
            walk_.places_[i].load(std::memory_order_relaxed);
        if (!found.IsTaken() && Take(i, found)) return;
      }
    }

    // Takes what is left over anywhere, with its place. False if nothing is.
    bool TakeLeftOver() {
      for (uint32_t i = 0; i < kPlaces; ++i) {
        // order: relaxed. The CAS validates it. If a worker's leaving happened
        // before, so did its looks at the places before its own, none of which
        // was unused: by coherence, none is seen as unused here.
        const WalkPlace found =
            walk_.places_[i].load(std::memory_order_relaxed);
        if (found.IsUnused()) return false;
        if (!found.IsLeftOver()) continue;
        GiveBack();
        place_ = kNoPlace;
        if (Take(i, found)) return true;
      }
      return false;
    }

    bool Take(uint32_t place, WalkPlace found) {
      WalkPlace expected = found;
      // order: relaxed, both. The word is all there is: of the workers that
      // want it, one has it. The slots are ordered by their own words.
      if (!walk_.places_[place].compare_exchange_strong(
              expected, WalkPlace::Taken(), std::memory_order_relaxed,
              std::memory_order_relaxed)) {
        return false;
      }
      place_ = place;
      if (found.IsLeftOver()) {
        begin = found.begin();
        end = found.end();
      }
      return true;
    }

    void GiveBack() {
      if (place_ == kNoPlace) return;
      // order: relaxed. As in Take.
      walk_.places_[place_].store(
          begin < end ? WalkPlace::LeftOver(begin, end) : WalkPlace::Empty(),
          std::memory_order_relaxed);
    }

    SharedWalk& walk_;
    uint32_t place_ = kNoPlace;
  };

 private:
  static constexpr uint64_t kRun = 1024;
  static constexpr uint32_t kPlaces = 64;
  static constexpr uint32_t kNoPlace = kPlaces;

  const uint64_t end_;
  alignas(128) typename Atomics::template Atomic<uint64_t> next_{0};
  alignas(128) AtomicWord<WalkPlace, Atomics> places_[kPlaces] = {};
};

}  // namespace holdfast::internal

#endif  // HOLDFAST_INTERNAL_SHARED_WALK_H_
