#include "holdfast/options.h"

#include <algorithm>
#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "gtest/gtest.h"

namespace holdfast::internal {
namespace {

absl::Status Validate(uint64_t max_slots, uint32_t thread_cache_slots) {
  TableOptions options;
  options.max_slots = max_slots;
  options.thread_cache_slots = thread_cache_slots;
  return FitOptions(1000, 126, &options);
}

TEST(OptionsTest, DefaultsAreThoseOfTheHeader) {
  const TableOptions options;
  EXPECT_EQ(options.max_slots, 16'777'216);
  EXPECT_EQ(options.thread_cache_slots, 64);
}

TEST(OptionsTest, ValuesWithinTheirRangesAreFine) {
  EXPECT_TRUE(Validate(1, 0).ok());
  EXPECT_TRUE(Validate(1000, 126).ok());
}

TEST(OptionsTest, StatusNamesMaxSlotsWithValueAndRange) {
  for (const uint64_t value : {uint64_t{0}, uint64_t{1001}, ~uint64_t{0}}) {
    const absl::Status status = Validate(value, 64);
    EXPECT_TRUE(absl::IsInvalidArgument(status));
    EXPECT_EQ(status.message(), "HandleTable: Options::max_slots is " +
                                    std::to_string(value) +
                                    ", must be between 1 and 1000");
  }
}

TEST(OptionsTest, StatusNamesThreadCacheSlotsWithValueAndRange) {
  for (const uint32_t value : {uint32_t{127}, ~uint32_t{0}}) {
    const absl::Status status = Validate(1000, value);
    EXPECT_TRUE(absl::IsInvalidArgument(status));
    EXPECT_EQ(status.message(), "HandleTable: Options::thread_cache_slots is " +
                                    std::to_string(value) +
                                    ", must be between 0 and 126");
  }
}

TEST(OptionsTest, DefaultsFitThemselvesToTheLimits) {
  TableOptions options;
  EXPECT_TRUE(FitOptions(1600, 7, &options).ok());
  EXPECT_EQ(options.max_slots, 1600);
  EXPECT_EQ(options.thread_cache_slots, 7);
  options = {1000, 64};
  EXPECT_TRUE(FitOptions(uint64_t{1} << 30, 126, &options).ok());
  EXPECT_EQ(options.max_slots, 1000);
}

TEST(OptionsTest, ASmallTableHasSmallerCaches) {
  for (const uint32_t slots : {1u, 15u, 16u, 100u, 1023u, 1024u, 5000u}) {
    TableOptions options = {slots, 64};
    EXPECT_TRUE(FitOptions(10'000, 126, &options).ok());
    EXPECT_EQ(options.thread_cache_slots, std::min(64u, slots / 16));
  }
}

TEST(OptionsTest, ReservationErrorSaysHowMuchForWhatWhyAndWhatToDo) {
  const absl::Status status = ReservationError(
      absl::ResourceExhaustedError("mmap: no room"), 123456, 789);
  EXPECT_TRUE(absl::IsResourceExhausted(status));
  const std::string message(status.message());
  for (const char* part :
       {"123456 bytes of address space", "max_slots = 789", "mmap: no room",
        "choose a smaller max_slots or raise the limit"}) {
    EXPECT_NE(message.find(part), std::string::npos) << message;
  }
}

}  // namespace
}  // namespace holdfast::internal
