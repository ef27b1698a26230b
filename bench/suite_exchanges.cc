// Slots that pass between threads: all threads drain one small table, or one
// thread pins handles that another one unpins.

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "limits.h"
#include "prepare.h"
#include "ring.h"
#include "subject.h"
#include "suite.h"
#include "trial.h"

namespace holdfast::bench {
namespace {

// In each pass, a thread pins until the table is full, and unpins all of that.
void Drain(Trial& trial, int threads) {
  constexpr size_t kSlots = 100;
  const std::unique_ptr<Table> owned = trial.NewTable(kSlots);
  Table& table = *owned;
  // Some peers have room for a few more.
  std::vector<Handles> handles(static_cast<size_t>(threads),
                               Handles(2 * kSlots));
  Work work;
  work.threads = threads;
  work.table = [&] { return &table; };
  work.work = [&](int thread, uint64_t passes) {
    Handles& mine = Of(handles, thread);
    Outcome outcome = {0, 0, 0};
    for (uint64_t pass = 0; pass < passes; ++pass) {
      const size_t pinned = table.PinMany(mine.data(), mine.size(), 0);
      outcome.expected += pinned;
      outcome.result += table.UnpinMany(mine.data(), pinned);
    }
    outcome.operations = 2 * outcome.expected;
    return outcome;
  };
  trial.Run(work);
}

// Even threads pin. Each odd thread unpins what the thread before it has
// pinned.
void ProducerConsumer(Trial& trial, int threads) {
  constexpr uint64_t kBlocks = 16;  // How many each pass moves.
  // So many numbers that none is in the ring twice at the same time.
  constexpr uint64_t kNumbers = 2 * BlockRing::kBlocks * kBlockHandles;
  const auto rings_count = static_cast<size_t>(threads / 2);
  const std::unique_ptr<Table> owned =
      trial.NewTable(Capacity(rings_count * kNumbers, threads));
  Table& table = *owned;
  std::vector<BlockRing> rings(rings_count);
  Work work;
  work.threads = threads;
  work.table = [&] { return &table; };
  work.work = [&](int thread, uint64_t passes) {
    BlockRing& ring = Of(rings, thread / 2);
    const uint64_t base = static_cast<uint64_t>(thread / 2) * kNumbers;
    uint64_t worked = 0;
    for (uint64_t block = 0; block < passes * kBlocks; ++block) {
      if (thread % 2 == 0) {
        const uint64_t first = base + block * kBlockHandles % kNumbers;
        worked += table.PinMany(ring.Next().data(), kBlockHandles, first);
        ring.Push();
      } else {
        worked += table.UnpinMany(ring.Oldest().data(), kBlockHandles);
        ring.Pop();
      }
    }
    const uint64_t asked = passes * kBlocks * kBlockHandles;
    return Outcome{thread % 2 == 0 ? worked : 0, worked, asked};
  };
  trial.Run(work);
}

void AddDrain(Suite& suite, const Subject& peer) {
  for (const int threads : {1, 2, 4}) {
    suite.Add("drain", peer, {{"threads", threads}},
              [=](Trial& trial) { Drain(trial, threads); });
  }
}

void AddProducerConsumer(Suite& suite, const Subject& peer) {
  for (const int threads : {2, 4}) {
    suite.Add("producer_consumer", peer, {{"threads", threads}},
              [=](Trial& trial) { ProducerConsumer(trial, threads); });
  }
}

}  // namespace

void AddExchanges(Suite& suite) {
  for (const Subject& peer : Subjects()) {
    if (peer.bytes != 8) continue;
    AddDrain(suite, peer);
    AddProducerConsumer(suite, peer);
  }
  AddProducerConsumer(suite, EightBytes<IrreducibleSlotsLimit>::Subjects()[0]);
}

}  // namespace holdfast::bench
