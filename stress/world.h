// What all workers of a run share.

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

// Each worker has as many entries, each of them a handle or none. The private
// ones are changed by their worker alone and read by all. The contended ones
// are pinned by their worker, and replaced and ended by all.
constexpr uint32_t kEntries = 128;
constexpr uint32_t kContended = 8;
constexpr uint32_t kPrivate = kEntries - kContended;

// The coordinator's private entries are pinned throughout each round.
constexpr uint32_t kAnchors = 64;

// Where a worker shows its handles. A handle may be out of date when it is
// used. Private ones travel relaxed: the table alone has to publish the value.
struct alignas(128) Board {
  std::atomic<uint64_t> bits[kEntries] = {};
  // Lives of each contended entry that someone has ended.
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

  // Whether no Pin may be refused, however much threads keep to themselves.
  bool roomy() const {
    return config.generation_bits == 32 &&
           config.max_slots >= uint64_t{1024} * (config.threads + 1);
  }

  // Written at rest alone.
  const Config config;
  const Mix& mix;
  std::unique_ptr<Table> table;
  std::unique_ptr<IssueOracle> issue_oracle;
  std::vector<uint64_t> foreign;  // Handles of other tables, dead and alive.
  std::vector<uint64_t> anchors;  // Handles, sorted.
  uint64_t round = 0;

  std::unique_ptr<Board[]> boards;  // The coordinator's is the last.
  std::optional<typename Table::ParallelForEach> parallel_walk;
  FailureLog log;
  alignas(128) std::atomic<bool> stop{false};
};

}  // namespace holdfast::stress

#endif  // HOLDFAST_STRESS_WORLD_H_
