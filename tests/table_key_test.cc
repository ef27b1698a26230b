// The keys of tables, if sources of random numbers fail, and in processes that
// are copies of each other.

#include "holdfast/internal/table_key.h"

#include <sys/resource.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <set>

#include "gtest/gtest.h"
#include "holdfast/handle_table.h"

#if defined(__linux__)
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include <cstddef>
#endif

namespace holdfast::internal {
namespace {

constexpr uint64_t kClear = uint64_t{1} << 63 | 1;

// Sources that each give a number of their own, or fail.
bool Gives4(uint64_t* bits) noexcept { return *bits = 0x40 | kClear, true; }
bool Gives5(uint64_t* bits) noexcept { return *bits = 0x50 | kClear, true; }
bool Gives6(uint64_t* bits) noexcept { return *bits = 0x60 | kClear, true; }
uint64_t Gives7() noexcept { return 0x70 | kClear; }
bool Fails(uint64_t* bits) noexcept { return *bits = 0x1234, false; }

void ExpectDistinct(const KeySources& sources) {
  std::set<uint64_t> keys;
  uint64_t ever_set = 0;
  for (int i = 0; i < 10'000; ++i) {
    const uint64_t key = NewTableKey(sources);
    EXPECT_EQ(key & kClear, 0u);
    EXPECT_TRUE(keys.insert(key).second);
    ever_set |= key;
  }
  EXPECT_EQ(ever_set, ~kClear);
}

TEST(TableKeyTest, EachSourceIsAskedIfThoseBeforeFail) {
  EXPECT_EQ(NewTableKey({Gives4, Gives5, Gives6, Gives7}), 0x40u);
  EXPECT_EQ(NewTableKey({Fails, Gives5, Gives6, Gives7}), 0x50u);
  EXPECT_EQ(NewTableKey({Fails, Fails, Gives6, Gives7}), 0x60u);
  EXPECT_EQ(NewTableKey({Fails, Fails, Fails, Gives7}), 0x70u);
}

TEST(TableKeyTest, KeysOfEachSourceDifferAndLeaveBits0And63Clear) {
  const KeySources all = DefaultKeySources();
  ExpectDistinct(all);
  ExpectDistinct({Fails, all.system, all.device, all.at_hand});
  ExpectDistinct({Fails, Fails, all.device, all.at_hand});
  ExpectDistinct({Fails, Fails, Fails, all.at_hand});
}

TEST(TableKeyTest, SystemIsASourceOfItsOwn) {
  uint64_t first = 0;
  uint64_t second = 0;
  ASSERT_TRUE(DefaultKeySources().system(&first));
  ASSERT_TRUE(DefaultKeySources().system(&second));
  EXPECT_NE(first, second);
}

// Without random numbers, keys differ if any of the inputs differs between two
// processes or two calls.
TEST(TableKeyTest, EachThingAtHandTellsKeysApart) {
  const AtHand from = {{1, 2}, 1, 3, 4, 5, 6};
  std::set<uint64_t> mixed = {MixAtHand(from)};
  const auto add = [&](auto change) {
    AtHand other = from;
    change(other);
    EXPECT_TRUE(mixed.insert(MixAtHand(other)).second);
  };
  add([](AtHand& other) { ++other.exec[0]; });
  add([](AtHand& other) { ++other.exec[1]; });
  add([](AtHand& other) { ++other.process; });
  add([](AtHand& other) { ++other.nanoseconds; });
  add([](AtHand& other) { ++other.uptime; });
  add([](AtHand& other) { ++other.address; });
  add([](AtHand& other) { ++other.number; });
}

// --- Copies of a process -----------------------------------------------------

// Returns what `run` returns in a child, or 0 if the child does not end
// normally.
template <typename F>
uint64_t InChild(F run) {
  int ends[2];
  if (pipe(ends) != 0) return 0;
  const pid_t child = fork();
  if (child == 0) {
    alarm(60);
    const uint64_t result = run();
    _exit(write(ends[1], &result, sizeof(result)) == sizeof(result) ? 0 : 1);
  }
  close(ends[1]);
  uint64_t result = 0;
  const bool got = read(ends[0], &result, sizeof(result)) == sizeof(result);
  close(ends[0]);
  waitpid(child, nullptr, 0);
  return got ? result : 0;
}

// Expects that key() is different in each child and in the parent.
template <typename F>
void ExpectChildrenDiffer(F key) {
  std::set<uint64_t> keys = {key()};
  for (int i = 0; i < 20; ++i) {
    const uint64_t of_child = InChild(key);
    ASSERT_NE(of_child, 0u);
    EXPECT_TRUE(keys.insert(of_child).second);
  }
}

TEST(TableKeyTest, AForkedChildHasKeysOfItsOwn) {
  const KeySources all = DefaultKeySources();
  ExpectChildrenDiffer([] { return NewTableKey(); });
  ExpectChildrenDiffer([&] {
    return NewTableKey({Fails, Fails, all.device, all.at_hand});
  });
  ExpectChildrenDiffer([&] {
    return NewTableKey({Fails, Fails, Fails, all.at_hand});
  });
}

#if defined(__linux__)

// Returns the handle of the first pin of a new table, made by a process that is
// number 1 of a namespace of its own; 0 if that is not permitted.
uint64_t FirstHandleAsProcess1() {
  return InChild([]() -> uint64_t {
    if (unshare(CLONE_NEWPID) != 0 &&
        unshare(CLONE_NEWUSER | CLONE_NEWPID) != 0) {
      return 0;
    }
    return InChild([]() -> uint64_t {
      if (getpid() != 1) return 0;
      auto table = HandleTable<int>::Create({/*max_slots=*/100});
      return table.ok() ? table->Pin(1).bits() : 0;
    });
  });
}

TEST(TableKeyTest, WorkersThatAreEachProcess1HaveKeysOfTheirOwn) {
  std::set<uint64_t> handles;
  for (int i = 0; i < 10; ++i) {
    const uint64_t handle = FirstHandleAsProcess1();
    if (handle == 0) {
      GTEST_SKIP() << "namespaces of process ids are not permitted here";
    }
    EXPECT_TRUE(handles.insert(handle).second);
  }
}

// Makes requests for random numbers, and opening files, fail with `error` in
// the calling process from now on.
bool RefuseRandomNumbers(uint32_t error) {
  sock_filter filter[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getrandom, 1, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  sock_fprog program = {sizeof(filter) / sizeof(filter[0]), filter};
  return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) == 0;
}

constexpr uint64_t kNotPermitted = 1;

uint64_t FirstHandleRefused(uint32_t error) {
  return InChild([error]() -> uint64_t {
    if (!RefuseRandomNumbers(error)) return kNotPermitted;
    uint64_t bits = 0;
    if (DefaultKeySources().system(&bits)) return 0;  // Not refused.
    auto table = HandleTable<int>::Create({/*max_slots=*/100});
    return table.ok() ? table->Pin(1).bits() : 0;
  });
}

TEST(TableKeyTest, TablesAreMadeWhereAFilterRefusesRandomNumbers) {
  std::set<uint64_t> handles;
  for (const int error : {ENOSYS, EPERM, EACCES}) {
    for (int i = 0; i < 5; ++i) {
      const uint64_t handle = FirstHandleRefused(static_cast<uint32_t>(error));
      if (handle == kNotPermitted) GTEST_SKIP() << "no filters here";
      ASSERT_NE(handle, 0u) << error;
      EXPECT_TRUE(handles.insert(handle).second);
    }
  }
}

#endif

// std::random_device may have to open a file.
TEST(TableKeyTest, ADeviceThatCannotBeOpenedThrowsNothing) {
  const uint64_t key = InChild([] {
    const rlimit none = {0, 0};
    if (setrlimit(RLIMIT_NOFILE, &none) != 0) return kClear;
    const KeySources all = DefaultKeySources();
    return NewTableKey({Fails, Fails, all.device, all.at_hand});
  });
  ASSERT_NE(key, kClear);
  EXPECT_NE(key, 0u);
}

}  // namespace
}  // namespace holdfast::internal
