// A run with --check=linearizability. In each window, threads make calls at
// full speed; then all threads stop, and the calls are checked.

#ifndef HOLDFAST_STRESS_LINEARIZABILITY_LINEARIZABILITY_RUN_H_
#define HOLDFAST_STRESS_LINEARIZABILITY_LINEARIZABILITY_RUN_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "config.h"
#include "linearizability/call.h"
#include "linearizability/own_core.h"
#include "linearizability/recorder.h"
#include "linearizability/window_checker.h"
#include "linearizability/window_report.h"
#include "report.h"

namespace holdfast::stress {

template <typename Table>
class LinearizabilityRun {
 public:
  using Handle = typename Table::Handle;

  explicit LinearizabilityRun(const Config& config) : config_(config) {
    for (uint32_t i = 0; i <= config.threads; ++i) {
      recorders_.push_back(std::make_unique<Recorder<Table>>(config.seed, i));
    }
  }

  Verdict Run() {
    const absl::Time start = absl::Now();
    const absl::Time end = start + absl::Seconds(config_.seconds);
    absl::Time next_line = start + absl::Seconds(1);
    std::string failure;
    do {
      if (table_ == nullptr) failure = MakeTable();
      if (failure.empty()) failure = Window();
      if (failure.empty() && IsWorn()) RetireTable();
      if (config_.print_progress && absl::Now() >= next_line) {
        next_line += absl::Seconds(1);
        PrintWindows(absl::Now() - start, Totals());
      }
    } while (failure.empty() &&
             (absl::Now() < end || totals_.windows < kMinWindows));
    return MakeWindowVerdict(config_, failure, Totals());
  }

 private:
  static constexpr uint64_t kMinWindows = 2;  // One of each kind of Drains.
  static constexpr uint64_t kWindowsOfTable = 64;
  // The most steps of a search, for one slot in one window.
  static constexpr uint64_t kMaxSteps = 1'000'000;

  // The recorder for calls while all threads have stopped.
  Recorder<Table>& coordinator() { return *recorders_.back(); }

  std::string MakeTable() {
    typename Table::Options options;
    options.max_slots = config_.max_slots;
    options.thread_cache_slots = config_.thread_cache_slots;
    auto table = Table::Create(options);
    if (!table.ok()) return table.status().ToString();
    table_ = std::make_unique<Table>(*std::move(table));
    places_ = std::make_unique<Places>();
    for (auto& recorder : recorders_) {
      recorder->SetTable(table_.get(), places_.get());
    }
    // Here a planted defect may show once, where no window would record it.
    Handle first = table_->Pin({});
    if (!first) first = table_->Pin({});
    if (!first) return "the first Pin has failed\n";
    table_->Unpin(first);
    if (table_->Contains(first)) table_->Unpin(first);
    checker_ = std::make_unique<WindowChecker>(
        first.bits(), config_.generation_bits, kMaxSteps);
    ++totals_.tables;
    return "";
  }

  bool IsWorn() const {
    if (table_ == nullptr) return false;
    const auto stats = table_->GetStats();
    return stats.retired * 2 > stats.capacity ||
           totals_.windows % kWindowsOfTable == 0;
  }

  void RetireTable() {
    totals_.counts.Add(checker_->counts());
    checker_.reset();
    table_.reset();
  }

  // Each window has new threads, which inherit the caches of those before.
  std::string Window() {
    ++totals_.windows;
    const Drains drains = NextDrains();
    std::atomic<uint32_t> missing{config_.threads};
    std::vector<std::thread> threads;
    for (uint32_t i = 0; i < config_.threads; ++i) {
      threads.emplace_back([this, i, drains, &missing] {
        MoveToOwnCore(i);
        // order: relaxed, both. It only makes threads begin at about one time.
        missing.fetch_sub(1, std::memory_order_relaxed);
        while (missing.load(std::memory_order_relaxed) > 0) {
          std::this_thread::yield();
        }
        recorders_[i]->Run(config_.window_calls, drains);
      });
    }
    for (std::thread& thread : threads) thread.join();
    for (const auto& recorder : recorders_) {
      if (recorder.get() == &coordinator()) continue;
      for (const Call& call : recorder->calls()) checker_->Add(call);
    }
    for (const uint64_t handle : checker_->LastHandles()) {
      checker_->AddAtRest(coordinator().Read(Handle::FromBits(handle)));
    }
    const std::string failure = checker_->Check();
    if (failure.empty()) return "";
    return absl::StrCat("in window ", totals_.windows, " ", failure,
                        drains == Drains::kAfterBatches
                            ? "  ends      of batches of calls\n"
                            : "  ends      of each call\n");
  }

  Drains NextDrains() const {
    if (config_.drains != Drains::kInTurn) return config_.drains;
    return totals_.windows % 2 != 0 ? Drains::kAfterCalls
                                    : Drains::kAfterBatches;
  }

  WindowTotals Totals() const {
    WindowTotals totals = totals_;
    if (checker_ != nullptr) totals.counts.Add(checker_->counts());
    for (const auto& recorder : recorders_) {
      totals.operations += recorder->operations();
    }
    return totals;
  }

  const Config config_;
  std::unique_ptr<Table> table_;
  std::unique_ptr<Places> places_;
  std::unique_ptr<WindowChecker> checker_;
  std::vector<std::unique_ptr<Recorder<Table>>> recorders_;
  WindowTotals totals_;
};

}  // namespace holdfast::stress

#endif  // HOLDFAST_STRESS_LINEARIZABILITY_LINEARIZABILITY_RUN_H_
