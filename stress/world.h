// The state that all workers of a run share.

#ifndef HOLDFAST_STRESS_WORLD_H_
#define HOLDFAST_STRESS_WORLD_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "check.h"
#include "config.h"
#include "issue_oracle.h"

namespace holdfast::stress {

// Each worker has kEntries entries. An entry has a handle, or none. Only its
// worker changes a private entry; all workers read it. A contended entry is
// pinned by its worker, and all workers replace its value and end its life.
constexpr uint32_t kEntries = 128;
constexpr uint32_t kContended = 8;
constexpr uint32_t kPrivate = kEntries - kContended;

// The coordinator's private entries, which stay pinned throughout each round.
constexpr uint32_t kAnchors = 64;

// A worker shows its handles to the others here. A handle may be stale when it
// is used. Handles of private entries are stored and loaded relaxed, so that
// only the table can make their values visible.
struct alignas(128) Board {
  std::atomic<uint64_t> bits[kEntries] = {};
  // How many lives of each contended entry a worker has ended.
  alignas(128) std::atomic<uint64_t> wins[kContended] = {};
};

template <typename Table>
struct World {
  using Value = typename Table::value_type;
  using Handle = typename Table::Handle;

  explicit World(const Config& run)
      : config(run),
        mix(*FindMix(run.mix)),
        boards(std::make_unique<Board[]>(run.threads + 1)) {}

  // Whether the table is so large that no Pin may be refused, however many
  // slots threads keep.
  bool roomy() const {
    return config.generation_bits == 32 &&
           config.max_slots >= uint64_t{1024} * (config.threads + 1);
  }

  // Written only while no worker runs.
  const Config config;
  const Mix& mix;
  std::unique_ptr<Table> table;
  std::unique_ptr<IssueOracle> issue_oracle;
  std::vector<uint64_t> foreign;  // Handles of other tables, old and new.
  std::vector<uint64_t> anchors;  // Handles, sorted.
  uint64_t round = 0;

  std::unique_ptr<Board[]> boards;  // The coordinator's is the last.
  std::optional<typename Table::ParallelForEach> parallel_walk;
  FailureLog log;
  alignas(128) std::atomic<bool> stop{false};
};

}  // namespace holdfast::stress

#endif  // HOLDFAST_STRESS_WORLD_H_
