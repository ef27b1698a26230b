// Reads: of live handles in tables of all sizes, of stale handles, of one
// handle by many threads, and after writes.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "limits.h"
#include "prepare.h"
#include "subject.h"
#include "suite.h"
#include "trial.h"
#include "workloads.h"

namespace holdfast::bench {
namespace {

// Each thread reads all of its handles in each pass.
void RunReads(Trial& trial, int threads, Table& table,
              const std::vector<Handles>& orders, uint64_t expected) {
  Work work;
  work.threads = threads;
  work.table = [&] { return &table; };
  work.work = [&](int thread, uint64_t passes) {
    const Handles& handles = orders[static_cast<size_t>(thread)];
    uint64_t sum = 0;
    for (uint64_t pass = 0; pass < passes; ++pass) {
      sum += table.ReadMany(handles.data(), handles.size());
    }
    return Outcome{passes * handles.size(), sum, passes * expected};
  };
  trial.Run(work);
}

}  // namespace

void ReadHit(Trial& trial, int threads, size_t slots) {
  const std::unique_ptr<Table> owned = trial.NewTable(Capacity(slots, threads));
  Table& table = *owned;
  const Handles handles = PinAll(trial, table, slots);
  RunReads(trial, threads, table, ShuffledForEach(threads, handles),
           SumBelow(slots));
}

void ReadStale(Trial& trial, int threads, size_t slots) {
  const std::unique_ptr<Table> owned = trial.NewTable(Capacity(slots, threads));
  Table& table = *owned;
  Handles handles = PinAll(trial, table, slots, 1);
  table.InScope([&] {
    trial.Require(table.UnpinMany(handles.data(), slots) == slots,
                  "an unpin did not work");
  });
  RunReads(trial, threads, table, ShuffledForEach(threads, handles), 0);
}

// All threads read the same handle.
void ReadHot(Trial& trial, int threads) {
  constexpr size_t kReads = 1000;
  const std::unique_ptr<Table> owned = trial.NewTable(Capacity(1, threads));
  Table& table = *owned;
  const Handles handles(kReads, PinAll(trial, table, 1, 7)[0]);
  const std::vector<Handles> orders(static_cast<size_t>(threads), handles);
  RunReads(trial, threads, table, orders, 7 * kReads);
}

// Reads all handles in one random order, again and again, a part in each pass.
// So the processor's caches hold no more of a large table than in one long
// pass.
void ReadWorkingSet(Trial& trial, size_t slots) {
  const size_t window = std::min<size_t>(slots, 1 << 14);
  const std::unique_ptr<Table> owned = trial.NewTable(Capacity(slots, 1));
  Table& table = *owned;
  const std::vector<uint32_t>& order = Permutation(slots);
  Handles handles(slots);
  {
    const Handles in_order = PinAll(trial, table, slots);
    std::transform(order.begin(), order.end(), handles.begin(),
                   [&](uint32_t i) { return in_order[i]; });
  }
  std::vector<uint64_t> expected(slots / window);
  for (size_t i = 0; i < slots; ++i) expected[i / window] += order[i];
  size_t next = 0;
  Work work;
  work.table = [&] { return &table; };
  work.work = [&](int, uint64_t passes) {
    Outcome outcome = {passes * window, 0, 0};
    for (uint64_t pass = 0; pass < passes; ++pass) {
      outcome.result += table.ReadMany(handles.data() + next * window, window);
      outcome.expected += expected[next];
      if (++next == expected.size()) next = 0;
    }
    return outcome;
  };
  trial.Run(work);
}

namespace {

// Writes to every slot, in one random order, and then reads all in another one.
void WriteThenRead(Trial& trial, size_t slots) {
  const std::unique_ptr<Table> owned = trial.NewTable(Capacity(slots, 1));
  Table& table = *owned;
  Handles handles = PinAll(trial, table, slots);
  Shuffle(handles, 2);
  table.InScope([&] {
    trial.Require(table.WriteMany(handles.data(), slots, 3) == slots,
                  "a write did not work");
  });
  RunReads(trial, 1, table, ShuffledForEach(1, handles), 3 * slots);
}

// Reads alone, to be compared with the mixes of reads, pins and unpins.
void Get(Trial& trial, int threads, size_t in_full, bool shuffled) {
  const size_t slots = trial.Shrunk(in_full);
  const std::unique_ptr<Table> owned = trial.NewTable(Capacity(slots, threads));
  Table& table = *owned;
  const Handles handles = PinAll(trial, table, slots);
  RunReads(trial, threads, table,
           shuffled
               ? ShuffledForEach(threads, handles)
               : std::vector<Handles>(static_cast<size_t>(threads), handles),
           SumBelow(slots));
}

void AddReadHit(Suite& suite, const Subject& peer) {
  constexpr size_t kSlots = 1000;
  for (const int threads : ThreadCounts()) {
    if (peer.bytes != 8 && threads != 1) continue;
    suite.Add("read_hit", peer,
              {{"threads", threads}, {"slots", kSlots}, {"bytes", peer.bytes}},
              [=](Trial& trial) { ReadHit(trial, threads, kSlots); });
  }
}

void AddReadWorkingSet(Suite& suite, const Subject& peer) {
  for (int log2 = 8; log2 <= suite.scale().max_working_set_log2; log2 += 2) {
    const size_t slots = size_t{1} << log2;
    suite.Add("read_working_set", peer, {{"threads", 1}, {"slots", slots}},
              [=](Trial& trial) { ReadWorkingSet(trial, slots); });
  }
}

void AddReadStale(Suite& suite, const Subject& peer) {
  for (const size_t slots : {size_t{1000}, suite.scale().big_slots}) {
    for (const int threads : {1, 2}) {
      suite.Add("read_stale", peer, {{"threads", threads}, {"slots", slots}},
                [=](Trial& trial) { ReadStale(trial, threads, slots); });
    }
  }
}

void AddReadHot(Suite& suite, const Subject& peer) {
  for (const int threads : {1, 2, 10}) {
    suite.Add("read_hot", peer, {{"threads", threads}, {"bytes", peer.bytes}},
              [=](Trial& trial) { ReadHot(trial, threads); });
  }
}

void AddWriteThenRead(Suite& suite, const Subject& peer) {
  for (const size_t slots : {size_t{1000}, suite.scale().big_slots}) {
    suite.Add("write_then_read", peer, {{"slots", slots}},
              [=](Trial& trial) { WriteThenRead(trial, slots); });
  }
}

void AddGet(Suite& suite, const Subject& peer, const char* workload,
            bool shuffled) {
  for (const int threads : {1, 4, 16}) {
    for (const size_t slots : {1000U, 5000U, 20000U}) {
      suite.Add(workload, peer, {{"threads", threads}, {"slots", slots}},
                [=](Trial& trial) { Get(trial, threads, slots, shuffled); });
    }
  }
}

void AddReadsOf(Suite& suite, const Subject& peer) {
  if (!peer.features.read) return;
  AddReadHit(suite, peer);
  if (peer.bytes == 16) AddReadHot(suite, peer);
  if (peer.bytes != 8) return;
  AddReadWorkingSet(suite, peer);
  AddReadStale(suite, peer);
  AddGet(suite, peer, "get_sequential", false);
  AddGet(suite, peer, "get_random", true);
  if (peer.features.write) AddWriteThenRead(suite, peer);
}

}  // namespace

void AddReads(Suite& suite) {
  for (const Subject& peer : Subjects()) AddReadsOf(suite, peer);
  for (const Subject& limit : AnySize<RawArrayLimit>::Subjects()) {
    AddReadsOf(suite, limit);
  }
}

}  // namespace holdfast::bench
