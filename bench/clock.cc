#include "clock.h"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <numeric>
#include <string>
#include <vector>

#include "absl/strings/str_format.h"

#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace holdfast::bench {
namespace {

#if defined(__x86_64__)
// Whether the counter runs at one rate, even if the clock rate of the core
// changes.
bool IsInvariant() {
  unsigned int a, b, c, d;
  return __get_cpuid(0x80000007, &a, &b, &c, &d) != 0 && (d & 1 << 8) != 0;
}

double Calibrate() {
  using Clock = std::chrono::steady_clock;
  const Clock::time_point begin = Clock::now();
  const uint64_t begin_ticks = TicksBegin();
  Clock::time_point end;
  do {
    end = Clock::now();
  } while (end - begin < std::chrono::milliseconds(20));
  const uint64_t ticks = TicksEnd() - begin_ticks;
  return static_cast<double>(ticks) /
         std::chrono::duration<double, std::nano>(end - begin).count();
}
#else
double Calibrate() { return 1; }
#endif

// The step by which the counter increases: some counters count several ticks at
// a time.
uint64_t StepTicks() {
  uint64_t step = 0;
  uint64_t last = TicksBegin();
  for (int i = 0; i < 10'000; ++i) {
    const uint64_t now = TicksBegin();
    step = std::gcd(step, now - last);
    last = now;
  }
  return step;
}

}  // namespace

double TicksPerNanosecond() {
  static const double ticks = Calibrate();
  return ticks;
}

uint64_t OverheadTicks() {
  static const uint64_t overhead = [] {
    std::vector<uint64_t> all(10'001);
    for (uint64_t& ticks : all) {
      const uint64_t begin = TicksBegin();
      ticks = TicksEnd() - begin;
    }
    const auto median = all.begin() + static_cast<int64_t>(all.size() / 2);
    std::nth_element(all.begin(), median, all.end());
    return *median;
  }();
  return overhead;
}

std::string ClockDescription() {
#if defined(__x86_64__)
  const std::string name =
      absl::StrFormat("rdtsc, %.2f GHz%s", TicksPerNanosecond(),
                      IsInvariant() ? "" : ", not invariant");
#else
  const std::string name = "steady_clock";
#endif
  return absl::StrFormat(
      "%s, in steps of %.1f ns", name,
      static_cast<double>(StepTicks()) / TicksPerNanosecond());
}

}  // namespace holdfast::bench
