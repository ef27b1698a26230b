// A HandleTable with a defect of choice, in some of the calls that could show
// it. Without a defect it is the table.

#ifndef HOLDFAST_FUZZ_BROKEN_TABLE_H_
#define HOLDFAST_FUZZ_BROKEN_TABLE_H_

#include <cstdint>
#include <optional>
#include <utility>

#include "absl/status/statusor.h"
#include "holdfast/handle_table.h"
#include "tests/support/table_access.h"

namespace holdfast::fuzz {

enum class Defect {
  kNone,
  kStaleRead,         // Read returns what it returned last.
  kStaleContains,     // Contains is true of a handle that was live once.
  kForeignContains,   // Contains is true of a handle of another key.
  kStaleUnpin,        // Unpin of a stale handle returns true.
  kUnpinOfSuccessor,  // Unpin of a stale handle ends the life after.
  kUnpinFails,        // Unpin ends the life and returns false.
  kUnpinNothing,      // Unpin returns true and does nothing.
  kTakeNothing,       // Take returns the value and does nothing.
  kWriteLost,         // Write returns true and does nothing.
  kWriteStale,        // Write of a stale handle returns true.
  kExchangeNew,       // Exchange returns the new value.
  kExchangeLost,      // Exchange returns the value and leaves it.
  kPinRefused,        // Pin finds no slot where there is one.
  kPinTwice,          // Pin uses a second slot.
  kPinSkipsLife,      // Pin skips a life.
  kWraps,             // A slot whose lives are over starts again.
  kUnpinAllNothing,   // UnpinAll does nothing.
  kUnpinAllCount,     // UnpinAll returns one more.
  kVisitSkipped,      // ForEach leaves one out.
  kVisitTwice,        // ForEach shows one twice.
  kWorkSkipped,       // ParallelForEach leaves one out.
  kUpdateLost,        // ForEachExclusive does not keep what was changed.
  kDiagnoseNull,      // Diagnose says kNull.
  kIndexStale,        // IndexOf tells a stale handle's.
  kHandleAtNone,      // HandleAt finds no live handle.
  kStatsLive,         // GetStats tells one live value too many.
  kMovedFromLives,    // A table that was moved from goes on.
};

inline Defect planted = Defect::kNone;

template <typename Table>
class BrokenTable {
 public:
  using value_type = typename Table::value_type;
  using Handle = typename Table::Handle;
  using Value = value_type;
  static constexpr uint64_t kLivesPerSlot = Table::kLivesPerSlot;

  class TestAccess : public Table::TestAccess {
   public:
    explicit TestAccess(const BrokenTable& broken)
        : Table::TestAccess(broken.table_) {}
  };

  static absl::StatusOr<BrokenTable> Create(const TableOptions& options) {
    absl::StatusOr<Table> table = Table::Create(options);
    if (!table.ok()) return table.status();
    return BrokenTable(*std::move(table));
  }

  BrokenTable(BrokenTable&& other) noexcept
      : table_(std::move(other.table_)), worn_(std::exchange(other.worn_, {})) {
    if (planted == Defect::kMovedFromLives) {
      other.table_ = *Table::Create(TableOptions{64, 0});
    }
  }
  BrokenTable& operator=(BrokenTable&& other) noexcept {
    table_ = std::move(other.table_);
    worn_ = std::exchange(other.worn_, {});
    return *this;
  }

  Handle Pin(const Value& value) {
    if (Strikes(Defect::kPinRefused)) return Handle();
    if (worn_ && planted == Defect::kWraps) {
      return *std::exchange(worn_, std::nullopt);
    }
    if (Strikes(Defect::kPinTwice)) static_cast<void>(table_.Pin(value));
    if (Strikes(Defect::kPinSkipsLife)) table_.Unpin(table_.Pin(value));
    return table_.Pin(value);
  }

  std::optional<Value> Read(Handle handle) const {
    const std::optional<Value> value = table_.Read(handle);
    if (!value && Strikes(Defect::kStaleRead)) return last_;
    if (value) last_.emplace(*value);
    return value;
  }

  bool Read(Handle handle, Value* value) const {
    return table_.Read(handle, value);
  }

  bool Contains(Handle handle) const {
    return table_.Contains(handle) ||
           (WasLive(handle) && Strikes(Defect::kStaleContains)) ||
           (IsForeign(handle) && Strikes(Defect::kForeignContains));
  }

