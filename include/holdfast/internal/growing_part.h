// A part of a table's memory that becomes writable step by step, from one of
// its ends on. All of it can be read at any time, as zeros where nothing was
// written, so that a late reader never faults. Memory that cannot be written
// yet is not charged to the process, not locked by mlockall, and left out of
// core dumps.

#ifndef HOLDFAST_INTERNAL_GROWING_PART_H_
#define HOLDFAST_INTERNAL_GROWING_PART_H_

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "absl/base/attributes.h"
#include "absl/base/optimization.h"
#include "holdfast/internal/to_size.h"

namespace holdfast::internal {

// A GrowingPart lies in the memory that it describes. So memory that one table
// has left for another says what of it is writable.
template <typename Traits>
class GrowingPart {
  using Memory = typename Traits::Memory;

 public:
  enum class From { kBegin, kEnd };

  // Where a part lies, on whole pages, and from which end it grows.
  struct Extent {
    char* begin;
    char* end;
    From from;
    uint32_t smallest_step;  // Bytes.
  };

  // Small tables are to stay small; large ones are to grow by few calls.
  static constexpr uint32_t kSmallestStep = 16'384;

  // From here on a large page is at most a quarter of what a part has.
  static constexpr uint64_t kLarge = 4 * Memory::kLargePage;

  // Makes the first steps of two parts writable by one call: of one that grows
  // from its end, and of one that begins there or on the page before. `before`
  // and `after` are then those parts. Both objects must be writable already, or
  // lie in these steps. False if the system refuses. Requires that no other
  // thread has the table yet.
  static bool Start(const Extent& extent_before, GrowingPart* before,
                    const Extent& extent_after, GrowingPart* after) noexcept {
    const uint64_t down = FirstStep(extent_before);
    const uint64_t up = FirstStep(extent_after);
    char* const first = extent_before.end - down;
    if (!Memory::MakeWritable(
            first, static_cast<size_t>(extent_after.begin + up - first))) {
      return false;
    }
    before->extent_ = extent_before;
    after->extent_ = extent_after;
    // order: relaxed, both. No other thread has the table yet.
    before->writable_.store(down, std::memory_order_relaxed);
    after->writable_.store(up, std::memory_order_relaxed);
    return true;
  }

  // For a part of which nothing is writable yet.
  void Describe(const Extent& extent) noexcept { extent_ = extent; }

  // Makes `bytes` at `object`, and all from the part's end to there, writable,
  // unless they are. False if the system refuses. Lock-free.
  bool Reach(const void* object, size_t bytes) noexcept {
    const char* const at = static_cast<const char*>(object);
    return Reach(static_cast<uint64_t>(extent_.from == From::kBegin
                                           ? at + bytes - extent_.begin
                                           : extent_.end - at));
  }

  // How many bytes are writable: whole pages. The number only grows.
  uint64_t writable() const noexcept {
    // order: relaxed. It publishes nothing: the system lets every store
    // through that follows its change of the pages.
    return writable_.load(std::memory_order_relaxed);
  }

 private:
  static uint64_t Bytes(const Extent& extent) noexcept {
    return static_cast<uint64_t>(extent.end - extent.begin);
  }

  static uint64_t FirstStep(const Extent& extent) noexcept {
    return std::min(RoundUp(extent.smallest_step, Memory::PageBytes()),
                    Bytes(extent));
  }

  bool Reach(uint64_t wanted) noexcept {
    const uint64_t writable = this->writable();
    if (ABSL_PREDICT_TRUE(wanted <= writable)) return true;
    return Grow(wanted, writable);
  }

  // Where a step ends that has to reach `wanted`. Steps of a large part that
  // grows upwards begin and end between large pages, so that the system can use
  // these: MakeWritable asks it to.
  uint64_t EndOfStep(uint64_t wanted, uint64_t page) const noexcept {
    if (extent_.from == From::kEnd || wanted < kLarge) {
      return RoundUp(wanted, page);
    }
    const uint64_t begin = reinterpret_cast<uintptr_t>(extent_.begin);
    return RoundUp(begin + wanted, uint64_t{Memory::kLargePage}) - begin;
  }

  bool Grow(uint64_t wanted, uint64_t writable) noexcept {
    const uint64_t page = Memory::PageBytes();
    const uint64_t step =
        std::max<uint64_t>(extent_.smallest_step, writable / 4);
    const uint64_t target = std::min(
        EndOfStep(std::max(wanted, writable + step), page), Bytes(extent_));
    char* const first = extent_.from == From::kBegin ? extent_.begin + writable
                                                     : extent_.end - target;
    if (!Memory::MakeWritable(first, ToSize(target - writable))) {
      return false;
    }
    // order: relaxed, both. As in writable(). The largest value wins.
    while (writable < target && !writable_.compare_exchange_weak(
                                    writable, target, std::memory_order_relaxed,
                                    std::memory_order_relaxed)) {
    }
    return true;
  }

  Extent extent_;
  typename Traits::Atomics::template Atomic<uint64_t> writable_;
};

}  // namespace holdfast::internal

#endif  // HOLDFAST_INTERNAL_GROWING_PART_H_
