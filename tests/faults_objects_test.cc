// Goal: threads that stop for good, exit, fork or leave a call halfway cost a
// table of objects no more than its comment says, and no object is used after
// it is destroyed or destroyed twice.
//
// Method: a hook stops a thread before each atomic operation of each call, or
// threads really do the other things; then the others use the table.

#include <setjmp.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <iostream>
#include <new>
#include <optional>
#include <stdexcept>
#include <thread>
#include <utility>
#include <vector>

#include "absl/base/config.h"
#include "gtest/gtest.h"
#include "holdfast/object_table.h"
#include "tests/support/concurrent_parking.h"
#include "tests/support/concurrent_threads.h"

namespace holdfast {
namespace {

struct Counts {
  uint64_t alive() const { return constructed - destroyed; }

  std::atomic<uint64_t> constructed{0};
  std::atomic<uint64_t> destroyed{0};
  std::atomic<uint64_t> wrong{0};
};

// Its destructor wrecks it, and notices if it is wrecked already.
class Canary {
 public:
  explicit Canary(Counts* counts) : counts_(counts) { ++counts_->constructed; }
  Canary(const Canary&) = delete;
  Canary& operator=(const Canary&) = delete;
  ~Canary() {
    if (!IsAlive()) ++counts_->wrong;
    canary_ = 0;
    ++counts_->destroyed;
  }
  bool IsAlive() const { return canary_ == kAlive; }

 private:
  static constexpr uint64_t kAlive = 0xA11FE0000001;

  Counts* const counts_;
  volatile uint64_t canary_ = kAlive;
};

struct SmallTraits : DefaultObjectTraits {
  static constexpr uint32_t kMaxThreads = 32;
  static constexpr uint32_t kAnnouncements = 2;
  static constexpr uint32_t kMostWaiting = 4;
};
using CanaryTable = ObjectTable<Canary, SmallTraits>;

// --- Stopped threads ---------------------------------------------------------

struct ParkingTraits : SmallTraits {
  using Atomics = HookedAtomics<Parking>;
};

class StoppedInObjectsTest : public testing::Test {
 protected:
  using Table = ObjectTable<Canary, ParkingTraits>;
  using Handle = Table::Handle;

  static constexpr uint64_t kShared = 8;  // Live objects that all know.
  static constexpr uint64_t kExited = 3;  // Left waiting by an exited thread.
  static constexpr uint64_t kPerWait = ParkingTraits::kMostWaiting;

  // Stops stall() at each of its steps. Then another thread uses the table, and
  // erases all that is live; at most `most` objects are then left.
  template <typename Stall>
  void StopEverywhere(uint64_t most, Stall stall) {
    bool stopped = true;
    int64_t n = 0;
    uint64_t most_left = 0;
    // All of them, but fewer where each takes longer.
    constexpr int64_t kStride = Rounds(100) == 100 ? 1 : 5;
    for (; stopped && !HasFailure(); n += kStride) {
      Prepare();
      uint64_t left = 0;
      stopped = Parking::Run(n, stall, [&] { left = UseAll(); });
      EXPECT_LE(left, most) << "stopped before operation " << n;
      most_left = std::max(most_left, left);
      Finish();
    }
    std::cout << n << " operations, at most " << most_left << " left\n";
    EXPECT_GT(n, 5);
  }

  void Prepare() {
    counts_.emplace();
    table_ = *Table::Create({/*max_slots=*/1000, 8});
    for (Handle& handle : shared_) handle = table_->Emplace(&*counts_);
    std::vector<Table::Ref> refs;
    std::thread([&] {
      for (uint64_t i = 0; i < kExited; ++i) {
        const Handle handle = table_->Emplace(&*counts_);
        refs.push_back(table_->Borrow(handle));
        Check(table_->Erase(handle));
      }
    }).join();
    Check(counts_->alive() == kShared + kExited);
  }

