// Runs the script host as its users do, and checks what it prints.

#include <sys/wait.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace {

using ::testing::AllOf;
using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::Not;

struct Outcome {
  int exit_code;
  std::string output;  // Standard error included.
};

Outcome RunHost(const std::string& arguments) {
  const std::string command = absl::StrCat(
      "examples/script_host/script_host --seconds=1 ", arguments, " 2>&1");
  FILE* const pipe = popen(command.c_str(), "r");
  if (pipe == nullptr) return {-1, "popen failed"};
  std::string output;
  char buffer[4096];
  while (std::fgets(buffer, sizeof(buffer), pipe) != nullptr) output += buffer;
  const int status = pclose(pipe);
  return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, output};
}

// Writes a script and returns its path.
std::string Script(const std::string& name, const std::string& text) {
  std::string path = absl::StrCat(::testing::TempDir(), "/", name);
  std::ofstream(path) << text;
  return path;
}

std::string GoodScript() { return "examples/script_host/churn.lua"; }

// Matches the row of a script in the summary that has served requests.
auto Served(const std::string& script) {
  return ContainsRegex(absl::StrCat("\n", script, " +[1-9]"));
}

TEST(ScriptHostTest, RunsAllOfItsScripts) {
  const Outcome host = RunHost("");
  EXPECT_EQ(host.exit_code, 0) << host.output;
  for (const char* const script : {"churn.lua", "consumer.lua", "producer.lua",
                                   "session_cache.lua", "stale.lua"}) {
    EXPECT_THAT(host.output, Served(script));
  }
  EXPECT_THAT(host.output, ContainsRegex("roots visited: +[1-9]"));
  EXPECT_THAT(host.output, ContainsRegex("faults seen: +0\n"));
  EXPECT_THAT(host.output, ContainsRegex("workers failed: +0\n"));
  EXPECT_THAT(host.output, ContainsRegex("live at the end: +0\n"));
  EXPECT_THAT(host.output, ContainsRegex("exit code: +0\n"));
}

TEST(ScriptHostTest, GoesOnWithTheOtherScriptsWhenSomeAreWrong) {
  const std::string syntax = Script("syntax.lua", "local a = 1\nlocal = 2\n");
  const std::string runtime =
      Script("runtime.lua", "\n\nhost.read(host.worker .. 'x')\n");
  const std::string missing = ::testing::TempDir() + "/missing.lua";
  const Outcome host = RunHost(
      absl::StrCat(syntax, " ", runtime, " ", missing, " ", GoodScript()));
  EXPECT_EQ(host.exit_code, 1) << host.output;
  EXPECT_THAT(host.output, HasSubstr("syntax.lua:2: <name> expected"));
  EXPECT_THAT(host.output, HasSubstr("runtime.lua:3: bad argument #1 to "
                                     "'read' (number expected, got string)"));
  EXPECT_THAT(host.output, HasSubstr("missing.lua: No such file"));
  EXPECT_THAT(host.output, Served("churn.lua"));
  EXPECT_THAT(host.output, ContainsRegex("workers failed: +6\n"));
  EXPECT_THAT(host.output, HasSubstr("  2 of runtime.lua\n"));
  EXPECT_THAT(host.output, ContainsRegex("exit code: +1\n"));
}

TEST(ScriptHostTest, SaysWhyAHandleIsRefused) {
  const std::string stale = Script("refused.lua",
                                   "local h = host.pin('object', 1)\n"
                                   "host.unpin(h)\n"
                                   "host.read(h)\n");
  const Outcome host = RunHost("--workers=1 " + stale);
  EXPECT_EQ(host.exit_code, 1) << host.output;
  EXPECT_THAT(host.output,
              ContainsRegex("refused.lua:3: stale handle 0x[0-9a-f]+: "
                            "unpinned 1 life ago\n"));
}

TEST(ScriptHostTest, SaysWhatLeakedAndWhoLeakedIt) {
  const std::string leak = Script("leak.lua",
                                  "host.pin('session', 1)\n"
                                  "host.pin('object', 2)\n"
                                  "host.pin('object', 3)\n");
  const Outcome host =
      RunHost(absl::StrCat("--workers=1 ", leak, " ", GoodScript()));
  EXPECT_EQ(host.exit_code, 1) << host.output;
  EXPECT_THAT(host.output, ContainsRegex("live at the end: +3\n"
                                         "  leak.lua leaked 1 session\n"
                                         "  leak.lua leaked 2 objects\n"));
  EXPECT_THAT(host.output, ContainsRegex("workers failed: +0\n"));
  EXPECT_THAT(host.output, Served("churn.lua"));
}

TEST(ScriptHostTest, EndsAScriptThatDoesNot) {
  const std::string runaway = Script("runaway.lua", "while true do end\n");
  const Outcome host = RunHost(runaway + " " + GoodScript());
  EXPECT_EQ(host.exit_code, 1) << host.output;
  EXPECT_THAT(host.output, HasSubstr("runaway.lua:1: the script goes on after "
                                     "the last request"));
  EXPECT_THAT(host.output, Served("churn.lua"));
}

TEST(ScriptHostTest, FindsScriptsWhereBazelRunWasStarted) {
  const std::string here = Script("here.lua", "host.next_request()");
  // NOLINTNEXTLINE(concurrency-mt-unsafe)
  setenv("BUILD_WORKING_DIRECTORY", ::testing::TempDir().c_str(), 1);
  const Outcome host = RunHost("here.lua " + GoodScript());
  // NOLINTNEXTLINE(concurrency-mt-unsafe)
  unsetenv("BUILD_WORKING_DIRECTORY");
  EXPECT_EQ(host.exit_code, 0) << host.output;
  EXPECT_THAT(host.output, AllOf(Served("here.lua"), Served("churn.lua")));
}

TEST(ScriptHostTest, RefusesFlagsThatAreOutOfRange) {
  for (const char* const value : {"0", "65", "-1", "2.5", "many", ""}) {
    const Outcome host = RunHost(absl::StrCat("--workers=", value));
    EXPECT_EQ(host.exit_code, 1) << host.output;
    EXPECT_THAT(
        host.output,
        AllOf(HasSubstr(absl::StrCat("'", value, "'")), HasSubstr("'workers'"),
              HasSubstr("must be a whole number from 1 to 64"),
              Not(HasSubstr("workers each"))));
  }
  EXPECT_THAT(RunHost("--seconds=3601").output,
              HasSubstr("must be a whole number from 1 to 3600"));
  EXPECT_THAT(RunHost("--worker=2").output,
              HasSubstr("Unknown command line flag 'worker'"));
}

}  // namespace
