// A table on a machine: what the workloads have in common.

#ifndef HOLDFAST_BENCH_COHERENCE_PLAY_H_
#define HOLDFAST_BENCH_COHERENCE_PLAY_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "absl/functional/function_ref.h"
#include "bench/coherence/line_names.h"
#include "bench/coherence/machine.h"
#include "bench/coherence/workloads.h"
#include "holdfast/handle_table.h"
#include "tests/support/random.h"

namespace holdfast::coherence {

// The table outlives the machine, so that making it and destroying it is not
// counted. Every call must succeed, or the program ends.
template <uint32_t kStacks>
class Play {
  using Traits = MachineTraits<kStacks>;
  using Table = HandleTable<uint64_t, Traits>;

 public:
  using Handle = typename Table::Handle;
  using Handles = std::vector<Handle>;

  // There is one core more than the setting says, for what was done before.
  explicit Play(const Setting& setting)
      : setting_(setting),
        each_(std::max(setting.operations / setting.cores,
                       setting.operations_each)),
        machine_(setting.cores + 1, setting.seed, setting.switch_one_in) {
    for (uint32_t core = 0; core <= setting.cores; ++core) {
      handles.emplace_back();
      randoms.emplace_back(setting.seed, core + 1);
    }
  }

  uint32_t cores() const { return setting_.cores; }
  // How many operations a core has to make.
  uint64_t each() const { return each_; }

  // Of each core.
  std::vector<Handles> handles;
  std::vector<Random> randoms;

  // --- The verbs -------------------------------------------------------------

  Handle Pin() {
    ++operations_;
    const Handle handle = table_.Pin(1);
    Require(static_cast<bool>(handle));
    return handle;
  }
  void Unpin(Handle handle) {
    ++operations_;
    Require(table_.Unpin(handle));
  }
  void Read(Handle handle) {
    ++operations_;
    Require(table_.Read(handle).has_value());
  }
  void Write(Handle handle) {
    ++operations_;
    Require(table_.Write(handle, 2));
  }
  // What a core does that waits for another one.
  void Wait() { machine_.cores.Switch(); }

  void PinMany(uint64_t count, Handles* pinned) {
    for (uint64_t i = 0; i < count; ++i) pinned->push_back(Pin());
  }
  // First in, first out.
  void UnpinAll(Handles* pinned) {
    for (const Handle handle : *pinned) Unpin(handle);
    pinned->clear();
  }

  // --- What goes on ----------------------------------------------------------

  // Calls f() on one core, which is a number up to cores().
  void On(uint32_t core, absl::FunctionRef<void()> f) {
    machine_.cores.RunOn(core, f);
  }
  // Calls f(core) on all cores.
  void OnAll(absl::FunctionRef<void(uint32_t)> f) {
    machine_.cores.Run(cores(), f);
  }
  // The same, and returns what that has cost.
  Counts Measure(absl::FunctionRef<void(uint32_t)> f) {
    machine_.caches.StartCounting();
    operations_ = 0;
    OnAll(f);
    return Result();
  }

 private:
  static Table NewTable() {
    TableOptions options;
    options.key = 0;
    return *Table::Create(options);
  }

  static void Require(bool done) {
    if (done) return;
    std::fputs("coherence: a call has failed\n", stderr);
    std::abort();
  }

  Counts Result() const {
    const LineNames<uint64_t, Traits> names(table_);
    Counts counts;
    counts.operations = operations_;
    counts.transfers = machine_.caches.transfers();
    machine_.caches.ForEachLine([&](uintptr_t line, uint64_t transfers) {
      if (transfers == 0) return;
      const LineName name = names.Of(line);
      counts.of_parts[name.part] += transfers;
      if (transfers <= counts.of_busiest_line) return;
      counts.of_busiest_line = transfers;
      counts.busiest_line = name.line;
    });
    return counts;
  }

  const Setting setting_;
  const uint64_t each_;
  uint64_t operations_ = 0;
  Table table_ = NewTable();
  Machine machine_;
};

}  // namespace holdfast::coherence

#endif  // HOLDFAST_BENCH_COHERENCE_PLAY_H_