  // What the others do. Returns how many objects are left though none is live.
  uint64_t UseAll() {
    const auto call = [&](auto f) {
      Parking::BeginCall();
      return f();
    };
    Table& table = *table_;
    for (int i = 0; i < 40; ++i) {
      const Handle own = call([&] { return table.Emplace(&*counts_); });
      Table::Ref ref = call([&] { return table.Borrow(own); });
      // Nobody else knows the handle, except for an EraseAll.
      if (ref) Check(ref->IsAlive());
      (void)call([&] { return table.Erase(own); });
      if (ref) Check(ref->IsAlive());
      Check(bool{own});
    }
    for (const Handle handle : shared_) {
      Table::Ref ref = call([&] { return table.Borrow(handle); });
      if (ref) Check(ref->IsAlive());
      const bool erased = call([&] { return table.Erase(handle); });
      Check(!erased || ref);
      Check(!call([&] { return table.Contains(handle); }));
    }
    Check(call([&] {
      return table.ForEach(
          [&](Handle, Canary& object) { Check(object.IsAlive()); });
    }));
    (void)call([&] { return table.EraseAll(); });
    (void)call([&] { return table.Reclaim(); });
    return counts_->alive();
  }

  // The thread has gone on, and exited.
  void Finish() {
    table_->EraseAll();
    (void)table_->Reclaim();
    EXPECT_EQ(counts_->alive(), 0u);
    table_.reset();
    EXPECT_EQ(counts_->alive(), 0u);
    EXPECT_EQ(counts_->wrong, 0u);
  }

  void Check(bool right) {
    if (!right) ++counts_->wrong;
  }

  std::optional<Counts> counts_;
  std::optional<Table> table_;
  std::array<Handle, kShared> shared_;
};

// Goal: a thread stopped in Borrow keeps at most what it was borrowing, and
// what waits in the list that it has inherited with its ordinal. Method: it
// borrows more objects than it has places, and looks at them when it goes on.
TEST_F(StoppedInObjectsTest, BorrowKeepsWhatIsBorrowed) {
  StopEverywhere(/*most=*/4 + kExited, [&] {
    std::array<Table::Ref, 4> refs;
    for (size_t i = 0; i < refs.size(); ++i) {
      refs[i] = table_->Borrow(shared_[i]);
      for (const auto& ref : refs) Check(!ref || ref->IsAlive());
    }
  });
}

// Goal: a thread stopped in Erase keeps what waits in its list, what it has
// adopted, and an object in hand. Method: it erases shared objects and its own,
// so often that it looks several times.
TEST_F(StoppedInObjectsTest, EraseKeepsWhatIsWaiting) {
  StopEverywhere(/*most=*/kPerWait + kExited + 1, [&] {
    for (const Handle handle : shared_) {
      (void)table_->Erase(table_->Emplace(&*counts_));
      (void)table_->Erase(handle);
    }
  });
}

// Goal: the same of Reclaim, and of an object in use. Method: the thread has
// erased some objects, one of which it uses.
TEST_F(StoppedInObjectsTest, ReclaimKeepsWhatIsWaiting) {
  StopEverywhere(/*most=*/1 + kPerWait + kExited + 1, [&] {
    Table::Ref ref = table_->Borrow(shared_[0]);
    for (uint64_t i = 0; i < 3; ++i) (void)table_->Erase(shared_[i]);
    (void)table_->Reclaim();
    Check(!ref || ref->IsAlive());
    ref.reset();
    (void)table_->Reclaim();
  });
}

// Goal: the same of EraseAll, which looks as often as Erase. Method: it erases
// all that is live.
TEST_F(StoppedInObjectsTest, EraseAllKeepsWhatIsWaiting) {
  StopEverywhere(/*most=*/kPerWait + kExited + 1,
                 [&] { (void)table_->EraseAll(); });
}

// Goal: a thread stopped in a walk keeps the objects of 64 slots. Method: the
// walk looks at each object, and erases some.
TEST_F(StoppedInObjectsTest, ForEachKeepsABlock) {
  StopEverywhere(/*most=*/64, [&] {
    uint64_t i = 0;
    Check(table_->ForEach([&](Handle handle, Canary& object) {
      Check(object.IsAlive());
      if (++i % 3 == 0) (void)table_->Erase(handle);
      Check(object.IsAlive());
    }));
  });
}

// --- Threads that exit -------------------------------------------------------

// Goal: what an exited thread has left waiting is reclaimed by others, but not
// what is in use by Refs that were its own. Method: threads pass their Refs on,
// and exit; the next one has their places, with these Refs.
TEST(ExitedThreads, LeaveListsAndRefs) {
  Counts counts;
  CanaryTable table = *CanaryTable::Create({/*max_slots=*/1000, 8});
  constexpr uint64_t kRefs = 5;
  std::vector<CanaryTable::Ref> refs;
  for (uint64_t wave = 1; wave <= 4; ++wave) {
    std::thread([&] {
      for (uint64_t i = 0; i < kRefs; ++i) {
        const CanaryTable::Handle handle = table.Emplace(&counts);
        refs.push_back(table.Borrow(handle));
        ASSERT_TRUE(table.Erase(handle));
        ASSERT_TRUE(table.Erase(table.Emplace(&counts)));
      }
    }).join();
    (void)table.Reclaim();
    EXPECT_EQ(counts.alive(), wave * kRefs);
    for (const auto& ref : refs) EXPECT_TRUE(ref->IsAlive());
  }
  refs.resize(kRefs);
  EXPECT_EQ(table.Reclaim(), 3 * kRefs);
  for (const auto& ref : refs) EXPECT_TRUE(ref->IsAlive());
  refs.clear();
  EXPECT_EQ(table.Reclaim(), kRefs);
  EXPECT_EQ(counts.alive(), 0u);
  EXPECT_EQ(counts.wrong, 0u);
}

// What a thread does when it exits.
struct ExitHook {
  ~ExitHook() {
    if (table == nullptr) return;
    if (!ref || !ref->IsAlive()) ++counts->wrong;
    if (!table->Erase(erased)) ++counts->wrong;
    if (!ref->IsAlive()) ++counts->wrong;
    ref.reset();
    const CanaryTable::Handle handle = table->Emplace(counts);
    CanaryTable::Ref more[4];
    for (auto& each : more) {
      each = table->Borrow(handle);
      if (!each || !each->IsAlive()) ++counts->wrong;
    }
    if (!table->Erase(handle)) ++counts->wrong;
    (void)table->Reclaim();
    for (auto& each : more) {
      if (!each->IsAlive()) ++counts->wrong;
    }
  }

