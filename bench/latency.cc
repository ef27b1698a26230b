// The times of single operations: the median, and the slowest of many.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "clock.h"
#include "limits.h"
#include "prepare.h"
#include "subject.h"
#include "suite.h"
#include "team.h"
#include "trial.h"
#include "workloads.h"

namespace holdfast::bench {
namespace {

constexpr size_t kBlock = 1000;

// Measures `verb` on blocks of the thread's own handles. Between two blocks it
// restores the handles. Returns false if an operation did not work.
bool TimeBlocks(const Subject& peer, Table& table, Verb verb, uint64_t thread,
                std::vector<uint32_t>& ticks) {
  const uint64_t first_number = thread * kBlock;
  Handles handles(kBlock);
  const auto pin = [&] {
    return table.PinMany(handles.data(), kBlock, first_number) == kBlock;
  };
  const auto unpin = [&] { return table.UnpinMany(handles.data(), kBlock); };
  bool worked = verb == Verb::kPin || pin();
  Shuffle(handles, thread);
  for (size_t i = 0; i < ticks.size(); i += kBlock) {
    table.Time(verb, handles.data(), kBlock, &ticks[i]);
    if (verb == Verb::kPin) {
      worked &= unpin() == kBlock;
    } else if (verb == Verb::kUnpin) {
      if (peer.features.read) worked &= unpin() == 0;  // All are stale.
      worked &= pin();
    }
  }
  if (!peer.features.read || verb == Verb::kPin) return worked;
  const uint64_t sum = verb == Verb::kWrite
                           ? SumBelow(kBlock)
                           : SumBelow(kBlock) + kBlock * first_number;
  return worked && table.ReadMany(handles.data(), kBlock) == sum;
}

// Percentiles in nanoseconds, without the time that the clock itself takes.
class Percentiles {
 public:
  explicit Percentiles(std::vector<uint32_t> ticks) : ticks_(std::move(ticks)) {
    std::sort(ticks_.begin(), ticks_.end());
  }

  // `fraction` is from 0 to 1, for the largest.
  double At(double fraction) const {
    const auto last = static_cast<double>(ticks_.size() - 1);
    return Nanoseconds(ticks_[static_cast<size_t>(last * fraction)]);
  }

  double Mean() const {
    double sum = 0;
    for (const uint32_t ticks : ticks_) sum += Nanoseconds(ticks);
    return sum / static_cast<double>(ticks_.size());
  }

 private:
  static double Nanoseconds(uint32_t ticks) {
    const uint64_t overhead = OverheadTicks();
    return ticks <= overhead
               ? 0
               : static_cast<double>(ticks - overhead) / TicksPerNanosecond();
  }

  std::vector<uint32_t> ticks_;
};

void ReportLatency(Trial& trial, std::vector<uint32_t> ticks) {
  const Percentiles percentiles(std::move(ticks));
  trial.SetCounter("p50", percentiles.At(0.5));
  trial.SetCounter("p99", percentiles.At(0.99));
  trial.SetCounter("p999", percentiles.At(0.999));
  trial.SetCounter("max", percentiles.At(1));
  trial.SetCounter("overhead_ns",
                   static_cast<double>(OverheadTicks()) / TicksPerNanosecond());
  trial.Report(percentiles.Mean() * 1e-9);
}

}  // namespace

void Latency(Trial& trial, int threads, Verb verb) {
  const auto count = static_cast<size_t>(threads);
  const size_t blocks = trial.scale().latency_operations / kBlock / count;
  const std::unique_ptr<Table> owned =
      trial.NewTable(Capacity(kBlock * count, threads));
  Table& table = *owned;
  std::vector<std::vector<uint32_t>> ticks(
      count, std::vector<uint32_t>(blocks * kBlock));
  std::vector<int> worked(count);
  Team team(threads);
  team.Run([&](int) { return 0; },
           [&](int thread) {
             table.InScope([&] {
               Of(worked, thread) =
                   TimeBlocks(trial.peer(), table, verb,
                              static_cast<uint64_t>(thread), Of(ticks, thread));
             });
           });
  std::vector<uint32_t> all;
  for (size_t i = 0; i < count; ++i) {
    trial.Require(worked[i] != 0, "an operation did not work");
    all.insert(all.end(), ticks[i].begin(), ticks[i].end());
  }
  ReportLatency(trial, std::move(all));
}

namespace {

void AddLatencyOf(Suite& suite, const Subject& peer, Verb verb, int threads) {
  constexpr const char* kNames[] = {"pin", "read", "write", "unpin"};
  suite.Add("latency", peer,
            {{"threads", threads}, {"verb", kNames[static_cast<size_t>(verb)]}},
            [=](Trial& trial) { Latency(trial, threads, verb); });
}

}  // namespace

void AddLatency(Suite& suite) {
  for (const Subject& peer : Subjects()) {
    if (peer.bytes != 8) continue;
    for (const int threads : {1, 2}) {
      AddLatencyOf(suite, peer, Verb::kPin, threads);
      if (peer.features.read) AddLatencyOf(suite, peer, Verb::kRead, threads);
      if (peer.features.write) AddLatencyOf(suite, peer, Verb::kWrite, threads);
      AddLatencyOf(suite, peer, Verb::kUnpin, threads);
    }
  }
  const Subject array = EightBytes<RawArrayLimit>::Subjects()[0];
  AddLatencyOf(suite, array, Verb::kRead, 1);
  const Subject cas = EightBytes<CasLimit>::Subjects()[0];
  AddLatencyOf(suite, cas, Verb::kWrite, 1);
  AddLatencyOf(suite, cas, Verb::kUnpin, 1);
  const Subject irreducible = EightBytes<IrreducibleSlotsLimit>::Subjects()[0];
  AddLatencyOf(suite, irreducible, Verb::kPin, 1);
  AddLatencyOf(suite, irreducible, Verb::kUnpin, 1);
}

}  // namespace holdfast::bench
