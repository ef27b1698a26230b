#include "holdfast/options.h"

#include <algorithm>
#include <cstdint>
#include <string>

#include "gtest/gtest.h"
#include "holdfast/internal/cache_shape.h"
#include "holdfast/internal/creation_error.h"

namespace holdfast::internal {
namespace {

constexpr uint64_t kKeyMask = 0x1FFE;
constexpr OptionLimits kLimits = {/*max_slots=*/1000,
                                  /*thread_cache_slots=*/126, kKeyMask,
                                  /*max_threads=*/4};

// Limits with so many indexes that there are enough for all caches.
OptionLimits Roomy(uint32_t thread_cache_slots) {
  return {uint64_t{1} << 30, thread_cache_slots, kKeyMask, 4};
}

CreationError Validate(uint64_t max_slots, uint32_t thread_cache_slots) {
  TableOptions options;
  options.max_slots = max_slots;
  options.thread_cache_slots = thread_cache_slots;
  return FitOptions(kLimits, &options);
}

TEST(OptionsTest, DefaultsAreThoseOfTheHeader) {
  const TableOptions options;
  EXPECT_EQ(options.max_slots, 16'777'216);
  EXPECT_EQ(options.thread_cache_slots, 256);
}

TEST(OptionsTest, ValuesWithinTheirRangesAreFine) {
  EXPECT_TRUE(Validate(1, 0).ok());
  EXPECT_TRUE(Validate(1000, 126).ok());
}

TEST(OptionsTest, ErrorNamesMaxSlotsWithValueAndRange) {
  for (const uint64_t value : {uint64_t{0}, uint64_t{1001}, ~uint64_t{0}}) {
    const CreationError error = Validate(value, 64);
    EXPECT_EQ(error.code, CreationError::Code::kInvalidArgument);
    EXPECT_EQ(error.message, "HandleTable: Options::max_slots is " +
                                 std::to_string(value) +
                                 ", must be between 1 and 1000");
  }
}

TEST(OptionsTest, ErrorNamesThreadCacheSlotsWithValueAndRange) {
  for (const uint32_t value : {uint32_t{127}, ~uint32_t{0}}) {
    const CreationError error = Validate(1000, value);
    EXPECT_EQ(error.code, CreationError::Code::kInvalidArgument);
    EXPECT_EQ(error.message, "HandleTable: Options::thread_cache_slots is " +
                                 std::to_string(value) +
                                 ", must be between 0 and 126");
  }
}

TEST(OptionsTest, ErrorNamesKeyWithValueAndRange) {
  TableOptions options = {1000, 64};
  for (const uint64_t key : {uint64_t{0}, uint64_t{2}, kKeyMask}) {
    options.key = key;
    EXPECT_TRUE(FitOptions(kLimits, &options).ok());
    EXPECT_EQ(options.key, key);
  }
  for (const uint64_t key : {uint64_t{1}, uint64_t{0x2000}, ~uint64_t{0}}) {
    options.key = key;
    const CreationError error = FitOptions(kLimits, &options);
    EXPECT_EQ(error.code, CreationError::Code::kInvalidArgument);
    EXPECT_EQ(error.message, "HandleTable: Options::key is " +
                                 std::to_string(key) +
                                 ", must be even and at most 8190");
  }
}

TEST(OptionsTest, DefaultsFitThemselvesToTheLimits) {
  TableOptions options;
  EXPECT_TRUE(FitOptions({1600, 6, kKeyMask, 4}, &options).ok());
  EXPECT_EQ(options.max_slots, 1600);
  EXPECT_EQ(options.thread_cache_slots, 6);
  options = {1000, 64};
  EXPECT_TRUE(FitOptions(Roomy(126), &options).ok());
  EXPECT_EQ(options.max_slots, 1000);
}

TEST(OptionsTest, ACacheIsWhatCanBeDividedIntoBatches) {
  const uint32_t most = sizeof(void*) < 8 ? 64 : 4096;
  for (uint32_t slots = 0; slots <= most; ++slots) {
    TableOptions options = {100'000, slots};
    EXPECT_TRUE(FitOptions(Roomy(4096), &options).ok());
    EXPECT_EQ(options.thread_cache_slots, CacheShape(slots).slots());
  }
}

TEST(OptionsTest, ASmallTableHasSmallerCaches) {
  for (const uint32_t slots : {1u, 16u, 599u, 600u, 1000u, 1023u, 5000u}) {
    TableOptions options = {slots, 256};
    EXPECT_TRUE(FitOptions(Roomy(256), &options).ok());
    const uint32_t most = sizeof(void*) < 8
                              ? std::min(64u, slots / 16)
                              : std::min(256u, std::max(75u, slots / 8));
    EXPECT_EQ(options.thread_cache_slots, CacheShape(most).slots());
  }
}

TEST(OptionsTest, CachesAreSmallWhereNoIndexesMakeUpForThem) {
  for (const uint32_t slots : {1u, 15u, 16u, 700u, 1000u}) {
    TableOptions options = {slots, 126};
    EXPECT_TRUE(FitOptions(kLimits, &options).ok());
    uint32_t cache = std::min(64u, slots / 16);
    if (sizeof(void*) >= 8 && slots < 1000 - 4) {
      cache = std::max(cache, std::min(75u, (1000 - slots) / 4 - 1));
    }
    EXPECT_EQ(options.thread_cache_slots, CacheShape(cache).slots());
  }
}

TEST(OptionsTest, ReservationErrorSaysHowMuchForWhatWhyAndWhatToDo) {
  constexpr auto kCode = CreationError::Code::kResourceExhausted;
  const CreationError error = ReservationError(
      MakeCreationError(kCode, "mmap: no %s", "room"), 123456, 789);
  EXPECT_EQ(error.code, kCode);
  const std::string message(error.message);
  for (const char* part :
       {"123456 bytes of address space", "max_slots = 789", "mmap: no room",
        "choose a smaller max_slots or raise the limit"}) {
    EXPECT_NE(message.find(part), std::string::npos) << message;
  }
}

TEST(CreationErrorTest, MessageThatIsTooLongIsCutOff) {
  const std::string text(1000, 'x');
  const CreationError error = MakeCreationError(
      CreationError::Code::kInvalidArgument, "%s", text.c_str());
  EXPECT_FALSE(error.ok());
  EXPECT_EQ(error.message, text.substr(0, sizeof(error.message) - 1));
  EXPECT_TRUE(CreationError().ok());
}

}  // namespace
}  // namespace holdfast::internal
