// Finds out which owners of ordinals are gone. A thread may exit without giving
// its ordinal back, if it has claimed the ordinal after our exit hook could
// have run: in a hook of malloc, or in a pthread key's destructor in the last
// round.
//
// Each owner of an ordinal holds a robust lock (POSIX: a robust mutex). When a
// thread is gone, and only then, the system lets one other thread have the
// locks that the thread held. In a forked child, the copies of these locks stay
// taken: the parent's other threads were copied in the middle of their work.

#ifndef HOLDFAST_INTERNAL_OWNER_LOCKS_H_
#define HOLDFAST_INTERNAL_OWNER_LOCKS_H_

#include <atomic>
#include <cstdint>

#include "holdfast/internal/to_size.h"

namespace holdfast::internal {

enum class LockResult { kLocked, kBusy, kOrphaned };

// `Block` is kPerBlock locks. Block::New() returns a block, or null. A block is
// never deleted once it is in use, since the system keeps the addresses of
// locks. After TryLock(i) has returned kOrphaned, the caller has the lock, too.
template <typename Atomics, typename Block, uint32_t kOrdinals>
class OwnerLocks {
 public:
  // Has the caller watched, which must just have claimed `ordinal`. If there is
  // no memory for a lock, or if Inherit has the lock at the moment, the owner
  // is not watched. Lock-free.
  void Lock(uint32_t ordinal) noexcept {
    Block* const block = BlockOf(ordinal);
    if (block != nullptr) block->TryLock(ordinal % Block::kPerBlock);
  }

  // Ends the watch. Requires that the caller owns `ordinal`, and releases it
  // next. Wait-free.
  void Unlock(uint32_t ordinal) noexcept {
    Block* const block = Peek(ordinal);
    // The system refuses, without harm, if this thread does not have the lock.
    if (block != nullptr) block->Unlock(ordinal % Block::kPerBlock);
  }

  // Whether the owner of `ordinal` is gone: then the caller owns it, as after a
  // claim and Lock. Wait-free.
  bool Inherit(uint32_t ordinal) noexcept {
    Block* const block = Peek(ordinal);
    if (block == nullptr) return false;
    const LockResult result = block->TryLock(ordinal % Block::kPerBlock);
    if (result == LockResult::kLocked) {
      block->Unlock(ordinal % Block::kPerBlock);
    }
    return result == LockResult::kOrphaned;
  }

 private:
  static constexpr uint32_t kBlocks =
      (kOrdinals + Block::kPerBlock - 1) / Block::kPerBlock;

  Block* Peek(uint32_t ordinal) const {
    // order: acquire <- block. Its locks are complete.
    return ToBlock(
        blocks_[ordinal / Block::kPerBlock].load(std::memory_order_acquire));
  }

  Block* BlockOf(uint32_t ordinal) {
    if (Block* const block = Peek(ordinal); block != nullptr) return block;
    Block* const block = Block::New();
    uint64_t found = 0;
    // order: release -> block. The locks are complete before another thread
    // uses one. Acquire, stronger than needed: nothing was there, but see Pop.
    // Failure acquire <- block: another thread's are used.
    if (block == nullptr ||
        blocks_[ordinal / Block::kPerBlock].compare_exchange_strong(
            found, reinterpret_cast<uintptr_t>(block),
            std::memory_order_acq_rel, std::memory_order_acquire)) {
      return block;
    }
    Block::Delete(block);
    return ToBlock(found);
  }

  static Block* ToBlock(uint64_t address) {
    // NOLINTNEXTLINE(performance-no-int-to-ptr): model checkers know integers.
    return reinterpret_cast<Block*>(ToSize(address));
  }

  typename Atomics::template Atomic<uint64_t> blocks_[kBlocks] = {};
};

}  // namespace holdfast::internal

#endif  // HOLDFAST_INTERNAL_OWNER_LOCKS_H_
