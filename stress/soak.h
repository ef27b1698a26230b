// A whole run: rounds of workers on one table. After each round, all workers
// stop, and everything can be counted.

#ifndef HOLDFAST_STRESS_SOAK_H_
#define HOLDFAST_STRESS_SOAK_H_

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "check.h"
#include "config.h"
#include "payload.h"
#include "report.h"
#include "tests/support/random.h"
#include "tests/support/table_access.h"
#include "worker.h"
#include "world.h"

namespace holdfast::stress {

template <typename Table>
class Soak {
 public:
  using Value = typename Table::value_type;
  using Handle = typename Table::Handle;

  explicit Soak(const Config& config)
      : world_(config), random_(config.seed, ~uint64_t{0}) {
    for (uint32_t id = 0; id < config.threads; ++id) {
      workers_.push_back(std::make_unique<Worker<Table>>(&world_, id));
    }
    workers_.push_back(
        std::make_unique<Worker<Table>>(&world_, config.threads));
  }

  Verdict Run() {
    const absl::Time start = absl::Now();
    const absl::Time end = start + absl::Seconds(config().seconds);
    absl::Time next_line = start + absl::Seconds(1);
    MakeForeignTable();
    while (!world_.log.failed() && absl::Now() < end) {
      if (world_.table == nullptr) MakeTable();
      if (world_.log.failed()) break;
      Round(end);
      Rest();
      if (IsWorn() || random_.OneIn(8)) RetireTable();
      if (config().print_progress && absl::Now() >= next_line) {
        next_line += absl::Seconds(1);
        PrintProgress(absl::Now() - start, Total(), world_.round, tables_);
      }
    }
    if (world_.table != nullptr && !world_.log.failed()) RetireTable();
    return MakeVerdict(config(), world_.log.first(), Total());
  }

 private:
  static constexpr uint32_t kForeignHandles = 16;

  const Config& config() const { return world_.config; }
  Table& table() { return *world_.table; }
  // A worker whose entries are the anchors, and which does the checks at rest.
  Worker<Table>& coordinator() { return *workers_.back(); }
  bool small_generations() const { return config().generation_bits < 32; }

  std::unique_ptr<Table> Create() {
    typename Table::Options options;
    options.max_slots = config().max_slots;
    options.thread_cache_slots = config().thread_cache_slots;
    auto table = Table::Create(options);
    if (!table.ok()) {
      world_.log.Report(table.status().ToString());
      return nullptr;
    }
    return std::make_unique<Table>(*std::move(table));
  }

  void MakeForeignTable() {
    foreign_table_ = Create();
    if (foreign_table_ == nullptr) return;
    for (uint32_t i = 0; i < kForeignHandles; ++i) {
      const Handle handle = foreign_table_->Pin(Value::Encode({0, i, 0, 0}));
      world_.foreign.push_back(handle.bits());
    }
    world_.foreign.resize(
        2 * kForeignHandles);  // RetireTable fills the second half later.
  }

  void MakeTable() {
    world_.table = Create();
    if (world_.table == nullptr) return;
    ++tables_;
    const Value value = Value::Encode({config().threads, 0, 0, 0});
    const Handle first = table().Pin(value);
    if (!first) return world_.log.Report("the first Pin was refused\n");
    world_.issue_oracle = std::make_unique<IssueOracle>(
        first.bits(), config().generation_bits, config().most_slots());
    // Counts this Pin as one of the coordinator's.
    world_.issue_oracle->Record(first.bits(), true);
    ++coordinator().ledger().pins;
    coordinator().Unpin(first);
  }

  // --- While workers run -----------------------------------------------------

  void Round(absl::Time end_of_run) {
    ++world_.round;
    coordinator().BeginAnchors();
    world_.parallel_walk.emplace(table());
    // order: relaxed. Starting and joining the threads orders it.
    world_.stop.store(false, std::memory_order_relaxed);
    std::vector<std::thread> threads;
    for (uint32_t id = 0; id < config().threads; ++id) {
      threads.emplace_back([this, id] { Serve(id); });
    }
    Watch(std::min(end_of_run,
                   absl::Now() + absl::Seconds(config().round_seconds)));
    // order: relaxed. As above.
    world_.stop.store(true, std::memory_order_relaxed);
    for (std::thread& thread : threads) thread.join();
    world_.parallel_walk.reset();
  }

