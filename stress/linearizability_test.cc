// HandleTable is linearizable at full speed, for all sizes of values and
// caches.

#include <cstddef>
#include <cstdint>
#include <vector>

#include "config.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "holdfast/handle_table.h"
#include "holdfast/traits.h"
#include "linearizability/call.h"
#include "linearizability/linearizability_run.h"
#include "linearizability/recorder.h"
#include "payload.h"
#include "report.h"

namespace holdfast::stress {
namespace {

using ::testing::HasSubstr;

struct ShortLived : DefaultTraits {
  static constexpr int kGenerationBits = 3;
};

Config TestConfig(uint32_t thread_cache_slots) {
  Config config;
  config.check = kLinearizability;
  config.seconds = 0.2;  // And at least one window of each kind.
  config.thread_cache_slots = thread_cache_slots;
  config.print_progress = false;
  return config;
}

template <size_t kBytes, typename Traits = DefaultTraits>
void ExpectLinearizable(Config config) {
  config.value_bytes = kBytes;
  config.generation_bits = Traits::kGenerationBits;
  const Verdict verdict =
      LinearizabilityRun<HandleTable<Payload<kBytes>, Traits>>(config).Run();
  EXPECT_TRUE(verdict.passed) << verdict.text;
}

class LinearizabilityTest : public ::testing::TestWithParam<uint32_t> {};

TEST_P(LinearizabilityTest, InlineValues) {
  ExpectLinearizable<4>(TestConfig(GetParam()));
}
TEST_P(LinearizabilityTest, ValuesOf8Bytes) {
  ExpectLinearizable<8>(TestConfig(GetParam()));
}
TEST_P(LinearizabilityTest, ValuesOf24Bytes) {
  ExpectLinearizable<24>(TestConfig(GetParam()));
}
TEST_P(LinearizabilityTest, ValuesOf64Bytes) {
  ExpectLinearizable<64>(TestConfig(GetParam()));
}
TEST_P(LinearizabilityTest, SlotsThatRetire) {
  ExpectLinearizable<8, ShortLived>(TestConfig(GetParam()));
}
TEST_P(LinearizabilityTest, MoreThreadsThanCores) {
  Config config = TestConfig(GetParam());
  config.threads = 16;
  config.window_calls = 1024;
  ExpectLinearizable<16>(config);
}
TEST_P(LinearizabilityTest, AlmostFullTable) {
  Config config = TestConfig(GetParam());
  config.max_slots = 16;
  ExpectLinearizable<8>(config);
}

INSTANTIATE_TEST_SUITE_P(CacheSlots, LinearizabilityTest,
                         ::testing::Values(0, 1, 64));

class RecorderTest : public ::testing::Test {
 protected:
  using Table = HandleTable<Payload<8>>;

  // Returns the calls that one thread has recorded, with no other thread
  // running.
  std::vector<Call> CallsWith(Drains drains) {
    Table table = *Table::Create();
    Places places;
    Recorder<Table> recorder(1, 0);
    recorder.SetTable(&table, &places);
    recorder.Run(1'000, drains);
    return recorder.calls();
  }
};

TEST_F(RecorderTest, CallsEndBeforeTheNextBegins) {
  const std::vector<Call> calls = CallsWith(Drains::kAfterCalls);
  ASSERT_GE(calls.size(), 1'000);
  uint64_t last_end = 0;
  for (const Call& call : calls) {
    EXPECT_LE(last_end, call.begin);
    EXPECT_LE(call.begin, call.end);
    EXPECT_FALSE(call.in_order);
    last_end = call.end;
  }
}

// The drain comes after the last call of a batch, so no recorded end is before
// that call.
TEST_F(RecorderTest, BatchesKeepTheirOrderAndEndTogether) {
  const std::vector<Call> calls = CallsWith(Drains::kAfterBatches);
  ASSERT_GE(calls.size(), 1'000);
  size_t together = 0;
  Call last;
  for (const Call& call : calls) {
    EXPECT_LE(last.begin, call.begin);
    EXPECT_LE(call.begin, call.end);
    EXPECT_TRUE(call.in_order);
    if (last.end == call.end) {
      ++together;
    } else {
      EXPECT_LE(last.end, call.begin);
    }
    last = call;
  }
  EXPECT_GT(together, 750);
}

TEST(LinearizabilityVerdictTest, OneThreadAlone) {
  Config config = TestConfig(64);
  config.threads = 1;
  ExpectLinearizable<8>(config);
}

TEST(LinearizabilityVerdictTest, NothingChecked) {
  WindowTotals totals;
  const Verdict verdict = MakeWindowVerdict(TestConfig(0), "", totals);
  EXPECT_FALSE(verdict.passed);
  EXPECT_THAT(verdict.text, HasSubstr("nothing was checked"));
}

TEST(LinearizabilityVerdictTest, GaveUpTooOften) {
  WindowTotals totals;
  totals.counts.calls = 1'000;
  totals.counts.histories = 200;
  totals.counts.gave_up = 2;
  EXPECT_TRUE(MakeWindowVerdict(TestConfig(0), "", totals).passed);
  totals.counts.gave_up = 3;
  const Verdict verdict = MakeWindowVerdict(TestConfig(0), "", totals);
  EXPECT_FALSE(verdict.passed);
  EXPECT_THAT(verdict.text, HasSubstr("gave up 3"));
  EXPECT_THAT(verdict.text, HasSubstr("--seed=1"));
}

TEST(LinearizabilityVerdictTest, BadFlags) {
  Config config;
  config.check = "something";
  EXPECT_EQ(Validate(config).message(),
            "--check=something: must be invariants or linearizability");
  config.check = kLinearizability;
  EXPECT_TRUE(Validate(config).ok());
  config.mix = "churn";
  EXPECT_EQ(Validate(config).message(),
            "--mix=churn: must be left out with --check=linearizability");
}

}  // namespace
}  // namespace holdfast::stress
