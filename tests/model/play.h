// Play is a scenario of a few calls on one table. It checks what must be true
// of any such scenario.
//
// The threads make their calls through this class, which keeps a record of what
// each handle may hold. The record needs no atomics, because all threads run in
// one real thread. Small numbers stand for values, and a script writes each
// number once. This must hold:
//
//   * Pin returns no handle twice, and no two threads own a slot at once: each
//     owner writes to a plain variable of the slot (its stamp), on which the
//     explorer must find no data race.
//   * A value that is read is whole, and was written under that very handle. A
//     thread that has seen a value replaced does not see that value again.
//   * A handle is refused only if a call that ends its life has begun. Of the
//     calls that try to end one life, exactly one succeeds. A value that
//     Exchange or Take has returned is not returned by another of these calls,
//     and is not in the table at the end.
//   * At the end the table's invariants hold, the table has the values that the
//     calls have left in it, and each free slot can be pinned, once.

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

// Values encode their numbers so that neither a torn value nor the links of a
// free slot are taken for a number.
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
// Returns the number, or -1 if the value encodes none: then it is torn.
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
    // Called by thread 0 at the start; see As.
    Body setup;
    // The functions that threads 1, 2, ... call.
    std::vector<Body> threads;
    // Called by thread 0 at the end, before the checks that Play always makes.
    Body done = nullptr;
    // How many threads, from thread 1 on, have an ordinal at the start.
    int registered = kMaxThreads;
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

  // The handles that a script keeps: for all threads if `setup` sets them, or
  // for `done`.
  Handle& h(int i) { return handles_[static_cast<size_t>(i)]; }

  void Check(bool ok, const char* what) {
    if (!ok) Explorer::Get().Fail(what);
  }

  // Calls f() in the setup as the thread `thread`, which so begins with its
  // shard as f() has left it.
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
    left_ &= ~(uint64_t{1} << number);
    Own(handle);
    return handle;
  }

  // Returns whether this call has ended the life.
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

  // Unpin by the thread that has pinned the value, when no other thread unpins
  // it. So the thread owns the slot up to here, and stamps it again.
  bool UnpinOwn(Handle handle) {
    Own(handle);
    return Unpin(handle);
  }

  // These return the number of the value, or -1 if the handle is not live.
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

  // Replaces the number `expected`. If it finds another one, that is left in
  // `expected`.
  Compared CompareExchange(Handle handle, int* expected, int number) {
    Life* const life = Find(handle);
    if (life != nullptr) life->Add(number);
    Value value = Encoded(*expected);
    const Compared compared =
        table_.CompareExchange(handle, &value, Encoded(number));
    if (compared == Compared::kStale) {
      Check(MayBeStale(handle), "a live handle was refused");
      return compared;
    }
    const int found = Number(handle, value);
    Check((found == *expected) == (compared == Compared::kEqual),
          "values were compared wrongly");
    if (compared == Compared::kEqual) {
      Leave(found);
      See(Find(handle), number);
    }
    *expected = found;
    return compared;
  }

  // Adds 1 to the number. Returns what it was, or -1 if the handle is not live.
  int Increment(Handle handle) {
    const auto old = table_.Update(handle, [&](const Value& value) {
      const int number = Number(handle, value);
      if (Life* const life = Find(handle)) life->Add(number + 1);
      return Encoded(number + 1);
    });
    const int number = Number(handle, old);
    if (number < 0) return number;
    Leave(number);
    See(Find(handle), number + 1);
    return number;
  }

  // Ends the life if its number is `expected`.
  Compared UnpinIf(Handle handle, int expected) {
    Life* const life = Find(handle);
    const bool had_begun = life != nullptr && life->end_begun;
    BeginEnd(handle);
    const Compared compared = table_.UnpinIf(handle, Encoded(expected));
    if (compared == Compared::kEqual) {
      End(handle);
      return compared;
    }
    if (life != nullptr) --life->ends_asked;
    if (compared == Compared::kStale) {
      Check(life == nullptr || life->ends_asked > 0 || unpinned_all_,
            "a live handle was refused its end");
    } else if (life != nullptr && life->ends_asked == 0 && !unpinned_all_) {
      life->end_begun = had_begun;
    }
    return compared;
  }

  int Read(Handle handle) { return Number(handle, table_.Read(handle)); }

  // As Read, but for a handle that the thread got by Told(), without a
  // happens-before edge. So a refusal is no failure: the Pin may not be visible
  // to the thread yet.
  int ReadUnsynchronized(Handle handle) {
    if (!handle) return -1;
    const auto value = table_.Read(handle);
    return value ? Number(handle, value) : -1;
  }

  // As Take, for such a handle.
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

  // Displace and WearWrites are for the setup; see TestAccess.
  void Displace(Handle handle) {
    typename Table::TestAccess(table_).Displace(handle);
  }

  void WearWrites(Handle handle) {
    typename Table::TestAccess(table_).WearWrites(handle);
  }

  // Returns what ForEach shows, in the order of visits. Fails if it shows a
  // handle twice.
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

  // Tell passes a handle on to the thread that calls Told, without any
  // happens-before edge. Until then Told returns the null handle.
  void Tell(Handle handle) {
    told_.store(handle.bits(), std::memory_order_relaxed);
  }
  Handle Told() {
    return Handle::FromBits(told_.load(std::memory_order_relaxed));
  }

  // An iteration that several threads share.
  std::optional<typename Table::ParallelForEach>& walk() { return walk_; }

  // A plain variable: a script writes it before a call that publishes, and
  // reads it after a call that has acquired.
  Plain<int>& data() { return data_; }

  // As data(), for what a value with that number refers to.
  Plain<int>& object(int number) {
    return objects_[static_cast<size_t>(number)];
  }

  // A number at the script's disposal.
  int& count() { return count_; }

 private:
  static constexpr int kLives = 32;

  struct Life {
    Handle handle;
    uint64_t numbers = 0;    // A bit for each number that a call wrote to it.
    bool end_begun = false;  // Whether a call that may end it has begun.
    int ends_asked = 0;      // How many calls of Unpin and Take were to end it.
    int ends = 0;            // How many of them have ended it.
    // For each thread, the number that it has seen last, and a bit for each
    // number that it has seen replaced.
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
    // Pin() above has recorded every live handle: no other thread runs between
    // the last operation of the table's Pin and the record of its handle.
    Life* const life = Find(handle);
    Check(life != nullptr && life->Has(number), "the value of another life");
    See(life, number);
    return number;
  }

  // Records that the current thread has read or written the number. Thread 0
  // does so for all threads: it runs alone, before or after them.
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

  // Stamps the slot as its owner.
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

  // Checks that another call, Unpin, Take or UnpinAll, can have ended the life
  // that the caller was to end.
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

  // Records that Exchange or Take has returned the number.
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

  // Thread 0 pins all free slots, after all other threads have exited.
  void PinAllThatIsLeft(const TableStats& stats) {
    ModelThreads::ExitAll(threads());
    const uint64_t free = stats.capacity - stats.live - stats.retired;
    // In larger tables, which are those with caches, only the slots that were
    // used before are pinned: to fill the table each time takes too long.
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
  std::array<Plain<int>, 8> objects_;
  std::optional<typename Table::ParallelForEach> walk_;
  Atomic<uint64_t> told_;
};

}  // namespace holdfast::model

#endif  // HOLDFAST_TESTS_MODEL_PLAY_H_
