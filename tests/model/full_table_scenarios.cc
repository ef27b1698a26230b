// A table that is full, or that only seems full because other threads keep free
// slots in their shards. To tell the two apart, a thread must know of all these
// shards.

#include <array>
#include <cstdint>
#include <memory>
#include <utility>

#include "holdfast/internal/owner_locks.h"
#include "tests/model/pool_play.h"
#include "tests/model/scenarios.h"

namespace holdfast::model {
namespace {

using P = PoolPlay;

const P::Body kPin = [](P& p) { p.Pin(); };

// --- The exhaust edge --------------------------------------------------------

// Thread 1 has pinned two of the four slots, and its shard is empty. Thread 2
// opens its shard and takes the two slots that are left: it pins one and keeps
// the other. If thread 1 then finds no slot, it must know of thread 2's shard,
// and grow the table to make up for what this shard can keep.
void AddGrown(Entries* entries) {
  P::Script script = {/*max_slots=*/4, /*cache_slots=*/4, /*all_slots=*/16};
  script.setup = [](P& play) {
    ModelThreads::RegisterAll(2);
    play.As(1, [](P& p) {
      p.Pin();
      p.Pin();
    });
  };
  script.threads = {kPin, kPin};
  AddPoolPlay("full_table", "grown by batches", script, 2, 3, entries);
  script.threads.push_back(kPin);
  AddPoolPlay("full_table", "grown by three", std::move(script), 1, 1, entries);
}

// As AddGrown, but with caches of one slot and batches of one: the only slot
// that is left is in thread 2's hand or shard.
void AddHeld(Entries* entries) {
  P::Script script = {/*max_slots=*/2, /*cache_slots=*/1, /*all_slots=*/8};
  script.setup = [](P& play) {
    ModelThreads::RegisterAll(2);
    play.As(1, [](P& p) { p.kept(0) = p.Pin(); });
  };
  script.threads = {[](P& p) {
                      p.Pin();
                      p.Unpin(p.kept(0));
                    },
                    [](P& p) {
                      const auto life = p.Pin();
                      if (life) p.Unpin(life);
                      p.Pin();
                    }};
  AddPoolPlay("full_table", "grown one by one", std::move(script), 2, 2,
              entries);
}

// As AddHeld, but no value is live at the start: one slot is in thread 1's
// shard, the other on the free list, from which thread 2 may take it.
void AddPopped(Entries* entries) {
  P::Script script = {/*max_slots=*/2, /*cache_slots=*/1, /*all_slots=*/8};
  script.setup = [](P& play) {
    ModelThreads::RegisterAll(2);
    play.As(1, [](P& p) {
      const auto kept = p.Pin();
      const auto pushed = p.Pin();
      p.Unpin(kept);
      p.Unpin(pushed);
    });
  };
  script.threads = {[](P& p) {
                      p.Pin();
                      p.Pin();
                    },
                    kPin};
  AddPoolPlay("full_table", "popped", std::move(script), 1, 3, entries);
  // A defect shows only if thread 1 reads an old list of opened shards three
  // times: when it searches them, and both times that it counts them.
  entries->back().bounds.rereads = 3;
}

// No value is live, and thread 3 keeps as many slots as a thread may keep, in
// its shard and in its hand. So there is one more slot for thread 1. If thread
// 2 opens its shard and takes that slot first, there are more for thread 1,
// since the table makes up for thread 2's shard as well.
void AddOvertaken(Entries* entries) {
  P::Script script = {/*max_slots=*/1, /*cache_slots=*/4, /*all_slots=*/16};
  script.setup = [](P& play) {
    ModelThreads::RegisterAll(2);
    play.As(1, [](P& p) { p.kept(0) = p.Pin(); });
    play.As(3, [](P& p) {
      // Of two batches of two, three slots come to be at hand, and one stays
      // in the rest of its batch.
      for (size_t i = 1; i <= 3; ++i) p.kept(i) = p.Pin();
      for (size_t i = 1; i <= 3; ++i) p.Unpin(p.kept(i));
      p.Hold();
      p.Unpin(p.kept(0));
    });
  };
  script.threads = {kPin, [](P& p) { p.Hold(); }};
  AddPoolPlay("full_table", "overtaken", std::move(script), 1, 4, entries);
}

// As AddOvertaken, but all six slots that threads 1 and 3 may hand out between
// them have been used, and were then swept together. Thread 3 has taken four of
// them since, so two are left.
void AddSwept(Entries* entries) {
  P::Script script = {/*max_slots=*/1, /*cache_slots=*/4, /*all_slots=*/16};
  script.setup = [](P& play) {
    ModelThreads::RegisterAll(2);
    play.As(1, [](P& p) { p.Unpin(p.Pin()); });
    play.As(3, [](P& p) {
      for (size_t i = 0; i < 5; ++i) p.kept(i) = p.Pin();
      for (size_t i = 0; i < 5; ++i) p.Unpin(p.kept(i));
      p.Sweep();
      for (int i = 0; i < 4; ++i) p.Hold();
    });
  };
  script.threads = {kPin, [](P& p) { p.Hold(); }};
  AddPoolPlay("full_table", "swept", std::move(script), 1, 4, entries);
  // As in AddPopped.
  entries->back().bounds.rereads = 3;
}

// --- A free list of several stacks -------------------------------------------

// Both values are live, and the free list has two stacks. While thread 3 looks
// at them, thread 1 unpins its value, whose slot goes to the first stack; and
// then thread 2 unpins its own, whose slot goes to the second stack, and takes
// that slot again. Thread 3 may be refused, since both values may have been
// live when its Pin began; whatever it gets, no slot is lost or has two owners.
// (That a Pin looks at the stacks a second time is for
// tests/free_list_test.cc.)
void AddStacks(Entries* entries) {
  using Two = PoolPlayOf<ModelTraits<3, 1, 2>>;
  Two::Script script = {/*max_slots=*/2, /*cache_slots=*/0, /*all_slots=*/8};
  script.setup = [](Two& play) {
    ModelThreads::RegisterAll(3);
    play.As(1, [](Two& p) { p.kept(0) = p.Pin(); });
    play.As(2, [](Two& p) { p.kept(1) = p.Pin(); });
  };
  script.threads = {[](Two& p) {
                      p.Unpin(p.kept(0));
                      p.Tell();
                    },
                    [](Two& p) {
                      if (!p.IsTold()) return;
                      p.Unpin(p.kept(1));
                      p.Pin();
                    },
                    [](Two& p) { p.Pin(); }};
  AddPoolPlay<Two>("full_table", "two stacks", std::move(script), 2, 1,
                   entries);
}

// --- The open edge -----------------------------------------------------------

// The only free slot is in the shard of an exited thread. While thread 1
// searches the list of opened shards, thread 2 opens its own shard, which comes
// before the exited thread's in the list.
void AddOpened(Entries* entries) {
  P::Script script = {/*max_slots=*/2, /*cache_slots=*/1, /*all_slots=*/2};
  script.setup = [](P& play) {
    play.As(3, [](P& p) {
      p.kept(0) = p.Pin();
      p.Unpin(p.Pin());
      ModelThreads::Exit();
    });
    // No other thread may get the exited thread's ordinal and so its shard.
    const uint32_t exited = ModelThreads::Claim();
    ModelThreads::RegisterAll(2);
    ModelThreads::Release(exited);
  };
  script.threads = {[](P& p) {
                      p.Check(p.Pin().has_value(),
                              "an exited thread's slot was not found");
                    },
                    [](P& p) { p.Unpin(p.kept(0)); }};
  AddPoolPlay("opened_while_searched", "pool", std::move(script), 2, 3,
              entries);
}

// --- The block edge ----------------------------------------------------------

// A block of two locks. `ready` stands for all that must be initialized before
// a lock can be used. A real lock orders what its owners do; these locks order
// nothing, so that a test cannot pass because of them.
struct Block {
  static constexpr uint32_t kPerBlock = 2;