  void Set(CanaryTable* in, Counts* of) {
    erased = in->Emplace(of);
    ref = in->Borrow(erased);
    counts = of;
    table = in;
  }

  CanaryTable* table = nullptr;
  Counts* counts = nullptr;
  CanaryTable::Handle erased;
  CanaryTable::Ref ref;
};

// Goal: exit hooks may use the table, before and after the thread's ordinal is
// given back. Method: thread-local objects that are made before and after the
// thread's first call are destroyed in the other order.
TEST(ExitedThreads, HooksUseTheTable) {
  Counts counts;
  CanaryTable table = *CanaryTable::Create({/*max_slots=*/1000, 8});
  RunThreads(4, [&](int) {
    for (int i = 0; i < Rounds(50); ++i) {
      std::thread([&] {
        thread_local ExitHook early;
        early.table = nullptr;
        const CanaryTable::Handle handle = table.Emplace(&counts);
        if (!table.Erase(handle)) ++counts.wrong;
        thread_local ExitHook late;
        early.Set(&table, &counts);
        late.Set(&table, &counts);
      }).join();
    }
  });
  EXPECT_EQ(counts.wrong, 0u);
  EXPECT_GT(counts.constructed, 0u);
  EXPECT_EQ(table.GetStats().live, 0u);
  (void)table.Reclaim();
  EXPECT_EQ(counts.alive(), 0u);
}

// --- Fork --------------------------------------------------------------------

// Ends the child, with the number of the line as its exit status.
#define EXIT_UNLESS(condition) \
  if (!(condition)) _exit(__LINE__ % 255 + 1)

// Forks, runs child() in the child, and waits for its end.
template <typename F>
void Fork(F child) {
  const pid_t pid = fork();
  ASSERT_GE(pid, 0);
  if (pid == 0) {
    alarm(60);  // If the child waits, a signal ends it.
    child();
    _exit(0);
  }
  int status = 0;
  ASSERT_EQ(waitpid(pid, &status, 0), pid);
  ASSERT_FALSE(WIFSIGNALED(status)) << "signal " << WTERMSIG(status);
  ASSERT_EQ(WEXITSTATUS(status), 0) << "line, modulo 255, plus 1";
}

// Goal: a child of a fork has the table as it was, uses it and destroys it;
// other threads' Refs keep their objects there until then. Method: fork while
// other threads borrow, erase and put in; in the child they have stopped in the
// middle of that. The child allocates nothing.
TEST(ForkedObjects, TheChildUsesAndDestroysTheTable) {
#ifdef ABSL_HAVE_THREAD_SANITIZER
  GTEST_SKIP() << "ThreadSanitizer does not support a fork of a process that "
                  "has several threads";
#endif
  constexpr int kOthers = 3;
  constexpr size_t kOwn = 20;
  const uint64_t seed = TestSeed();
  Counts counts;
  std::optional<CanaryTable> table =
      *CanaryTable::Create({/*max_slots=*/1000, 8});
  std::array<CanaryTable::Handle, kOwn> own;
  for (auto& handle : own) handle = table->Emplace(&counts);
  std::array<std::atomic<uint64_t>, 8> board = {};
  std::atomic<bool> over{false};
  std::atomic<uint64_t> steps{0};
  std::vector<std::thread> others;
  // Kept by a thread that the child does not have.
  std::atomic<bool> borrowed{false};
  others.emplace_back([&] {
    const CanaryTable::Ref ref = table->Borrow(own[0]);
    borrowed.store(true);
    while (!over.load()) std::this_thread::yield();
    if (!ref->IsAlive()) ++counts.wrong;
  });
  while (!borrowed.load()) std::this_thread::yield();
  for (int i = 1; i < kOthers; ++i) {
    others.emplace_back([&, i] {
      Random random(seed, static_cast<uint64_t>(i));
      while (!over.load()) {
        auto& bits = board[random.Below(board.size())];
        const auto handle = CanaryTable::Handle::FromBits(bits.load());
        const CanaryTable::Ref ref = table->Borrow(handle);
        if (random.OneIn(2) && (!handle || table->Erase(handle))) {
          bits.store(table->Emplace(&counts).bits());
        }
        if (ref && !ref->IsAlive()) ++counts.wrong;
        steps.fetch_add(1);
      }
    });
  }
  for (int round = 0; round < 20 && !testing::Test::HasFailure(); ++round) {
    const uint64_t until = steps.load() + 2'000;
    while (steps.load() < until) std::this_thread::yield();
    Fork([&] {
      EXIT_UNLESS(counts.wrong == 0);
      for (const auto handle : own) {
        const CanaryTable::Ref ref = table->Borrow(handle);
        EXIT_UNLESS(ref && ref->IsAlive());
        EXIT_UNLESS(table->Erase(handle) && !table->Erase(handle));
        EXIT_UNLESS(ref->IsAlive());
      }
      EXIT_UNLESS(table->ForEach(
          [&](auto, Canary& object) { EXIT_UNLESS(object.IsAlive()); }));
      table->EraseAll();
      const uint64_t left = counts.alive();
      // The object of own[0], and in each other thread one in use, the objects
      // that wait there (the two have in use two more at most, when they look),
      // and one that it makes or destroys.
      EXIT_UNLESS(left >= 1);
      EXIT_UNLESS(left <= 1 + (kOthers - 1) * (1 + (4 + 3) + 1));
      for (int i = 0; i < 1000; ++i) {
        const CanaryTable::Handle handle = table->Emplace(&counts);
        EXIT_UNLESS(table->Borrow(handle)->IsAlive());
        EXIT_UNLESS(table->Erase(handle));
      }
      (void)table->Reclaim();
      EXIT_UNLESS(counts.alive() <= left);
      table.reset();
      // What others were making, or destroying, is neither live nor waiting.
      EXIT_UNLESS(counts.alive() <= kOthers - 1);
      EXIT_UNLESS(counts.wrong == 0);
    });
  }
  over.store(true);
  for (std::thread& thread : others) thread.join();
  for (const auto handle : own) EXPECT_TRUE(table->Erase(handle));
  table->EraseAll();
  (void)table->Reclaim();
  EXPECT_EQ(counts.alive(), 0u);
  EXPECT_EQ(counts.wrong, 0u);
}

// --- Calls that are left halfway ---------------------------------------------

jmp_buf way_out;

struct Jumper {
  enum class Leaves { kNot, kByThrow, kByJumpFromConstructor, kFromDestructor };

