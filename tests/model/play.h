// A scenario of a few calls on one table, and what must be true of any.
//
// All calls go through this class, which knows what each handle may hold: it
// runs in one real thread, so its own books need no atomics. Numbers stand for
// values; each is written once.
//
//   * Pin returns no handle twice, and nobody else owns the slot: each owner
//     writes to a plain variable of it, which must not race.
//   * A value that is read is whole, and was written under that very handle;
//     a thread that has seen it replaced does not see it again.
//   * A handle is refused only if somebody else began to end it; exactly one of
//     the calls that do ends it; what Exchange and Take return leaves the table
//     once.
//   * At the end the table's invariants hold, its contents are what the calls
//     have left, and all free slots can be pinned, each once.

#ifndef HOLDFAST_TESTS_MODEL_PLAY_H_
#define HOLDFAST_TESTS_MODEL_PLAY_H_

#include <algorithm>
#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "holdfast/handle_table.h"
#include "tests/model/explorer.h"
#include "tests/model/model_traits.h"
#include "tests/support/table_access.h"

namespace holdfast::model {

// Values from which a torn one, or another cell's links, can be told.
struct Pair {
  uint64_t number;
  uint64_t complement;
};
constexpr uint64_t kMark = 0xA5A5'0000'0000'0000;

inline void Encode(int number, Pair* value) {
  value->number = kMark | static_cast<uint64_t>(number);
  value->complement = ~value->number;
}
inline void Encode(int number, uint64_t* value) {
  *value = kMark | static_cast<uint64_t>(number);
}
inline void Encode(int number, uint32_t* value) {
  *value = 0xA5A5'0000 | static_cast<uint32_t>(number);
}
// The number, or -1 if it is torn.
inline int Decode(uint64_t value) {
  return (value & ~uint64_t{0xFF}) == kMark ? static_cast<int>(value & 0xFF)
                                            : -1;
}
inline int Decode(uint32_t value) {
  return (value & ~0xFFu) == 0xA5A5'0000 ? static_cast<int>(value & 0xFF) : -1;
}
inline int Decode(const Pair& value) {
  return value.complement == ~value.number ? Decode(value.number) : -1;
}

template <typename TableType>
class Play : public Scenario {
 public:
  using Table = TableType;
  using Handle = typename Table::Handle;
  using Value = typename Table::value_type;
  using Body = std::function<void(Play&)>;

  struct Script {
    TableOptions options;
    Body setup;                    // By thread 0; see As.
    std::vector<Body> threads;     // What thread 1, 2, ... does.
    Body done = nullptr;           // Beyond what is always checked.
    int registered = kMaxThreads;  // Threads that have an ordinal at the start.
  };

  explicit Play(const Script& script)
      : script_(script), table_(*Table::Create(script.options)) {
    NameVariables();
    ModelThreads::RegisterAll(std::min(threads(), script_.registered));
    if (script_.setup) script_.setup(*this);
  }

  int threads() const override {
    return static_cast<int>(script_.threads.size());
  }
  void Run(int thread) override {
    script_.threads[static_cast<size_t>(thread - 1)](*this);
  }
  void Done() override {
    if (script_.done) script_.done(*this);
    Audit();
  }

  Table& table() { return table_; }
  Handle& h(int i) { return handles_[static_cast<size_t>(i)]; }

  void Check(bool ok, const char* what) {
    if (!ok) Explorer::Get().Fail(what);
  }

  // Setup by the thread that will go on with the shard that it leaves.
  template <typename F>
  void As(int thread, F f) {
    ModelThreads::As(thread, f);
  }

  // --- Calls -----------------------------------------------------------------

  Handle Pin(int number) {
    const Handle handle = table_.Pin(Encoded(number));
    if (!handle) return handle;
    for (int i = 0; i < lives_used_; ++i) {
      Check(lives_[i].handle != handle, "a handle was issued twice");
    }
    if (lives_used_ == kLives) {
      Check(false, "too many lives for the scenario");
      return handle;
    }
    Life& life = lives_[lives_used_++];
    life = {};
    life.handle = handle;
    life.end_begun = clearing_ > 0;
    life.Add(number);
    life.seen.fill(number);
    Own(handle);
    return handle;
  }

  // Whether the handle was live.
  bool Unpin(Handle handle) {
    BeginEnd(handle);
    const bool done = table_.Unpin(handle);
    if (done) {
      End(handle);
    } else {
      CheckRefusedEnd(handle);
    }
    return done;
  }

