// TableModel holds a table and a plain map that it is compared with. Each call
// does the same to both, and problem() keeps the first difference.
//
// The calls are those of one thread; then Pin must fail if and only if every
// slot is live or retired. Or they are those of several threads that take turns
// (see fake_threads.h).

#ifndef HOLDFAST_TESTS_SUPPORT_TABLE_MODEL_H_
#define HOLDFAST_TESTS_SUPPORT_TABLE_MODEL_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "holdfast/handle_table.h"
#include "holdfast/internal/cache_shape.h"
#include "tests/support/table_access.h"
#include "tests/support/table_snapshot.h"

namespace holdfast {

template <typename Table>
class TableModel {
 public:
  using Value = typename Table::value_type;
  using HandleType = Handle<Value>;
  using TestAccess = typename Table::TestAccess;

  static constexpr uint64_t kRetired = 2 * Table::kLivesPerSlot;
  static constexpr uint64_t kGenerationMask = kRetired + 1;

  explicit TableModel(const TableOptions& options)
      : options_(options),
        cache_(CacheOf(options)),
        table_(New()),
        generations_(options.max_slots, 0) {}

  // The first difference: operation, handle, what was expected and what came.
  // Empty if there is none.
  const std::string& problem() const { return problem_; }

  // From now on, up to `count` other threads may have free slots in their
  // caches. Call it at most once.
  void set_other_threads(uint64_t count) {
    one_thread_ = false;
    // What the table may hand out beyond its capacity.
    if (cache_ == 0) return;
    generations_.resize(
        std::min(capacity() + count * (cache_ + 1), Access().slots()), 0);
  }

  // --- Handles ---------------------------------------------------------------

  const std::vector<HandleType>& live() const { return live_; }
  const std::vector<HandleType>& ended() const { return ended_; }

  // Returns a live handle of another table.
  HandleType Foreign(uint64_t seed) {
    if (!foreign_) foreign_ = New();
    const HandleType handle = foreign_->Pin(Value(seed));
    if (handle) foreign_handles_.push_back(handle);
    if (foreign_handles_.empty()) return HandleType();
    const HandleType foreign = foreign_handles_[seed % foreign_handles_.size()];
    const HandleState state = ExpectedDiagnosis(foreign).state;
    if (state != HandleState::kForeign && state != HandleState::kNeverIssued) {
      Fail("Pin into another table", foreign,
           "a handle unlike all of this one");
    }
    return foreign;
  }

  TestAccess Access() const { return TestAccess(table_); }
  uint64_t capacity() const { return options_.max_slots; }
  uint64_t retired() const { return retired_; }

  // --- Verbs -----------------------------------------------------------------

  void Pin(const Value& value) {
    const HandleType handle = table_.Pin(value);
    if (!handle) return CheckRefusedPin();
    const uint32_t index = Access().Index(handle);
    const uint64_t generation = Access().Generation(handle);
    if (index >= generations_.size())
      return Fail("Pin", handle, "a slot in range");
    const uint64_t next = generations_[index] + 1;
    if (next > kRetired) return Fail("Pin", handle, "a slot not retired");
    if (generation != next) {
      return Fail("Pin", handle, absl::StrCat("generation ", next), generation);
    }
    used_ += generations_[index] == 0;
    generations_[index] = generation;
    live_.push_back(handle);
    expected_.Add(handle, value);
  }

  void Read(HandleType handle) {
    const std::optional<Value> expected = ExpectedIfLive(handle);
    Same("Read", handle, expected, table_.Read(handle));
    const Value before(1);
    Value value = before;
    const bool found = table_.Read(handle, &value);
    if (!found && !(value == before)) Fail("Read", handle, "nothing written");
    Same("Read into a variable", handle, expected,
         found ? std::optional<Value>(value) : std::nullopt);
  }

  void Contains(HandleType handle) {
    const bool is_live = IsLive(handle);
    Same("Contains", handle, is_live, table_.Contains(handle));
    const uint32_t index = Access().Index(handle);
    Same("IndexOf", handle, is_live ? index : ~uint32_t{0},
         table_.IndexOf(handle).value_or(~uint32_t{0}));
    const uint64_t generation =
        index < generations_.size() ? generations_[index] : 0;
    Same("HandleAt", handle,
         generation % 2 == 1 ? Access().HandleAt(index, generation).bits() : 0,
         table_.HandleAt(index).bits());
  }

  void Write(HandleType handle, const Value& value) {
    Same("Write", handle, IsLive(handle), table_.Write(handle, value));
    if (IsLive(handle)) expected_.values.at(handle.bits()) = value;
  }

  // Moves the value to another cell: see TestAccess.
  void Displace(HandleType handle) {
    if (IsLive(handle)) Access().Displace(handle);
  }

