// A table that is full, or only seems so because other threads keep slots; and
// what threads must know of each other's shards for that.

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

// Thread 1 has two values and an empty shard. Thread 2 opens its shard and
// takes the two slots that are left, of which it keeps one: thread 1 finds
// nothing, and must know of that shard to grow the table for it.
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

// The same with a cache of one slot: thread 2 has the other in its hand.
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

// Thread 2 takes its slot from the free list.
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
  // Its shard is to be missed in the search, and both times it is counted.
  entries->back().bounds.rereads = 3;
}

// Thread 3 keeps all it may, in its shard and in its hand, and nothing is live:
// thread 1 can have one slot, unless thread 2 opens a shard and takes it first;
// then it can have more.
void AddOvertaken(Entries* entries) {
  P::Script script = {/*max_slots=*/1, /*cache_slots=*/4, /*all_slots=*/16};
  script.setup = [](P& play) {
    ModelThreads::RegisterAll(2);
    play.As(1, [](P& p) { p.kept(0) = p.Pin(); });
    play.As(3, [](P& p) {
      for (size_t i = 1; i <= 4; ++i) p.kept(i) = p.Pin();
      for (size_t i = 1; i <= 4; ++i) p.Unpin(p.kept(i));
      p.Hold();
      p.Unpin(p.kept(0));
    });
  };
  script.threads = {kPin, [](P& p) { p.Hold(); }};
  AddPoolPlay("full_table", "overtaken", std::move(script), 1, 4, entries);
}

// --- The open edge -----------------------------------------------------------

// An exited thread's shard has the only free slot. Thread 2 opens its own in
// front of it, while thread 1 searches them all.
void AddOpened(Entries* entries) {
  P::Script script = {/*max_slots=*/2, /*cache_slots=*/1, /*all_slots=*/2};
  script.setup = [](P& play) {
    play.As(3, [](P& p) {
      p.kept(0) = p.Pin();
      p.Unpin(p.Pin());
      ModelThreads::Exit();
    });
    // The exited thread's ordinal stays free.
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

// Two locks, with what a lock has to be set up with. The system's own order is
// not modelled: a lock that is taken orders nothing.
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

// The first two owners of a block's ordinals, and one who asks for them.
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
  AddOpened(&entries);
  entries.push_back({"first_locks_of_a_block",
                     [] { return std::make_unique<Locks>(); },
                     {/*preemptions=*/2, /*stale=*/-1}});
  return entries;
}

}  // namespace holdfast::model