  std::optional<uint32_t> IndexOf(Handle handle) const {
    if (WasLive(handle) && Strikes(Defect::kIndexStale)) {
      return TestAccess(*this).Index(handle);
    }
    return table_.IndexOf(handle);
  }

  Handle HandleAt(uint32_t index) const {
    const Handle handle = table_.HandleAt(index);
    return handle && Strikes(Defect::kHandleAtNone) ? Handle() : handle;
  }

  bool Write(Handle handle, const Value& value) {
    if (Strikes(Defect::kWriteLost)) return table_.Contains(handle);
    return table_.Write(handle, value) || Strikes(Defect::kWriteStale);
  }

  std::optional<Value> Exchange(Handle handle, const Value& value) {
    if (Strikes(Defect::kExchangeLost)) return table_.Read(handle);
    const std::optional<Value> old = table_.Exchange(handle, value);
    if (old && Strikes(Defect::kExchangeNew)) return value;
    return old;
  }

  bool Unpin(Handle handle) {
    if (Strikes(Defect::kUnpinNothing)) return table_.Contains(handle);
    if (WasLive(handle)) {
      if (Strikes(Defect::kStaleUnpin)) return true;
      const typename Table::TestAccess access(table_);
      const uint32_t index = access.Index(handle);
      const uint64_t now = access.SlotGeneration(index);
      if (now % 2 == 1 && Strikes(Defect::kUnpinOfSuccessor)) {
        return table_.Unpin(access.HandleAt(index, now));
      }
    }
    const bool ended = table_.Unpin(handle);
    if (ended) NoteWorn(handle);
    return ended && !Strikes(Defect::kUnpinFails);
  }

  std::optional<Value> Take(Handle handle) {
    if (Strikes(Defect::kTakeNothing)) return table_.Read(handle);
    const std::optional<Value> value = table_.Take(handle);
    if (value) NoteWorn(handle);
    return value;
  }

  uint64_t UnpinAll() {
    if (Strikes(Defect::kUnpinAllNothing)) return 0;
    return table_.UnpinAll() + Strikes(Defect::kUnpinAllCount);
  }

  template <typename F>
  void ForEach(F&& fn) const {
    table_.ForEach([&](Handle handle, const Value& value) {
      if (Strikes(Defect::kVisitSkipped)) return;
      fn(handle, value);
      if (Strikes(Defect::kVisitTwice)) fn(handle, value);
    });
  }

  class ParallelForEach {
   public:
    explicit ParallelForEach(const BrokenTable& broken)
        : broken_(broken), walk_(broken.table_) {}

    template <typename F>
    void Work(F&& fn) {
      walk_.Work([&](Handle handle, const Value& value) {
        if (!broken_.Strikes(Defect::kWorkSkipped)) fn(handle, value);
      });
    }

   private:
    const BrokenTable& broken_;
    typename Table::ParallelForEach walk_;
  };

  template <typename F>
  void ForEachExclusive(F&& fn) {
    table_.ForEachExclusive([&](Handle handle, Value& value) {
      const Value before = value;
      fn(handle, value);
      if (Strikes(Defect::kUpdateLost)) value = before;
    });
  }

  Diagnosis Diagnose(Handle handle) const {
    return Strikes(Defect::kDiagnoseNull) ? Diagnosis()
                                          : table_.Diagnose(handle);
  }

  TableStats GetStats() const {
    TableStats stats = table_.GetStats();
    stats.live += Strikes(Defect::kStatsLive);
    return stats;
  }

 private:
  explicit BrokenTable(Table table) : table_(std::move(table)) {}

  // Whether the defect is this one and shows now: one time in three, so that
  // it is not the first call that shows it.
  bool Strikes(Defect defect) const {
    return planted == defect && ++calls_ % 3 == 0;
  }

  bool WasLive(Handle handle) const {
    const HandleState state = table_.Diagnose(handle).state;
    return state == HandleState::kStale || state == HandleState::kRetired;
  }

  bool IsForeign(Handle handle) const {
    return table_.Diagnose(handle).state == HandleState::kForeign;
  }

  // What a slot that wraps would give out next.
  void NoteWorn(Handle handle) {
    if (table_.Diagnose(handle).state != HandleState::kRetired) return;
    const typename Table::TestAccess access(table_);
    worn_ = access.HandleAt(access.Index(handle), 1);
  }

  Table table_;
  std::optional<Handle> worn_;
  mutable std::optional<Value> last_;
  mutable uint32_t calls_ = 0;
};

}  // namespace holdfast::fuzz

#endif  // HOLDFAST_FUZZ_BROKEN_TABLE_H_
