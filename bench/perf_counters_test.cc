#include "perf_counters.h"

#include <linux/perf_event.h>
#include <sys/mman.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "gtest/gtest.h"

namespace holdfast::bench {
namespace {

// The kernel itself counts these events, also on machines without counters.
const std::vector<PerfEvent>& SoftwareEvents() {
  static const auto* const events = new std::vector<PerfEvent>{
      {"page_faults", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_PAGE_FAULTS},
      {"task_clock", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_TASK_CLOCK},
  };
  return *events;
}

void BusyFor(int milliseconds) {
  using Clock = std::chrono::steady_clock;
  const Clock::time_point begin = Clock::now();
  while (Clock::now() - begin < std::chrono::milliseconds(milliseconds)) {
  }
}

// Writes to `pages` new pages of 4 KiB.
void TouchPages(size_t pages) {
  const size_t bytes = pages * 4096;
  void* const memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(memory, MAP_FAILED);
  madvise(memory, bytes, MADV_NOHUGEPAGE);
  for (size_t i = 0; i < bytes; i += 4096) {
    static_cast<volatile char*>(memory)[i] = 1;
  }
  munmap(memory, bytes);
}

TEST(PerfCountersTest, CountsWhatIsBetweenStartAndStop) {
  PerfCounters counters(SoftwareEvents());
  if (!counters.error().empty()) GTEST_SKIP() << counters.error();
  constexpr size_t kPages = 4096;  // Far more than a sanitizer touches.
  TouchPages(kPages);
  counters.Start();
  BusyFor(2);
  const std::vector<uint64_t> few = counters.Stop();
  BusyFor(50);
  counters.Start();
  TouchPages(kPages);
  const std::vector<uint64_t> many = counters.Stop();

  ASSERT_EQ(few.size(), 2);
  ASSERT_EQ(many.size(), 2);
  EXPECT_LT(few[0], kPages / 2);
  EXPECT_GE(many[0], kPages);
  EXPECT_GT(few[1], 100'000) << "nanoseconds of 2 ms";
  EXPECT_LT(few[1], 40'000'000);
}

TEST(PerfCountersTest, SaysWhichEventWasRefused) {
  std::vector<PerfEvent> events = SoftwareEvents();
  events.push_back({"nonsense", PERF_TYPE_SOFTWARE, 1'000'000});
  PerfCounters counters(events);
  EXPECT_NE(counters.error(), "");
  counters.Start();
  EXPECT_TRUE(counters.Stop().empty());
}

// Hardware events either count, or error() says why not.
TEST(PerfCountersTest, HardwareEventsCountOrSayWhyNot) {
  PerfCounters counters(HardwareEvents());
  counters.Start();
  BusyFor(5);
  const std::vector<uint64_t> counts = counters.Stop();
  if (counters.error().empty()) {
    ASSERT_EQ(counts.size(), HardwareEvents().size());
    EXPECT_GT(counts[1], 1000);
  } else {
    EXPECT_TRUE(counts.empty());
    EXPECT_NE(counters.error().find(": "), std::string::npos);
  }
}

}  // namespace
}  // namespace holdfast::bench