  static Block* New();
  static void Delete(Block* block) { block->ready = 0; }

  internal::LockResult TryLock(uint32_t i) {
    Require();
    const bool taken = locks[i].exchange(1, std::memory_order_relaxed) != 0;
    return taken ? internal::LockResult::kBusy : internal::LockResult::kLocked;
  }
  void Unlock(uint32_t i) {
    Require();
    locks[i].store(0, std::memory_order_relaxed);
  }
  void Require() const {
    if (ready != 1) Explorer::Get().Fail("a lock that is not set up");
  }

  Plain<int> ready;
  std::array<Atomic<uint64_t>, kPerBlock> locks;
};

// Threads 1 and 2 are the first owners of the two ordinals of a block, and each
// may have to make the block. Thread 3 asks whether they are gone.
class Locks : public Scenario {
 public:
  Locks() : previous_(std::exchange(current_, this)) {}
  ~Locks() override { current_ = previous_; }

  int threads() const override { return 3; }
  void Run(int thread) override {
    if (thread == 3) {
      if (locks_.Inherit(0) || locks_.Inherit(1)) Fail();
      return;
    }
    const uint32_t ordinal = static_cast<uint32_t>(thread - 1);
    locks_.Lock(ordinal);
    locks_.Unlock(ordinal);
  }

  static Block* NewBlock() {
    Block& block = current_->blocks_[current_->made_++];
    block.ready = 1;
    return &block;
  }

 private:
  static void Fail() { Explorer::Get().Fail("a present owner was replaced"); }

  inline static Locks* current_ = nullptr;
  Locks* const previous_;
  std::array<Block, 3> blocks_;
  size_t made_ = 0;
  internal::OwnerLocks<Atomics, Block, Block::kPerBlock> locks_;
};

Block* Block::New() { return Locks::NewBlock(); }

}  // namespace

Entries FullTableScenarios() {
  Entries entries;
  AddGrown(&entries);
  AddHeld(&entries);
  AddPopped(&entries);
  AddOvertaken(&entries);
  AddSwept(&entries);
  AddStacks(&entries);
  AddOpened(&entries);
  entries.push_back({"first_locks_of_a_block",
                     [] { return std::make_unique<Locks>(); },
                     {/*preemptions=*/2, /*stale=*/-1}});
  return entries;
}

}  // namespace holdfast::model
