// A HandleTable with a defect of choice, once in a while: to show that the soak
// finds it. Without a defect it is the table, as far as the soak can tell.

#ifndef HOLDFAST_STRESS_BROKEN_TABLE_H_
#define HOLDFAST_STRESS_BROKEN_TABLE_H_

#include <atomic>
#include <cstdint>
#include <optional>
#include <thread>
#include <utility>

#include "absl/status/statusor.h"
#include "holdfast/handle_table.h"
#include "world.h"

namespace holdfast::stress {

enum class Defect {
  kNone,
  kTornRead,         // Read flips a bit.
  kForeignRead,      // Read returns what this thread read before.
  kOldRead,          // Read returns the value that the handle was pinned with.
  kTornAnchor,       // As kTornRead, of another thread's values alone.
  kOldAnchor,        // As kOldRead, of another thread's values alone.
  kCachedRead,       // Read returns what this thread last read from the handle.
  kStaleRead,        // Read returns a value for a handle that is not live.
  kStaleContains,    // So with Contains.
  kStaleWrite,       // So with Write.
  kForeignContains,  // Contains is true of a handle of another table.
  kLostWrite,        // Write returns true and does nothing.
  kLateWrite,        // Write takes effect at this thread's next Write.
  kRefusedWrite,     // Write returns false for a live handle.
  kExchangeNew,      // Exchange returns what was put in.
  kExchangeLost,     // Exchange forgets to put the value in.
  kSplitExchange,    // Exchange reads, and writes a moment later.
  kContendedNew,     // As kExchangeNew, of contended values alone.
  kTwoWinners,       // Unpin of a stale handle succeeds.
  kNoWinner,         // Unpin ends the life and returns false.
  kLateUnpin,        // Unpin returns true and does nothing.
  kTwoTakers,        // Take of a contended value succeeds and ends no life.
  kNoTaker,          // Take of a contended value ends the life, yet fails.
  kSplitTake,        // Take reads, and unpins a moment later.
  kIssuedTwice,      // Pin returns a handle of before.
  kEvenHandle,       // Pin returns a malformed handle.
  kRefusedPin,       // Pin finds no slot where there are many.
  kLostLife,         // Pin skips a life of a slot.
  kLostPin,          // Pin uses a second slot.
  kLostSlot,         // Pin loses a slot for good, which nothing shows.
  kDoubleVisit,      // ForEach shows a value twice.
  kSkippedVisit,     // ForEach leaves one out.
  kTornVisit,        // ForEach flips a bit.
  kDoubleWork,       // As kDoubleVisit, in ParallelForEach.
  kSkippedWork,      // As kSkippedVisit, in ParallelForEach.
  kLostUpdate,       // ForEachExclusive does not keep what was changed.
  kClearMiscounts,   // UnpinAll returns one more than it has unpinned.
  kClearNothing,     // UnpinAll does nothing.
  kClearSkips,       // UnpinAll leaves one out.
  kStatsMiscount,    // GetStats tells one live value too many.
  kWrongDiagnosis,   // Diagnose tells kNull.
};

// Wraps `Table`. The defect is that of all tables made from then on.
template <typename Table>
class BrokenTable {
 public:
  using value_type = typename Table::value_type;
  using Handle = typename Table::Handle;
  using Options = typename Table::Options;
  using Value = value_type;

  // Of workers, and so the number of the coordinator.
  static constexpr uint32_t kCoordinator = 3;

  static inline Defect next_defect = Defect::kNone;

  static absl::StatusOr<BrokenTable> Create(const Options& options) {
    absl::StatusOr<Table> table = Table::Create(options);
    if (!table.ok()) return table.status();
    return BrokenTable(*std::move(table), next_defect);
  }

  BrokenTable(BrokenTable&& other) noexcept
      : table_(std::move(other.table_)),
        defect_(other.defect_),
        maker_(other.maker_) {}

  Handle Pin(const Value& value) {
    // Not the coordinator's: its first Pin is what the issue oracle starts
    // from.
    const bool worker = !IsMaker();
    if (worker && Strikes(Defect::kRefusedPin)) return Handle();
    if (worker && Strikes(Defect::kLostLife)) {
      table_.Unpin(table_.Pin(value));
    }
    const Handle handle = table_.Pin(value);
    if (!handle) return handle;
    thread_local Handle last;
    if (worker && Strikes(Defect::kIssuedTwice) && last) return last;
    if (worker && Strikes(Defect::kEvenHandle)) {
      return Handle::FromBits(handle.bits() ^ 1);
    }
    if (Strikes(Defect::kLostPin)) static_cast<void>(table_.Pin(value));
    if (Strikes(Defect::kLostSlot) && table_.Pin(Lost())) {
      lost_.fetch_add(1, std::memory_order_relaxed);
    }
    return last = handle;
  }

  std::optional<Value> Read(Handle handle) const {
    thread_local Value last = {};
    thread_local Handle last_handle;
    if (last_handle == handle && Strikes(Defect::kCachedRead)) return last;
    std::optional<Value> value = table_.Read(handle);
    if (!value) return Strikes(Defect::kStaleRead) ? last : value;
    const auto claim = value->Decode();
    const bool anchor = claim->owner == kCoordinator && !IsMaker();
    if (Strikes(Defect::kTornRead) ||
        (anchor && Strikes(Defect::kTornAnchor))) {
      Flip(&*value);
    }
    if (Strikes(Defect::kForeignRead)) return last;
    if (Strikes(Defect::kOldRead) || (anchor && Strikes(Defect::kOldAnchor))) {
      return Value::Encode({claim->owner, claim->entry, claim->life, 0});
    }
    last = *value;
    last_handle = handle;
    return value;
  }