  // Unpin by the only one who does, who has owned the slot since its Pin.
  bool UnpinOwn(Handle handle) {
    Own(handle);
    return Unpin(handle);
  }

  int Take(Handle handle) {
    BeginEnd(handle);
    const int number = Number(handle, table_.Take(handle));
    if (number >= 0) {
      End(handle);
      Leave(number);
    } else {
      CheckRefusedEnd(handle);
    }
    return number;
  }

  bool Write(Handle handle, int number) {
    Life* life = Find(handle);
    if (life != nullptr) life->Add(number);
    const bool done = table_.Write(handle, Encoded(number));
    Check(done || MayBeStale(handle), "a live handle was refused");
    if (done && life != nullptr) See(life, number);
    return done;
  }

  int Exchange(Handle handle, int number) {
    Life* life = Find(handle);
    if (life != nullptr) life->Add(number);
    const int old = Number(handle, table_.Exchange(handle, Encoded(number)));
    if (old >= 0) {
      Leave(old);
      See(Find(handle), number);
    }
    return old;
  }

  // The number, or -1 if the handle is not live.
  int Read(Handle handle) { return Number(handle, table_.Read(handle)); }

  // Read of a handle that came without a happens-before edge: the pin, too, may
  // not be visible yet.
  int ReadUnsynchronized(Handle handle) {
    if (!handle) return -1;
    const auto value = table_.Read(handle);
    return value ? Number(handle, value) : -1;
  }

  // Take of such a handle.
  int TakeUnsynchronized(Handle handle) {
    BeginEnd(handle);
    const auto value = table_.Take(handle);
    if (!value) {
      if (Life* life = Find(handle)) --life->ends_asked;
      return -1;
    }
    const int number = Number(handle, value);
    End(handle);
    Leave(number);
    return number;
  }

  uint64_t UnpinAll() {
    ++clearing_;
    unpinned_all_ = true;
    for (int i = 0; i < lives_used_; ++i) lives_[i].end_begun = true;
    const uint64_t count = table_.UnpinAll();
    --clearing_;
    cleared_ += count;
    return count;
  }

  // See TestAccess, both.
  void Displace(Handle handle) {
    typename Table::TestAccess(table_).Displace(handle);
  }

  void WearWrites(Handle handle) {
    typename Table::TestAccess(table_).WearWrites(handle);
  }

  // What ForEach shows, in the order of visits. Each handle at most once.
  std::vector<std::pair<Handle, int>> ForEach() {
    std::vector<std::pair<Handle, int>> seen;
    table_.ForEach([&](Handle handle, const Value& value) {
      Visit(&seen, handle, value);
    });
    return seen;
  }
  void Visit(std::vector<std::pair<Handle, int>>* seen, Handle handle,
             const Value& value) {
    for (const auto& [other, number] : *seen) {
      Check(other != handle, "ForEach showed a handle twice");
    }
    seen->push_back({handle, Number(handle, value)});
  }

  // Passes a handle on without any happens-before edge.
  void Tell(Handle handle) {
    told_.store(handle.bits(), std::memory_order_relaxed);
  }
  Handle Told() {
    return Handle::FromBits(told_.load(std::memory_order_relaxed));
  }

  // An iteration that several threads share.
  std::optional<typename Table::ParallelForEach>& walk() { return walk_; }

  // A plain variable that Pin publishes.
  Plain<int>& data() { return data_; }

  // What the scenario counts.
  int& count() { return count_; }

 private:
  static constexpr int kLives = 32;

  struct Life {
    Handle handle;
    uint64_t numbers = 0;  // A bit for each that was ever written to it.
    bool end_begun = false;
    int ends_asked = 0;  // By Unpin and Take.
    int ends = 0;
    // What each thread has seen last, and what it has seen replaced.
    std::array<int, kMaxThreads> seen;
    std::array<uint64_t, kMaxThreads> gone = {};

    void Add(int number) { numbers |= uint64_t{1} << number; }
    bool Has(int number) const { return (numbers >> number & 1) != 0; }
  };

  void NameVariables() const {
    Explorer& explorer = Explorer::Get();
    ModelThreads::NameAll();
    explorer.Name(&told_, "told");
    explorer.Name(&data_, "data");
    for (size_t i = 0; i < stamps_.size(); ++i) {
      explorer.Name(&stamps_[i], "owner[" + std::to_string(i) + "]");
    }
  }

  static Value Encoded(int number) {
    Value value;
    Encode(number, &value);
    return value;
  }