  void Exchange(HandleType handle, const Value& value) {
    Same("Exchange", handle, ExpectedIfLive(handle),
         table_.Exchange(handle, value));
    if (IsLive(handle)) expected_.values.at(handle.bits()) = value;
  }

  // Calls of the verbs that compare values; nothing if the table has none. They
  // expect the value of `handle`, or `other` unless that is equal to it.
  void CompareExchange(HandleType handle, bool other_value, const Value& other,
                       const Value& desired) {
    if constexpr (Table::kComparesValues) {
      Value expected = other_value ? other : ValueOr(handle, other);
      const Compared compared = Expected(handle, expected);
      Same(
          "CompareExchange", handle, static_cast<int>(compared),
          static_cast<int>(table_.CompareExchange(handle, &expected, desired)));
      if (compared == Compared::kStale) return;
      Same("CompareExchange, what it found", handle,
           std::optional<Value>(ValueOr(handle, other)),
           std::optional<Value>(expected));
      if (compared == Compared::kEqual) {
        expected_.values.at(handle.bits()) = desired;
      }
    }
  }

  void Update(HandleType handle, const Value& desired) {
    if constexpr (Table::kComparesValues) {
      std::optional<Value> seen;
      const std::optional<Value> replaced =
          table_.Update(handle, [&](const Value& value) {
            seen.emplace(value);
            return desired;
          });
      Same("Update", handle, ExpectedIfLive(handle), replaced);
      Same("Update, what it shows", handle, ExpectedIfLive(handle), seen);
      if (IsLive(handle)) expected_.values.at(handle.bits()) = desired;
    }
  }

  void UnpinIf(HandleType handle, bool other_value, const Value& other) {
    if constexpr (Table::kComparesValues) {
      const Value expected = other_value ? other : ValueOr(handle, other);
      const Compared compared = Expected(handle, expected);
      Same("UnpinIf", handle, static_cast<int>(compared),
           static_cast<int>(table_.UnpinIf(handle, expected)));
      if (compared == Compared::kEqual) End(handle);
    }
  }

  void Unpin(HandleType handle) {
    Same("Unpin", handle, IsLive(handle), table_.Unpin(handle));
    if (IsLive(handle)) End(handle);
  }

  void Take(HandleType handle) {
    Same("Take", handle, ExpectedIfLive(handle), table_.Take(handle));
    if (IsLive(handle)) End(handle);
  }

  // Calls choose() for each value, and unpins those for which it returns true.
  template <typename F>
  void UnpinWhere(F choose) {
    if constexpr (Table::kComparesValues) {
      TableContents<Value> seen;
      std::vector<HandleType> chosen;
      const uint64_t count =
          table_.UnpinWhere([&](HandleType handle, const Value& value) {
            seen.Add(handle, value);
            if (!choose()) return false;
            chosen.push_back(handle);
            return true;
          });
      CheckVisits("UnpinWhere", seen);
      Same("UnpinWhere", HandleType(), uint64_t{chosen.size()}, count);
      if (!problem_.empty()) return;
      for (const HandleType handle : chosen) End(handle);
    }
  }

  // Each second time, as a thread that has stopped all others.
  void UnpinAll() {
    const uint64_t live = live_.size();
    exclusive_ = !exclusive_;
    Same("UnpinAll", HandleType(), live,
         exclusive_ ? table_.UnpinAllExclusive() : table_.UnpinAll());
    while (!live_.empty()) End(live_.back());
  }

  // --- Iteration -------------------------------------------------------------

  void ForEach() { CheckVisits("ForEach", ContentsOf(table_)); }

  // Calls choose() for each value that ForEach visits, and unpins the value if
  // it returns true.
  template <typename F>
  void ForEachUnpin(F choose) {
    std::vector<HandleType> unpinned;
    TableContents<Value> seen;
    table_.ForEach([&](HandleType handle, const Value& value) {
      seen.Add(handle, value);
      if (!choose()) return;
      Same("Unpin of what ForEach shows", handle, true, table_.Unpin(handle));
      unpinned.push_back(handle);
    });
    CheckVisits("ForEach that unpins", seen);
    if (!problem_.empty()) return;
    for (const HandleType handle : unpinned) End(handle);
  }

  void ParallelForEach(int workers) {
    typename Table::ParallelForEach walk(table_);
    TableContents<Value> seen;
    for (int worker = 0; worker < workers; ++worker) {
      walk.Work([&](HandleType handle, const Value& value) {
        seen.Add(handle, value);
      });
    }
    CheckVisits("ParallelForEach", seen);
  }

