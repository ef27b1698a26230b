// Goal: whatever threads do to a table beside each other, each call returns
// what it should, and at rest nothing is lost or doubled.
//
// Method: short runs of the stress program's soak, whose oracles stress/check.h
// lists, on small tables: with values of each kind, with every kind of cache,
// with slots whose lives run out, and with threads that dawdle between atomic
// operations.

#include <cstddef>
#include <cstdint>
#include <string>

#include "gtest/gtest.h"
#include "holdfast/handle_table.h"
#include "stress/config.h"
#include "stress/payload.h"
#include "stress/report.h"
#include "stress/soak.h"
#include "tests/support/concurrent_hooked_atomics.h"
#include "tests/support/concurrent_threads.h"

namespace holdfast::stress {
namespace {

template <size_t kBytes_, int kBits>
struct Kind {
  static constexpr uint32_t kBytes = kBytes_;
  struct Traits : JitteryTraits {
    static constexpr int kGenerationBits = kBits;
  };
  using Table = HandleTable<Payload<kBytes>, Traits>;
};

template <typename Kind>
class ConcurrentSoakTest : public testing::Test {
 protected:
  static void Run(const char* mix, uint32_t cache, uint64_t max_slots) {
    Config config;
    config.seconds = 0.3;
    config.round_seconds = 0.03;
    config.seed = TestSeed();
    config.mix = mix;
    config.value_bytes = Kind::kBytes;
    config.thread_cache_slots = cache;
    config.max_slots = max_slots;
    config.generation_bits = Kind::Traits::kGenerationBits;
    config.contended = 2;
    config.print_progress = false;
    const Verdict verdict = Soak<typename Kind::Table>(config).Run();
    // Where threads hardly get to run, some kind of check may not be made.
    const bool too_short = verdict.text.find("no check") != std::string::npos;
    EXPECT_TRUE(verdict.passed || too_short) << verdict.text;
  }
};

using Kinds = testing::Types<Kind<4, 32>, Kind<8, 32>, Kind<16, 32>,
                             Kind<64, 32>, Kind<4, 3>, Kind<8, 3>, Kind<24, 3>>;
TYPED_TEST_SUITE(ConcurrentSoakTest, Kinds);

TYPED_TEST(ConcurrentSoakTest, Balanced) { this->Run("balanced", 64, 1100); }
TYPED_TEST(ConcurrentSoakTest, ChurnOfFewSlots) { this->Run("churn", 0, 16); }
TYPED_TEST(ConcurrentSoakTest, Churn) { this->Run("churn", 2, 160); }
TYPED_TEST(ConcurrentSoakTest, Handover) { this->Run("handover", 1, 64); }
TYPED_TEST(ConcurrentSoakTest, Write) { this->Run("write", 8, 256); }
TYPED_TEST(ConcurrentSoakTest, Clear) { this->Run("clear", 64, 1100); }

}  // namespace
}  // namespace holdfast::stress
