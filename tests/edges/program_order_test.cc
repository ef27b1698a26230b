// Goal: tables may be created before main, and used while the program ends: by
// exit handlers, by destructors of static objects and of the main thread's
// thread_local objects, in any order. A program that is executed anew, or in a
// child, has tables with new keys.
//
// Method: this program is also the program under test: it starts itself with an
// argument that says how to end. Static objects of three priorities use a
// table.

#include <pthread.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/base/config.h"
#include "gtest/gtest.h"
#include "holdfast/handle_table.h"
#include "tests/edges/child.h"

extern char** environ;

namespace holdfast {
namespace {

using Table = HandleTable<uint64_t>;

void ExpectOrEnd(bool right, const char* what) {
  if (right) return;
  std::fprintf(stderr, "wrong: %s\n", what);
  _exit(42);
}

// Uses a table. Ends the program if a result is wrong.
void UseTable(Table& table, const char* when) {
  const auto handle = table.Pin(7);
  ExpectOrEnd(bool{handle} && table.Read(handle) == 7, when);
  ExpectOrEnd(table.Write(handle, 8) && table.Exchange(handle, 9) == 8, when);
  ExpectOrEnd(table.Take(handle) == 9 && !table.Unpin(handle), when);
}

// An object that owns a table, to be created as a static object.
struct StaticTable {
  StaticTable() { kept = table.Pin(1); }
  ~StaticTable() {
    UseTable(table, "in the destructor of its owner");
    ExpectOrEnd(table.Read(kept) == 1, "a value until the end");
  }
  Table table = *Table::Create();
  Table::Handle kept;
};

// Uses a table in its constructor and in its destructor.
struct User {
  User(Table& t, const char* when) : table(t), name(when) {
    UseTable(table, name);
  }
  ~User() { UseTable(table, name); }
  Table& table;
  const char* name;
};

// Created first, before the objects of other files, and destroyed last.
__attribute__((init_priority(200))) StaticTable first;
__attribute__((init_priority(300))) User early(first.table, "early");
User usual(first.table, "usual");
StaticTable second;
User of_second(second.table, "second");

// A table that is created at the first call of this function, and never
// destroyed.
Table& Immortal() {
  static Table& table = *new Table(*Table::Create());
  return table;
}

struct ThreadUser {
  ~ThreadUser() {
    UseTable(first.table, "thread_local destructor");
    UseTable(Immortal(), "thread_local destructor");
  }
  int touched = 0;
};
thread_local ThreadUser thread_user;

void AtExit() {
  UseTable(first.table, "exit handler");
  UseTable(Immortal(), "exit handler");
}

// Starts threads that go on using a table while the program ends. The table is
// never destroyed.
void StartChurn() {
  Immortal();
  for (int i = 0; i < 2; ++i) {
    std::thread([] {
      for (;;) UseTable(Immortal(), "beside the end");
    }).detach();
  }
}

// The program under test. Does not return.
[[noreturn]] void Main(const std::string& way) {
  UseTable(first.table, "main");
  thread_user.touched = 1;
  std::atexit(AtExit);
  std::at_quick_exit([] { UseTable(first.table, "quick_exit handler"); });
  std::set_terminate([] {
    UseTable(first.table, "terminate handler");
    _exit(0);
  });
  pthread_atfork([] { UseTable(first.table, "before fork"); },
                 [] { UseTable(first.table, "fork, parent"); },
                 [] { UseTable(first.table, "fork, child"); });
  if (way == "exit") std::exit(0);
  if (way == "churn") {
    StartChurn();
    std::exit(0);
  }
  if (way == "quick_exit") std::quick_exit(0);
  if (way == "terminate") std::terminate();
  if (way == "thread_exit") {
    // Another thread ends the program.
    std::thread([] {
      UseTable(first.table, "thread");
      thread_user.touched = 1;
      std::exit(0);
    }).join();
  }
  if (way == "fork") {
    const std::string child = InChild([](ChildReport&) {}, ChildEnd::kInOrder);
    ExpectOrEnd(child.empty(), child.c_str());
    std::exit(0);
  }
  if (way == "main_thread_first") {
    std::thread([] {
      UseTable(first.table, "after the main thread");
#ifdef ABSL_HAVE_ADDRESS_SANITIZER
      // LeakSanitizer would report the list of destructors that glibc keeps for
      // a main thread that has ended.
      _exit(0);
#endif
      std::exit(0);
    }).detach();
    pthread_exit(nullptr);
  }
  if (way == "exec") {
    // Other threads are inside calls at that time.
    StartChurn();
    char* const again[] = {const_cast<char*>("again"),
                           const_cast<char*>("--as=exit"), nullptr};
    execv("/proc/self/exe", again);
  }
  if (way == "handle") {
    // Prints the first handle of a table, for the parent to look at.
    std::printf("%llu\n",
                static_cast<unsigned long long>(Immortal().Pin(1).bits()));
    std::exit(0);
  }
  ExpectOrEnd(false, "no such way");
  std::abort();
}

// Runs this program with --as=`way`. Returns how it ended, and what it printed.
std::pair<std::string, std::string> RunProgram(const std::string& way) {
  int ends[2];
  if (pipe(ends) != 0) return {"no pipe", ""};
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_adddup2(&files, ends[1], 1);
  posix_spawn_file_actions_addclose(&files, ends[0]);
  std::string argument = "--as=" + way;
  char* const arguments[] = {const_cast<char*>("program"), argument.data(),
                             nullptr};
  pid_t pid = 0;
  const int error =
      posix_spawn(&pid, "/proc/self/exe", &files, nullptr, arguments, environ);
  posix_spawn_file_actions_destroy(&files);
  close(ends[1]);
  std::string said;
  char buffer[256];
  for (ssize_t n = 0; (n = read(ends[0], buffer, sizeof buffer)) > 0;) {
    said.append(buffer, static_cast<size_t>(n));
  }
  close(ends[0]);
  int status = 0;
  if (error != 0 || waitpid(pid, &status, 0) != pid) return {"no program", ""};
  return {DescribeEnd(status), said};
}

class ProgramOrderTest : public testing::TestWithParam<const char*> {};

TEST_P(ProgramOrderTest, TablesMayBeUsedUntilTheEnd) {
  EXPECT_EQ(RunProgram(GetParam()).first, "");
}

INSTANTIATE_TEST_SUITE_P(Ends, ProgramOrderTest,
                         testing::Values("exit", "churn", "quick_exit",
                                         "terminate", "thread_exit", "fork",
                                         "main_thread_first", "exec"),
                         [](const auto& end) {
                           return std::string(end.param);
                         });

// The same program is started several times, while a thread is inside calls.
// Each process issues handles that the others refuse.
TEST(ProgramStartTest, EachProgramHasHandlesOfItsOwn) {
  std::atomic<bool> over{false};
  std::thread churn([&] {
    while (!over.load()) UseTable(first.table, "beside a start");
  });
  std::set<uint64_t> handles;
  for (int i = 0; i < 10; ++i) {
    const auto [end, said] = RunProgram("handle");
    EXPECT_EQ(end, "");
    const uint64_t bits = std::strtoull(said.c_str(), nullptr, 10);
    EXPECT_NE(bits, 0u);
    EXPECT_TRUE(handles.insert(bits).second) << "the same in two programs";
    EXPECT_FALSE(Immortal().Contains(Table::Handle::FromBits(bits)));
    EXPECT_FALSE(first.table.Unpin(Table::Handle::FromBits(bits)));
  }
  over.store(true);
  churn.join();
}

}  // namespace

// For main, which lies outside.
[[noreturn]] void RunAsProgram(const char* way) { Main(way); }

}  // namespace holdfast

int main(int argc, char** argv) {
  constexpr char kAs[] = "--as=";
  if (argc == 2 && std::strncmp(argv[1], kAs, sizeof kAs - 1) == 0) {
    holdfast::RunAsProgram(argv[1] + sizeof kAs - 1);
  }
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
