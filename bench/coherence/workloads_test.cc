// Goal: what scales on many cores goes on scaling: no workload moves clearly
// more cache lines from core to core than it did when this was written.
//
// Method: each workload runs on played cores, with few operations, and the
// transfers are compared with a bound. With a free list of one stack, which
// does not scale, some of these bounds must be exceeded.

#include "bench/coherence/workloads.h"

#include <cstdint>
#include <ostream>
#include <string>

#include "gtest/gtest.h"

namespace holdfast::coherence {
namespace {

Setting On(uint32_t cores) {
  Setting setting;
  setting.cores = cores;
  setting.operations = 40'000;
  return setting;
}

// --- Bounds ------------------------------------------------------------------

// Transfers an operation, of all lines and of the busiest one.
struct Bound {
  const char* workload;
  uint32_t cores;
  double all;
  double one_line;
};

void PrintTo(const Bound& bound, std::ostream* out) {
  *out << bound.workload << " on " << bound.cores << " cores";
}

class WorkloadTest : public testing::TestWithParam<Bound> {};

TEST_P(WorkloadTest, MovesFewLines) {
  const Bound& bound = GetParam();
  const Counts counts = Count(bound.workload, On(bound.cores));
  EXPECT_GE(counts.operations, 40'000u);
  EXPECT_LE(counts.PerOperation(), bound.all);
  EXPECT_LE(counts.OfBusiestLinePerOperation(), bound.one_line)
      << counts.busiest_line;
  if (bound.all > 0.01) {
    EXPECT_GT(counts.PerOperation(), bound.all / 2)
        << "the bound can be lowered";
  }
}

INSTANTIATE_TEST_SUITE_P(
    NothingMoves, WorkloadTest,
    testing::Values(
        Bound{"read", 16, 0, 0}, Bound{"read", 64, 0, 0},
        Bound{"pin + unpin", 16, 0, 0}, Bound{"pin + unpin", 64, 0, 0},
        Bound{"bursts of 100", 16, 0, 0}, Bound{"bursts of 100", 64, 0, 0},
        Bound{"bursts of 1,000", 2, 0, 0}, Bound{"bursts of 1,000", 16, 0, 0},
        Bound{"write own", 16, 0, 0}, Bound{"write own", 64, 0, 0},
        // Measured: 0.0002. Some core grows the table once.
        Bound{"thirds", 16, 0.001, 0.001}, Bound{"thirds", 64, 0.001, 0.001}));

// The comments say what was measured.
INSTANTIATE_TEST_SUITE_P(
    LinesMove, WorkloadTest,
    testing::Values(
        Bound{"bursts of 1,000", 64, 0.3, 0.004},        // 0.267, 0.0032
        Bound{"insert, new table", 2, 0.066, 0.064},     // 0.060, 0.058
        Bound{"insert, new table", 16, 0.09, 0.07},      // 0.080, 0.064
        Bound{"insert, emptied table", 2, 0.68, 0.064},  // 0.624, 0.059
        Bound{"insert, emptied table", 16, 0.74, 0.07},  // 0.672, 0.065
        Bound{"drain, stretches", 16, 0.52, 0.0011},     // 0.471, 0.0009
        Bound{"drain, in turn", 2, 1.45, 0.0011},        // 1.32, 0.0003
        Bound{"drain, in turn", 16, 2.55, 0.0011},       // 2.36, 0.0009
        Bound{"pin here, unpin there", 2, 0.85, 0.067},  // 0.747, 0.060
        Bound{"write one value", 2, 1.05, 1.05},         // 0.964, 0.964
        Bound{"write one value", 16, 1.17, 1.17},        // 1.070, 1.070
        // These differ from seed to seed, by a fifth: slots have not spread
        // over all cores yet.
        Bound{"random levels", 16, 1.9, 0.004},            // 1.53, 0.0023
        Bound{"pin here, unpin there", 16, 1.2, 0.012}));  // 0.81, 0.0094

// --- That the bounds can be exceeded -----------------------------------------

Counts WithOneStack(const std::string& workload) {
  Setting setting = On(16);
  setting.one_stack = true;
  return Count(workload, setting);
}

TEST(OneStackTest, DoesNotScaleInBursts) {
  const Counts counts = WithOneStack("bursts of 1,000");
  EXPECT_GT(counts.PerOperation(), 0.3);
  EXPECT_GT(counts.OfBusiestLinePerOperation(), 0.03);
  EXPECT_EQ(counts.busiest_line, "head 0 of the free list");
}

TEST(OneStackTest, IsNoMatterWhereTheCachesSuffice) {
  for (const char* const workload :
       {"read", "pin + unpin", "bursts of 100", "write own"}) {
    EXPECT_EQ(WithOneStack(workload).transfers, 0u) << workload;
  }
}

// --- The counts themselves ---------------------------------------------------

TEST(CountTest, TheSameSeedGivesTheSameCounts) {
  const auto count = [](uint64_t seed) {
    Setting setting = On(16);
    setting.seed = seed;
    return Count("random levels", setting);
  };
  const Counts counts = count(1);
  const Counts again = count(1);
  EXPECT_EQ(again.operations, counts.operations);
  EXPECT_EQ(again.of_parts, counts.of_parts);
  EXPECT_EQ(again.of_busiest_line, counts.of_busiest_line);
  EXPECT_EQ(again.busiest_line, counts.busiest_line);
  EXPECT_NE(count(2).of_parts, counts.of_parts);
}

TEST(CountTest, OneCoreAloneMovesOnlyWhatAnotherHasLeft) {
  for (const std::string& workload : Workloads()) {
    const Counts counts = Count(workload, On(1));
    EXPECT_EQ(counts.transfers != 0, workload == "insert, emptied table")
        << workload;
  }
}

TEST(CountTest, NamesTheBusiestLine) {
  const auto busiest = [](const std::string& workload) {
    return Count(workload, On(16)).busiest_line;
  };
  EXPECT_EQ(busiest("read"), "");
  EXPECT_EQ(busiest("insert, new table"), "high-water mark");
  EXPECT_EQ(busiest("drain, stretches"), "list of opened shards");
  // The home of core 16, which has emptied the table.
  EXPECT_EQ(busiest("insert, emptied table"), "head 0 of the free list");
  EXPECT_EQ(busiest("write one value"), "slot 0");
}

TEST(CountTest, PartsAddUp) {
  const Counts counts = Count("bursts of 1,000", On(64));
  uint64_t sum = 0;
  for (const auto& [part, transfers] : counts.of_parts) sum += transfers;
  EXPECT_EQ(sum, counts.transfers);
  for (const char* const part : {"slots", "free list"}) {
    EXPECT_EQ(counts.of_parts.count(part), 1u) << part;
  }
  EXPECT_EQ(counts.of_parts.count("elsewhere"), 0u);
}

}  // namespace
}  // namespace holdfast::coherence