  Life* Find(Handle handle) {
    for (int i = 0; i < lives_used_; ++i) {
      if (lives_[i].handle == handle) return &lives_[i];
    }
    return nullptr;
  }

  bool MayBeStale(Handle handle) {
    const Life* life = Find(handle);
    return life == nullptr || life->end_begun;
  }

  int Number(Handle handle, const std::optional<Value>& value) {
    if (!value) {
      Check(MayBeStale(handle), "a live handle was refused");
      return -1;
    }
    const int number = Decode(*value);
    Check(number >= 0, "a torn value");
    // No thread runs between the last operation of a Pin and its return.
    Life* const life = Find(handle);
    Check(life != nullptr && life->Has(number), "the value of another life");
    See(life, number);
    return number;
  }

  // The thread has read or written the number; thread 0 for all of them.
  void See(Life* life, int number) {
    const int current = Explorer::Get().current();
    for (int thread = 0; thread < kMaxThreads; ++thread) {
      if (current != 0 && thread != current) continue;
      int& seen = life->seen[static_cast<size_t>(thread)];
      uint64_t& gone = life->gone[static_cast<size_t>(thread)];
      if (seen != number) gone |= uint64_t{1} << seen;
      Check((gone >> number & 1) == 0, "a value that was replaced came back");
      seen = number;
    }
  }

  void Own(Handle handle) {
    const uint32_t index = typename Table::TestAccess(table_).Index(handle);
    Check(index < stamps_.size(), "a slot out of range");
    Plain<int>& stamp = stamps_[index];
    stamp = stamp + 1;
  }

  void BeginEnd(Handle handle) {
    if (Life* life = Find(handle)) {
      life->end_begun = true;
      ++life->ends_asked;
    }
  }

  // Somebody else has ended it, or UnpinAll.
  void CheckRefusedEnd(Handle handle) {
    const Life* life = Find(handle);
    Check(life == nullptr || life->ends_asked > 1 || unpinned_all_,
          "a live handle was refused its end");
  }

  void End(Handle handle) {
    ++ended_;
    if (Life* life = Find(handle)) {
      Check(++life->ends == 1, "a life was ended twice");
    }
  }

  void Leave(int number) {
    Check((left_ >> number & 1) == 0, "a value left the table twice");
    left_ |= uint64_t{1} << number;
  }

  void Audit() {
    const typename Table::TestAccess access(table_);
    const std::string problem = access.Problem();
    Check(problem.empty(), problem.c_str());
    const TableStats stats = table_.GetStats();
    Check(static_cast<uint64_t>(lives_used_) - ended_ - cleared_ == stats.live,
          "pins and unpins do not balance");
    for (int i = 0; i < lives_used_; ++i) {
      const Life& life = lives_[i];
      const auto value = table_.Read(life.handle);
      Check(value.has_value() || life.end_begun, "a live value was lost");
      Check(!value || life.ends_asked == 0, "an ended life goes on");
      if (value) {
        const int number = Number(life.handle, value);
        Check((left_ >> number & 1) == 0, "a value that left is still there");
      }
    }
    PinAllThatIsLeft(stats);
  }

  // As a last thread, after all others have exited.
  void PinAllThatIsLeft(const TableStats& stats) {
    ModelThreads::ExitAll(threads());
    const uint64_t free = stats.capacity - stats.live - stats.retired;
    // Tables with caches are too large to be filled each time.
    const uint64_t count = script_.options.max_slots <= 4 ? free : stats.free;
    for (uint64_t i = 0; i < count; ++i) {
      Check(static_cast<bool>(Pin(60)), "a free slot was lost");
    }
    if (count == free) Check(!table_.Pin(Encoded(61)), "one slot too many");
    Check(ModelThreads::ExitLast(), "an ordinal was lost");
  }

  const Script& script_;
  Table table_;
  std::array<Handle, 8> handles_ = {};
  std::array<Life, kLives> lives_ = {};
  int lives_used_ = 0;
  uint64_t left_ = 0;  // Numbers that Exchange and Take have returned.
  uint64_t ended_ = 0;
  uint64_t cleared_ = 0;
  int clearing_ = 0;  // Calls of UnpinAll that are under way.
  bool unpinned_all_ = false;
  int count_ = 0;
  std::array<Plain<int>, 20> stamps_;
  Plain<int> data_;
  std::optional<typename Table::ParallelForEach> walk_;
  Atomic<uint64_t> told_;
};

}  // namespace holdfast::model

#endif  // HOLDFAST_TESTS_MODEL_PLAY_H_
