// A ring that carries blocks of handles from one thread to one other.

#ifndef HOLDFAST_BENCH_RING_H_
#define HOLDFAST_BENCH_RING_H_

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "team.h"

namespace holdfast::bench {

constexpr size_t kBlockHandles = 64;

class BlockRing {
 public:
  using Block = std::array<uint64_t, kBlockHandles>;
  static constexpr uint64_t kBlocks = 16;

  // For the producer: waits for room, and returns a block to fill. Then call
  // Push.
  Block& Next() {
    if (producer_.at - producer_.other == kBlocks) {
      producer_.other = Await(read_, producer_.other);
    }
    return blocks_[producer_.at % kBlocks];
  }
  // order: release. It synchronizes with the consumer's Await, which then sees
  // the block complete.
  void Push() { written_.store(++producer_.at, std::memory_order_release); }

  // For the consumer: waits for a block, and returns the oldest. Then call Pop.
  const Block& Oldest() {
    if (consumer_.at == consumer_.other) {
      consumer_.other = Await(written_, consumer_.other);
    }
    return blocks_[consumer_.at % kBlocks];
  }
  // order: release. It synchronizes with the producer's Await, so the producer
  // fills the block only after it was read.
  void Pop() { read_.store(++consumer_.at, std::memory_order_release); }

 private:
  // One side: its own count, and the other side's count as last seen.
  struct alignas(128) Side {
    uint64_t at = 0;
    uint64_t other = 0;
  };

  // Waits until `count` is no longer `seen`.
  static uint64_t Await(const std::atomic<uint64_t>& count, uint64_t seen) {
    Patience patience;
    for (;;) {
      // order: acquire. It synchronizes with Push or Pop of the other side.
      const uint64_t now = count.load(std::memory_order_acquire);
      if (now != seen) return now;
      patience.Wait();
    }
  }

  Side producer_;
  Side consumer_;
  alignas(128) std::atomic<uint64_t> written_{0};
  alignas(128) std::atomic<uint64_t> read_{0};
  alignas(128) std::array<Block, kBlocks> blocks_;
};

}  // namespace holdfast::bench

#endif  // HOLDFAST_BENCH_RING_H_