  // Puts new_value() into every value.
  template <typename F>
  void ForEachExclusive(F new_value) {
    TableContents<Value> seen;
    TableContents<Value> left;
    table_.ForEachExclusive([&](HandleType handle, Value& value) {
      seen.Add(handle, value);
      value = new_value();
      left.Add(handle, value);
    });
    CheckVisits("ForEachExclusive", seen);
    expected_ = std::move(left);
    CheckVisits("ForEach after ForEachExclusive", ContentsOf(table_));
  }

  // --- Moves -----------------------------------------------------------------

  void MoveConstruct() {
    Table other(std::move(table_));
    // NOLINTBEGIN(bugprone-use-after-move): the moved table must refuse all.
    Same("Pin, moved from", HandleType(), HandleType(), table_.Pin(Value(1)));
    if (!live_.empty()) {
      const HandleType handle = live_.back();
      Same("Contains, moved from", handle, false, table_.Contains(handle));
      Same("Take, moved from", handle, false, table_.Take(handle).has_value());
    }
    Same("UnpinAll, moved from", {}, uint64_t{0}, table_.UnpinAll());
    Same("UnpinAllExclusive, moved from", {}, uint64_t{0},
         table_.UnpinAllExclusive());
    Same("GetStats, moved from", {}, uint64_t{0}, table_.GetStats().capacity);
    // NOLINTEND(bugprone-use-after-move)
    table_ = std::move(other);
  }

  // Assigns to a table that holds a value, which must be destroyed.
  void MoveAssign() {
    Table other(std::move(table_));
    table_ = New();
    Same("Pin into a new table", {}, true, bool{table_.Pin(Value(1))});
    table_ = std::move(other);
  }

  // --- Observers -------------------------------------------------------------

  void Diagnose(HandleType handle) {
    const Diagnosis got = table_.Diagnose(handle);
    const Diagnosis expected = ExpectedDiagnosis(handle);
    Same("Diagnose", handle, static_cast<int>(expected.state),
         static_cast<int>(got.state));
    Same("Diagnose, lives ended", handle, expected.lives_ended,
         got.lives_ended);
  }

  void CheckStats() {
    const TableStats stats = table_.GetStats();
    const auto same = [this](const char* field, uint64_t expected,
                             uint64_t got) {
      Same(field, HandleType(), expected, got);
    };
    same("GetStats live", live_.size(), stats.live);
    same("GetStats retired", retired_, stats.retired);
    same("GetStats capacity", capacity(), stats.capacity);
    same("GetStats thread_cache_slots", cache_, stats.thread_cache_slots);
    same("GetStats free", stats.high_water - live_.size() - retired_,
         stats.free);
    same("GetStats oldest_generation",
         std::min(kRetired - 1,
                  *std::max_element(generations_.begin(), generations_.end())),
         stats.oldest_generation);
    same("GetStats last_generation", kRetired - 1, stats.last_generation);
    uint64_t most = generations_.size();
    if (one_thread_) {
      same("GetStats more cached than one thread may", 0,
           stats.cached - std::min(stats.cached, cache_));
      most = std::min(
          most,
          used_ + internal::CacheShape(static_cast<uint32_t>(cache_)).batch());
    }
    same("GetStats high_water",
         std::clamp(stats.high_water, std::min(used_, most), most),
         stats.high_water);
  }

  // Checks everything that the table tells, and its invariants.
  void CheckAll() {
    CheckStats();
    ForEach();
    for (uint32_t i = 0; i < generations_.size(); ++i) {
      Same("generation of a slot", Access().HandleAt(i, 1), generations_[i],
           Access().SlotGeneration(i));
    }
    Same("invariants", HandleType(), std::string(), Access().Problem());
  }

 private:
  // What TableOptions says of thread_cache_slots.
  static uint64_t CacheOf(const TableOptions& options) {
    const uint64_t asked_for = options.thread_cache_slots;
    // Where nothing makes up for a cache, it is small.
    const uint64_t least = std::min<uint64_t>(64, options.max_slots / 16);
    uint64_t most = std::max<uint64_t>(75, options.max_slots / 8);
    const uint64_t spare = Table::kMaxSlots - options.max_slots;
    if (TestAccess::kMaxThreads != 0) {
      const uint64_t each = spare / TestAccess::kMaxThreads;
      most = std::min(most, each - std::min<uint64_t>(1, each));
    }
    if (sizeof(void*) < 8) most = 0;
    const uint64_t cache = std::min(asked_for, std::max(least, most));
    return internal::CacheShape(static_cast<uint32_t>(cache)).slots();
  }

  Table New() const { return *Table::Create(options_); }

  bool IsLive(HandleType handle) const {
    return expected_.values.count(handle.bits()) != 0;
  }

  Value ValueOr(HandleType handle, const Value& other) const {
    return IsLive(handle) ? expected_.values.at(handle.bits()) : other;
  }

