// Handles for peers that have none of their own: numbers, never used twice.

#ifndef HOLDFAST_BENCH_PEERS_IDS_H_
#define HOLDFAST_BENCH_PEERS_IDS_H_

#include <atomic>
#include <cstdint>

namespace holdfast::bench {

// A thread takes numbers by the block, as one shared counter would be what is
// measured. Consecutive numbers also spread over a hash table's buckets better
// than any hash of them.
class Ids {
 public:
  // Never 0.
  uint64_t Next() {
    Block& block = block_;
    if (block.owner != serial_ || block.next == block.end) Refill(&block);
    return block.next++;
  }

 private:
  static constexpr uint64_t kBlock = 1024;

  // Of the thread, for whichever Ids it has used last.
  struct Block {
    uint64_t owner;  // 0 is nobody.
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