  // Odd workers are served by short-lived threads, one after the other.
  void Serve(uint32_t id) {
    Worker<Table>& worker = *workers_[id];
    if (id % 2 == 0) {
      worker.Run(~uint64_t{0});
    } else {
      Random random(config().seed ^ world_.round, id);
      // order: relaxed. See Round.
      while (!world_.stop.load(std::memory_order_relaxed)) {
        const uint64_t operations = 1 + random.Below(4096);
        std::thread([&] { worker.Run(operations); }).join();
      }
    }
    worker.JoinParallelWalk();
  }

  void Watch(absl::Time end) {
    while (!world_.log.failed() && absl::Now() < end) {
      absl::SleepFor(absl::Milliseconds(small_generations() ? 1 : 5));
      coordinator().TouchAnchors();
      if (!small_generations()) continue;
      const auto stats = table().GetStats();
      if (stats.retired > stats.live && stats.free * 16 < stats.capacity) {
        return;  // Worn out.
      }
    }
  }

  // --- At rest ---------------------------------------------------------------

  void Rest() {
    if (world_.log.failed()) return;
    CheckEntries();
    CheckParallelWalk();
    CheckWalk();
    CheckExclusive();
    if (world_.round % 4 == 1) CheckCapacity();
    CheckEntries();
    coordinator().EndAnchors();
  }

  void CheckEntries() {
    Ledger sum;
    uint64_t live = 0;
    for (auto& worker : workers_) {
      const auto rest = worker->Verify();
      live += rest.live;
      sum.Add(worker->ledger());
      sum.got += rest.held;
      sum.got_sum += rest.held_sum;
    }
    const auto stats = table().GetStats();
    ExpectEqual(Check::kStats, "live values", sum.pins - sum.ends, stats.live);
    ExpectEqual(Check::kStats, "live entries", live, stats.live);
    ExpectEqual(Check::kStats, "live + free + retired", stats.high_water,
                stats.live + stats.free + stats.retired);
    ExpectEqual(Check::kStats, "capacity", config().max_slots, stats.capacity);
    ExpectEqual(Check::kStats, "high_water, or the most that it may be",
                config().most_slots(),
                std::max(stats.high_water, config().most_slots()));
    if (sum.put == 0) return;
    ExpectEqual(Check::kConservation, "values returned or held", sum.put,
                sum.got);
    ExpectEqual(Check::kConservation, "sum of values", sum.put_sum,
                sum.got_sum);
  }

  void CheckParallelWalk() {
    std::vector<uint64_t> visited;
    for (auto& worker : workers_) {
      const std::vector<uint64_t>& part = worker->parallel_visited();
      visited.insert(visited.end(), part.begin(), part.end());
    }
    coordinator().CheckVisited(Check::kParallelWalk, &visited);
  }

  void CheckWalk() {
    std::vector<uint64_t> visited;
    table().ForEach([&](Handle handle, const Value& value) {
      coordinator().Visit(handle, value, &visited);
    });
    ExpectEqual(Check::kWalkOnce, "visits at rest", table().GetStats().live,
                visited.size());
    coordinator().CheckVisited(Check::kWalkOnce, &visited);
  }

  void CheckExclusive() {
    uint64_t visits = 0;
    table().ForEachExclusive([&](Handle handle, Value& value) {
      ++visits;
      coordinator().TouchInPlace(handle, value);
    });
    ExpectEqual(Check::kExclusive, "visits", table().GetStats().live, visits);
  }

