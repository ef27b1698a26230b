// The loops that all workloads consist of, the same for every peer (a table
// that is measured, or a limit).
//
// A workload uses a peer through `Loops<Peer>`. A peer in another language
// specializes that class, and has the loops in its own language. No loop is
// inlined, so that the code around it does not change the result.

#ifndef HOLDFAST_BENCH_LOOPS_H_
#define HOLDFAST_BENCH_LOOPS_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>

#include "absl/base/attributes.h"
#include "benchmark/benchmark.h"
#include "clock.h"

namespace holdfast::bench {

enum class Verb : uint32_t { kPin, kRead, kWrite, kUnpin };

// A step of Loops::Mix: a verb, and the index of the handle that it is for.
struct Step {
  Verb verb;
  uint32_t index;
};

// The operations that a peer has besides Pin and Unpin.
struct Features {
  bool read;  // Without this, the peer only allocates: it knows no staleness.
  bool write;
  bool for_each;
  bool unpin_all;
  bool concurrent_for_each;  // While other operations run, or wait for it.
  // Has a faster UnpinAll for a thread that has stopped all others.
  bool unpin_all_exclusive = false;
  // Has calls that pin, read or unpin many values.
  bool many = false;
};

template <typename Peer>
class Loops {
 public:
  using Value = typename Peer::Value;

  static constexpr const char* Name() { return Peer::kName; }
  static constexpr const char* Id() { return Peer::kId; }
  static constexpr Features kFeatures = Peer::kFeatures;

  // Every thread holds one while it uses the loops.
  struct ThreadScope {
    explicit ThreadScope(Loops& loops) : scope(loops.peer_) {}
    typename Peer::ThreadScope scope;
  };

  // Makes a table for `capacity` values that are live at the same time.
  explicit Loops(size_t capacity) : peer_(capacity) {}

  // Pins first_number, first_number + 1, ... Stops when the table is full;
  // returns how many were pinned.
  ABSL_ATTRIBUTE_NOINLINE size_t PinMany(uint64_t* handles, size_t n,
                                         uint64_t first_number) {
    for (size_t i = 0; i < n; ++i) {
      handles[i] = peer_.Pin(Value::Of(first_number + i));
      if (handles[i] == 0) return i;
    }
    return n;
  }

  // Returns the sum of the numbers that were found.
  ABSL_ATTRIBUTE_NOINLINE uint64_t ReadMany(const uint64_t* handles,
                                            size_t n) const {
    uint64_t sum = 0;
    for (size_t i = 0; i < n; ++i) {
      Value value;
      if (peer_.Read(handles[i], &value)) sum += value.number();
    }
    return sum;
  }

  // Writes `number` to each; returns how many were live.
  ABSL_ATTRIBUTE_NOINLINE size_t WriteMany(const uint64_t* handles, size_t n,
                                           uint64_t number) {
    size_t live = 0;
    for (size_t i = 0; i < n; ++i) {
      if (peer_.Write(handles[i], Value::Of(number))) ++live;
    }
    return live;
  }

  // Returns how many were live.
  ABSL_ATTRIBUTE_NOINLINE size_t UnpinMany(const uint64_t* handles, size_t n) {
    size_t live = 0;
    for (size_t i = 0; i < n; ++i) {
      if (peer_.Unpin(handles[i])) ++live;
    }
    return live;
  }

  // As PinMany, ReadMany and UnpinMany, by the peer's own calls for many.
  ABSL_ATTRIBUTE_NOINLINE size_t PinTogether(uint64_t* handles, size_t n,
                                             uint64_t first_number) {
    return peer_.PinMany(handles, n, first_number);
  }
  ABSL_ATTRIBUTE_NOINLINE uint64_t ReadTogether(const uint64_t* handles,
                                                size_t n) const {
    return peer_.ReadMany(handles, n);
  }
  ABSL_ATTRIBUTE_NOINLINE size_t UnpinTogether(const uint64_t* handles,
                                               size_t n) {
    return peer_.UnpinMany(handles, n);
  }

