// Address space: the largest table fits into it, and if the address space of a
// process is limited, Create says so. The limit is set in a child process.

#include <sys/resource.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <iostream>

#include "absl/base/config.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "gtest/gtest.h"
#include "holdfast/handle_table.h"
#include "tests/support/table_access.h"

namespace holdfast {
namespace {

using Table = HandleTable<uint64_t>;

// The sanitizers reserve most of the address space themselves.
#if defined(ABSL_HAVE_ADDRESS_SANITIZER) || defined(ABSL_HAVE_THREAD_SANITIZER)
constexpr bool kAddressSpaceIsOurs = false;
#else
constexpr bool kAddressSpaceIsOurs = true;
#endif

absl::StatusOr<Table> Create(uint64_t max_slots) {
  TableOptions options;
  options.max_slots = max_slots;
  return Table::Create(options);
}

void LimitAddressSpace(rlim_t bytes) {
  rlimit limit;
  if (getrlimit(RLIMIT_AS, &limit) != 0) std::exit(2);
  limit.rlim_cur = bytes;
  if (setrlimit(RLIMIT_AS, &limit) != 0) std::exit(3);
}

class ReservationDeathTest : public testing::Test {
 protected:
  ReservationDeathTest() {
    testing::FLAGS_gtest_death_test_style = "threadsafe";
  }
};

TEST_F(ReservationDeathTest, RefusalNamesTheSizeTheOptionAndTheRemedy) {
  if (!kAddressSpaceIsOurs) GTEST_SKIP() << "no limit under this sanitizer";
  EXPECT_EXIT(
      {
        LimitAddressSpace(rlim_t{1} << 30);
        const absl::Status status = Create(Table::kMaxSlots).status();
        std::cerr << status;
        std::exit(absl::IsResourceExhausted(status) ? 0 : 1);
      },
      testing::ExitedWithCode(0),
      "cannot reserve [12][0-9]{10} bytes of address space for "
      "Options::max_slots = 1073741823 .*Cannot allocate memory.*"
      "ulimit -v.*choose a smaller max_slots or raise the limit");
}

TEST_F(ReservationDeathTest, SmallerTableFitsWhereALargerOneWasRefused) {
  if (!kAddressSpaceIsOurs) GTEST_SKIP() << "no limit under this sanitizer";
  EXPECT_EXIT(
      {
        LimitAddressSpace(rlim_t{1} << 30);
        const absl::Status status = Create(uint64_t{1} << 29).status();
        if (!absl::IsResourceExhausted(status)) std::exit(1);
        auto table = Create(1000);
        if (!table.ok()) std::exit(4);
        const auto handle = table->Pin(42);
        std::exit(table->Read(handle) == 42 ? 0 : 5);
      },
      testing::ExitedWithCode(0), "");
}

TEST_F(ReservationDeathTest, RaisingTheLimitIsARemedy) {
  if (!kAddressSpaceIsOurs) GTEST_SKIP() << "no limit under this sanitizer";
  EXPECT_EXIT(
      {
        LimitAddressSpace(rlim_t{1} << 28);
        if (Create(uint64_t{1} << 24).ok()) std::exit(1);
        LimitAddressSpace(rlim_t{1} << 31);
        std::exit(Create(uint64_t{1} << 24).ok() ? 0 : 4);
      },
      testing::ExitedWithCode(0), "");
}

TEST(ReservationTest, LargestTableIsOnlyAddressSpace) {
  absl::StatusOr<Table> table = Create(Table::kMaxSlots);
  // An address space of 32 bits has no room for it.
  constexpr bool kMayBeRefused = !kAddressSpaceIsOurs || sizeof(size_t) < 8;
  if (kMayBeRefused && absl::IsResourceExhausted(table.status())) {
    GTEST_SKIP() << table.status();
  }
  ASSERT_TRUE(table.ok()) << table.status();
  const Table::TestAccess access(*table);
  const auto handle = table->Pin(42);
  EXPECT_TRUE(table->Write(handle, 43));
  EXPECT_EQ(table->Read(handle), 43);
  const auto last = access.HandleAt(Table::kMaxSlots - 1, 1);
  EXPECT_FALSE(table->Read(last));
  EXPECT_FALSE(table->Unpin(last));
  EXPECT_EQ(table->Diagnose(last).state, HandleState::kNeverIssued);
  EXPECT_EQ(table->Diagnose(access.HandleAt(Table::kMaxSlots, 1)).state,
            HandleState::kForeign);
  const TableStats stats = table->GetStats();
  EXPECT_EQ(stats.capacity, 1'073'741'823);
  EXPECT_GE(stats.bytes_reserved, uint64_t{16} << 30);
  EXPECT_LE(stats.bytes_touched, uint64_t{1} << 20);
}

}  // namespace
}  // namespace holdfast
