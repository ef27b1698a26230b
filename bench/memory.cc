// The memory that a live value takes: how much a process grows that does
// nothing else. Each table is measured in a new process, since an allocator may
// keep memory that was freed before, which would hide the growth.

#include <fcntl.h>
#include <malloc.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "limits.h"
#include "prepare.h"
#include "subject.h"
#include "suite.h"
#include "trial.h"

namespace holdfast::bench {
namespace {

// --- In the new process ------------------------------------------------------

// Returns how many bytes of this process are in memory now.
int64_t ResidentBytes() {
  malloc_trim(0);
  // This file is exact, but some systems do not have it.
  std::ifstream rollup("/proc/self/smaps_rollup");
  for (std::string word; rollup >> word;) {
    int64_t kilobytes = 0;
    if (word == "Rss:" && rollup >> kilobytes) return kilobytes * 1024;
  }
  std::ifstream statm("/proc/self/statm");
  int64_t size = 0;
  int64_t resident = 0;
  statm >> size >> resident;
  return resident * sysconf(_SC_PAGESIZE);
}

struct Growth {
  int64_t bytes;
  int64_t nanoseconds;  // The time of all pins.
};

std::optional<Growth> Grow(const Subject& peer, size_t slots) {
  using Clock = std::chrono::steady_clock;
  Handles handles(slots);
  const int64_t before = ResidentBytes();
  const std::unique_ptr<Table> table = peer.make(Capacity(slots, 1));
  const Clock::time_point begin = Clock::now();
  size_t pinned = 0;
  table->InScope([&] { pinned = table->PinMany(handles.data(), slots, 0); });
  const Clock::duration taken = Clock::now() - begin;
  if (pinned != slots || before == 0) return std::nullopt;
  return Growth{ResidentBytes() - before, taken / std::chrono::nanoseconds(1)};
}

std::vector<Subject> Measured() {
  std::vector<Subject> all = Subjects();
  for (const Subject& limit : AnySize<RawArrayLimit>::Subjects()) {
    all.push_back(limit);
  }
  return all;
}

// --- In the suite's process --------------------------------------------------

// Starts this program with `flag`, and returns what it prints.
std::string OutputOf(const std::string& flag) {
  std::array<int, 2> ends;
  if (pipe2(ends.data(), O_CLOEXEC) != 0) return "";
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
  std::string name = "suite";
  std::string argument = flag;
  std::array<char*, 3> arguments = {name.data(), argument.data(), nullptr};
  pid_t child;
  const int error = posix_spawn(&child, "/proc/self/exe", &actions, nullptr,
                                arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  close(ends[1]);
  std::string output;
  if (error == 0) {
    std::array<char, 256> buffer;
    ssize_t size;
    while ((size = read(ends[0], buffer.data(), buffer.size())) > 0) {
      output.append(buffer.data(), static_cast<size_t>(size));
    }
    waitpid(child, nullptr, 0);
  }
  close(ends[0]);
  return output;
}

void Memory(Trial& trial, size_t slots) {
  const std::string output = OutputOf(absl::StrCat(
      kMemoryFlag, trial.peer().id, "/", trial.peer().bytes, "/", slots));
  const std::vector<std::string> words = absl::StrSplit(output, ' ');
  double bytes = 0;
  double nanoseconds = 0;
  trial.Require(words.size() == 2 && absl::SimpleAtod(words[0], &bytes) &&
                    absl::SimpleAtod(words[1], &nanoseconds),
                "the new process failed");
  trial.Require(bytes > 0, "nothing has grown");
  const auto count = static_cast<double>(slots);
  trial.SetCounter("bytes_per_slot", bytes / count);
  trial.Report(nanoseconds / count * 1e-9);
}

}  // namespace

int PrintMemory(absl::string_view what) {
  const std::vector<std::string> words = absl::StrSplit(what, '/');
  size_t bytes = 0;
  size_t slots = 0;
  if (words.size() != 3 || !absl::SimpleAtoi(words[1], &bytes) ||
      !absl::SimpleAtoi(words[2], &slots)) {
    return 1;
  }
  for (const Subject& peer : Measured()) {
    if (peer.id != words[0] || peer.bytes != bytes) continue;
    Grow(peer, 100);  // Brings the code into memory, which must not count.
    const std::optional<Growth> growth = Grow(peer, slots);
    if (!growth) return 1;
    std::printf("%s",
                absl::StrCat(growth->bytes, " ", growth->nanoseconds).c_str());
    return 0;
  }
  return 1;
}

void AddMemory(Suite& suite) {
  const size_t slots = suite.scale().memory_slots;
  for (const Subject& peer : Measured()) {
    suite.Add("memory", peer, {{"slots", slots}, {"bytes", peer.bytes}},
              [=](Trial& trial) { Memory(trial, slots); });
  }
}

}  // namespace holdfast::bench
