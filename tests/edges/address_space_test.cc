// Goal: a table's address space is not memory. The part that was not used yet
// is not charged, not locked, not in core dumps and not in huge pages. If a
// limit of the system refuses a table, Create names the limit. If it refuses
// growth, Pin is refused, nothing else happens, and the table grows again when
// the limit is lifted.
//
// Method: a child process sets the limit, and adds up its mappings before and
// after it uses a table.

#include <linux/capability.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/config.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "gtest/gtest.h"
#include "holdfast/handle_table.h"
#include "tests/edges/child.h"
#include "tests/edges/memory_maps.h"
#include "tests/edges/uniqueness.h"
#include "tests/support/concurrent_threads.h"
#include "tests/support/concurrent_value.h"
#include "tests/support/in_cells.h"

namespace holdfast {
namespace {

using Value = Stamped<8>;
using Table = HandleTable<Value>;
using Handle = Table::Handle;

constexpr uint64_t kMiB = 1 << 20;

absl::StatusOr<Table> Create(uint64_t max_slots) {
  TableOptions options;
  options.max_slots = max_slots;
  return Table::Create(options);
}

constexpr uint64_t kDefaultSlots = TableOptions().max_slots;

void PinTen(Table& table) {
  for (uint64_t i = 0; i < 10; ++i) {
    if (!table.Pin(Value::Make(i, 0))) std::abort();
  }
}

void ExpectAtMost(ChildReport& report, const char* what, uint64_t bytes,
                  uint64_t most) {
  report.Expect(bytes <= most, std::string(what) + ": " +
                                   std::to_string(bytes >> 10) + " KiB");
}

class AddressSpaceTest : public testing::Test {
 protected:
  void SetUp() override {
#if defined(ABSL_HAVE_ADDRESS_SANITIZER) || defined(ABSL_HAVE_THREAD_SANITIZER)
    GTEST_SKIP() << "the address space is the sanitizer's";
#endif
  }
};

// --- The cost of a table of ten values ---------------------------------------

TEST_F(AddressSpaceTest, TenValuesAreNotChargedAsAWholeTable) {
  for (const uint64_t max_slots : {uint64_t{1024}, kDefaultSlots}) {
    const std::string said = InChild([&](ChildReport& report) {
      const MemoryMaps before = MemoryMaps::Now();
      auto table = Create(max_slots);
      PinTen(*table);
      const MemoryMaps after = MemoryMaps::Now();
      ExpectAtMost(report, "charged", after.charged - before.charged, kMiB);
      ExpectAtMost(report, "dumped", after.dumped - before.dumped, kMiB);
      ExpectAtMost(report, "dirty", after.dirty - before.dirty, 256 << 10);
    });
    EXPECT_EQ(said, "") << max_slots << " slots";
  }
}

// So a process may have many tables. A hundred default tables reserve 45 GiB.
TEST_F(AddressSpaceTest, AHundredTablesAreNotChargedEither) {
  if (sizeof(size_t) < 8) GTEST_SKIP() << "no room for 45 GiB";
  const std::string said = InChild([](ChildReport& report) {
    const MemoryMaps before = MemoryMaps::Now();
    std::vector<Table> tables;
    for (int i = 0; i < 100; ++i) {
      tables.push_back(*Table::Create());
      PinTen(tables.back());
    }
    ExpectAtMost(report, "charged", MemoryMaps::Now().charged - before.charged,
                 100 * kMiB);
  });
  EXPECT_EQ(said, "");
}

TEST_F(AddressSpaceTest, WhatIsChargedAndDumpedGrowsWithWhatIsUsed) {
  const std::string said = InChild([](ChildReport& report) {
    const MemoryMaps before = MemoryMaps::Now();
    auto table = Table::Create();
    for (uint64_t i = 0; i < 1'000'000; ++i) {
      if (!table->Pin(Value::Make(i, 0))) std::abort();
    }
    const MemoryMaps after = MemoryMaps::Now();
    const uint64_t used = after.dirty - before.dirty;
    report.Expect(used >= 16'000'000, "a million values are not in memory");
    ExpectAtMost(report, "charged", after.charged - before.charged, 4 * used);
    ExpectAtMost(report, "dumped", after.dumped - before.dumped, 4 * used);
    // A core dump contains the values.
    report.Expect(
        after.dirty_and_dumped - before.dirty_and_dumped >= used - kMiB,
        "values are left out of core dumps");
  });
  EXPECT_EQ(said, "");
}

// The largest possible table reserves more than the memory of most machines.
TEST_F(AddressSpaceTest, TheLargestTableOfTheLargestValuesIsOnlyAddressSpace) {
  if (sizeof(size_t) < 8) GTEST_SKIP() << "no room for 85 GB";
  const std::string said = InChild([](ChildReport& report) {
    using Largest = HandleTable<Stamped<64>>;
    const MemoryMaps before = MemoryMaps::Now();
    TableOptions options;
    options.max_slots = Largest::kMaxSlots;
    auto table = Largest::Create(options);
    if (!report.Expect(table.ok(), table.status().ToString())) return;
    for (uint64_t i = 0; i < 10; ++i) {
      if (!table->Pin(Stamped<64>::Make(i, 0))) report.Say("refused");
    }
    ExpectAtMost(report, "charged", MemoryMaps::Now().charged - before.charged,
                 4 * kMiB);
  });
  EXPECT_EQ(said, "");
}

// --- Memory that is locked ---------------------------------------------------

void SetLimit(int resource, rlim_t bytes) {
  rlimit limit;
  if (getrlimit(static_cast<__rlimit_resource>(resource), &limit) != 0)
    _exit(4);
  limit.rlim_cur = bytes;
  if (setrlimit(static_cast<__rlimit_resource>(resource), &limit) != 0)
    _exit(5);
}

// Gives up root's right to exceed limits.
void GiveUpCapabilities() {
  __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct none[2] = {};
  if (syscall(SYS_capset, &header, none) != 0) _exit(6);
}

struct FewThreads : DefaultTraits {
  static constexpr uint32_t kMaxThreads = 64;
};

// The table has only as many slots as any user may lock address space for.
TEST_F(AddressSpaceTest, MlockallDoesNotMakeAWholeTableResident) {
  const std::string said = InChild([](ChildReport& report) {
    TableOptions options;
    options.max_slots = 200'000;
    if (mlockall(MCL_FUTURE) != 0) return report.Say("no mlockall");
    const MemoryMaps before = MemoryMaps::Now();
    auto table = HandleTable<Value, FewThreads>::Create(options);
    if (!report.Expect(table.ok(), table.status().ToString())) return;
    for (uint64_t i = 0; i < 10; ++i) {
      if (!table->Pin(Value::Make(i, 0))) report.Say("refused");
    }
    const MemoryMaps after = MemoryMaps::Now();
    ExpectAtMost(report, "resident", after.resident - before.resident, kMiB);
    ExpectAtMost(report, "dirty", after.dirty - before.dirty, kMiB);
  });
  EXPECT_EQ(said, "");
}

// The system counts locked address space by its size. Either it refuses the
// table, and Create names the limit, or the table works.
TEST_F(AddressSpaceTest, UnderALimitOnLockedMemoryTheRefusalNamesIt) {
  const std::string said = InChild([](ChildReport& report) {
    SetLimit(RLIMIT_MEMLOCK, 8 * kMiB);
    GiveUpCapabilities();
    if (mlockall(MCL_FUTURE) != 0) return report.Say("no mlockall");
    auto table = Table::Create();
    if (table.ok()) return PinTen(*table);
    report.Expect(absl::IsResourceExhausted(table.status()), "the code");
    const std::string text(table.status().message());
    report.Expect(text.find("ulimit -l") != std::string::npos, text);
  });
  EXPECT_EQ(said, "");
}

// --- Refusals at creation ----------------------------------------------------

TEST_F(AddressSpaceTest, UnderALimitOnAddressSpaceTheRefusalNamesIt) {
  const std::string said = InChild([](ChildReport& report) {
    SetLimit(RLIMIT_AS, MemoryMaps::Now().mapped + 16 * kMiB);
    const absl::Status status = Table::Create().status();
    report.Expect(absl::IsResourceExhausted(status), "the code");
    const std::string text(status.message());
    report.Expect(text.find("ulimit -v") != std::string::npos, text);
    report.Expect(text.find("ulimit -d") == std::string::npos, text);
    report.Expect(text.find("ulimit -l") == std::string::npos, text);
  });
  EXPECT_EQ(said, "");
}

// A few MiB of data are enough for any table of ten values.
TEST_F(AddressSpaceTest, ALimitOnDataAllowsATableOfTenValues) {
  for (const uint64_t max_slots : {uint64_t{1024}, kDefaultSlots}) {
    const std::string said = InChild([&](ChildReport& report) {
      SetLimit(RLIMIT_DATA, MemoryMaps::Now().charged + 4 * kMiB);
      auto table = Create(max_slots);
      if (!report.Expect(table.ok(), table.status().ToString())) return;
      PinTen(*table);
    });
    EXPECT_EQ(said, "");
  }
}

TEST_F(AddressSpaceTest, UnderALimitOnDataTheRefusalNamesIt) {
  const std::string said = InChild([](ChildReport& report) {
    // Frees memory from which the error message can be allocated later.
    std::vector<std::string*> texts;
    for (int i = 0; i < 1000; ++i) texts.push_back(new std::string(300, 'x'));
    for (size_t i = 0; i + 1 < texts.size(); ++i) delete texts[i];
    SetLimit(RLIMIT_DATA, 4096);
    const absl::Status status = Table::Create().status();
    report.Expect(absl::IsResourceExhausted(status), status.ToString());
    const std::string text(status.message());
    report.Expect(text.find("ulimit -d") != std::string::npos, text);
    report.Expect(text.find("ulimit -v") == std::string::npos, text);
    SetLimit(RLIMIT_DATA, RLIM_INFINITY);
    report.Expect(Table::Create().ok(), "refused without the limit");
  });
  EXPECT_EQ(said, "");
}

// --- Refusals of growth ------------------------------------------------------

// Pins values until the table refuses one, or `most` of them.
std::vector<Handle> PinAll(Table& table, uint64_t most) {
  std::vector<Handle> handles;
  handles.reserve(most);
  while (handles.size() < most) {
    const Handle handle = table.Pin(Value::Make(handles.size(), 1));
    if (!handle) break;
    handles.push_back(handle);
  }
  return handles;
}

bool AllRight(const Table& table, const std::vector<Handle>& handles) {
  for (uint64_t i = 0; i < handles.size(); ++i) {
    if (!(table.Read(handles[i]) == Value::Make(i, 1))) return false;
  }
  return true;
}

constexpr uint64_t kMany = 1 << 20;

TEST_F(AddressSpaceTest, GrowthThatIsRefusedGoesOnWhenTheLimitIsLifted) {
  const std::string said = InChild([](ChildReport& report) {
    auto table = Create(kMany);
    if (!report.Expect(table.ok(), table.status().ToString())) return;
    PinTen(*table);
    std::vector<Handle> first;
    first.reserve(kMany);  // Before the limit.
    SetLimit(RLIMIT_DATA, MemoryMaps::Now().charged);
    while (const Handle handle = table->Pin(Value::Make(first.size(), 1))) {
      first.push_back(handle);
    }
    report.Expect(first.size() + 10 < kMany, "nothing was refused");
    report.Expect(AllRight(*table, first), "values are not as they were");
    for (int i = 0; i < 1000; ++i) {
      report.Expect(!table->Pin(Value::Make(0, 0)), "a slot from nowhere");
    }
    // The slots that the table has can be used again and again.
    for (const Handle handle : first) {
      if (!table->Unpin(handle)) report.Say("an Unpin is refused");
    }
    const size_t slots = first.size();
    first.clear();
    while (const Handle handle = table->Pin(Value::Make(first.size(), 1))) {
      first.push_back(handle);
    }
    report.Expect(first.size() == slots,
                  "slots are lost: " + std::to_string(slots) + ", now " +
                      std::to_string(first.size()));
    SetLimit(RLIMIT_DATA, RLIM_INFINITY);
    const std::vector<Handle> rest = PinAll(*table, kMany);
    report.Expect(first.size() + rest.size() + 10 == kMany,
                  "the rest is refused after the limit");
    report.Expect(AllRight(*table, first) && AllRight(*table, rest), "values");
    table->UnpinAll();
    const std::string problem = UniquenessProblem(*table, kMany);
    report.Expect(problem.empty(), problem);
  });
  EXPECT_EQ(said, "");
}

TEST_F(AddressSpaceTest, GrowthIsRefusedToManyThreadsAtOnce) {
  const std::string said = InChild([](ChildReport& report) {
    auto table = Create(kMany);
    if (!report.Expect(table.ok(), table.status().ToString())) return;
    std::atomic<bool> right{true};
    std::atomic<uint64_t> pinned{0};
    StartLine stacks(4);
    StartLine limited(4);
    StartLine refused(4);
    RunThreads(4, [&](int me) {
      std::vector<Handle> own;
      own.reserve(kMany);
      const auto pin = [&] {
        while (const Handle handle = table->Pin(Value::Make(own.size(), 1))) {
          own.push_back(handle);
        }
      };
      stacks.Arrive();
      if (me == 0) SetLimit(RLIMIT_DATA, MemoryMaps::Now().charged + kMiB);
      limited.Arrive();
      pin();
      pin();
      if (!AllRight(*table, own)) right.store(false);
      pinned.fetch_add(own.size());
      // What a thread gives back, its stack and `own`, would make room.
      refused.Arrive();
    });
    report.Expect(right.load(), "values are not as they were");
    report.Expect(pinned.load() < kMany, "nothing was refused");
    SetLimit(RLIMIT_DATA, RLIM_INFINITY);
    table->UnpinAll();
    const std::string problem = UniquenessProblem(*table, kMany);
    report.Expect(problem.empty(), problem);
  });
  EXPECT_EQ(said, "");
}

// The growth of a table is refused, and threads use it for the first time. The
// spare cells that they need for a Write may not be writable yet.
TEST_F(AddressSpaceTest, NewThreadsWriteAndUnpinWhereGrowthIsRefused) {
  const std::string said = InChild([](ChildReport& report) {
    auto table = HandleTable<Value, InCells<>>::Create({kMany});
    if (!report.Expect(table.ok(), table.status().ToString())) return;
    Handle shared[64];
    for (Handle& handle : shared) handle = table->Pin(Value::Make(0, 0));
    // Each thread uses this table first, to get what its first use of any table
    // needs from the system.
    auto other = Create(1024);
    std::atomic<uint64_t> wrong{0};
    StartLine stacks(65);
    StartLine limited(65);
    std::vector<std::thread> threads;
    for (uint64_t i = 0; i < 64; ++i) {
      threads.emplace_back([&, i] {
        other->Unpin(other->Pin(Value::Make(i, 0)));
        stacks.Arrive();
        limited.Arrive();
        const Handle mine = shared[i];
        if (!table->Write(mine, Value::Make(i, 1))) wrong.fetch_add(1);
        if (!(table->Read(mine) == Value::Make(i, 1))) wrong.fetch_add(1);
        if (!(table->Exchange(mine, Value::Make(i, 2)) == Value::Make(i, 1))) {
          wrong.fetch_add(1);
        }
        const Handle more = table->Pin(Value::Make(i, 3));
        if (more && !(table->Take(more) == Value::Make(i, 3))) {
          wrong.fetch_add(1);
        }
        if (!table->Unpin(mine)) wrong.fetch_add(1);
      });
    }
    stacks.Arrive();
    SetLimit(RLIMIT_DATA, 4096);  // Refuses all further memory.
    limited.Arrive();
    for (std::thread& thread : threads) thread.join();
    SetLimit(RLIMIT_DATA, RLIM_INFINITY);
    report.Expect(wrong.load() == 0, std::to_string(wrong.load()) + " wrong");
    const std::string problem = UniquenessProblem(*table, kMany);
    report.Expect(problem.empty(), problem);
  });
  EXPECT_EQ(said, "");
}

}  // namespace
}  // namespace holdfast
