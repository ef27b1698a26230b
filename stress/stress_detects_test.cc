// The soak fails for a table with a defect, by the check that is meant for it,
// and passes for the same table without.

#include <cstdint>
#include <string>

#include "broken_table.h"
#include "config.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "holdfast/handle_table.h"
#include "holdfast/traits.h"
#include "payload.h"
#include "report.h"
#include "soak.h"

namespace holdfast::stress {
namespace {

using ::testing::ContainsRegex;

using Table = BrokenTable<HandleTable<Payload<16>>>;

Config TestConfig(const std::string& mix, double seconds) {
  Config config;
  config.threads = Table::kCoordinator;
  // A run ends with the first failure, and has time on a busy machine.
  config.seconds = seconds;
  config.round_seconds = 0.1;
  config.mix = mix;
  config.value_bytes = 16;
  config.max_slots = 4096;
  config.print_progress = false;
  return config;
}

Verdict RunWith(Defect defect, const std::string& mix, double seconds) {
  Table::next_defect = defect;
  return Soak<Table>(TestConfig(mix, seconds)).Run();
}

struct Case {
  const char* name;
  Defect defect;
  const char* mix;
  const char* checks;  // One of these is to fail.
};

class StressDetectsTest : public ::testing::TestWithParam<Case> {};

TEST_P(StressDetectsTest, Defect) {
  const Verdict verdict = RunWith(GetParam().defect, GetParam().mix, 30);
  EXPECT_FALSE(verdict.passed);
  EXPECT_THAT(verdict.text, ContainsRegex(std::string("check (") +
                                          GetParam().checks + ") failed"));
}

constexpr Case kCases[] = {
    {"TornRead", Defect::kTornRead, "read", "own-read|shared-read"},
    {"ForeignRead", Defect::kForeignRead, "read", "own-read|shared-read"},
    {"OldRead", Defect::kOldRead, "write", "own-read|sequence"},
    {"TornAnchor", Defect::kTornAnchor, "read", "shared-read"},
    {"OldAnchor", Defect::kOldAnchor, "write", "sequence"},
    {"StaleRead", Defect::kStaleRead, "churn", "stale|foreign|shared-read"},
    {"StaleContains", Defect::kStaleContains, "churn", "stale|foreign|win"},
    {"StaleWrite", Defect::kStaleWrite, "churn", "stale|foreign"},
    {"LostWrite", Defect::kLostWrite, "write",
     "own-read|own-exchange|own-end|walk-value|sequence"},
    {"RefusedWrite", Defect::kRefusedWrite, "write", "own-write"},
    {"ExchangeNew", Defect::kExchangeNew, "balanced",
     "own-exchange|conservation"},
    {"ContendedNew", Defect::kContendedNew, "handover", "conservation"},
    {"ExchangeLost", Defect::kExchangeLost, "balanced",
     "own-read|own-exchange|own-end|walk-value|conservation"},
    {"TwoWinners", Defect::kTwoWinners, "handover", "win|stale|foreign"},
    {"TwoTakers", Defect::kTwoTakers, "handover", "win|stale"},
    {"NoTaker", Defect::kNoTaker, "handover", "win"},
    {"NoWinner", Defect::kNoWinner, "balanced", "own-end|win"},
    {"NoWinnerContended", Defect::kNoWinner, "handover", "own-end|win"},
    {"LateUnpin", Defect::kLateUnpin, "churn",
     "stale|own-end|issue|stats|walk-value|win"},
    {"IssuedTwice", Defect::kIssuedTwice, "churn", "issue"},
    {"EvenHandle", Defect::kEvenHandle, "churn", "issue"},
    {"LostPin", Defect::kLostPin, "churn", "walk-value|stats"},
    {"LostSlot", Defect::kLostSlot, "churn", "capacity"},
    {"DoubleVisit", Defect::kDoubleVisit, "balanced", "walk-once"},
    {"SkippedVisit", Defect::kSkippedVisit, "balanced", "walk-once"},
    {"TornVisit", Defect::kTornVisit, "balanced", "walk-value"},
    {"DoubleWork", Defect::kDoubleWork, "balanced", "parallel-walk"},
    {"SkippedWork", Defect::kSkippedWork, "balanced", "parallel-walk"},
    {"LostUpdate", Defect::kLostUpdate, "read", "own-read"},
    {"ClearMiscounts", Defect::kClearMiscounts, "clear", "stats|clear"},
    {"ClearNothing", Defect::kClearNothing, "clear", "clear"},
    {"StatsMiscount", Defect::kStatsMiscount, "churn",
     "stats|walk-once|exclusive|capacity"},
    {"WrongDiagnosis", Defect::kWrongDiagnosis, "read", "diagnose"},
    {"ForeignContains", Defect::kForeignContains, "read", "foreign"},
    {"RefusedPin", Defect::kRefusedPin, "churn", "capacity"},
};

INSTANTIATE_TEST_SUITE_P(Defects, StressDetectsTest,
                         ::testing::ValuesIn(kCases),
                         [](const ::testing::TestParamInfo<Case>& param) {
                           return param.param.name;
                         });

struct ShortLived : DefaultTraits {
  static constexpr int kGenerationBits = 3;
};

TEST(StressDetectsTest, LostLife) {
  using ShortLivedTable = BrokenTable<HandleTable<Payload<16>, ShortLived>>;
  Config config = TestConfig("churn", 30);
  config.generation_bits = ShortLived::kGenerationBits;
  ShortLivedTable::next_defect = Defect::kLostLife;
  for (const uint32_t cache : {0u, 64u}) {
    config.thread_cache_slots = cache;
    const Verdict verdict = Soak<ShortLivedTable>(config).Run();
    EXPECT_FALSE(verdict.passed);
    EXPECT_THAT(verdict.text, ContainsRegex("check wear-out failed"));
  }
}

TEST(StressDetectsTest, NothingInATableWithoutDefect) {
  const Verdict verdict = RunWith(Defect::kNone, "balanced", 2);
  EXPECT_TRUE(verdict.passed) << verdict.text;
}

TEST(StressDetectsTest, ChecksThatWereNotMade) {
  Config config;
  Counts counts;
  counts.checks.fill(1);
  EXPECT_TRUE(MakeVerdict(config, "", counts).passed);
  counts[Check::kWin] = 0;
  EXPECT_FALSE(MakeVerdict(config, "", counts).passed);
  config.mix = "clear";  // Has no contended entries.
  EXPECT_TRUE(MakeVerdict(config, "", counts).passed);
}

}  // namespace
}  // namespace holdfast::stress
