// A worker makes a stream of random operations, and checks the result of each.
// Check lists the checks, and World describes the entries.

#ifndef HOLDFAST_STRESS_WORKER_H_
#define HOLDFAST_STRESS_WORKER_H_

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/base/attributes.h"
#include "absl/base/optimization.h"
#include "absl/strings/str_cat.h"
#include "check.h"
#include "config.h"
#include "holdfast/handle_table.h"
#include "payload.h"
#include "tests/support/random.h"
#include "world.h"

namespace holdfast::stress {

// Only one thread at a time may use a Worker.
template <typename Table>
class alignas(128) Worker {
 public:
  using Value = typename Table::value_type;
  using Handle = typename Table::Handle;

  // The worker's entries when no worker runs: how many are live, and how many
  // values of conserved entries (IsConserved) are left, with the sum of hashes.
  struct Rest {
    uint64_t live = 0;
    uint64_t held = 0;
    uint64_t held_sum = 0;
  };

  Worker(World<Table>* world, uint32_t id)
      : world_(*world),
        id_(id),
        random_(world->config.seed, id),
        seen_((world->config.threads + 1) * kEntries) {}

  // Runs operations until `limit` are done or the round is over.
  void Run(uint64_t limit) {
    // order: relaxed. Nothing is read through it.
    for (uint64_t i = 0;
         i < limit && !world_.stop.load(std::memory_order_relaxed); ++i) {
      Step();
      if (random_.OneIn(4096)) JoinParallelWalk();
    }
  }

  // Takes part in the round's ParallelForEach, once.
  void JoinParallelWalk() {
    if (joined_round_ == world_.round) return;
    joined_round_ = world_.round;
    parallel_visited_.clear();
    world_.parallel_walk->Work([this](Handle handle, const Value& value) {
      Visit(handle, value, &parallel_visited_);
    });
  }

  // --- At rest ---------------------------------------------------------------

  // Checks every entry.
  Rest Verify();

  // Forgets the entries, because the table will be destroyed.
  void Forget();

  // These are for the coordinator, and its anchors.
  void BeginAnchors();
  void EndAnchors();
  void TouchAnchors();
  // Changes the value of an anchor, in ForEachExclusive.
  void TouchInPlace(Handle handle, Value& value);

  // Pin and Unpin with checks, for values that belong to no entry.
  Handle Pin(const Value& value);
  void Unpin(Handle handle);

  bool Expect(Check check, bool ok, Handle handle, const char* expected,
              const char* got) {
    ++counts_[check];
    if (ABSL_PREDICT_FALSE(!ok)) Fail(check, handle, expected, got);
    return ok;
  }
  // Calls `got` only if the check fails.
  template <typename F>
  bool ExpectThat(Check check, bool ok, Handle handle, const char* expected,
                  F got) {
    ++counts_[check];
    if (ABSL_PREDICT_FALSE(!ok)) Fail(check, handle, expected, got());
    return ok;
  }

  // Checks that a walk has visited no handle twice, and each anchor. Sorts
  // `*visited`.
  void CheckVisited(Check check, std::vector<uint64_t>* visited);

  void Visit(Handle handle, const Value& value, std::vector<uint64_t>* visited);

  const std::vector<uint64_t>& parallel_visited() const {
    return parallel_visited_;
  }
  const Counts& counts() const { return counts_; }
  Ledger& ledger() { return ledger_; }

 private:
  struct Entry {
    Handle handle;  // Null for none.
    uint64_t life = 0;
    uint64_t sequence = 0;
  };
  // What this worker has last read from another worker's entry.
  struct Seen {
    uint64_t bits = 0;
    uint64_t life = 0;
    uint64_t sequence = 0;
  };

  void Step();
  Operation Draw();

  // Operations: see Operation.
  void ReadOwn();
  void ReadShared();
  void WriteOwn();
  void ExchangeOwn();
  void Churn();
  void ProbeStale();
  void ProbeForeign();
  void Contend();
  void Walk();
  void Clear();

  void Begin(uint32_t k);
  void End(uint32_t k);
  void Vanish(uint32_t k);
  void CheckSeen(Seen* seen, uint64_t bits, const Claim& claim);
  void Refused(Check check, Handle handle, const char* expected);
  void AddStale(Handle handle);
  void Tend(uint32_t j);
  void EndContended(uint32_t owner, uint32_t j, Handle handle);
  void ReplaceContended(uint32_t owner, uint32_t j, Handle handle);
  std::optional<Claim> CheckContended(uint32_t owner, uint32_t j, Handle handle,
                                      const std::optional<Value>& value);
  void VerifyContended(uint32_t j, Rest* rest);
  void Fail(Check check, Handle handle, const std::string& expected,
            const std::string& got);

