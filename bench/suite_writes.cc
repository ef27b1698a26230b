// Writes.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "limits.h"
#include "prepare.h"
#include "subject.h"
#include "suite.h"
#include "trial.h"

namespace holdfast::bench {
namespace {

// Every thread writes to all slots, in its own random order, with at least
// 1,000 writes in a pass.
void Write(Trial& trial, int threads, size_t slots) {
  const std::unique_ptr<Table> owned = trial.NewTable(Capacity(slots, threads));
  Table& table = *owned;
  const Handles pinned = PinAll(trial, table, slots);
  Handles handles = pinned;
  while (handles.size() < 1000) {
    handles.insert(handles.end(), pinned.begin(), pinned.end());
  }
  const std::vector<Handles> orders = ShuffledForEach(threads, handles);
  Work work;
  work.threads = threads;
  work.table = [&] { return &table; };
  work.work = [&](int thread, uint64_t passes) {
    const Handles& order = orders[static_cast<size_t>(thread)];
    const uint64_t operations = passes * order.size();
    uint64_t live = 0;
    for (uint64_t pass = 0; pass < passes; ++pass) {
      live += table.WriteMany(order.data(), order.size(), 5);
    }
    return Outcome{operations, live, operations};
  };
  if (trial.peer().features.read) {
    work.after = [&] {
      table.InScope([&] {
        trial.Require(table.ReadMany(pinned.data(), slots) == 5 * slots,
                      "what was written is not there");
      });
    };
  }
  trial.Run(work);
}

void AddWrite(Suite& suite, const Subject& peer, int threads, size_t slots) {
  suite.Add("write", peer,
            {{"threads", threads}, {"slots", slots}, {"bytes", peer.bytes}},
            [=](Trial& trial) { Write(trial, threads, slots); });
}

}  // namespace

void AddWrites(Suite& suite) {
  for (const Subject& peer : Subjects()) {
    if (!peer.features.write) continue;
    AddWrite(suite, peer, 1, 1000);
    if (peer.bytes != 8) continue;
    AddWrite(suite, peer, 1, 1);
    AddWrite(suite, peer, 2, 1);
    AddWrite(suite, peer, 2, 1000);
  }
  // Only with one thread: this limit tries its compare-and-swap only once.
  for (const Subject& limit : EightBytes<CasLimit>::Subjects()) {
    AddWrite(suite, limit, 1, 1);
    AddWrite(suite, limit, 1, 1000);
  }
}

}  // namespace holdfast::bench
