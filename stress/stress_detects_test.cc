// The soak fails for a table with a defect, by the check that is meant for it
// alone, and passes for the same table without.

#include <cstddef>
#include <cstdint>
#include <sstream>
#include <string>
#include <vector>

#include "check.h"
#include "config.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "holdfast/handle_table.h"
#include "holdfast/traits.h"
#include "payload.h"
#include "report.h"
#include "soak.h"
#include "tests/mutants/planted.h"

namespace holdfast::stress {
namespace {

using ::testing::ContainsRegex;

struct ShortLived : DefaultTraits {
  static constexpr int kGenerationBits = 3;
};

Config TestConfig(const std::string& mix, double seconds) {
  Config config;
  config.threads = 3;
  // A run ends with the first failure, and has time on a busy machine.
  config.seconds = seconds;
  config.round_seconds = 0.1;
  config.mix = mix;
  config.value_bytes = 16;
  config.max_slots = 4096;
  config.print_progress = false;
  return config;
}

// Of "a|b", see Config.
uint64_t ChecksNamed(const std::string& names) {
  uint64_t checks = 0;
  std::istringstream all(names);
  for (std::string name; std::getline(all, name, '|');) {
    for (size_t i = 0; i < kChecks; ++i) {
      if (name == kCheckNames[i]) checks |= uint64_t{1} << i;
    }
  }
  return checks;
}

Verdict RunWith(int defect, const Config& config) {
  mutants::mutation.defect = defect;
  if (config.generation_bits == ShortLived::kGenerationBits) {
    return Soak<HandleTable<Payload<16>, ShortLived>>(config).Run();
  }
  return Soak<HandleTable<Payload<16>>>(config).Run();
}

class StressDetectsTest : public ::testing::TestWithParam<mutants::Defect> {};

TEST_P(StressDetectsTest, Defect) {
  const std::string& mix = GetParam().details.at(0);
  const std::string& checks = GetParam().details.at(1);
  Config config = TestConfig(mix, 30);
  config.checks = ChecksNamed(checks);
  std::vector<uint32_t> caches = {config.thread_cache_slots};
  if (checks == Name(Check::kWearOut)) {
    config.generation_bits = ShortLived::kGenerationBits;
    caches.push_back(0);
  }
  for (const uint32_t cache : caches) {
    config.thread_cache_slots = cache;
    const Verdict verdict = RunWith(GetParam().number, config);
    EXPECT_FALSE(verdict.passed);
    EXPECT_THAT(verdict.text, ContainsRegex("check (" + checks + ") failed"));
  }
}

INSTANTIATE_TEST_SUITE_P(Defects, StressDetectsTest,
                         ::testing::ValuesIn(mutants::DefectsFor("soak")),
                         mutants::TestName());

TEST(StressDetectsTest, EachCheckHasADefect) {
  uint64_t checks = 0;
  for (const mutants::Defect& defect : mutants::DefectsFor("soak")) {
    checks |= ChecksNamed(defect.details.at(1));
  }
  EXPECT_EQ(checks, (uint64_t{1} << kChecks) - 1);
}

TEST(StressDetectsTest, NothingInATableWithoutDefect) {
  const Verdict verdict = RunWith(-1, TestConfig("balanced", 2));
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
