// Goal: a table works if a seccomp profile refuses getrandom and mincore:
// Create succeeds, handles differ from those of other tables, and statistics
// that the system does not tell are 0.
//
// Method: a filter in a child process refuses both, with the errors that
// profiles use.

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <set>
#include <string>

#include "gtest/gtest.h"
#include "holdfast/handle_table.h"
#include "tests/edges/child.h"

namespace holdfast {
namespace {

// Makes getrandom and mincore fail with `error` from now on. Returns false if
// the system allows no such filter.
bool Refuse(uint32_t error) {
  const uint32_t refuse = SECCOMP_RET_ERRNO | error;
  sock_filter filter[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getrandom, 1, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_mincore, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, refuse),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  sock_fprog program = {sizeof filter / sizeof *filter, filter};
  return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

class SeccompTest : public testing::TestWithParam<int> {};

TEST_P(SeccompTest, TablesWorkWithoutGetrandomAndMincore) {
  const std::string said = InChild([](ChildReport& report) {
    if (!Refuse(static_cast<uint32_t>(GetParam()))) {
      return report.Say("no filter");
    }
    char byte;
    report.Expect(
        syscall(SYS_getrandom, &byte, 1, 0) < 0 && errno == GetParam(),
        "getrandom is not refused");
    std::set<uint64_t> first_handles;
    for (int i = 0; i < 100; ++i) {
      auto table = HandleTable<uint64_t>::Create();
      if (!table.ok()) return report.Say(table.status().ToString());
      const auto handle = table->Pin(42);
      first_handles.insert(handle.bits());
      report.Expect(table->Read(handle) == 42, "Read");
      report.Expect(table->Write(handle, 43), "Write");
      report.Expect(table->Take(handle) == 43, "Take");
      report.Expect(table->GetStats().bytes_touched == 0, "bytes_touched");
    }
    report.Expect(first_handles.size() == 100, "tables are alike");
  });
  EXPECT_EQ(said, "");
}

INSTANTIATE_TEST_SUITE_P(Errors, SeccompTest, testing::Values(EPERM, ENOSYS));

}  // namespace
}  // namespace holdfast
