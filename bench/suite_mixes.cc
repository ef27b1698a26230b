// Mixes of operations in all threads: mostly reads; reads, pins and unpins in
// equal parts; and reads while another thread changes the table.

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <utility>
#include <vector>

#include "prepare.h"
#include "subject.h"
#include "suite.h"
#include "trial.h"
#include "workloads.h"

namespace holdfast::bench {
namespace {

using Steps = std::vector<Step>;

// Returns the expected sum of the reads of `steps`: each read finds its own
// index.
uint64_t SumOfReads(const Steps& steps) {
  uint64_t sum = 0;
  for (const Step& step : steps) {
    if (step.verb == Verb::kRead) sum += step.index;
  }
  return sum;
}

// The steps that threads do again and again, and each thread's handles. Those
// in [own_begin, own_end) belong to one thread, and are live between two
// passes.
struct Mixed {
  size_t own_begin;
  size_t own_end;
  std::vector<Steps> steps = {};
  std::vector<Handles> handles = {};
};

void RunMix(Trial& trial, Table& table, Mixed& mixed) {
  std::vector<uint64_t> expected;
  for (const Steps& steps : mixed.steps) expected.push_back(SumOfReads(steps));
  Work work;
  work.threads = static_cast<int>(mixed.steps.size());
  work.table = [&] { return &table; };
  work.work = [&](int thread, uint64_t passes) {
    const Steps& steps = Of(mixed.steps, thread);
    uint64_t* const handles = Of(mixed.handles, thread).data();
    uint64_t sum = 0;
    for (uint64_t pass = 0; pass < passes; ++pass) {
      sum += table.Mix(steps.data(), steps.size(), handles);
    }
    return Outcome{passes * steps.size(), sum, passes * Of(expected, thread)};
  };
  work.after = [&] {
    const size_t own = mixed.own_end - mixed.own_begin;
    for (const Handles& handles : mixed.handles) {
      table.InScope([&] {
        trial.Require(
            table.UnpinMany(handles.data() + mixed.own_begin, own) == own,
            "a pin or an unpin did not work");
      });
    }
  };
  trial.Run(work);
}

// Of 20 steps, 18 read the prefilled handles in turn. At random places between
// them, one step pins, and one unpins the handle that was pinned 16 pins
// before.
Steps MostlyReads(size_t prefilled, uint64_t seed) {
  constexpr size_t kReads = 9000;
  constexpr uint32_t kOwn = 16;
  std::mt19937_64 random(seed);
  Steps steps;
  uint32_t pins = 0;
  for (size_t reads = 0; reads < kReads; ++reads) {
    steps.push_back({Verb::kRead, static_cast<uint32_t>(reads % prefilled)});
    if (random() % 9 != 0) continue;
    const auto own = static_cast<uint32_t>(prefilled + pins / 2 % kOwn);
    steps.push_back({pins++ % 2 == 0 ? Verb::kUnpin : Verb::kPin, own});
  }
  if (pins % 2 == 1) {
    const auto own = static_cast<uint32_t>(prefilled + pins / 2 % kOwn);
    steps.push_back({Verb::kPin, own});
  }
  return steps;
}

void Mix90(Trial& trial, int threads) {
  constexpr size_t kPrefilled = 1000;
  constexpr size_t kOwn = 16;
  const auto count = static_cast<size_t>(threads);
  const std::unique_ptr<Table> owned =
      trial.NewTable(Capacity(kPrefilled + kOwn * count, threads));
  Table& table = *owned;
  const Handles prefilled = PinAll(trial, table, kPrefilled);
  Mixed mixed = {kPrefilled, kPrefilled + kOwn};
  for (size_t thread = 0; thread < count; ++thread) {
    mixed.steps.push_back(MostlyReads(kPrefilled, thread));
    mixed.handles.push_back(prefilled);
    const Handles own = PinAll(trial, table, kOwn, kPrefilled);
    mixed.handles.back().insert(mixed.handles.back().end(), own.begin(),
                                own.end());
  }
  RunMix(trial, table, mixed);
}

// Reads, pins and unpins at random, in equal parts, on `slots` handles of which
// the first half is live. Then the same backwards, so that the same handles are
// live in the end.
Steps MakeThirds(size_t slots, uint64_t seed) {
  std::mt19937_64 random(seed);
  std::vector<uint32_t> live;
  std::vector<uint32_t> free;
  for (uint32_t i = 0; i < slots; ++i) {
    (i < slots / 2 ? live : free).push_back(i);
  }
  // Moves a random element of `from` to `to`, and returns it.
  const auto move = [&random](std::vector<uint32_t>& from,
                              std::vector<uint32_t>& to) {
    std::swap(from[random() % from.size()], from.back());
    to.push_back(from.back());
    from.pop_back();
    return to.back();
  };
  Steps steps;
  for (size_t i = 0; i < slots / 2; ++i) {
    const uint64_t third = random() % 3;
    if (third == 0) {
      steps.push_back({Verb::kRead, live[random() % live.size()]});
    } else if (third == 1) {
      steps.push_back({Verb::kPin, move(free, live)});
    } else {
      steps.push_back({Verb::kUnpin, move(live, free)});
    }
  }
  for (size_t i = steps.size(); i-- > 0;) {
    Step step = steps[i];
    if (step.verb == Verb::kPin) {
      step.verb = Verb::kUnpin;
    } else if (step.verb == Verb::kUnpin) {
      step.verb = Verb::kPin;
    }
    steps.push_back(step);
  }
  return steps;
}

// Returns the steps of MakeThirds. Keeps them, since all peers do the same
// steps.
const Steps& Thirds(size_t slots, uint64_t seed) {
  static auto* const kept = new std::map<std::pair<size_t, uint64_t>, Steps>;
  Steps& steps = (*kept)[{slots, seed}];
  if (steps.empty()) steps = MakeThirds(slots, seed);
  return steps;
}

void MixThirds(Trial& trial, int threads, size_t in_full) {
  const size_t slots = trial.Shrunk(in_full);
  const auto count = static_cast<size_t>(threads);
  const std::unique_ptr<Table> owned =
      trial.NewTable(Capacity(slots * count, threads));
  Table& table = *owned;
  Mixed mixed = {0, slots / 2};
  for (size_t thread = 0; thread < count; ++thread) {
    mixed.steps.push_back(Thirds(slots, thread));
    mixed.handles.push_back(PinAll(trial, table, slots / 2));
    mixed.handles.back().resize(slots);
  }
  RunMix(trial, table, mixed);
}

}  // namespace

// Measures readers, while the last thread pins and unpins.
void ReadChurn(Trial& trial, int threads) {
  constexpr size_t kSlots = 1000;
  const std::unique_ptr<Table> owned =
      trial.NewTable(Capacity(kSlots, threads));
  Table& table = *owned;
  const int readers = threads - 1;
  const std::vector<Handles> orders =
      ShuffledForEach(readers, PinAll(trial, table, kSlots));
  std::atomic<int> reading{0};
  Work work;
  work.threads = threads;
  work.timed_threads = readers;
  work.table = [&] { return &table; };
  // order: relaxed. The start of the round publishes it.
  work.before = [&] { reading.store(readers, std::memory_order_relaxed); };
  work.work = [&](int thread, uint64_t passes) {
    if (thread == readers) {
      uint64_t worked = 0;
      uint64_t asked = 0;
      // order: relaxed. It says when to stop, and nothing else.
      while (reading.load(std::memory_order_relaxed) > 0) {
        worked += table.PinUnpin(50, 0);
        asked += 50;
      }
      return Outcome{0, worked, asked};
    }
    const Handles& handles = orders[static_cast<size_t>(thread)];
    uint64_t sum = 0;
    for (uint64_t pass = 0; pass < passes; ++pass) {
      sum += table.ReadMany(handles.data(), kSlots);
    }
    // order: relaxed. As above.
    reading.fetch_sub(1, std::memory_order_relaxed);
    return Outcome{passes * kSlots, sum, passes * SumBelow(kSlots)};
  };
  trial.Run(work);
}

namespace {

void AddMixesOf(Suite& suite, const Subject& peer) {
  const int cpus = static_cast<int>(AllowedCpus().size());
  for (const int threads : std::set<int>{1, cpus, 2 * cpus, 3 * cpus}) {
    suite.Add("mix_90_10", peer, {{"threads", threads}},
              [=](Trial& trial) { Mix90(trial, threads); });
  }
  for (const int threads : {1, 4, 16}) {
    for (const size_t slots : {1000U, 5000U, 20000U}) {
      suite.Add("thirds", peer, {{"threads", threads}, {"slots", slots}},
                [=](Trial& trial) { MixThirds(trial, threads, slots); });
    }
  }
  for (const int threads : {2, 4}) {
    suite.Add("read_churn", peer, {{"threads", threads}},
              [=](Trial& trial) { ReadChurn(trial, threads); });
  }
}

}  // namespace

void AddMixes(Suite& suite) {
  for (const Subject& peer : Subjects()) {
    if (peer.bytes == 8 && peer.features.read) AddMixesOf(suite, peer);
  }
}

}  // namespace holdfast::bench