  // Pins a value and unpins it again, `pairs` times; returns how often both
  // worked.
  ABSL_ATTRIBUTE_NOINLINE size_t PinUnpin(size_t pairs, uint64_t first_number) {
    size_t worked = 0;
    for (size_t i = 0; i < pairs; ++i) {
      const uint64_t handle = peer_.Pin(Value::Of(first_number + i));
      if (handle != 0 && peer_.Unpin(handle)) ++worked;
    }
    return worked;
  }

  // Takes the steps. A pin keeps the step's index as its number, and puts its
  // handle at that index; a write writes the index; an unpin leaves a stale
  // handle behind. Returns the sum of the numbers that were read.
  ABSL_ATTRIBUTE_NOINLINE uint64_t Mix(const Step* steps, size_t n,
                                       uint64_t* handles) {
    uint64_t sum = 0;
    for (size_t i = 0; i < n; ++i) {
      uint64_t& handle = handles[steps[i].index];
      const uint64_t number = steps[i].index;
      switch (steps[i].verb) {
        case Verb::kPin:
          handle = peer_.Pin(Value::Of(number));
          break;
        case Verb::kRead:
          if constexpr (kFeatures.read) {
            Value value;
            if (peer_.Read(handle, &value)) sum += value.number();
          }
          break;
        case Verb::kWrite:
          if constexpr (kFeatures.write) peer_.Write(handle, Value::Of(number));
          break;
        case Verb::kUnpin:
          peer_.Unpin(handle);
          break;
      }
    }
    return sum;
  }

  // Measures the time of each of n operations: on handles[i], with the number i
  // if the operation takes a value.
  ABSL_ATTRIBUTE_NOINLINE void Time(Verb verb, uint64_t* handles, size_t n,
                                    uint32_t* ticks) {
    switch (verb) {
      case Verb::kPin:
        return TimeEach(n, ticks, [&](size_t i) {
          handles[i] = peer_.Pin(Value::Of(i));
          return handles[i];
        });
      case Verb::kRead:
        if constexpr (kFeatures.read) {
          TimeEach(n, ticks, [&](size_t i) {
            Value value;
            return peer_.Read(handles[i], &value) ? value.number() : 0;
          });
        }
        return;
      case Verb::kWrite:
        if constexpr (kFeatures.write) {
          TimeEach(n, ticks, [&](size_t i) {
            return peer_.Write(handles[i], Value::Of(i));
          });
        }
        return;
      case Verb::kUnpin:
        return TimeEach(n, ticks,
                        [&](size_t i) { return peer_.Unpin(handles[i]); });
    }
  }

  // Returns the sum of the numbers of all live values.
  ABSL_ATTRIBUTE_NOINLINE uint64_t ForEachSum() const {
    uint64_t sum = 0;
    peer_.ForEach(
        [&sum](uint64_t, const Value& value) { sum += value.number(); });
    return sum;
  }

  // Returns how many were live.
  ABSL_ATTRIBUTE_NOINLINE size_t UnpinAll() { return peer_.UnpinAll(); }

  // The same, for a thread that has stopped all others.
  ABSL_ATTRIBUTE_NOINLINE size_t UnpinAllExclusive() {
    return peer_.UnpinAllExclusive();
  }

 private:
  template <typename Operation>
  static void TimeEach(size_t n, uint32_t* ticks, Operation operation) {
    for (size_t i = 0; i < n; ++i) {
      const uint64_t begin = TicksBegin();
      benchmark::DoNotOptimize(operation(i));
      const uint64_t taken = TicksEnd() - begin;
      ticks[i] = static_cast<uint32_t>(
          std::min<uint64_t>(taken, std::numeric_limits<uint32_t>::max()));
    }
  }

  Peer peer_;
};

}  // namespace holdfast::bench

#endif  // HOLDFAST_BENCH_LOOPS_H_
