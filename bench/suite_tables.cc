// Operations on whole tables: walking one, emptying one, filling a new one, and
// tables that exist for a short time.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "prepare.h"
#include "subject.h"
#include "suite.h"
#include "trial.h"
#include "workloads.h"

namespace holdfast::bench {
namespace {

// The number of live values, and the sum of their numbers.
struct Live {
  uint64_t count;
  uint64_t sum;
};

// Fills a table. kFull: all slots are live. kSparse: one in 16 is, at random.
// kChurned: half of the values are unpinned at random, half as many are pinned
// again, and half of those that were left are written.
Live FillTable(Trial& trial, Table& table, size_t slots, Fill fill) {
  constexpr uint64_t kWritten = 9;
  constexpr uint64_t kPinnedAgain = 11;
  const Handles handles = PinAll(trial, table, slots);
  const std::vector<uint32_t>& order = Permutation(slots);
  Live live = {slots, SumBelow(slots)};
  if (fill == Fill::kFull) return live;
  const size_t dead = fill == Fill::kSparse ? slots / 16 * 15 : slots / 2;
  bool worked = true;
  table.InScope([&] {
    for (size_t i = 0; i < dead; ++i) {
      worked &= table.UnpinMany(&handles[order[i]], 1) == 1;
      live.sum -= order[i];
    }
    live.count -= dead;
    if (fill == Fill::kSparse) return;
    for (size_t i = 0; i < dead / 2; ++i) {
      uint64_t handle;
      worked &= table.PinMany(&handle, 1, kPinnedAgain) == 1;
    }
    live.count += dead / 2;
    live.sum += kPinnedAgain * (dead / 2);
    if (trial.peer().features.write) {
      for (size_t i = dead; i < dead + dead / 2; ++i) {
        worked &= table.WriteMany(&handles[order[i]], 1, kWritten) == 1;
        live.sum += kWritten - order[i];
      }
    }
  });
  trial.Require(worked, "the table could not be filled");
  return live;
}

}  // namespace

// Each thread walks the whole table.
void ForEachLive(Trial& trial, int threads, size_t slots, Fill fill) {
  const std::unique_ptr<Table> owned = trial.NewTable(Capacity(slots, threads));
  Table& table = *owned;
  const Live live = FillTable(trial, table, slots, fill);
  Work work;
  work.threads = threads;
  work.table = [&] { return &table; };
  work.work = [&](int, uint64_t passes) {
    uint64_t sum = 0;
    for (uint64_t pass = 0; pass < passes; ++pass) sum += table.ForEachSum();
    return Outcome{passes * live.count, sum, passes * live.sum};
  };
  trial.Run(work);
}

namespace {

// With `exclusive`, by a thread that has stopped all others.
void UnpinAll(Trial& trial, size_t slots, bool exclusive) {
  const std::unique_ptr<Table> owned = trial.NewTable(Capacity(slots, 1));
  Table& table = *owned;
  Handles handles(slots);
  Work work;
  work.table = [&] { return &table; };
  work.before_in_thread = [&](int) {
    trial.Require(table.PinMany(handles.data(), slots, 0) == slots,
                  "the table is full too early");
  };
  work.work = [&](int, uint64_t) {
    const size_t ended =
        exclusive ? table.UnpinAllExclusive() : table.UnpinAll();
    return Outcome{slots, ended, slots};
  };
  work.one_round = true;
  trial.Run(work);
}

// Pins into a new table that was created for that many values. Its creation is
// not timed.
void Growth(Trial& trial, int threads, size_t slots) {
  const size_t each = slots / static_cast<size_t>(threads);
  std::vector<Handles> handles(static_cast<size_t>(threads), Handles(each));
  std::unique_ptr<Table> table;
  Work work;
  work.threads = threads;
  work.before = [&] {
    table = nullptr;
    table = trial.NewTable(Capacity(slots, threads));
  };
  work.table = [&] { return table.get(); };
  work.work = [&](int thread, uint64_t) {
    const size_t pinned = table->PinMany(Of(handles, thread).data(), each,
                                         static_cast<uint64_t>(thread) * each);
    return Outcome{pinned, pinned, each};
  };
  work.one_round = true;
  trial.Run(work);
}

// Measures the time to create a table for 1,000 values and to pin the first
// one.
void ColdStart(Trial& trial) {
  constexpr size_t kTables = 256;
  std::vector<std::unique_ptr<Table>> tables(kTables);
  Work work;
  work.before_in_thread = [&](int) {
    for (std::unique_ptr<Table>& table : tables) table = nullptr;
  };
  work.work = [&](int, uint64_t) {
    uint64_t pinned = 0;
    for (std::unique_ptr<Table>& table : tables) {
      table = trial.NewTable(1000);
      uint64_t handle;
      table->InScope([&] { pinned += table->PinMany(&handle, 1, 0); });
    }
    return Outcome{kTables, pinned, kTables};
  };
  work.one_pass = true;
  trial.Run(work);
}

void TablePerRequest(Trial& trial) {
  constexpr size_t kPins = 10;
  Work work;
  work.work = [&](int, uint64_t passes) {
    uint64_t pinned = 0;
    for (uint64_t pass = 0; pass < passes; ++pass) {
      const std::unique_ptr<Table> owned = trial.NewTable(100);
      Table& table = *owned;
      uint64_t handles[kPins];
      table.InScope([&] { pinned += table.PinMany(handles, kPins, 0); });
    }
    return Outcome{passes, pinned, passes * kPins};
  };
  trial.Run(work);
}

void AddForEach(Suite& suite, const Subject& peer) {
  const size_t slots = suite.scale().big_slots;
  const auto add = [&](const char* name, Fill fill) {
    for (const int threads : {1, 2}) {
      if (threads > 1 && !peer.features.concurrent_for_each) continue;
      suite.Add(
          "for_each", peer,
          {{"threads", threads}, {"slots", slots}, {"fill", name}},
          [=](Trial& trial) { ForEachLive(trial, threads, slots, fill); });
    }
  };
  add("full", Fill::kFull);
  add("sparse", Fill::kSparse);
  add("churned", Fill::kChurned);
}

void AddGrowth(Suite& suite, const Subject& peer) {
  const size_t slots = suite.scale().big_slots;
  for (const int threads : {1, 2}) {
    suite.Add("growth", peer, {{"threads", threads}, {"slots", slots}},
              [=](Trial& trial) { Growth(trial, threads, slots); });
  }
}

void AddTablesOf(Suite& suite, const Subject& peer) {
  const size_t slots = suite.scale().big_slots;
  if (peer.features.for_each) AddForEach(suite, peer);
  if (peer.features.unpin_all) {
    for (const bool exclusive : {false, true}) {
      suite.Add(
          "unpin_all", peer,
          {{"slots", slots}, {"others", exclusive ? "stopped" : "running"}},
          [=](Trial& trial) { UnpinAll(trial, slots, exclusive); });
    }
  }
  AddGrowth(suite, peer);
  suite.Add("cold_start", peer, {}, ColdStart);
  suite.Add("table_per_request", peer, {}, TablePerRequest);
}

}  // namespace

void AddTables(Suite& suite) {
  for (const Subject& peer : Subjects()) {
    if (peer.bytes == 8) AddTablesOf(suite, peer);
  }
}

}  // namespace holdfast::bench
