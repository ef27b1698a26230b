// Pins and unpins: in pairs, in bursts, into an emptied table, and in phases.

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
namespace {}  // namespace

// Each thread pins one value and unpins it, again and again.
void PinUnpin(Trial& trial, int threads) {
  constexpr uint64_t kPairs = 1000;
  const std::unique_ptr<Table> owned = trial.NewTable(Capacity(0, threads));
  Table& table = *owned;
  Work work;
  work.threads = threads;
  work.table = [&] { return &table; };
  work.work = [&](int thread, uint64_t passes) {
    uint64_t worked = 0;
    for (uint64_t pass = 0; pass < passes; ++pass) {
      worked += table.PinUnpin(kPairs, static_cast<uint64_t>(thread) << 32);
    }
    return Outcome{worked, worked, passes * kPairs};
  };
  trial.Run(work);
}

// Each thread does n pins, and then n unpins in the same order.
void Burst(Trial& trial, int threads, size_t in_full) {
  const size_t n = trial.Shrunk(in_full);
  const std::unique_ptr<Table> owned =
      trial.NewTable(Capacity(n * static_cast<size_t>(threads), threads));
  Table& table = *owned;
  std::vector<Handles> handles(static_cast<size_t>(threads), Handles(n));
  Work work;
  work.threads = threads;
  work.table = [&] { return &table; };
  work.work = [&](int thread, uint64_t passes) {
    uint64_t* const mine = Of(handles, thread).data();
    const uint64_t first = static_cast<uint64_t>(thread) * n;
    uint64_t pinned = 0;
    uint64_t unpinned = 0;
    for (uint64_t pass = 0; pass < passes; ++pass) {
      pinned += table.PinMany(mine, n, first);
      unpinned += table.UnpinMany(mine, n);
    }
    return Outcome{pinned, pinned + unpinned, 2 * passes * n};
  };
  trial.Run(work);
}

namespace {

// All threads pin at the same time, into a table that was used before and is
// empty.
void Insert(Trial& trial, int threads) {
  const size_t pins = trial.Shrunk(10'000);
  const std::unique_ptr<Table> owned =
      trial.NewTable(Capacity(pins * static_cast<size_t>(threads), threads));
  Table& table = *owned;
  std::vector<Handles> handles(static_cast<size_t>(threads));
  Work work;
  work.threads = threads;
  work.table = [&] { return &table; };
  work.before_in_thread = [&](int thread) {
    Handles& mine = Of(handles, thread);
    if (table.UnpinMany(mine.data(), mine.size()) == mine.size()) {
      mine.assign(pins, 0);
    } else {
      mine.assign(1, 0);  // Then fewer pins than expected fail the trial.
    }
  };
  work.work = [&](int thread, uint64_t) {
    Handles& mine = Of(handles, thread);
    const size_t pinned = table.PinMany(mine.data(), mine.size(),
                                        static_cast<uint64_t>(thread) * pins);
    return Outcome{pinned, pinned, pins};
  };
  work.one_pass = true;
  trial.Run(work);
}

enum class Phase { kPin, kRead, kUnpin };

// Pins many values, and shuffles, reads and unpins their handles. Only one of
// these phases is timed. With `together`, by the peer's calls for many.
void Phases(Trial& trial, Phase phase, size_t in_full, bool together) {
  const size_t pins = trial.Shrunk(in_full);
  const std::unique_ptr<Table> owned = trial.NewTable(Capacity(pins, 1));
  Table& table = *owned;
  Handles handles(pins);
  bool pinned = false;
  const auto pin = [&] {
    pinned = true;
    return together ? table.PinTogether(handles.data(), pins, 0)
                    : table.PinMany(handles.data(), pins, 0);
  };
  const auto unpin = [&] {
    pinned = false;
    return together ? table.UnpinTogether(handles.data(), pins)
                    : table.UnpinMany(handles.data(), pins);
  };
  const auto read = [&] {
    return together ? table.ReadTogether(handles.data(), pins)
                    : table.ReadMany(handles.data(), pins);
  };
  Work work;
  work.table = [&] { return &table; };
  work.before_in_thread = [&](int) {
    if (pinned && phase == Phase::kPin) {
      trial.Require(unpin() == pins, "an unpin did not work");
    } else if (!pinned && phase != Phase::kPin) {
      trial.Require(pin() == pins, "a pin did not work");
      Shuffle(handles, 1);
    }
  };
  work.work = [&](int, uint64_t) {
    switch (phase) {
      case Phase::kPin:
        return Outcome{pins, pin(), pins};
      case Phase::kRead:
        return Outcome{pins, read(), SumBelow(pins)};
      case Phase::kUnpin:
      default:
        return Outcome{pins, unpin(), pins};
    }
  };
  work.one_pass = true;
  trial.Run(work);
}

void AddPinUnpin(Suite& suite, const Subject& peer, int threads) {
  suite.Add("pin_unpin", peer, {{"threads", threads}, {"bytes", peer.bytes}},
            [=](Trial& trial) { PinUnpin(trial, threads); });
}

void AddBurst(Suite& suite, const Subject& peer) {
  for (const size_t n : {100U, 1000U, 5000U}) {
    for (const int threads : ThreadCounts()) {
      suite.Add("burst", peer, {{"threads", threads}, {"n", n}},
                [=](Trial& trial) { Burst(trial, threads, n); });
    }
  }
}

void AddInsert(Suite& suite, const Subject& peer) {
  for (const int threads : {1, 2, 10}) {
    suite.Add("insert", peer, {{"threads", threads}},
              [=](Trial& trial) { Insert(trial, threads); });
  }
}

void AddPhases(Suite& suite, const Subject& peer) {
  const auto add = [&](const char* name, Phase phase) {
    for (const size_t slots : {size_t{100'000}, suite.scale().big_slots}) {
      for (const bool together : {false, true}) {
        suite.Add("phases", peer,
                  {{"phase", name},
                   {"slots", slots},
                   {"calls", together ? "many" : "each"}},
                  [=](Trial& trial) { Phases(trial, phase, slots, together); });
      }
    }
  };
  add("pin", Phase::kPin);
  if (peer.features.read) add("read", Phase::kRead);
  add("unpin", Phase::kUnpin);
}

}  // namespace

void AddPins(Suite& suite) {
  for (const Subject& peer : Subjects()) {
    AddPinUnpin(suite, peer, 1);
    if (peer.bytes != 8) continue;
    for (const int threads : {2, 4, 8, 16}) AddPinUnpin(suite, peer, threads);
    AddBurst(suite, peer);
    AddInsert(suite, peer);
    AddPhases(suite, peer);
  }
  const Subject pair = EightBytes<IrreduciblePairLimit>::Subjects()[0];
  for (const int threads : ThreadCounts()) AddPinUnpin(suite, pair, threads);
  const Subject contended = EightBytes<ContendedCasLimit>::Subjects()[0];
  for (const int threads : {2, 4, 8, 16})
    AddPinUnpin(suite, contended, threads);
  AddBurst(suite, EightBytes<IrreducibleSlotsLimit>::Subjects()[0]);
}

}  // namespace holdfast::bench