  // Half of the contended entries are changed only by Exchange and Take: what
  // is put in must come out.
  static bool IsConserved(uint32_t j) { return j % 2 == 0; }
  void Put(const Value& value) {
    ++ledger_.put;
    ledger_.put_sum += value.Hash();
  }
  void Got(const Value& value) {
    ++ledger_.got;
    ledger_.got_sum += value.Hash();
  }

  // Exchange, or calls that come to the same: of Update, or of CompareExchange
  // until it finds the value that it expects, at first `expected`.
  std::optional<Value> Replace(Handle handle, Value expected,
                               const Value& value) {
    if constexpr (Table::kComparesValues) {
      const uint32_t verb = random_.Below(4);
      if (verb == 0) {
        return table().Update(handle, [&](const Value&) { return value; });
      }
      if (verb == 1) {
        Compared compared;
        do {
          compared = table().CompareExchange(handle, &expected, value);
        } while (compared == Compared::kDifferent);
        if (compared == Compared::kStale) return std::nullopt;
        return expected;
      }
    }
    return table().Exchange(handle, value);
  }

  // Unpin, or UnpinIf of the value that the handle must have if it is live.
  bool EndIf(Handle handle, const Value& value) {
    if constexpr (Table::kComparesValues) {
      if (random_.OneIn(2)) {
        return table().UnpinIf(handle, value) == Compared::kEqual;
      }
    }
    return table().Unpin(handle);
  }

  Table& table() { return *world_.table; }
  Board& board() { return world_.boards[id_]; }
  bool clears() const { return world_.mix.clears(); }

  Value ValueOf(uint32_t k) const {
    return Value::Encode({id_, k, entries_[k].life, entries_[k].sequence});
  }
  static std::string Text(const std::optional<Value>& value) {
    return DebugString(value);
  }

  World<Table>& world_;
  const uint32_t id_;
  Random random_;
  std::array<Entry, kEntries> entries_;
  bool filling_ = true;
  std::vector<Seen> seen_;
  std::array<uint64_t, 64> stale_ = {};
  uint64_t stale_count_ = 0;  // All so far; stale_ has the last 64.
  uint64_t joined_round_ = 0;
  std::vector<uint64_t> visited_;
  std::vector<uint64_t> parallel_visited_;
  Counts counts_;
  Ledger ledger_;
};

template <typename Table>
Operation Worker<Table>::Draw() {
  uint32_t sum = 0;
  for (const uint32_t weight : world_.mix.weights) sum += weight;
  uint32_t drawn = random_.Below(sum);
  size_t at = 0;
  while (drawn >= world_.mix.weights[at]) drawn -= world_.mix.weights[at++];
  return static_cast<Operation>(at);
}

template <typename Table>
void Worker<Table>::Step() {
  ++counts_.operations;
  switch (Draw()) {
    case Operation::kReadOwn:
      return ReadOwn();
    case Operation::kReadShared:
      return ReadShared();
    case Operation::kWriteOwn:
      return WriteOwn();
    case Operation::kExchangeOwn:
      return ExchangeOwn();
    case Operation::kChurn:
      return Churn();
    case Operation::kStale:
      return ProbeStale();
    case Operation::kForeign:
      return ProbeForeign();
    case Operation::kContend:
      return Contend();
    case Operation::kWalk:
      return Walk();
    case Operation::kClear:
      return Clear();
    case Operation::kCount:
      return;
  }
}

template <typename Table>
ABSL_ATTRIBUTE_NOINLINE void Worker<Table>::Fail(Check check, Handle handle,
                                                 const std::string& expected,
                                                 const std::string& got) {
  if ((world_.config.checks >> static_cast<size_t>(check)) % 2 == 0) return;
  world_.log.Report(absl::StrCat(
      "check ", Name(check), " failed\n  worker    ", id_,
      id_ == world_.config.threads ? " (the coordinator)" : "",
      "\n  operation ", counts_.operations, " in round ", world_.round,
      "\n  handle    0x", absl::Hex(handle.bits(), absl::kZeroPad16),
      "\n  expected  ", expected, "\n  got       ", got, "\n  run       ",
      CommandLine(world_.config), "\n"));
}

}  // namespace holdfast::stress

#include "contended_entries.h"
#include "entries_at_rest.h"
#include "private_entries.h"
#include "probes_and_walks.h"

#endif  // HOLDFAST_STRESS_WORKER_H_
