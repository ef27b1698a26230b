// How a thread's cache of free slots is divided.

#ifndef HOLDFAST_INTERNAL_CACHE_SHAPE_H_
#define HOLDFAST_INTERNAL_CACHE_SHAPE_H_

#include <algorithm>
#include <cstdint>

namespace holdfast::internal {

// A cache holds:
//
//   the last slot that was freed                              1
//   slots at hand                                             front()
//   what is left of a batch that came from the free list      tree()
//   whole batches                                             kept_batches()
//
// A batch is a perfect binary tree of slots, and one more that leads it.
class CacheShape {
 public:
  static constexpr uint32_t kMostTree = 31;
  static constexpr uint32_t kMostFront = 43;

  // Chooses the largest batches of which two fit, and a quarter of a third.
  constexpr explicit CacheShape(uint32_t slots) noexcept {
    if (slots == 0) return;
    int levels = 0;
    while (tree_ < kMostTree && LeastSlots(2 * tree_ + 2) <= slots) {
      tree_ = 2 * tree_ + 1;
      ++levels;
    }
    front_ = std::min({slots - 1 - tree_, 2 * batch(), kMostFront});
    slots_ = 1 + front_ + tree_;
    if (tree_ != 0) kept_batches_ = (slots - slots_) >> levels;
    slots_ += kept_batches_ * batch();
  }

  // How many slots the tree of a batch has, and the batch itself.
  constexpr uint32_t tree() const noexcept { return tree_; }
  constexpr uint32_t batch() const noexcept { return tree_ + 1; }
  constexpr uint32_t front() const noexcept { return front_; }
  constexpr uint32_t kept_batches() const noexcept { return kept_batches_; }
  // All that a cache may hold.
  constexpr uint32_t slots() const noexcept { return slots_; }

 private:
  // When a batch has left the front, some slots are still at hand: a thread
  // that pins and unpins a few is not to move batches all the time.
  static constexpr uint32_t LeastSlots(uint32_t batch) noexcept {
    return 2 * batch + batch / 4;
  }

  uint32_t tree_ = 0;
  uint32_t front_ = 0;
  uint32_t kept_batches_ = 0;
  uint32_t slots_ = 0;
};

}  // namespace holdfast::internal

#endif  // HOLDFAST_INTERNAL_CACHE_SHAPE_H_
