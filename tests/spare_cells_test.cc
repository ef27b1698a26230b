#include "holdfast/internal/spare_cells.h"

#include <algorithm>
#include <cstdint>
#include <memory>
#include <set>
#include <vector>

#include "gtest/gtest.h"
#include "holdfast/internal/cell_slots.h"
#include "holdfast/traits.h"
#include "tests/support/fake_threads.h"
#include "tests/support/hooked_atomics.h"
#include "tests/support/slot_arena.h"

namespace holdfast::internal {
namespace {

template <uint32_t kThreads, int kBits = 32>
struct SpareTraits : DefaultTraits {
  static constexpr int kGenerationBits = kBits;
  static constexpr uint32_t kMaxThreads = kThreads;
  using Threads = FakeThreads;
};

template <typename Traits>
using SparesOf = SpareCells<CellArray<uint64_t, Traits>, Traits>;

static_assert(SparesOf<SpareTraits<10>>::Cells(100) == 174);
static_assert(SparesOf<SpareTraits<0>>::Cells(100) == 164);
// If there are too few indexes, there is still at least one spare cell.
static_assert(SparesOf<SpareTraits<10, 48>>::Cells(16'383) == 16'384);
static_assert(SparesOf<SpareTraits<10, 48>>::Cells(16'350) == 16'384);
static_assert(SparesOf<SpareTraits<10, 48>>::Cells(16'300) == 16'374);

template <typename Traits>
class Fixture {
  using Array = CellArray<uint64_t, Traits>;
  using Spares = SparesOf<Traits>;

 public:
  // All slots but the last `replacements` have been used.
  explicit Fixture(uint32_t all_slots, uint32_t replacements = 0)
      : arena_(Spares::Cells(all_slots)) {
    FakeThreads::Reset();
    high_water_.store(all_slots - replacements, std::memory_order_relaxed);
    const GrowingArray<Array, Traits> cells(arena_.array());
    spares_ = Spares(entries_.get(), {shards_.get(), nullptr}, cells,
                     FreshSlots<Array, Traits>(&high_water_, &swept_,
                                               &replaced_, all_slots, cells),
                     FakeThreads::OfThisCopy());
  }

  // Returns the cell that the current thread gets. Gives the same cell back, or
  // `replacement`.
  uint32_t Use(uint32_t replacement = FakeThreads::kNone) {
    return spares_.With([&](uint32_t* cell) {
      const uint32_t given = *cell;
      if (replacement != FakeThreads::kNone) *cell = replacement;
      return given;
    });
  }

  Spares& spares() { return spares_; }

  Shard<Traits>& shard(uint32_t ordinal) {
    return shards_[Traits::kMaxThreads - 1 - ordinal];
  }

  // The current thread leaves a Write halfway.
  void LeaveHalfway() {
    Use();
    shard(FakeThreads::Current()).spare = SpareCell::Taken();
  }

  // Allows one more cell to be had in place of a lost one.
  void AddReplacement() {
    high_water_.store(high_water_.load(std::memory_order_relaxed) - 1,
                      std::memory_order_relaxed);
  }

  // Another thread takes the shared cell of this entry, and keeps it.
  void OtherTakesShared(uint32_t entry) {
    entries_[entry].exchange(SpareCell::Taken(), std::memory_order_relaxed);
  }

 private:
  std::unique_ptr<Shard<Traits>[]> shards_ =
      std::make_unique<Shard<Traits>[]>(Traits::kMaxThreads + 1);
  std::unique_ptr<typename Spares::Entry[]> entries_ =
      std::make_unique<typename Spares::Entry[]>(Traits::kMaxSharedSpares);
  typename FreshSlots<Array, Traits>::HighWater high_water_{0};
  typename FreshSlots<Array, Traits>::Swept swept_{};
  typename FreshSlots<Array, Traits>::Replaced replaced_{0};
  SlotArena<CellSlots<uint64_t, Traits>> arena_;
  Spares spares_;
};

TEST(SpareCellsTest, EachThreadHasItsOwnCellBetweenTheSlotsAndTheSharedOnes) {
  Fixture<SpareTraits<4>> fixture(100);
  for (uint32_t thread = 0; thread < 4; ++thread) {
    FakeThreads::Become(thread);
    EXPECT_EQ(fixture.Use(), 103 - thread);
    EXPECT_EQ(fixture.Use(), 103 - thread);
  }
}

// Returns the cells with which the first kThreads threads start, in a table of
// 100 slots.
template <uint32_t kThreads>
std::vector<uint32_t> StartCells() {
  using Traits = SpareTraits<kThreads>;
  const SparesOf<Traits> spares(nullptr, {}, {},
                                FreshSlots<CellArray<uint64_t, Traits>, Traits>(
                                    nullptr, nullptr, nullptr, 100, {}),
                                {});
  std::vector<uint32_t> cells;
  for (uint32_t ordinal = 0; ordinal < kThreads; ++ordinal) {
    cells.push_back(spares.StartCell(ordinal));
  }
  return cells;
}

// The cells with which threads start are those that follow the slots' own
// cells, each for one thread.
template <uint32_t kThreads>
void ExpectEachStartCellOnce() {
  SCOPED_TRACE(testing::Message() << kThreads << " threads");
  std::vector<uint32_t> cells = StartCells<kThreads>();
  std::sort(cells.begin(), cells.end());
  for (uint32_t i = 0; i < cells.size(); ++i) ASSERT_EQ(cells[i], 100 + i);
}

TEST(SpareCellsTest, EachOwnCellIsTheOneThatOneThreadStartsWith) {
  ExpectEachStartCellOnce<0>();
  ExpectEachStartCellOnce<1>();
  ExpectEachStartCellOnce<15>();
  ExpectEachStartCellOnce<16>();
  ExpectEachStartCellOnce<17>();
  ExpectEachStartCellOnce<31>();
  ExpectEachStartCellOnce<32>();
  ExpectEachStartCellOnce<33>();
  ExpectEachStartCellOnce<1000>();
  ExpectEachStartCellOnce<65'536>();
}

// Versions that are 16 apart are on different pairs of cache lines, however the
// versions are aligned.
template <uint32_t kThreads>
void ExpectNeighboursApart() {
  SCOPED_TRACE(testing::Message() << kThreads << " threads");
  const std::vector<uint32_t> cells = StartCells<kThreads>();
  for (uint32_t i = 1; i < cells.size() / 16 * 16; ++i) {
    const uint32_t apart = cells[i] > cells[i - 1] ? cells[i] - cells[i - 1]
                                                   : cells[i - 1] - cells[i];
    ASSERT_GE(apart, 16) << "threads " << i - 1 << " and " << i;
  }
}

TEST(SpareCellsTest, ThreadsOfNeighbouringOrdinalsStartFarApart) {
  // With fewer threads there are not enough cells for that.
  ExpectNeighboursApart<48>();
  ExpectNeighboursApart<63>();
  ExpectNeighboursApart<1000>();
  ExpectNeighboursApart<65'536>();
}

TEST(SpareCellsTest, AThreadKeepsTheCellThatUseLeavesIt) {
  Fixture<SpareTraits<4>> fixture(100);
  FakeThreads::Become(1);
  EXPECT_EQ(fixture.Use(0), 102);
  EXPECT_EQ(fixture.Use(99), 0);
  EXPECT_EQ(fixture.Use(), 99);
  EXPECT_EQ(fixture.Use(102), 99);
  EXPECT_EQ(fixture.Use(), 102);
}

TEST(SpareCellsTest, TheNextThreadOfAnOrdinalInheritsItsCell) {
  Fixture<SpareTraits<4>> fixture(100);
  FakeThreads::Become(1);
  fixture.Use(17);
  FakeThreads::Exit(1);
  FakeThreads::Become(0);
  EXPECT_EQ(fixture.Use(), 103);
  FakeThreads::BecomeNew();
  EXPECT_EQ(fixture.Use(), 17);
  EXPECT_EQ(FakeThreads::Current(), 1);
}

// [INV-9]
TEST(SpareCellsTest, TheOwnerOfALostCellTakesAnother) {
  Fixture<SpareTraits<4>> fixture(100, /*replacements=*/1);
  FakeThreads::Become(1);
  fixture.LeaveHalfway();
  EXPECT_EQ(fixture.Use(), 99);
  EXPECT_EQ(fixture.Use(41), 99);
  EXPECT_EQ(fixture.Use(), 41);
}

// [INV-9]
TEST(SpareCellsTest, WithoutAnotherTheyShare) {
  Fixture<SpareTraits<4>> fixture(100);
  FakeThreads::Become(1);
  fixture.LeaveHalfway();
  EXPECT_EQ(fixture.Use(), 167);
  EXPECT_EQ(fixture.Use(), 167);
  fixture.AddReplacement();
  EXPECT_EQ(fixture.Use(), 99);
}

TEST(SpareCellsTest, TheShardSaysWhileTheCellIsInUse) {
  Fixture<SpareTraits<4>> fixture(100);
  FakeThreads::Become(0);
  fixture.Use();
  fixture.spares().With([&](uint32_t*) {
    EXPECT_EQ(fixture.shard(0).spare, SpareCell::Taken());
    return true;
  });
  EXPECT_EQ(fixture.shard(0).spare, SpareCell::Of(103));
}

TEST(SpareCellsTest, ThreadsPastTheLimitShareAndLeaveTheirCells) {
  Fixture<SpareTraits<2>> fixture(100);
  FakeThreads::Become(2);
  EXPECT_EQ(fixture.Use(33), 165);
  FakeThreads::Become(3);
  EXPECT_EQ(fixture.Use(165), 33);
  EXPECT_EQ(fixture.Use(), 165);
  FakeThreads::Become(0);
  EXPECT_EQ(fixture.Use(), 101);
}

TEST(SpareCellsTest, CellsThatAreInUseTogetherAreDifferent) {
  Fixture<SpareTraits<0>> fixture(100);
  FakeThreads::Become(0);
  std::set<uint32_t> seen;
  // There are as many calls inside With as there are shared cells.
  struct Nested {
    static void Enter(Fixture<SpareTraits<0>>& fixture,
                      std::set<uint32_t>* seen, uint32_t depth) {
      if (depth == 0) return;
      fixture.spares().With([&](uint32_t* cell) {
        EXPECT_TRUE(seen->insert(*cell).second);
        Enter(fixture, seen, depth - 1);
        return true;
      });
    }
  };
  Nested::Enter(fixture, &seen, SparesOf<SpareTraits<0>>::kMaxShared);
  EXPECT_EQ(seen.size(), 64);
  EXPECT_EQ(*seen.begin(), 100);
  EXPECT_EQ(*seen.rbegin(), 163);
  EXPECT_EQ(FakeThreads::yields(), 0);
}

struct HookedTraits : SpareTraits<0> {
  using Atomics = HookedAtomics;
};

TEST(SpareCellsTest, ASharedCellThatIsTakenAtTheLastMomentIsLeftAlone) {
  for (int at = 0; at < 2; ++at) {  // Before the load, and before the claim.
    Fixture<HookedTraits> fixture(100);
    FakeThreads::Become(0);
    AccessHook::Arm(at, [&] { fixture.OtherTakesShared(0); });
    EXPECT_EQ(fixture.Use(), 162);
    EXPECT_FALSE(AccessHook::Disarm());
    EXPECT_EQ(fixture.Use(), 162);
  }
}

TEST(SpareCellsTest, AnExitingThreadBorrowsTheCellOfAFreeOrdinal) {
  Fixture<SpareTraits<2>> fixture(100);
  FakeThreads::Become(0);
  FakeThreads::BecomeExiting();
  EXPECT_EQ(fixture.Use(5), 100);
  EXPECT_EQ(FakeThreads::Owned(), 1);
  FakeThreads::Become(1);
  EXPECT_EQ(fixture.Use(), 5);
}

TEST(SpareCellsTest, WhereIndexesRunOutAllThreadsShareOneCell) {
  Fixture<SpareTraits<4, 48>> fixture(16'383);
  for (uint32_t thread = 0; thread < 4; ++thread) {
    FakeThreads::Become(thread);
    EXPECT_EQ(fixture.Use(), 16'383);
  }
}

TEST(SpareCellsTest, WhereIndexesRunShortTheFirstThreadsHaveTheirOwn) {
  // There are 66 spare cells: 64 are shared, and two threads have their own.
  Fixture<SpareTraits<4, 48>> fixture(16'318);
  const std::vector<uint32_t> expected = {16'319, 16'318, 16'383, 16'383};
  for (uint32_t thread = 0; thread < 4; ++thread) {
    FakeThreads::Become(thread);
    EXPECT_EQ(fixture.Use(), expected[thread]);
  }
}

}  // namespace
}  // namespace holdfast::internal