  Compared Expected(HandleType handle, const Value& expected) const {
    if (!IsLive(handle)) return Compared::kStale;
    return expected_.values.at(handle.bits()) == expected
               ? Compared::kEqual
               : Compared::kDifferent;
  }

  std::optional<Value> ExpectedIfLive(HandleType handle) const {
    if (!IsLive(handle)) return std::nullopt;
    return expected_.values.at(handle.bits());
  }

  Diagnosis ExpectedDiagnosis(HandleType handle) const {
    if (!handle) return {HandleState::kNull, 0};
    const uint64_t place = handle.bits() ^ Access().key();
    const uint64_t generation = place & kGenerationMask;
    const uint64_t index = place / (kGenerationMask + 1);
    const uint64_t end = std::max(capacity(), table_.GetStats().high_water);
    if (index >= end || generation % 2 == 0 || generation > kRetired) {
      return {HandleState::kForeign, 0};
    }
    const uint64_t newest = generations_[index];
    if (generation > newest) return {HandleState::kNeverIssued, 0};
    if (IsLive(handle)) return {HandleState::kLive, 0};
    return {newest == kRetired ? HandleState::kRetired : HandleState::kStale,
            newest / 2 - generation / 2};
  }

  // Ends the life of a handle in the map. Linear, since tables are small.
  void End(HandleType handle) {
    expected_.values.erase(handle.bits());
    std::swap(*std::find(live_.begin(), live_.end(), handle), live_.back());
    live_.pop_back();
    ended_.push_back(handle);
    retired_ += ++generations_[Access().Index(handle)] == kRetired;
  }

  // A Pin may be refused only if max_slots slots are live or retired, however
  // many other threads keep.
  void CheckRefusedPin() {
    const uint64_t used = live_.size() + retired_;
    Same("Pin refused, slots used", HandleType(), std::max(used, capacity()),
         used);
  }

  void CheckVisits(const char* operation, const TableContents<Value>& seen) {
    if (seen == expected_) return;
    for (const auto& [bits, value] : seen.values) {
      const HandleType handle = HandleType::FromBits(bits);
      Same(operation, handle, ExpectedIfLive(handle),
           std::optional<Value>(value));
    }
    for (const auto& [bits, value] : expected_.values) {
      if (seen.values.count(bits) != 0) continue;
      Same(operation, HandleType::FromBits(bits), std::optional<Value>(value),
           std::optional<Value>());
    }
    Same(operation, HandleType(), std::string("once each"),
         absl::StrCat("twice: ", seen.twice));
  }

  // --- Messages --------------------------------------------------------------

  template <typename U>
  void Same(const char* operation, HandleType handle, const U& expected,
            const U& got) {
    if (!(expected == got)) Fail(operation, handle, Show(expected), Show(got));
  }

  template <typename Expected, typename Got = absl::string_view>
  void Fail(const char* operation, HandleType handle, const Expected& expected,
            const Got& got = "something else") {
    if (!problem_.empty()) return;
    problem_ = operation;
    if (handle) {
      absl::StrAppend(&problem_, ", handle 0x", absl::Hex(handle.bits()),
                      " (slot ", Access().Index(handle), ", generation ",
                      Access().Generation(handle), ")");
    }
    absl::StrAppend(&problem_, ": expected ", expected, ", got ", got);
  }

  static std::string Show(const std::optional<Value>& value) {
    if (!value) return "nothing";
    char bytes[sizeof(Value)];
    std::memcpy(bytes, &*value, sizeof(Value));
    return absl::BytesToHexString(absl::string_view(bytes, sizeof(Value)));
  }
  static std::string Show(HandleType handle) {
    return absl::StrCat("0x", absl::Hex(handle.bits()));
  }
  static std::string Show(bool value) { return value ? "true" : "false"; }
  static std::string Show(const std::string& value) { return value; }
  template <typename U>
  static std::string Show(U value) {
    return absl::StrCat(value);
  }

  const TableOptions options_;
  const uint64_t cache_;  // Free slots that each thread may keep.
  Table table_;
  std::optional<Table> foreign_;
  std::vector<HandleType> foreign_handles_;

  TableContents<Value> expected_;
  std::vector<HandleType> live_;
  bool exclusive_ = false;
  std::vector<HandleType> ended_;      // Handles that were unpinned.
  std::vector<uint64_t> generations_;  // Of each slot; odd if it is live.
  uint64_t used_ = 0;                  // Slots pinned at least once.
  uint64_t retired_ = 0;
  bool one_thread_ = true;
  std::string problem_;
};

}  // namespace holdfast

#endif  // HOLDFAST_TESTS_SUPPORT_TABLE_MODEL_H_
