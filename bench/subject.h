// A peer with one size of values, behind virtual functions: so each workload is
// compiled once, not once for each peer. There is one virtual call for each
// loop.

#ifndef HOLDFAST_BENCH_SUBJECT_H_
#define HOLDFAST_BENCH_SUBJECT_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "absl/functional/function_ref.h"
#include "loops.h"
#include "value.h"

namespace holdfast::bench {

// A table, with the loops of Loops<Peer>. A loop that the peer does not have
// does nothing, and returns 0.
class Table {
 public:
  // Every thread holds one while it uses the table.
  class Scope {
   public:
    virtual ~Scope() = default;
  };

  virtual ~Table() = default;
  virtual std::unique_ptr<Scope> Enter() = 0;
  // Calls f while it holds a Scope.
  virtual void InScope(absl::FunctionRef<void()> f) = 0;

  virtual size_t PinMany(uint64_t* handles, size_t n,
                         uint64_t first_number) = 0;
  virtual uint64_t ReadMany(const uint64_t* handles, size_t n) const = 0;
  virtual size_t WriteMany(const uint64_t* handles, size_t n,
                           uint64_t number) = 0;
  virtual size_t UnpinMany(const uint64_t* handles, size_t n) = 0;
  // The same, by the peer's own calls for many if it has them.
  virtual size_t PinTogether(uint64_t* handles, size_t n,
                             uint64_t first_number) = 0;
  virtual uint64_t ReadTogether(const uint64_t* handles, size_t n) const = 0;
  virtual size_t UnpinTogether(const uint64_t* handles, size_t n) = 0;
  virtual size_t PinUnpin(size_t pairs, uint64_t first_number) = 0;
  virtual uint64_t Mix(const Step* steps, size_t n, uint64_t* handles) = 0;
  virtual void Time(Verb verb, uint64_t* handles, size_t n,
                    uint32_t* ticks) = 0;
  virtual uint64_t ForEachSum() const = 0;
  virtual size_t UnpinAll() = 0;
  virtual size_t UnpinAllExclusive() = 0;
};

struct Subject {
  const char* name;
  const char* id;
  Features features;
  size_t bytes;  // The size of a value.
  std::unique_ptr<Table> (*make)(size_t capacity);
};

template <typename Loops>
class TableOf final : public Table {
 public:
  explicit TableOf(size_t capacity) : loops_(capacity) {}

  std::unique_ptr<Scope> Enter() override {
    return std::make_unique<LoopsScope>(loops_);
  }
  void InScope(absl::FunctionRef<void()> f) override {
    [[maybe_unused]] const typename Loops::ThreadScope scope(loops_);
    f();
  }

  size_t PinMany(uint64_t* handles, size_t n, uint64_t first_number) override {
    return loops_.PinMany(handles, n, first_number);
  }
  uint64_t ReadMany(const uint64_t* handles, size_t n) const override {
    if constexpr (kFeatures.read) return loops_.ReadMany(handles, n);
    return 0;
  }
  size_t WriteMany(const uint64_t* handles, size_t n,
                   uint64_t number) override {
    if constexpr (kFeatures.write) return loops_.WriteMany(handles, n, number);
    return 0;
  }
  size_t UnpinMany(const uint64_t* handles, size_t n) override {
    return loops_.UnpinMany(handles, n);
  }
  size_t PinTogether(uint64_t* handles, size_t n,
                     uint64_t first_number) override {
    if constexpr (kFeatures.many) {
      return loops_.PinTogether(handles, n, first_number);
    }
    return PinMany(handles, n, first_number);
  }
  uint64_t ReadTogether(const uint64_t* handles, size_t n) const override {
    if constexpr (kFeatures.many) return loops_.ReadTogether(handles, n);
    return ReadMany(handles, n);
  }
  size_t UnpinTogether(const uint64_t* handles, size_t n) override {
    if constexpr (kFeatures.many) return loops_.UnpinTogether(handles, n);
    return UnpinMany(handles, n);
  }
  size_t PinUnpin(size_t pairs, uint64_t first_number) override {
    return loops_.PinUnpin(pairs, first_number);
  }
  uint64_t Mix(const Step* steps, size_t n, uint64_t* handles) override {
    return loops_.Mix(steps, n, handles);
  }
  void Time(Verb verb, uint64_t* handles, size_t n, uint32_t* ticks) override {
    loops_.Time(verb, handles, n, ticks);
  }
  uint64_t ForEachSum() const override {
    if constexpr (kFeatures.for_each) return loops_.ForEachSum();
    return 0;
  }
  size_t UnpinAll() override {
    if constexpr (kFeatures.unpin_all) return loops_.UnpinAll();
    return 0;
  }
  size_t UnpinAllExclusive() override {
    if constexpr (kFeatures.unpin_all_exclusive) {
      return loops_.UnpinAllExclusive();
    }
    return UnpinAll();
  }

 private:
  static constexpr Features kFeatures = Loops::kFeatures;

  struct LoopsScope : Scope {
    explicit LoopsScope(Loops& loops) : scope(loops) {}
    typename Loops::ThreadScope scope;
  };

  Loops loops_;
};

template <typename Loops>
Subject SubjectOf(size_t bytes) {
  return {Loops::Name(), Loops::Id(), Loops::kFeatures, bytes,
          [](size_t capacity) -> std::unique_ptr<Table> {
            return std::make_unique<TableOf<Loops>>(capacity);
          }};
}

// A peer, and the sizes of values that it takes.
template <template <typename> class Peer, size_t... kSizes>
struct Entry {
  static std::vector<Subject> Subjects() {
    return {SubjectOf<Loops<Peer<Payload<kSizes>>>>(kSizes)...};
  }
};

template <template <typename> class Peer>
using AnySize = Entry<Peer, 4, 8, 16, 64>;

template <template <typename> class Peer>
using EightBytes = Entry<Peer, 8>;

// Every peer, with each size that it takes: the list in peers.h.
const std::vector<Subject>& Subjects();

// The peers that keep objects alive while they are used, with 8 bytes.
const std::vector<Subject>& ObjectSubjects();

}  // namespace holdfast::bench

#endif  // HOLDFAST_BENCH_SUBJECT_H_
