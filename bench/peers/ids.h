// Handles for peers that have none of their own: numbers that are used only
// once.

#ifndef HOLDFAST_BENCH_PEERS_IDS_H_
#define HOLDFAST_BENCH_PEERS_IDS_H_

#include <atomic>
#include <cstdint>

namespace holdfast::bench {

// Each thread takes a block of numbers at a time: otherwise the benchmarks
// would measure the shared counter. Consecutive numbers also spread over the
// buckets of a hash table better than any hash of them.
class Ids {
 public:
  // Returns a number that is not 0.
  uint64_t Next() {
    Block& block = block_;
    if (block.owner != serial_ || block.next == block.end) Refill(&block);
    return block.next++;
  }

 private:
  static constexpr uint64_t kBlock = 1024;

  // The thread's block, of the Ids object that it has used last.
  struct Block {
    uint64_t owner;  // The serial_ of that object; 0 for none.
    uint64_t next;
    uint64_t end;
  };

  void Refill(Block* block) {
    block->owner = serial_;
    block->next = next_.fetch_add(kBlock, std::memory_order_relaxed);
    block->end = block->next + kBlock;
  }

  inline static std::atomic<uint64_t> serials_{0};
  inline static thread_local Block block_ = {};

  const uint64_t serial_ = 1 + serials_.fetch_add(1, std::memory_order_relaxed);
  alignas(64) std::atomic<uint64_t> next_{1};
};

}  // namespace holdfast::bench

#endif  // HOLDFAST_BENCH_PEERS_IDS_H_
