// Goal: an object is alive while a Ref or a walk shows it, whatever other
// threads do with the table meanwhile; and each object is destroyed exactly
// once.
//
// Method: objects carry a canary, which their destructor wrecks, and a name,
// which differs from that of the next object in their slot. Users look at both
// as plain memory, so ThreadSanitizer sees a use that does not happen before
// the destructor. The tests themselves order as little as they can: all their
// counters are relaxed.

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "holdfast/object_table.h"
#include "tests/support/concurrent_hooked_atomics.h"
#include "tests/support/concurrent_ordinals.h"
#include "tests/support/concurrent_threads.h"

namespace holdfast {
namespace {

// --- Objects -----------------------------------------------------------------

class Counter {
 public:
  void Add(uint64_t n = 1) { count_.fetch_add(n, std::memory_order_relaxed); }
  uint64_t Get() const { return count_.load(std::memory_order_relaxed); }

 private:
  std::atomic<uint64_t> count_{0};
};

struct Counts {
  uint64_t alive() const { return constructed.Get() - destroyed.Get(); }

  Counter constructed;
  Counter destroyed;
  Counter wrong;
};

class Canary {
 public:
  explicit Canary(Counts* counts, uint64_t name = 0)
      : counts_(counts), name_(name), canary_(kAlive ^ name) {
    counts_->constructed.Add();
  }
  Canary(const Canary&) = delete;
  Canary& operator=(const Canary&) = delete;
  ~Canary() {
    if (!Is(name_)) counts_->wrong.Add();
    canary_ = kWrecked;
    counts_->destroyed.Add();
  }

  uint64_t name() const { return name_; }
  bool Is(uint64_t name) const {
    return name_ == name && canary_ == (kAlive ^ name);
  }
  // Whether it stays the same living object for a while.
  bool Stays(uint64_t looks) const {
    const uint64_t first = name_;
    bool right = true;
    for (uint64_t i = 0; i < looks; ++i) right &= Is(first);
    return right;
  }

 private:
  static constexpr uint64_t kAlive = 0xA11FE0000000;
  static constexpr uint64_t kWrecked = 0xDEADDEADDEADDEAD;

  Counts* const counts_;
  // Volatile, so that each look is one, and the wreck is not optimized out. To
  // ThreadSanitizer these are plain accesses.
  const volatile uint64_t name_;
  volatile uint64_t canary_;
};

// --- Tables ------------------------------------------------------------------

struct CalmObjectTraits : DefaultObjectTraits {
  static constexpr uint32_t kMaxThreads = 64;
};
struct JitteryObjectTraits : CalmObjectTraits {
  using Atomics = HookedAtomics<Jitter>;
};
// Each Erase looks, so an object that is not in use is destroyed at once.
struct EagerTraits : JitteryObjectTraits {
  static constexpr uint32_t kMostWaiting = 1;
};
struct EagerCalmTraits : CalmObjectTraits {
  static constexpr uint32_t kMostWaiting = 1;
};
// Most threads have no shard, and those that have one soon need shared places.
struct TwoShardsTraits : JitteryObjectTraits {
  static constexpr uint32_t kMaxThreads = 2;
  static constexpr uint32_t kAnnouncements = 1;
  static constexpr uint32_t kMostWaiting = 4;
};
struct OneShardTraits : CalmObjectTraits {
  static constexpr uint32_t kMaxThreads = 1;
};

template <typename Traits>
class ConcurrentObjectsTest : public testing::Test {
 protected:
  using Table = ObjectTable<Canary, Traits>;
  using Handle = typename Table::Handle;
  using Ref = typename Table::Ref;

  static constexpr int kThreads = 4;
  // Whether all threads have shards: so the table makes up for what they keep.
  static constexpr bool kAllHaveShards = Traits::kMaxThreads > 2;

  ConcurrentObjectsTest() {
    // The main thread takes the first ordinal, and so it has a shard.
    (void)table_->Reclaim();
  }

  Handle Emplace(uint64_t name) {
    const Handle handle = table_->Emplace(&counts_, name);
    Check(!kAllHaveShards || handle);
    return handle;
  }

  void Check(bool right) {
    if (!right) counts_.wrong.Add();
  }

  // All threads have exited, and no Ref is left: so all can be reclaimed.
  void ExpectAllReclaimed() {
    table_->EraseAll();
    table_->Reclaim();
    EXPECT_EQ(table_->GetStats().live, 0u);
    EXPECT_EQ(table_->GetStats().waiting, 0u);
    ExpectAllDestroyed();
  }
  // The table's destructor destroys what is left.
  void ExpectAllDestroyedWithTheTable() {
    table_.reset();
    ExpectAllDestroyed();
  }

  // Handles that threads put up for each other. Relaxed: what a thread needs to
  // know before it uses an object, it knows from Borrow.
  struct Board {
    std::vector<std::atomic<uint64_t>> bits;