  bool Contains(Handle handle) const {
    if (table_.Contains(handle)) return true;
    if (table_.Diagnose(handle).state == HandleState::kForeign) {
      return Strikes(Defect::kForeignContains);
    }
    return Strikes(Defect::kStaleContains);
  }

  bool Write(Handle handle, const Value& value) {
    if (Strikes(Defect::kLostWrite)) return table_.Contains(handle);
    if (Strikes(Defect::kRefusedWrite)) return false;
    thread_local Handle late_handle;
    thread_local Value late = {};
    if (late_handle) table_.Write(std::exchange(late_handle, Handle()), late);
    if (Strikes(Defect::kLateWrite)) {
      late_handle = handle;
      late = value;
      return table_.Contains(handle);
    }
    return table_.Write(handle, value) || Strikes(Defect::kStaleWrite);
  }

  std::optional<Value> Exchange(Handle handle, const Value& value) {
    if (Strikes(Defect::kExchangeLost)) return table_.Read(handle);
    if (Strikes(Defect::kSplitExchange, 8)) {
      const std::optional<Value> read = table_.Read(handle);
      std::this_thread::yield();
      return table_.Write(handle, value) ? read : std::nullopt;
    }
    const std::optional<Value> old = table_.Exchange(handle, value);
    if (!old) return old;
    if (IsContended(*old) && Strikes(Defect::kContendedNew)) return value;
    return Strikes(Defect::kExchangeNew) ? value : old;
  }

  bool Unpin(Handle handle) {
    if (Strikes(Defect::kLateUnpin)) return table_.Contains(handle);
    if (table_.Unpin(handle)) return !Strikes(Defect::kNoWinner);
    return Strikes(Defect::kTwoWinners);
  }

  std::optional<Value> Take(Handle handle) {
    const std::optional<Value> value = table_.Read(handle);
    const bool contended = value && IsContended(*value);
    if (contended && Strikes(Defect::kTwoTakers)) return value;
    if (Strikes(Defect::kSplitTake, 8)) {
      std::this_thread::yield();
      return table_.Unpin(handle) ? value : std::nullopt;
    }
    const std::optional<Value> taken = table_.Take(handle);
    if (contended && taken && Strikes(Defect::kNoTaker)) return std::nullopt;
    return taken;
  }

  uint64_t UnpinAll() {
    if (Strikes(Defect::kClearNothing, 1)) return 0;
    if (Strikes(Defect::kClearSkips, 1)) return UnpinAllButOne();
    const uint64_t lost = lost_.exchange(0, std::memory_order_relaxed);
    return table_.UnpinAll() + Strikes(Defect::kClearMiscounts, 1) - lost;
  }

  template <typename F>
  void ForEach(F&& fn) const {
    table_.ForEach([&](Handle handle, const Value& value) {
      if (value == Lost() || Strikes(Defect::kSkippedVisit)) return;
      Value shown = value;
      if (Strikes(Defect::kTornVisit)) Flip(&shown);
      fn(handle, shown);
      if (Strikes(Defect::kDoubleVisit)) fn(handle, value);
    });
  }

  class ParallelForEach {
   public:
    explicit ParallelForEach(const BrokenTable& table)
        : table_(table), walk_(table.table_) {}

    template <typename F>
    void Work(F&& fn) {
      walk_.Work([&](Handle handle, const Value& value) {
        if (value == Lost() || table_.Strikes(Defect::kSkippedWork)) return;
        fn(handle, value);
        if (table_.Strikes(Defect::kDoubleWork)) fn(handle, value);
      });
    }

   private:
    const BrokenTable& table_;
    typename Table::ParallelForEach walk_;
  };

  template <typename F>
  void ForEachExclusive(F&& fn) {
    table_.ForEachExclusive([&](Handle handle, Value& value) {
      if (value == Lost()) return;
      const Value before = value;
      fn(handle, value);
      if (Strikes(Defect::kLostUpdate)) value = before;
    });
  }

  Diagnosis Diagnose(Handle handle) const {
    if (Strikes(Defect::kWrongDiagnosis)) return {};
    return table_.Diagnose(handle);
  }

  TableStats GetStats() const {
    TableStats stats = table_.GetStats();
    if (Strikes(Defect::kStatsMiscount, 4)) ++stats.live;
    const uint64_t lost = lost_.load(std::memory_order_relaxed);
    stats.live -= lost;
    stats.free += lost;
    return stats;
  }

 private:
  BrokenTable(Table table, Defect defect)
      : table_(std::move(table)), defect_(defect) {}

  uint64_t UnpinAllButOne() {
    bool skip = true;
    uint64_t unpinned = 0;
    table_.ForEach([&](Handle handle, const Value& /*value*/) {
      if (!std::exchange(skip, false)) unpinned += table_.Unpin(handle);
    });
    return unpinned;
  }

  // Whether the defect is this one and shows now: one time in `period`.
  bool Strikes(Defect defect, uint32_t period = 64) const {
    thread_local uint32_t calls = 0;
    return defect == defect_ && ++calls % period == 0;
  }

  // Where a slot that is lost is kept.
  static Value Lost() { return Value::Encode({127, 127, 0, 0}); }

  static bool IsContended(const Value& value) {
    const auto claim = value.Decode();
    return claim && claim->entry >= kPrivate && claim->owner < kCoordinator;
  }

  // The coordinator makes the tables.
  bool IsMaker() const { return std::this_thread::get_id() == maker_; }

  static void Flip(Value* value) { value->words[0] ^= 0x10000; }

  Table table_;
  const Defect defect_;
  const std::thread::id maker_ = std::this_thread::get_id();
  std::atomic<uint64_t> lost_{0};
};

}  // namespace holdfast::stress

#endif  // HOLDFAST_STRESS_BROKEN_TABLE_H_
