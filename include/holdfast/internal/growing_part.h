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

template <typename Traits>
class GrowingPart {
  using Memory = typename Traits::Memory;

 public:
  using Size = typename Traits::Atomics::template Atomic<uint64_t>;

  enum class From { kBegin, kEnd };

  // A part that is writable as it is.
  GrowingPart() = default;

  // Small tables are to stay small; large ones are to grow by few calls.
  static constexpr uint32_t kSmallestStep = 16'384;

  // From here on a large page is at most a quarter of what a part has.
  static constexpr uint64_t kLarge = 4 * Memory::kLargePage;

  // [begin, end) lies on whole pages. `*writable` is zero, or may not be
  // written yet, which is the same; in memory that another table has left, it
  // is what that table has written.
  GrowingPart(char* begin, char* end, From from, Size* writable,
              uint32_t smallest_step = kSmallestStep)
      : begin_(begin),
        end_(end),
        from_(from),
        smallest_step_(smallest_step),
        writable_(writable) {}

  // Makes the first steps of two parts writable by one call: of one that grows
  // from its end, and of one that begins there or on the page before, and in
  // which the sizes may lie. False if the system refuses. Requires that no
  // other thread has the table yet.
  static bool Start(const GrowingPart& before,
                    const GrowingPart& after) noexcept {
    if (before.writable_ == nullptr) return true;
    const uint64_t down = before.FirstStep();
    const uint64_t up = after.FirstStep();
    char* const first = before.end_ - down;
    if (!Memory::MakeWritable(first,
                              static_cast<size_t>(after.begin_ + up - first))) {
      return false;
    }
    // order: relaxed, both. No other thread has the table yet.
    before.writable_->store(down, std::memory_order_relaxed);
    after.writable_->store(up, std::memory_order_relaxed);
    return true;
  }

  // Makes `bytes` at `object`, and all from the part's end to there, writable,
  // unless they are. False if the system refuses. Lock-free.
  bool Reach(const void* object, size_t bytes) const noexcept {
    if (writable_ == nullptr) return true;
    const char* const at = static_cast<const char*>(object);
    return Reach(static_cast<uint64_t>(
        from_ == From::kBegin ? at + bytes - begin_ : end_ - at));
  }

 private:
  uint64_t Bytes() const noexcept {
    return static_cast<uint64_t>(end_ - begin_);
  }

  uint64_t FirstStep() const noexcept {
    const uint64_t page = Memory::PageBytes();
    return std::min((smallest_step_ + page - 1) / page * page, Bytes());
  }

  bool Reach(uint64_t wanted) const noexcept {
    // order: relaxed. It publishes nothing: the system lets every store
    // through that follows its change of the pages.
    uint64_t writable = writable_->load(std::memory_order_relaxed);
    if (ABSL_PREDICT_TRUE(wanted <= writable)) return true;
    return Grow(wanted, writable);
  }

  // Where a step ends that has to reach `wanted`. Steps of a large part that
  // grows upwards begin and end between large pages, so that the system can use
  // these: MakeWritable asks it to.
  uint64_t EndOfStep(uint64_t wanted, uint64_t page) const noexcept {
    if (from_ == From::kEnd || wanted < kLarge) {
      return (wanted + page - 1) / page * page;
    }
    constexpr uint64_t kPage = Memory::kLargePage;
    const uint64_t begin = reinterpret_cast<uintptr_t>(begin_);
    return (begin + wanted + kPage - 1) / kPage * kPage - begin;
  }

  bool Grow(uint64_t wanted, uint64_t writable) const noexcept {
    const uint64_t page = Memory::PageBytes();
    const uint64_t step = std::max<uint64_t>(smallest_step_, writable / 4);
    const uint64_t target =
        std::min(EndOfStep(std::max(wanted, writable + step), page), Bytes());
    char* const first =
        from_ == From::kBegin ? begin_ + writable : end_ - target;
    if (!Memory::MakeWritable(first, ToSize(target - writable))) {
      return false;
    }
    // order: relaxed, both. As in Reach. The largest value wins.
    while (writable < target && !writable_->compare_exchange_weak(
                                    writable, target, std::memory_order_relaxed,
                                    std::memory_order_relaxed)) {
    }
    return true;
  }

  char* begin_ = nullptr;
  char* end_ = nullptr;
  From from_ = From::kBegin;
  uint32_t smallest_step_ = 0;
  Size* writable_ = nullptr;  // Bytes, whole pages. Only grows.
};

}  // namespace holdfast::internal

#endif  // HOLDFAST_INTERNAL_GROWING_PART_H_
