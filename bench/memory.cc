// What a live value takes of the machine's memory.

#include <malloc.h>
#include <unistd.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <fstream>
#include <memory>
#include <string>

#include "limits.h"
#include "prepare.h"
#include "subject.h"
#include "suite.h"
#include "trial.h"

namespace holdfast::bench {
namespace {

// Of this process: what is in memory now. Pages that were freed and are kept by
// malloc would hide growth, so they go first.
int64_t ResidentBytes() {
  malloc_trim(0);
  std::ifstream rollup("/proc/self/smaps_rollup");  // Exact; not everywhere.
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

void Memory(Trial& trial, size_t slots) {
  using Clock = std::chrono::steady_clock;
  Handles handles(slots);
  const int64_t before = ResidentBytes();
  trial.Require(before > 0, "/proc tells nothing");
  const std::unique_ptr<Table> owned = trial.NewTable(Capacity(slots, 1));
  Table& table = *owned;
  const Clock::time_point begin = Clock::now();
  size_t pinned = 0;
  table.InScope([&] { pinned = table.PinMany(handles.data(), slots, 0); });
  const std::chrono::duration<double> taken = Clock::now() - begin;
  trial.Require(pinned == slots, "the table is full too early");
  const int64_t grown = ResidentBytes() - before;
  trial.Require(grown > 0, "nothing has grown");
  trial.SetCounter("bytes_per_slot",
                   static_cast<double>(grown) / static_cast<double>(slots));
  trial.Report(taken.count() / static_cast<double>(slots));
}

}  // namespace

void AddMemory(Suite& suite) {
  const size_t slots = suite.scale().big_slots;
  const auto add = [&](const Subject& peer) {
    suite.Add("memory", peer, {{"slots", slots}, {"bytes", peer.bytes}},
              [=](Trial& trial) { Memory(trial, slots); });
  };
  for (const Subject& peer : Subjects()) add(peer);
  for (const Subject& limit : AnySize<RawArrayLimit>::Subjects()) add(limit);
}

}  // namespace holdfast::bench
