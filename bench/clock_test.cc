#include "clock.h"

#include <chrono>
#include <cstdint>
#include <string>

#include "gtest/gtest.h"

namespace holdfast::bench {
namespace {

TEST(ClockTest, TicksAgreeWithTheSteadyClock) {
  using Clock = std::chrono::steady_clock;
  const double rate = TicksPerNanosecond();
  const Clock::time_point begin = Clock::now();
  const uint64_t begin_ticks = TicksBegin();
  while (Clock::now() - begin < std::chrono::milliseconds(50)) {
  }
  const uint64_t ticks = TicksEnd() - begin_ticks;
  const double nanoseconds =
      std::chrono::duration<double, std::nano>(Clock::now() - begin).count();
  // If the thread is interrupted between the two readings, the difference is
  // larger.
  EXPECT_NEAR(static_cast<double>(ticks) / rate / nanoseconds, 1, 0.1);
}

TEST(ClockTest, NothingTakesLessThanAMicrosecond) {
  EXPECT_LT(static_cast<double>(OverheadTicks()) / TicksPerNanosecond(), 1000);
  EXPECT_EQ(OverheadTicks(), OverheadTicks());
}

TEST(ClockTest, SaysWhatItIs) { EXPECT_NE(ClockDescription(), ""); }

}  // namespace
}  // namespace holdfast::bench