  Jumper(Counts* of, Leaves how) : leaves(how), counts(of) {
    if (how == Leaves::kByThrow) throw std::runtime_error("as asked");
    if (how == Leaves::kByJumpFromConstructor) longjmp(way_out, 1);
    ++counts->constructed;
  }
  Jumper(const Jumper&) = delete;
  Jumper& operator=(const Jumper&) = delete;
  ~Jumper() {
    ++counts->destroyed;
    if (leaves == Leaves::kFromDestructor) longjmp(way_out, 1);
  }

  const Leaves leaves;
  Counts* const counts;
};
using JumperTable = ObjectTable<Jumper, SmallTraits>;

uint64_t FillUp(JumperTable& table, Counts* counts) {
  uint64_t filled = 0;
  while (filled < 1000 && table.Emplace(counts, Jumper::Leaves::kNot)) {
    ++filled;
  }
  return filled;
}

// Leaves an Emplace, or a Reclaim, by longjmp. On their own, since variables of
// a function that calls setjmp may change.
void JumpOutOfEmplace(JumperTable& table, Counts* counts) {
  if (setjmp(way_out) != 0) return;
  (void)table.Emplace(counts, Jumper::Leaves::kByJumpFromConstructor);
  ADD_FAILURE() << "this is not reached";
}
void JumpOutOfReclaim(JumperTable& table) {
  if (setjmp(way_out) != 0) return;
  (void)table.Reclaim();
  ADD_FAILURE() << "this is not reached";
}

// Goal: a constructor that throws costs no slot, one that is left by longjmp
// costs its slot and nothing else. Method: leave some, and fill the table up.
TEST(LeftCalls, ConstructorsCostAtMostTheirSlots) {
  constexpr uint64_t kSlots = 100;
  constexpr uint64_t kLeft = 10;
  for (const bool by_throw : {true, false}) {
    Counts counts;
    {
      JumperTable table = *JumperTable::Create({kSlots, 0});
      // By one thread: so no more than max_slots objects fit, but for those
      // that may wait.
      for (uint64_t i = 0; i < kLeft; ++i) {
        if (by_throw) {
          EXPECT_THROW((void)table.Emplace(&counts, Jumper::Leaves::kByThrow),
                       std::runtime_error);
        } else {
          JumpOutOfEmplace(table, &counts);
        }
      }
      EXPECT_EQ(table.GetStats().live, 0u);
      const uint64_t filled = FillUp(table, &counts);
      EXPECT_GE(filled, by_throw ? kSlots : kSlots - kLeft);
      EXPECT_EQ(table.EraseAll(), filled);
      EXPECT_EQ(counts.alive(), 0u);
      EXPECT_GE(FillUp(table, &counts), filled);
    }
    EXPECT_EQ(counts.alive(), 0u);
  }
}

// Goal: a destructor that is left by longjmp, inside a Reclaim, costs what was
// waiting until the table is destroyed. The thread goes on to destroy what it
// erases later; after three of these, in Reclaim alone. Method: one of some
// objects that wait does so; then the thread erases many.
TEST(LeftCalls, ADestructorCostsWhatWasWaiting) {
  constexpr uint64_t kWaiting = 9;
  constexpr uint64_t kLater = 200;
  Counts counts;
  {
    JumperTable table = *JumperTable::Create({/*max_slots=*/10'000, 0});
    for (uint64_t round = 1; round <= 5; ++round) {
      std::vector<JumperTable::Ref> refs;
      for (uint64_t i = 0; i < kWaiting; ++i) {
        const auto handle =
            table.Emplace(&counts, i == 4 ? Jumper::Leaves::kFromDestructor
                                          : Jumper::Leaves::kNot);
        refs.push_back(table.Borrow(handle));
        ASSERT_TRUE(table.Erase(handle));
      }
      refs.clear();
      JumpOutOfReclaim(table);
      EXPECT_LT(counts.alive(), round * kWaiting);
      for (uint64_t i = 0; i < kLater; ++i) {
        ASSERT_TRUE(table.Erase(table.Emplace(&counts, Jumper::Leaves::kNot)));
      }
      if (round < 3) {
        EXPECT_LE(counts.alive(), round * kWaiting + kLater / 2);
      }
      (void)table.Reclaim();
      EXPECT_LT(counts.alive(), round * kWaiting);
    }
  }
  EXPECT_EQ(counts.alive(), 0u);
}

// --- The end of a table ------------------------------------------------------

// An object whose destructor uses its table.
struct Busy {
  using Table = ObjectTable<Busy, SmallTraits>;
  using Action = void (*)(Busy&);

  Busy(Counts* counts, Table* in, Action act)
      : canary(counts), table(in), action(act) {}
  Busy(const Busy&) = delete;
  Busy& operator=(const Busy&) = delete;
  ~Busy() { action(*this); }

  Canary canary;
  Table* const table;
  const Action action;
  Handle<Busy> other;
};

// Goal: while a table is destroyed, destructors may call it; each object is
// destroyed once, and none is put in. Method: some objects are live, some wait
// in the list of this thread, and some in that of an exited one.
void DestroyATableWhoseObjectsCall(Busy::Action action) {
  Counts counts;
  {
    Busy::Table table = *Busy::Table::Create({/*max_slots=*/100, 8});
    std::vector<Busy::Table::Ref> refs;
    const auto erase_some = [&] {
      for (int i = 0; i < 6; ++i) {
        const auto handle = table.Emplace(&counts, &table, action);
        refs.push_back(table.Borrow(handle));
        ASSERT_TRUE(table.Erase(handle));
      }
    };
    std::thread(erase_some).join();
    erase_some();
    Handle<Busy> last;
    for (int i = 0; i < 6; ++i) {
      const Handle<Busy> next = table.Emplace(&counts, &table, action);
      table.Borrow(next)->other = last;
      last = next;
    }
    refs.clear();
    EXPECT_EQ(counts.alive(), 18u);
  }
  EXPECT_EQ(counts.constructed, 18u);
  EXPECT_EQ(counts.destroyed, 18u);
  EXPECT_EQ(counts.wrong, 0u);
}

TEST(ClosingTable, DestructorsMayBorrowAndErase) {
  DestroyATableWhoseObjectsCall([](Busy& self) {
    if (auto ref = self.table->Borrow(self.other)) {
      EXPECT_TRUE(ref->canary.IsAlive());
    }
    (void)self.table->Erase(self.other);
    EXPECT_FALSE(self.table->Contains(self.other));
  });
}

TEST(ClosingTable, DestructorsPutNothingIn) {
  DestroyATableWhoseObjectsCall([](Busy& self) {
    static Counts other_counts;
    EXPECT_FALSE(self.table->Emplace(&other_counts, self.table, [](Busy&) {}));
  });
}

TEST(ClosingTable, DestructorsMayReclaim) {
  DestroyATableWhoseObjectsCall(
      [](Busy& self) { (void)self.table->Reclaim(); });
}

TEST(ClosingTable, DestructorsMayEraseAll) {
  DestroyATableWhoseObjectsCall(
      [](Busy& self) { (void)self.table->EraseAll(); });
}

}  // namespace
}  // namespace holdfast