    explicit Board(size_t size) : bits(size) {}
    Handle Get(size_t i) const {
      return Handle::FromBits(bits[i].load(std::memory_order_relaxed));
    }
  };

  // Erases the object that is put up there, and puts up another one.
  void Replace(Board& board, size_t i, uint64_t name) {
    const Handle old = board.Get(i);
    if (old && !table_->Erase(old)) return;  // Another thread will replace it.
    const Handle made = Emplace(name);
    if (!made) return board.bits[i].store(0, std::memory_order_relaxed);
    uint64_t expected = old.bits();
    if (!board.bits[i].compare_exchange_strong(expected, made.bits(),
                                               std::memory_order_relaxed,
                                               std::memory_order_relaxed)) {
      Check(table_->Erase(made));
    }
  }

  // One thread of several that borrow what is on the board, keep up to `most`
  // Refs for some time, and replace objects.
  void Churn(Board& board, uint64_t seed, uint64_t thread, size_t most) {
    struct Held {
      Ref ref;
      uint64_t name;
    };
    Random random(seed, thread);
    std::vector<Held> held;
    for (int i = 0; i < Rounds(8'000); ++i) {
      const size_t at = random.Below(board.bits.size());
      if (random.OneIn(4)) {
        Replace(board, at, random.Next());
      } else if (Ref ref = table_->Borrow(board.Get(at))) {
        Check(ref->Stays(1 + random.Below(20)));
        const uint64_t name = ref->name();
        held.push_back({std::move(ref), name});
      }
      while (held.size() > most || (!held.empty() && random.OneIn(3))) {
        std::swap(held[random.Below(held.size())], held.back());
        Check(held.back().ref->Is(held.back().name));
        held.pop_back();
      }
    }
    for (const Held& each : held) Check(each.ref->Is(each.name));
  }

  void ChurnAll(size_t places, size_t most) {
    Board board(places);
    for (size_t i = 0; i < places; ++i) {
      board.bits[i].store(Emplace(i).bits(), std::memory_order_relaxed);
    }
    RunThreads(kThreads, [&](int thread) {
      Churn(board, seed_, static_cast<uint64_t>(thread), most);
    });
  }

 private:
  void ExpectAllDestroyed() {
    uint64_t constructed = counts_.constructed.Get();
    for (const auto& kept : kept_) {
      for (const Counts& counts : kept) {
        constructed += counts.constructed.Get();
        EXPECT_EQ(counts.alive(), 0u);
        EXPECT_EQ(counts.wrong.Get(), 0u);
      }
    }
    EXPECT_GT(constructed, 0u);
    EXPECT_EQ(counts_.alive(), 0u);
    EXPECT_EQ(counts_.wrong.Get(), 0u);
  }

 protected:
  const uint64_t seed_ = TestSeed();
  Counts counts_;
  std::array<std::deque<Counts>, kThreads> kept_;  // Of each thread.
  std::optional<Table> table_ = *Table::Create({/*max_slots=*/65'536, 16});
};

using Configs =
    testing::Types<CalmObjectTraits, JitteryObjectTraits, EagerCalmTraits,
                   EagerTraits, TwoShardsTraits, OneShardTraits>;
TYPED_TEST_SUITE(ConcurrentObjectsTest, Configs);

// --- Borrowers beside erasers ------------------------------------------------

// Goal: objects stay alive while they are borrowed, and their slots are used
// again. Method: threads borrow from a small board, look for a while, and
// replace objects; each has only a few Refs at a time.
TYPED_TEST(ConcurrentObjectsTest, ObjectsOutliveTheirErase) {
  this->ChurnAll(/*places=*/8, /*most=*/3);
  this->ExpectAllReclaimed();
}

// Goal: one object that all threads use and replace. Method: as above.
TYPED_TEST(ConcurrentObjectsTest, AllUseOneHotObject) {
  this->ChurnAll(/*places=*/1, /*most=*/2);
  this->ExpectAllReclaimed();
}

// Goal: threads that have more Refs than places of their own. Method: as above,
// with Refs that are kept for longer than the table is.
TYPED_TEST(ConcurrentObjectsTest, RefsInSharedPlaces) {
  this->ChurnAll(/*places=*/16, /*most=*/40);
  this->ExpectAllDestroyedWithTheTable();
}

// Goal: a Borrow that meets an Erase has either the object, for as long as it
// likes, or nothing. Method: one thread puts objects in and erases them, which
// destroys them at once, and the other borrows them, both as fast as they can:
// so that the two meet even inside the few nanoseconds in which a processor
// keeps back what a thread has announced.
// A borrower that has `held` Refs already takes shared places.
void MeetAtFullSpeed(uint64_t held, int rounds) {
  using Table = ObjectTable<Canary, EagerCalmTraits>;
  Counts counts;
  Table table = *Table::Create({/*max_slots=*/1000, 8});
  const Table::Handle stays = table.Emplace(&counts, 2U);
  std::atomic<uint64_t> bits{0};
  std::atomic<bool> over{false};
  const uint64_t seed = TestSeed();
  RunThreads(2, [&](int thread) {
    Random random(seed, static_cast<uint64_t>(thread));
    if (thread == 0) {
      for (int i = 0; i < Rounds(rounds); ++i) {
        const Table::Handle handle = table.Emplace(&counts, 1U);
        bits.store(handle.bits(), std::memory_order_relaxed);
        for (uint64_t wait = random.Next() % 128; wait > 0; --wait) {
          std::atomic_signal_fence(std::memory_order_seq_cst);
        }
        if (!table.Erase(handle)) counts.wrong.Add();
      }
      over.store(true, std::memory_order_relaxed);
      return;
    }
    std::vector<Table::Ref> kept;
    for (uint64_t i = 0; i < held; ++i) kept.push_back(table.Borrow(stays));
    while (!over.load(std::memory_order_relaxed)) {
      const auto handle =
          Table::Handle::FromBits(bits.load(std::memory_order_relaxed));
      for (int i = 0; i < 20; ++i) {
        const Table::Ref ref = table.Borrow(handle);
        if (!ref) break;
        if (!ref->Stays(10)) counts.wrong.Add();
      }
    }
  });
  (void)table.EraseAll();
  EXPECT_EQ(counts.alive(), 0u);
  EXPECT_EQ(counts.wrong.Get(), 0u);
}
TEST(BorrowAndErase, MeetAtFullSpeed) { MeetAtFullSpeed(0, 600'000); }
TEST(BorrowAndErase, MeetAtFullSpeedInSharedPlaces) {
  MeetAtFullSpeed(EagerCalmTraits::kAnnouncements, 200'000);
}

// Goal: so many Refs that blocks of shared places are added, while others erase
// what the Refs show. Method: each thread borrows objects of all threads until
// it has 150 Refs; then it erases its own objects, and reclaims, so that only
// Refs keep objects alive. The threads meet before anybody drops a Ref.
TYPED_TEST(ConcurrentObjectsTest, ManyMoreRefsThanPlaces) {
  constexpr size_t kObjects = 50;
  constexpr size_t kRefs = 150;
  for (int round = 0; round < Rounds(8); ++round) {
    typename TestFixture::Board board(kObjects * this->kThreads);
    StartLine all_made(this->kThreads);
    StartLine all_borrowed(this->kThreads);
    StartLine all_erased(this->kThreads);
    RunThreads(this->kThreads, [&](int thread) {
      const size_t first = static_cast<size_t>(thread) * kObjects;
      for (size_t i = first; i < first + kObjects; ++i) {
        board.bits[i].store(this->Emplace(i).bits(), std::memory_order_relaxed);
      }
      all_made.Arrive();
      std::vector<typename TestFixture::Ref> refs;
      for (size_t i = 0; i < kRefs; ++i) {
        const size_t at = (first + i) % board.bits.size();
        refs.push_back(this->table_->Borrow(board.Get(at)));
        this->Check(refs.back() && refs.back()->Is(at));
      }
      all_borrowed.Arrive();
      for (size_t i = first; i < first + kObjects; ++i) {
        this->Check(this->table_->Erase(board.Get(i)));
      }
      (void)this->table_->Reclaim();
      all_erased.Arrive();
      for (size_t i = 0; i < kRefs; ++i) {
        this->Check(refs[i]->Is((first + i) % board.bits.size()));
        refs[i].reset();
      }
    });
  }
  this->ExpectAllReclaimed();
}

// Goal: a Ref keeps its object when it passes to another thread, which drops
// it. Method: threads put Refs into each other's boxes, and look at and drop
// what they find in their own, while they replace the objects.
TYPED_TEST(ConcurrentObjectsTest, RefsPassToOtherThreads) {
  using RefType = typename TestFixture::Ref;
  struct Box {
    std::mutex mutex;
    std::vector<std::pair<RefType, uint64_t>> refs;
  };
  std::array<Box, TestFixture::kThreads> boxes;
  typename TestFixture::Board board(4);
  RunThreads(this->kThreads, [&](int thread) {
    Random random(this->seed_, static_cast<uint64_t>(thread));
    for (int i = 0; i < Rounds(5'000); ++i) {
      const size_t at = random.Below(board.bits.size());
      if (random.OneIn(3)) this->Replace(board, at, random.Next());
      if (RefType ref = this->table_->Borrow(board.Get(at))) {
        const uint64_t name = ref->name();
        Box& to = boxes[random.Below(boxes.size())];
        const std::lock_guard<std::mutex> lock(to.mutex);
        if (to.refs.size() < 30) to.refs.emplace_back(std::move(ref), name);
      }
      std::vector<std::pair<RefType, uint64_t>> found;
      if (random.OneIn(5)) {
        Box& own = boxes[static_cast<size_t>(thread)];
        const std::lock_guard<std::mutex> lock(own.mutex);
        found.swap(own.refs);
      }
      for (const auto& [ref, name] : found) this->Check(ref->Is(name));
    }
  });
  for (Box& box : boxes) {
    for (const auto& [ref, name] : box.refs) this->Check(ref->Is(name));
    box.refs.clear();
  }
  this->ExpectAllReclaimed();
}

// --- Erase, EraseAll, Reclaim ------------------------------------------------

// Goal: of racing calls of Erase exactly one returns true. Method: all threads
// erase the same objects, in an order of their own.
TYPED_TEST(ConcurrentObjectsTest, OneOfRacingErasesWins) {
  constexpr size_t kObjects = 64;
  for (int round = 0; round < Rounds(40); ++round) {
    typename TestFixture::Board board(kObjects);
    for (size_t i = 0; i < kObjects; ++i) {
      board.bits[i].store(this->table_->Emplace(&this->counts_, i).bits());
    }
    std::array<Counter, kObjects> wins;
    RunThreads(this->kThreads, [&](int thread) {
      const size_t step = thread % 2 == 0 ? 1 : kObjects - 1;
      for (size_t n = 0, i = 0; n < kObjects; ++n, i = (i + step) % kObjects) {
        if (this->table_->Erase(board.Get(i))) wins[i].Add();
        this->Check(!this->table_->Contains(board.Get(i)));
        this->Check(!this->table_->Borrow(board.Get(i)));
      }
    });
    for (const Counter& each : wins) EXPECT_EQ(each.Get(), 1u);
  }
  this->ExpectAllReclaimed();
}

// Goal: EraseAll erases what was put in before, once, beside others that erase
// as well. Method: threads put objects in, and erase some of them or all; the
// numbers add up to that of the objects.
TYPED_TEST(ConcurrentObjectsTest, EraseAllBesideOthers) {
  Counter erased;
  RunThreads(this->kThreads, [&](int thread) {
    Random random(this->seed_, static_cast<uint64_t>(thread));
    for (int i = 0; i < Rounds(400); ++i) {
      typename TestFixture::Handle own[8];
      for (auto& handle : own) handle = this->Emplace(random.Next());
      if (auto ref = this->table_->Borrow(own[0])) {
        this->Check(ref->Stays(5));
        erased.Add(this->table_->Erase(own[0]) ? 1 : 0);
        if (random.OneIn(4)) erased.Add(this->table_->EraseAll());
        this->Check(ref->Stays(5));
      }
      if (random.OneIn(4)) {
        erased.Add(this->table_->EraseAll());
        for (const auto handle : own) {
          this->Check(!this->table_->Contains(handle));
        }
      }
      for (const auto handle : own) {
        erased.Add(this->table_->Erase(handle) ? 1 : 0);
      }
    }
  });
  EXPECT_EQ(erased.Get(), this->counts_.constructed.Get());
  this->ExpectAllReclaimed();
}

// Goal: EraseAll does as Reclaim, also if nothing was left to erase. Method: an
// object that was in use waits.
TEST(EraseAll, ReclaimsThoughNothingIsLive) {
  using Table = ObjectTable<Canary, CalmObjectTraits>;
  Counts counts;
  Table table = *Table::Create({/*max_slots=*/100, 8});
  const Table::Handle handle = table.Emplace(&counts, 1U);
  Table::Ref ref = table.Borrow(handle);
  EXPECT_TRUE(table.Erase(handle));
  ref.reset();
  EXPECT_EQ(table.EraseAll(), 0u);
  EXPECT_EQ(counts.alive(), 0u);
}

// Goal: a Reclaim destroys what its thread has erased and nobody uses, beside
// others that reclaim. Method: each thread counts its own objects, of which it
// has borrowed one; after a Reclaim the others are gone. (A thread without a
// shard has no list of its own.)
TYPED_TEST(ConcurrentObjectsTest, ReclaimInSeveralThreads) {
  RunThreads(this->kThreads, [&](int thread) {
    Random random(this->seed_, static_cast<uint64_t>(thread));
    for (int round = 0; round < Rounds(150); ++round) {
      Counts& own = this->kept_[static_cast<size_t>(thread)].emplace_back();
      {
        typename TestFixture::Ref ref;
        const uint64_t objects = 2 + random.Below(20);
        for (uint64_t i = 0; i < objects; ++i) {
          const auto handle = this->table_->Emplace(&own, i);
          this->Check(!this->kAllHaveShards || handle);
          if (i == 0) ref = this->table_->Borrow(handle);
          this->Check(this->table_->Erase(handle) == bool{handle});
        }
        (void)this->table_->Reclaim();
        this->Check(!ref || ref->Is(0));
        if (this->kAllHaveShards) this->Check(own.alive() == 1);
      }
      (void)this->table_->Reclaim();
      if (this->kAllHaveShards) this->Check(own.alive() == 0);
    }
  });
  this->ExpectAllReclaimed();
}

// --- Iteration ---------------------------------------------------------------

// What walks have shown of objects that stay and of others. The names of those
// that stay are their numbers; the others' are random, and larger.
class Shown {
 public:
  static constexpr uint64_t kStay = 200;

  // Returns whether the object lives on while it is shown.
  bool Show(const Canary& object) {
    names_.push_back(object.name());
    return object.Stays(5);
  }
  // What another thread has shown, in the same walk.
  void Add(const Shown& other) {
    names_.insert(names_.end(), other.names_.begin(), other.names_.end());
  }
  // Whether no object was shown twice, and each that stays was shown.
  bool IsRight() {
    std::sort(names_.begin(), names_.end());
    for (uint64_t i = 0; i < kStay; ++i) {
      if (i >= names_.size() || names_[i] != i) return false;
    }
    return std::adjacent_find(names_.begin(), names_.end()) == names_.end();
  }

 private:
  std::vector<uint64_t> names_;
};

// Goal: a walk shows each object that stays exactly once, others at most once,
// and all of them alive, beside threads that erase and put in. Method: the
// objects that stay lie among others, which two threads replace; a third walks,
// erases some of what it is shown, and so does a group of the others.
TYPED_TEST(ConcurrentObjectsTest, WalksBesideErasers) {
  typename TestFixture::Board board(100);
  for (uint64_t i = 0; i < Shown::kStay; ++i) {
    ASSERT_TRUE(this->Emplace(i));
    if (i % 2 == 0) this->Replace(board, i / 2, ~i);
  }
  std::atomic<bool> over{false};
  RunThreads(this->kThreads, [&](int thread) {
    Random random(this->seed_, static_cast<uint64_t>(thread));
    const auto name = [&] { return random.Next() | uint64_t{1} << 63; };
    if (thread >= 2) {
      // Replaces until the walks are over, which wait for nothing.
      while (!over.load(std::memory_order_relaxed)) {
        this->Replace(board, random.Below(board.bits.size()), name());
      }
      return;
    }
    if (thread == 1) return;
    for (int round = 0; round < Rounds(60); ++round) {
      Shown shown;
      const auto fn = [&](typename TestFixture::Handle handle, Canary& object) {
        this->Check(shown.Show(object));
        if (object.name() < Shown::kStay || !random.OneIn(8)) return;
        (void)this->table_->Erase(handle);
        this->Check(object.Stays(5));
      };
      this->Check(this->table_->ForEach(fn));
      this->Check(shown.IsRight());
    }
    over.store(true, std::memory_order_relaxed);
  });
  this->ExpectAllReclaimed();
}

// Goal: the same of walks by several threads together. Method: as above.
TYPED_TEST(ConcurrentObjectsTest, SharedWalksBesideErasers) {
  using Walk = typename TestFixture::Table::ParallelForEach;
  typename TestFixture::Board board(100);
  for (uint64_t i = 0; i < Shown::kStay; ++i) {
    ASSERT_TRUE(this->Emplace(i));
    if (i % 2 == 0) this->Replace(board, i / 2, ~i);
  }
  for (int round = 0; round < Rounds(40); ++round) {
    std::atomic<bool> over{false};
    Shown shown[2];
    Walk walk(*this->table_);
    RunThreads(this->kThreads, [&](int thread) {
      Random random(this->seed_, static_cast<uint64_t>(4 * round + thread));
      if (thread >= 2) {
        do {
          this->Replace(board, random.Below(board.bits.size()),
                        random.Next() | uint64_t{1} << 63);
        } while (!over.load(std::memory_order_relaxed));
        return;
      }
      Shown& own = shown[thread];
      this->Check(walk.Work([&](auto handle, Canary& object) {
        this->Check(own.Show(object));
        if (object.name() < Shown::kStay || !random.OneIn(8)) return;
        (void)this->table_->Erase(handle);
        this->Check(object.Stays(5));
      }));
      // By then all of the table was given out; the other thread may still be
      // at work, and the erasers stop a little sooner.
      over.store(true, std::memory_order_relaxed);
    });
    shown[0].Add(shown[1]);
    EXPECT_TRUE(shown[0].IsRight());
  }
  this->ExpectAllReclaimed();
}

// --- Threads that come and go ------------------------------------------------

// Goal: what exited threads have left waiting is destroyed by a thread that
// goes on erasing, and what they had in use by the next that looks. Method:
// waves of threads erase what they have borrowed, and exit; their Refs are
// dropped here. Then this thread erases so much that it looks at what others
// have left.
TYPED_TEST(ConcurrentObjectsTest, ExitedThreadsLeaveNothing) {
  using RefType = typename TestFixture::Ref;
  // As ObjectTable's comment says, of at most 8 threads at a time. A thread
  // looks for what others have left in one of 16 looks.
  constexpr uint64_t kMostWaiting = 16 * 8;
  constexpr uint64_t kErases = 17 * kMostWaiting;
  for (int wave = 0; wave < Rounds(5); ++wave) {
    std::array<std::vector<RefType>, TestFixture::kThreads> left;
    Counts& of_wave = this->kept_[0].emplace_back();
    RunThreads(this->kThreads, [&](int thread) {
      Random random(this->seed_, static_cast<uint64_t>(thread));
      auto& refs = left[static_cast<size_t>(thread)];
      for (int i = 0; i < 20; ++i) {
        const auto handle = this->table_->Emplace(&of_wave, 7U);
        refs.push_back(this->table_->Borrow(handle));
        this->Check(refs.back() && refs.back()->Is(7));
        this->Check(this->table_->Erase(handle));
        // Some of them are dropped before the thread exits.
        if (random.OneIn(2)) refs.pop_back();
      }
    });
    uint64_t used = 0;
    for (auto& refs : left) {
      used += refs.size();
      for (const RefType& ref : refs) this->Check(ref->Is(7));
    }
    EXPECT_GE(of_wave.alive(), used);
    for (auto& refs : left) refs.clear();
    for (uint64_t i = 0; i < kErases; ++i) {
      this->Check(this->table_->Erase(this->Emplace(8)));
    }
    EXPECT_EQ(of_wave.alive(), 0u);
    EXPECT_LE(this->counts_.alive(), kMostWaiting);
  }
  this->ExpectAllReclaimed();
}

// Goal: threads that inherit ordinals, with places that Refs of exited threads
// still take and lists that these have left, beside threads that stay. Method:
// in each of the threads of the test, short-lived ones churn one after another,
// and leave Refs to the next.
TYPED_TEST(ConcurrentObjectsTest, OrdinalsPassOnBesideOthers) {
  using RefType = typename TestFixture::Ref;
  typename TestFixture::Board board(8);
  RunThreads(this->kThreads, [&](int thread) {
    const uint64_t number = static_cast<uint64_t>(thread);
    if (number == 0) {
      return this->Churn(board, this->seed_, number, /*most=*/3);
    }
    Random random(this->seed_, number);
    std::vector<std::pair<RefType, uint64_t>> left;
    for (int i = 0; i < Rounds(60); ++i) {
      std::thread([&] {
        for (const auto& [ref, name] : left) this->Check(ref->Is(name));
        if (!random.OneIn(3)) left.clear();
        for (int n = 0; n < 50; ++n) {
          const size_t at = random.Below(board.bits.size());
          RefType ref = this->table_->Borrow(board.Get(at));
          if (random.OneIn(2)) this->Replace(board, at, random.Next());
          if (!ref) continue;
          this->Check(ref->Stays(5));
          const uint64_t name = ref->name();
          if (n >= 48) left.emplace_back(std::move(ref), name);
        }
      }).join();
    }
  });
  this->ExpectAllReclaimed();
}

// --- Small tables ------------------------------------------------------------

template <typename Traits>
class SmallObjectTableTest : public testing::Test {};
using SmallConfigs =
    testing::Types<CalmObjectTraits, JitteryObjectTraits, EagerTraits>;
TYPED_TEST_SUITE(SmallObjectTableTest, SmallConfigs);

// Goal: an Emplace finds a slot while fewer than max_slots objects are live or
// in use, however many wait. Method: threads together have at most max_slots
// objects live or in use, and often just as many. An object that was in use
// when its thread looked counts as if it still were: so there is room for every
// Ref once for each thread that erases.
TYPED_TEST(SmallObjectTableTest, EmplaceSucceedsWhileThereIsRoom) {
  using Table = ObjectTable<Canary, TypeParam>;
  using Handle = typename Table::Handle;
  using Ref = typename Table::Ref;
  constexpr int kThreads = 4;
  constexpr uint64_t kSlots = 128;
  const uint64_t seed = TestSeed();
  for (const size_t refs : {size_t{0}, size_t{4}}) {
    const size_t live = kSlots / kThreads - kThreads * refs;
    Counts counts;
    Table table = *Table::Create({kSlots, 8});
    RunThreads(kThreads, [&](int thread) {
      Random random(seed, static_cast<uint64_t>(thread));
      std::vector<Handle> own;
      std::vector<Ref> used;
      for (int round = 0; round < Rounds(600); ++round) {
        while (own.size() < live) {
          own.push_back(table.Emplace(&counts, own.size()));
          if (!own.back()) counts.wrong.Add();
        }
        used.clear();
        const uint64_t left = random.Below(live);
        while (own.size() > left) {
          if (used.size() < refs) used.push_back(table.Borrow(own.back()));
          if (!table.Erase(own.back())) counts.wrong.Add();
          own.pop_back();
        }
        for (const Ref& ref : used) {
          if (!ref || !ref->Stays(2)) counts.wrong.Add();
        }
      }
    });
    EXPECT_EQ(counts.wrong.Get(), 0u) << refs << " Refs";
    table.EraseAll();
    (void)table.Reclaim();
    EXPECT_EQ(counts.alive(), 0u);
  }
}

// Goal: as above, once more objects were in use than a thread's list is made up
// for: when nobody uses them any more, and their thread has looked again, they
// leave room. Method: all objects are erased while they are borrowed, and then
// dropped; another thread puts in as many.
TEST(SmallObjectTable, ObjectsThatWereInUseLeaveRoom) {
  using Table = ObjectTable<Canary, CalmObjectTraits>;
  constexpr uint64_t kSlots = 1000;
  Counts counts;
  Table table = *Table::Create({kSlots, 8});
  std::vector<Table::Ref> refs;
  for (uint64_t i = 0; i < kSlots; ++i) {
    const Table::Handle handle = table.Emplace(&counts, i);
    refs.push_back(table.Borrow(handle));
    ASSERT_TRUE(refs.back());
    ASSERT_TRUE(table.Erase(handle));
  }
  EXPECT_EQ(counts.alive(), kSlots);
  refs.clear();
  EXPECT_EQ(table.Reclaim(), kSlots);
  uint64_t refused = 0;
  std::thread([&] {
    for (uint64_t i = 0; i < kSlots; ++i) {
      refused += table.Emplace(&counts, i) ? 0 : 1;
    }
  }).join();
  EXPECT_EQ(refused, 0u) << "nothing else is live or in use";
}

// --- Threads without a shard -------------------------------------------------

// Goal: what threads without a shard have erased is destroyed by one that has a
// shard, if they could not do so. Method: the only shard is this thread's,
// which also has the Refs.
TEST(ShardlessThread, OthersReclaimWhatItHasErased) {
  using Table = ObjectTable<Canary, OneShardTraits>;
  Counts counts;
  Table table = *Table::Create({/*max_slots=*/1000, 0});
  std::vector<Table::Ref> refs;
  EXPECT_EQ(table.Reclaim(), 0u);
  std::thread([&] {
    for (uint64_t i = 0; i < 100; ++i) {
      const Table::Handle handle = table.Emplace(&counts, i);
      refs.push_back(table.Borrow(handle));
      ASSERT_TRUE(table.Erase(handle));
    }
  }).join();
  EXPECT_EQ(table.Reclaim(), 0u);
  refs.clear();
  EXPECT_EQ(table.Reclaim(), 100u);
  EXPECT_EQ(counts.alive(), 0u);
}

// Goal: a thread without a shard can go on putting objects in and erasing them,
// though the threads with shards do nothing. Method: as above.
TEST(ShardlessThread, ReclaimsWhatItHasErased) {
  using Table = ObjectTable<Canary, OneShardTraits>;
  Counts counts;
  Table table = *Table::Create({/*max_slots=*/100, 0});
  EXPECT_EQ(table.Reclaim(), 0u);
  uint64_t refused = 0;
  std::thread([&] {
    for (uint64_t i = 0; i < 1000; ++i) {
      const Table::Handle handle = table.Emplace(&counts, i);
      refused += handle ? 0 : 1;
      EXPECT_EQ(table.Erase(handle), bool{handle});
    }
    (void)table.Reclaim();
    EXPECT_EQ(counts.alive(), 0u);
  }).join();
  EXPECT_EQ(refused, 0u);
}

// Goal: the same where a shard has no owner, since its thread has exited.
// Method: a thread that keeps its ordinal, too large for a shard, calls
// Reclaim after the only owner of a shard has exited with nothing waiting.
TEST(ShardlessThread, UsesAShardThatNobodyOwns) {
  struct Traits : OneShardTraits {
    using Threads = FewOrdinals<2>;
  };
  using Table = ObjectTable<Canary, Traits>;
  Counts counts;
  Table table = *Table::Create({/*max_slots=*/100, 0});
  std::atomic<int> step{0};
  const auto await = [&](int n) {
    while (step.load() < n) std::this_thread::yield();
  };
  std::thread owner([&] {
    (void)table.Reclaim();  // Claims ordinal 0, and opens its shard.
    step.store(1);
    await(2);
  });
  std::thread shardless([&] {
    await(1);
    EXPECT_TRUE(table.Erase(table.Emplace(&counts, 1U)));
    step.store(2);
    await(3);
    (void)table.Reclaim();
  });
  owner.join();
  step.store(3);
  shardless.join();
  EXPECT_EQ(counts.alive(), 0u);
}

// --- Destructors that use the table ------------------------------------------

// An object that owns up to two others, which its destructor erases.
struct Node {
  struct Traits : JitteryObjectTraits {
    static constexpr uint32_t kMostWaiting = 4;
  };
  struct EagerTraits : CalmObjectTraits {
    static constexpr uint32_t kMostWaiting = 1;
  };

  using Erase = bool (*)(void* table, uint64_t bits);

  Node(Counts* node_counts, void* in, Erase erase_in, uint64_t a, uint64_t b)
      : canary(node_counts, a ^ b), table(in), erase(erase_in), owned{a, b} {}
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;
  ~Node() {
    for (const uint64_t bits : owned) {
      if (bits != 0) erase(table, bits);
    }
  }

  Canary canary;
  void* const table;
  const Erase erase;
  const uint64_t owned[2];
};

template <typename Table>
bool EraseIn(void* table, uint64_t bits) {
  return static_cast<Table*>(table)->Erase(Table::Handle::FromBits(bits));
}

template <typename Table>
uint64_t MakeTree(Table& table, Counts* counts, int height) {
  if (height == 0) return 0;
  const uint64_t left = MakeTree(table, counts, height - 1);
  const uint64_t right = MakeTree(table, counts, height - 1);
  return table.Emplace(counts, &table, &EraseIn<Table>, left, right).bits();
}

// Goal: destructors erase further objects, while other threads use these.
// Method: threads make trees, walk them by Borrow, and erase the roots.
TEST(ObjectDestructors, EraseTreesThatOthersUse) {
  using Table = ObjectTable<Node, Node::Traits>;
  const uint64_t seed = TestSeed();
  Counts counts;
  {
    Table table = *Table::Create({/*max_slots=*/16'384, 8});
    std::array<std::atomic<uint64_t>, 4> roots = {};
    RunThreads(4, [&](int thread) {
      Random random(seed, static_cast<uint64_t>(thread));
      for (int i = 0; i < Rounds(200); ++i) {
        auto& root = roots[random.Below(roots.size())];
        const uint64_t old = root.exchange(MakeTree(table, &counts, 1 + i % 6));
        Table::Ref ref = table.Borrow(Table::Handle::FromBits(old));
        if (old != 0) table.Erase(Table::Handle::FromBits(old));
        // Down the tree, in which ever more is erased. What a living object
        // owns is live.
        while (ref) {
          if (!ref->canary.Stays(5)) counts.wrong.Add();
          const uint64_t below = ref->owned[random.Below(2)];
          Table::Ref next = table.Borrow(Table::Handle::FromBits(below));
          if (below != 0 && !next) counts.wrong.Add();
          ref = std::move(next);
        }
      }
    });
    for (const auto& root : roots) {
      (void)table.Erase(Table::Handle::FromBits(root.load()));
    }
    (void)table.Reclaim();
    EXPECT_EQ(table.GetStats().live, 0u);
    EXPECT_EQ(counts.alive(), 0u);
  }
  EXPECT_EQ(counts.alive(), 0u);
  EXPECT_EQ(counts.wrong.Get(), 0u);
}

// Goal: Reclaim also destroys what destructors erase, even if they erase so
// much that they look themselves. Method: a tree, with a look at each Erase.
// Its root is left waiting by a thread that has exited.
TEST(ObjectDestructors, ReclaimDestroysWhatTheyErase) {
  using Table = ObjectTable<Node, Node::EagerTraits>;
  Counts counts;
  Table table = *Table::Create({/*max_slots=*/1000, 8});
  EXPECT_TRUE(
      table.Erase(Table::Handle::FromBits(MakeTree(table, &counts, 1))));
  EXPECT_EQ(counts.alive(), 0u);
  const auto root =
      Table::Handle::FromBits(MakeTree(table, &counts, /*height=*/5));
  Table::Ref ref = table.Borrow(root);
  std::thread([&] { EXPECT_TRUE(table.Erase(root)); }).join();
  EXPECT_EQ(counts.alive(), 31u);
  ref.reset();
  EXPECT_GE(table.Reclaim(), 1u);
  EXPECT_EQ(counts.alive(), 0u);
}

// Goal: a long chain of objects does not fill the stack, though each of them
// erases two. Method: the stack of a thread is 8 MiB; the destructors note how
// deep they are nested.
TEST(ObjectDestructors, DoNotNestDeeply) {
  struct Link {
    using Table = ObjectTable<Link, Node::EagerTraits>;

    Link(Table* in, uint64_t* most, uint64_t a, uint64_t b)
        : table(in), deepest(most), owned{a, b} {}
    Link(const Link&) = delete;
    Link& operator=(const Link&) = delete;
    ~Link() {
      uint64_t& depth = deepest[1];
      deepest[0] = std::max(deepest[0], ++depth);
      for (const uint64_t bits : owned) {
        if (bits != 0) table->Erase(Handle<Link>::FromBits(bits));
      }
      --depth;
    }

    Table* const table;
    uint64_t* const deepest;
    const uint64_t owned[2];
  };
  uint64_t deepest[2] = {};
  Link::Table table = *Link::Table::Create({/*max_slots=*/10'000, 8});
  uint64_t chain = 0;
  for (int i = 0; i < 2000; ++i) {
    const uint64_t leaf =
        table.Emplace(&table, deepest, uint64_t{0}, uint64_t{0}).bits();
    chain = table.Emplace(&table, deepest, leaf, chain).bits();
  }
  EXPECT_TRUE(table.Erase(Handle<Link>::FromBits(chain)));
  (void)table.Reclaim();
  EXPECT_EQ(table.GetStats().live + table.GetStats().waiting, 0u);
  EXPECT_LE(deepest[0], 50u);
}

}  // namespace
}  // namespace holdfast
