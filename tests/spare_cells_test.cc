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

namespace holdfast::internal {
namespace {

template <uint32_t kThreads, int kBits = 32>
struct SpareTraits : DefaultTraits {
  static constexpr int kGenerationBits = kBits;
  static constexpr uint32_t kMaxThreads = kThreads;
  using Threads = FakeThreads;
};

static_assert(SpareCells<SpareTraits<10>>::Cells(100) == 174);
static_assert(SpareCells<SpareTraits<0>>::Cells(100) == 164);
// Where the index bits run out there is still one.
static_assert(SpareCells<SpareTraits<10, 48>>::Cells(16'383) == 16'384);
static_assert(SpareCells<SpareTraits<10, 48>>::Cells(16'350) == 16'384);
static_assert(SpareCells<SpareTraits<10, 48>>::Cells(16'300) == 16'374);

template <typename Traits>
class Fixture {
 public:
  explicit Fixture(uint64_t max_slots)
      : spares_(shards_.get(), entries_.get(), max_slots) {
    FakeThreads::Reset();
  }

  // The cell that the current thread gets, which it keeps or replaces.
  uint32_t Use(uint32_t replacement = FakeThreads::kNone) {
    return spares_.With([&](uint32_t* cell) {
      const uint32_t given = *cell;
      if (replacement != FakeThreads::kNone) *cell = replacement;
      return given;
    });
  }

  SpareCells<Traits>& spares() { return spares_; }

  // Another thread takes that shared cell, and keeps it.
  void OtherTakesShared(uint32_t entry) {
    entries_[entry].exchange(1, std::memory_order_relaxed);
  }

 private:
  std::unique_ptr<Shard<Traits>[]> shards_ =
      std::make_unique<Shard<Traits>[]>(Traits::kMaxThreads + 1);
  std::unique_ptr<typename SpareCells<Traits>::Entry[]> entries_ =
      std::make_unique<typename SpareCells<Traits>::Entry[]>(
          SpareCells<Traits>::kMaxShared);
  SpareCells<Traits> spares_;
};

TEST(SpareCellsTest, EachThreadHasItsOwnCellAfterTheSlotsAndTheSharedOnes) {
  Fixture<SpareTraits<4>> fixture(100);
  for (uint32_t thread = 0; thread < 4; ++thread) {
    FakeThreads::Become(thread);
    EXPECT_EQ(fixture.Use(), 164 + thread);
    EXPECT_EQ(fixture.Use(), 164 + thread);
  }
}

// The cells that the first kThreads threads start with, in a table of 100
// slots.
template <uint32_t kThreads>
std::vector<uint32_t> StartCells() {
  const SpareCells<SpareTraits<kThreads>> spares(nullptr, nullptr, 100);
  std::vector<uint32_t> cells;
  for (uint32_t ordinal = 0; ordinal < kThreads; ++ordinal) {
    cells.push_back(spares.StartCell(ordinal));
  }
  return cells;
}

// Each thread starts with one of the cells after the shared ones, each of which
// is one thread's.
template <uint32_t kThreads>
void ExpectEachStartCellOnce() {
  SCOPED_TRACE(testing::Message() << kThreads << " threads");
  std::vector<uint32_t> cells = StartCells<kThreads>();
  std::sort(cells.begin(), cells.end());
  for (uint32_t i = 0; i < kThreads; ++i) ASSERT_EQ(cells[i], 164 + i);
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

// Whatever the alignment, 16 versions apart is on another pair of cache lines.
template <uint32_t kThreads>
void ExpectNeighboursApart() {
  SCOPED_TRACE(testing::Message() << kThreads << " threads");
  const std::vector<uint32_t> cells = StartCells<kThreads>();
  for (uint32_t i = 1; i < kThreads / 16 * 16; ++i) {
    const uint32_t apart = cells[i] > cells[i - 1] ? cells[i] - cells[i - 1]
                                                   : cells[i - 1] - cells[i];
    ASSERT_GE(apart, 16) << "threads " << i - 1 << " and " << i;
  }
}

TEST(SpareCellsTest, ThreadsOfNeighbouringOrdinalsStartFarApart) {
  // With fewer there is no room for it.
  ExpectNeighboursApart<48>();
  ExpectNeighboursApart<63>();
  ExpectNeighboursApart<1000>();
  ExpectNeighboursApart<65'536>();
}

TEST(SpareCellsTest, AThreadKeepsTheCellThatUseLeavesIt) {
  Fixture<SpareTraits<4>> fixture(100);
  FakeThreads::Become(1);
  EXPECT_EQ(fixture.Use(0), 165);
  EXPECT_EQ(fixture.Use(99), 0);
  EXPECT_EQ(fixture.Use(), 99);
  EXPECT_EQ(fixture.Use(165), 99);
  EXPECT_EQ(fixture.Use(), 165);
}

TEST(SpareCellsTest, TheNextThreadOfAnOrdinalInheritsItsCell) {
  Fixture<SpareTraits<4>> fixture(100);
  FakeThreads::Become(1);
  fixture.Use(17);
  FakeThreads::Exit(1);
  FakeThreads::Become(0);
  EXPECT_EQ(fixture.Use(), 164);
  FakeThreads::BecomeNew();
  EXPECT_EQ(fixture.Use(), 17);
  EXPECT_EQ(FakeThreads::Current(), 1);
}

TEST(SpareCellsTest, ThreadsPastTheLimitShareAndLeaveTheirCells) {
  Fixture<SpareTraits<2>> fixture(100);
  FakeThreads::Become(2);
  EXPECT_EQ(fixture.Use(33), 100);
  FakeThreads::Become(3);
  EXPECT_EQ(fixture.Use(100), 33);
  EXPECT_EQ(fixture.Use(), 100);
  FakeThreads::Become(0);
  EXPECT_EQ(fixture.Use(), 164);
}

TEST(SpareCellsTest, CellsThatAreInUseTogetherAreDifferent) {
  Fixture<SpareTraits<0>> fixture(100);
  FakeThreads::Become(0);
  std::set<uint32_t> seen;
  // As many threads inside With as there are shared cells.
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
  Nested::Enter(fixture, &seen, SpareCells<SpareTraits<0>>::kMaxShared);
  EXPECT_EQ(seen.size(), 64);
  EXPECT_EQ(*seen.begin(), 100);
  EXPECT_EQ(*seen.rbegin(), 163);
  EXPECT_EQ(FakeThreads::yields(), 0);
}

struct HookedTraits : SpareTraits<0> {
  using Atomics = HookedAtomics;
};

TEST(SpareCellsTest, ASharedCellThatIsTakenAtTheLastMomentIsLeftAlone) {
  for (int at = 0; at < 2; ++at) {  // The look at the entry, and the claim.
    Fixture<HookedTraits> fixture(100);
    FakeThreads::Become(0);
    AccessHook::Arm(at, [&] { fixture.OtherTakesShared(0); });
    EXPECT_EQ(fixture.Use(), 101);
    EXPECT_FALSE(AccessHook::Disarm());
    EXPECT_EQ(fixture.Use(), 101);
  }
}

TEST(SpareCellsTest, AnExitingThreadBorrowsTheCellOfAFreeOrdinal) {
  Fixture<SpareTraits<2>> fixture(100);
  FakeThreads::Become(0);
  FakeThreads::BecomeExiting();
  EXPECT_EQ(fixture.Use(5), 165);
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
  // 66 spare cells: 64 are shared, two are the threads'.
  Fixture<SpareTraits<4, 48>> fixture(16'318);
  const std::vector<uint32_t> expected = {16'382, 16'383, 16'318, 16'318};
  for (uint32_t thread = 0; thread < 4; ++thread) {
    FakeThreads::Become(thread);
    EXPECT_EQ(fixture.Use(), expected[thread]);
  }
}

}  // namespace
}  // namespace holdfast::internal
