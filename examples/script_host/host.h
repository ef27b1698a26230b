// The host: what all workers and the collector share.

#ifndef HOLDFAST_EXAMPLES_SCRIPT_HOST_HOST_H_
#define HOLDFAST_EXAMPLES_SCRIPT_HOST_HOST_H_

#include <atomic>
#include <cstdint>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "examples/script_host/board.h"
#include "examples/script_host/channel.h"
#include "examples/script_host/host_object.h"

namespace script_host {

enum class Phase {
  kServing,
  kStopping,   // There are no more requests; scripts should end.
  kAbandoned,  // Scripts that still run get an error.
};

// A number that one thread counts up and another looks at now and then.
class Counter {
 public:
  void Add(uint64_t n = 1) {
    // order: relaxed. One thread writes; the others read only the number.
    count_.store(value() + n, std::memory_order_relaxed);
  }
  // order: relaxed. See Add.
  uint64_t value() const { return count_.load(std::memory_order_relaxed); }

 private:
  std::atomic<uint64_t> count_{0};
};

class Host {
 public:
  Host(ObjectTable objects, std::vector<std::string> script_paths)
      : table(std::move(objects)), scripts(std::move(script_paths)) {}

  Phase phase() const {
    // order: relaxed. Nothing else is published with it.
    return phase_.load(std::memory_order_relaxed);
  }
  // Ends the requests, and closes the channel.
  void Stop() {
    // order: relaxed. See phase.
    phase_.store(Phase::kStopping, std::memory_order_relaxed);
    channel.Close();
  }
  // order: relaxed. See phase.
  void Abandon() { phase_.store(Phase::kAbandoned, std::memory_order_relaxed); }

  // Prints the error, unless it was printed before: the workers that run the
  // same script are likely to fail in the same way.
  void PrintError(const std::string& error);

  ObjectTable table;
  Channel channel;
  Board board;
  const std::vector<std::string> scripts;  // Paths.

 private:
  std::atomic<Phase> phase_{Phase::kServing};
  absl::Mutex mutex_;
  std::set<std::string> errors_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace script_host

#endif  // HOLDFAST_EXAMPLES_SCRIPT_HOST_HOST_H_