  // Pins until no slot is left. All other threads have exited, so the slots in
  // their caches can be used, too.
  void CheckCapacity() {
    const Value value = Value::Encode({config().threads, kPrivate, 0, 0});
    std::vector<Handle> filler;
    if (world_.roomy()) {
      // The coordinator's Pin reports a null handle as a failure.
      // (A table with a defect may hold more values than it was made for.)
      for (uint64_t live = table().GetStats().live; live < config().max_slots;
           ++live) {
        filler.push_back(coordinator().Pin(value));
      }
    } else {
      while (const Handle handle = coordinator().Pin(value)) {
        filler.push_back(handle);
      }
    }
    std::string problem = typename Table::TestAccess(table()).Problem();
    coordinator().ExpectThat(Check::kWhole, problem.empty(), Handle(),
                             "each slot and cell in one place",
                             [&] { return problem; });
    const auto stats = table().GetStats();
    const uint64_t used = stats.live + stats.retired;
    if (!world_.roomy()) {
      ExpectEqual(Check::kCapacity, "free slots of a full table", 0,
                  stats.free);
    }
    ExpectEqual(Check::kCapacity, "slots used, or the capacity",
                std::max(used, stats.capacity), used);
    // Unpins in a random order, so that the next values lie all over the table.
    for (size_t i = filler.size(); i > 0; --i) {
      std::swap(filler[i - 1], filler[random_.Below(i)]);
      coordinator().Unpin(filler[i - 1]);
    }
  }

  bool IsWorn() {
    if (!small_generations() || world_.log.failed()) return false;
    const auto stats = table().GetStats();
    return stats.retired * 2 > stats.capacity;
  }

  void RetireTable() {
    if (world_.log.failed()) return;
    std::vector<uint64_t> handles;
    table().ForEach([&](Handle handle, const Value& /*value*/) {
      handles.push_back(handle.bits());
    });
    ExpectEqual(
        Check::kClear, "UnpinAll at rest", handles.size(),
        random_.OneIn(2) ? table().UnpinAll() : table().UnpinAllExclusive());
    ExpectEqual(Check::kClear, "live values after it", 0,
                table().GetStats().live);
    for (const uint64_t bits : handles) {
      coordinator().Expect(Check::kClear,
                           !table().Contains(Handle::FromBits(bits)),
                           Handle::FromBits(bits), "a stale handle", "not so");
      world_.foreign[kForeignHandles + random_.Below(kForeignHandles)] = bits;
    }
    ExpectEqual(Check::kForeign, "live values of the other table",
                kForeignHandles, foreign_table_->GetStats().live);
    if (small_generations()) WearOut();
    for (auto& worker : workers_) worker->Forget();
    world_.table.reset();
  }

  // Uses up all lives that are left. Their number shows that no slot has
  // skipped a life.
  void WearOut() {
    const uint64_t lives = uint64_t{1} << (config().generation_bits - 1);
    const uint64_t most = config().most_slots() * (lives - 1);
    if (most > uint64_t{1} << 22) return;
    uint64_t pins = 0;
    for (auto& worker : workers_) pins += worker->ledger().pins;
    const Value value = Value::Encode({config().threads, kPrivate, 0, 0});
    for (; pins <= most; ++pins) {
      const Handle handle = coordinator().Pin(value);
      if (!handle) break;
      coordinator().Unpin(handle);
    }
    const auto stats = table().GetStats();
    ExpectEqual(Check::kWearOut, "retired slots in the end",
                std::max(stats.high_water, config().max_slots), stats.retired);
    ExpectEqual(Check::kWearOut, "pins in all of a table's life",
                stats.retired * (lives - 1), pins);
  }

  void ExpectEqual(Check check, const char* what, uint64_t expected,
                   uint64_t got) {
    coordinator().ExpectThat(check, expected == got, Handle(), what, [=] {
      return absl::StrCat(got, ", not ", expected);
    });
  }

  Counts Total() const {
    Counts total;
    for (const auto& worker : workers_) total.Add(worker->counts());
    return total;
  }

  World<Table> world_;
  Random random_;
  std::vector<std::unique_ptr<Worker<Table>>> workers_;
  std::unique_ptr<Table> foreign_table_;
  uint64_t tables_ = 0;
};

}  // namespace holdfast::stress

#endif  // HOLDFAST_STRESS_SOAK_H_
