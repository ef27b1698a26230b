// -----------------------------------------------------------------------------
// File: handle_table_verbs.h
// -----------------------------------------------------------------------------
//
// `holdfast::HandleTable<T>` without Create and Describe, which need Abseil's
// headers and std::string: for files that are given a table and use it.
// holdfast/handle_table.h says what a table is, and has all of it. (Compiled by
// g++ 12, that header takes 0.7 s, and this one 0.2 s.)

#ifndef HOLDFAST_HANDLE_TABLE_VERBS_H_
#define HOLDFAST_HANDLE_TABLE_VERBS_H_

#include "holdfast/internal/cpp17.h"
// Below C++17 that is as far as a compiler comes.

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

#include "absl/base/attributes.h"
#include "absl/base/optimization.h"
#include "holdfast/diagnosis.h"
#include "holdfast/handle.h"
#include "holdfast/internal/cell_slots.h"
#include "holdfast/internal/creation_error.h"
#include "holdfast/internal/inline_slots.h"
#include "holdfast/internal/slot_pool.h"
#include "holdfast/internal/spare_cells.h"
#include "holdfast/internal/value_requirements.h"
#include "holdfast/internal/words.h"
#include "holdfast/options.h"
#include "holdfast/traits.h"

namespace holdfast {

// What a function that a walk calls may return: whether there is to be a next.
enum class Step { kNext, kStop };

template <typename T, typename Traits = DefaultTraits>
class HandleTable {
  static_assert(internal::ValueRequirements<T>::kMet);

  using Word = internal::Words<Traits::kGenerationBits>;
  using Memory = typename Traits::Memory;

 public:
  using value_type = T;
  using Handle = holdfast::Handle<T, typename Traits::HandleTag>;
  using Options = TableOptions;
  using Stats = TableStats;

  // True if values lie in the slot's word itself: then a slot has 8 bytes, and
  // Read and Contains are wait-free. Else a slot has 8 bytes and the value's
  // size rounded up to 8, and 8 more if two threads wrote it at a time.
  static constexpr bool kInlineValues = sizeof(T) * 8 <= Word::kUpperBits;

  // Handles of this table are less than 2^kHandleBits.
  static constexpr int kHandleBits = Traits::kHandleBits;
  static_assert(kHandleBits > Traits::kGenerationBits && kHandleBits <= 63,
                "HandleTable: Traits::kHandleBits must be at most 63, and more "
                "than Traits::kGenerationBits");

  // The upper end of Options::max_slots.
  static constexpr uint64_t kMaxSlots = std::min(
      Word::kMaxSlots, uint64_t{1} << (kHandleBits - Traits::kGenerationBits));

  // Lives that a slot serves before it is retired.
  static constexpr uint64_t kLivesPerSlot = Word::kRetired / 2;

  // --- Creation --------------------------------------------------------------

  // An empty table, as an absl::StatusOr<HandleTable>. InvalidArgument names an
  // option that is out of range; ResourceExhausted, the memory that the system
  // refused, and which limit did. Defined in holdfast/handle_table.h.
  static auto Create(const Options& options = {});

  // As Create, without Abseil. After an error the table is as if moved from.
  // Handles are less than 2^handle_bits, which is more than kGenerationBits and
  // at most kHandleBits; with fewer bits, max_slots is limited as kMaxSlots is.
  static HandleTable Make(const Options& options,
                          internal::CreationError* error,
                          int handle_bits = kHandleBits);

  // A table that was moved from refuses every handle and every Pin. Nobody may
  // use either table meanwhile. Handles go on with the table moved to.
  HandleTable(HandleTable&& other) noexcept { Swap(other); }
  HandleTable& operator=(HandleTable&& other) noexcept {
    HandleTable moved(std::move(other));
    Swap(moved);
    return *this;
  }

  // Forgets all values. No other thread may be inside a call.
  ~HandleTable() = default;

  // --- Verbs -----------------------------------------------------------------

  // Keeps `value` and returns a handle for it, unlike every handle that this
  // table has returned before; or the null handle if no slot is left, or if the
  // system refuses the memory for more. Wait-free while the thread's cache has
  // a free slot, else lock-free: a retry means that another thread took or gave
  // a batch of slots.
  [[nodiscard]] ABSL_ATTRIBUTE_ALWAYS_INLINE Handle
  Pin(const T& value) noexcept {
    uint64_t free = 0;  // Set on each path, which g++ -Og does not see.
    if (ABSL_PREDICT_FALSE(!pool_.AcquireFast(&free))) {
      free = pool_.AcquireSlow();
      if (free == Word::kNoSlot) return Handle();
    }
    return HandleOf(slots_.Publish(free, value));
  }

  // The value, or nothing if `handle` is not live. Writes nothing. Lock-free: a
  // retry means that another thread's write to this value was under way.
  [[nodiscard]] ABSL_ATTRIBUTE_ALWAYS_INLINE std::optional<T> Read(
      Handle handle) const noexcept {
    if constexpr (sizeof(std::optional<T>) <= 16) {
      const uint64_t place = PlaceOf(handle);
      if (ABSL_PREDICT_FALSE(!InRange(place))) return std::nullopt;
      return slots_.Read(Index(place), Word::Generation(place));
    } else {
      union Uninitialized {
        Uninitialized() {}
        T value;
      } found;
      if (!ReadInto(handle, std::addressof(found.value))) return std::nullopt;
      return found.value;
    }
  }

  // As Read, into `*value`; false, and `*value` stays as it is, if `handle` is
  // not live. Can be faster for large values, which a compiler may copy several
  // times on their way through an optional. Requires `value` not to be null.
  [[nodiscard]] ABSL_ATTRIBUTE_ALWAYS_INLINE bool Read(
      Handle handle, T* value) const noexcept {
    static_assert(std::is_copy_assignable_v<T>,
                  "HandleTable::Read into a variable: T must be assignable; "
                  "use the other Read");
    return ReadInto(handle, value);
  }

  // Whether `handle` is live. Wait-free. It orders as Read does.
  [[nodiscard]] bool Contains(Handle handle) const noexcept {
    const uint64_t place = PlaceOf(handle);
    return IsPlace(place) &&
           slots_.ObservedGeneration(Index(place)) == Word::Generation(place);
  }

  // Replaces the value; false, and nothing is changed, if `handle` is not live.
  // It stays the same handle, as do its copies. Lock-free: a retry means that
  // another thread's write to this value was under way. (Past
  // Traits::kMaxThreads threads at once, kMaxSharedSpares of the others can
  // write at a time; more wait. Cells and slots share one range of numbers:
  // within kMaxThreads + kMaxSharedSpares of kMaxSlots, more threads share
  // fewer cells, and at kMaxSlots all of them share one.)
  bool Write(Handle handle, const T& value) noexcept {
    const uint64_t place = PlaceOf(handle);
    if (ABSL_PREDICT_FALSE(!IsPlace(place))) return false;
    return WithSpare([this, place, &value](uint32_t* spare) noexcept {
      return slots_.Write(Index(place), Word::Generation(place), value, spare);
    });
  }

  // As Write, and returns the very value that `value` has replaced.
  std::optional<T> Exchange(Handle handle, const T& value) noexcept {
    const uint64_t place = PlaceOf(handle);
    if (ABSL_PREDICT_FALSE(!IsPlace(place))) return std::nullopt;
    return WithSpare([this, place, &value](uint32_t* spare) noexcept {
      return slots_.Exchange(Index(place), Word::Generation(place), value,
                             spare);
    });
  }

  // Ends the life of `handle` and of its copies; false, and nothing is changed,
  // if it is not live. Of racing calls exactly one returns true. Lock-free: a
  // retry means that another thread's write to this value was under way, or
  // that it took or gave a batch of slots.
  ABSL_ATTRIBUTE_ALWAYS_INLINE bool Unpin(Handle handle) noexcept {
    const uint64_t place = PlaceOf(handle);
    if (ABSL_PREDICT_FALSE(!IsPlace(place))) return false;
    return End(place);
  }

  // As Unpin, and returns the very value that the handle had at its end.
  ABSL_ATTRIBUTE_ALWAYS_INLINE std::optional<T> Take(Handle handle) noexcept {
    const uint64_t place = PlaceOf(handle);
    if (ABSL_PREDICT_FALSE(!IsPlace(place))) return std::nullopt;
    uint64_t ended;
    if (!slots_.Vacate(Index(place), Word::Generation(place), &ended)) {
      return std::nullopt;
    }
    const T value = slots_.Value(Index(place), ended);
    Recycle(place, ended);
    return value;
  }

  // Unpins everything: a handle whose Pin happened before the call is stale
  // after it; one that is pinned meanwhile may or may not be. Capacity stays,
  // retired slots stay retired. Returns how many this call has unpinned.
  // Lock-free for each slot, linear in the high-water mark.
  uint64_t UnpinAll() noexcept;

  // --- Iteration -------------------------------------------------------------

  // Calls fn(Handle, const T&) for the values of the table, in no set order.
  // Each value that is pinned throughout the call is visited exactly once; one
  // that is pinned or unpinned meanwhile, at most once. What is visited is a
  // copy of a value that the handle had during the call. `fn` may use the
  // table, and unpin what it is shown; an exception that it throws ends the
  // walk and is passed on. If `fn` returns a Step, kStop ends the walk, and
  // ForEach returns false; else it returns true. Lock-free for each slot, as
  // Read.
  //
  // Linear in the high-water mark, which never falls: where 1,000 values are
  // left of 8 million, it takes 8 ms (AMD Zen 4), and 122 MiB of memory stay.
  template <typename F>
  bool ForEach(F&& fn) const {
    return slots_.Visit(
        0, pool_.high_water(),
        [&](uint64_t index, uint64_t generation, const T& value) {
          return Show(fn, HandleOf(Word::Pack(index, generation)), value);
        });
  }

  // ForEach by several threads together: construct one, share it, and have each
  // thread call Work. All of them together visit what one ForEach would, whose
  // call spans from the construction to the last return. The table must not be
  // moved meanwhile. If `fn` throws or stops, others visit what is left over:
  // see Work.
  class ParallelForEach;

  // Calls fn(Handle, T&) for every live value and keeps what `fn` leaves in it:
  // for a moving collector that has stopped the world. `fn` must not use the
  // table; if it throws, the value that it was changing stays as it was, those
  // before keep their changes, the rest is not visited. If it returns
  // Step::kStop, what it left in the value is kept, the rest is not visited,
  // and ForEachExclusive returns false. Requires that no other
  // thread is inside a call, that their last calls happen before this one, and
  // this one before their next.
  template <typename F>
  bool ForEachExclusive(F&& fn);

  // --- Observers -------------------------------------------------------------

  // Why `handle` is refused, or kLive; true at some time during the call. For
  // messages: slower than Contains, and it cannot see everything: a foreign
  // handle can look like one that is stale or was never issued.
  [[nodiscard]] Diagnosis Diagnose(Handle handle) const noexcept;

  // What Diagnose finds, as a std::string for messages: "Handle(0x...) is
  // stale: slot 17 has ended 3 lives since it was issued". Defined in
  // holdfast/handle_table.h.
  [[nodiscard]] auto Describe(Handle handle) const;

  // As Describe, without std::string.
  [[nodiscard]] internal::ShortText ToText(Handle handle) const noexcept {
    return internal::ToText(handle.bits(), Diagnose(handle),
                            Word::Upper(PlaceOf(handle)));
  }

  // The index of the slot of a live handle, or nothing. Two live handles never
  // have the same; a handle's is the same for all its life, and goes on to
  // another handle after that. Indexes are dense: slots are taken up from 0 on,
  // and those that were freed are used before new ones (but for what threads
  // keep in their caches). So arrays, bit sets and secondary maps beside the
  // table can be indexed by it: it is below IndexLimit(), which is at most
  // max_slots with one thread, and more by what others may keep: see
  // Options::thread_cache_slots. Wait-free. It orders as Contains does.
  [[nodiscard]] std::optional<uint32_t> IndexOf(Handle handle) const noexcept {
    if (!Contains(handle)) return std::nullopt;
    return Index(PlaceOf(handle));
  }

  // The live handle whose slot has that index, or the null handle. Wait-free.
  // It orders as Contains does.
  [[nodiscard]] Handle HandleAt(uint32_t index) const noexcept {
    if (index >= pool_.high_water()) return Handle();
    const uint64_t generation = slots_.ObservedGeneration(index);
    return Word::IsLive(generation) ? HandleOf(Word::Pack(index, generation))
                                    : Handle();
  }

  // More than the index of any handle that was issued so far: it grows by whole
  // batches, and never falls.
  [[nodiscard]] uint64_t IndexLimit() const noexcept {
    return pool_.high_water();
  }

  // Walks the whole table, and asks the system about all of its pages: linear
  // in the high-water mark and, with a small factor, in Options::max_slots.
  [[nodiscard]] Stats GetStats() const noexcept;

  // Tests define it, to look at and to age slots.
  class TestAccess;

 private:
  using Slots =
      std::conditional_t<kInlineValues, internal::InlineSlots<T, Traits>,
                         internal::CellSlots<T, Traits>>;
  using Pool = internal::SlotPool<Slots, Traits>;
  using Spares = internal::SpareCells<Slots, Traits>;
  using Shard = internal::Shard<Traits>;
  using Part = internal::GrowingPart<Traits>;

  struct Layout;

  HandleTable() = default;

  // Of Make: the memory, and what lies in it.
  internal::CreationError Reserve(const Layout& layout);
  internal::CreationError Build(const Layout& layout, const Options& options,
                                uint64_t key_mask);

  static constexpr uint64_t MaxSlots(int handle_bits) {
    return std::min(Word::kMaxSlots,
                    uint64_t{1} << (handle_bits - Traits::kGenerationBits));
  }

  // What a key may have set: not bit 0, so that handles are odd.
  static constexpr uint64_t KeyMask(int handle_bits) {
    return ((uint64_t{1} << handle_bits) - 1) & ~uint64_t{1};
  }

  // A place is {slot index, generation}: a handle without the table's key.
  uint64_t PlaceOf(Handle handle) const noexcept {
    return handle.bits() ^ key_;
  }

  Handle HandleOf(uint64_t place) const noexcept {
    return Handle::FromBits(place ^ key_);
  }

  // Whether there is a slot to look at.
  bool InRange(uint64_t place) const noexcept {
    return Word::Upper(place) <
           (Memory::kReadsAsZeros ? all_slots_ : pool_.high_water());
  }

  // Whether it has the form of a place of this table: in range, and odd.
  bool IsPlace(uint64_t place) const noexcept {
    return InRange(place) && Word::IsLive(place);
  }

  // The slot of what is InRange.
  static uint32_t Index(uint64_t place) noexcept {
    return static_cast<uint32_t>(Word::Upper(place));
  }

  ABSL_ATTRIBUTE_ALWAYS_INLINE bool ReadInto(Handle handle,
                                             T* value) const noexcept {
    const uint64_t place = PlaceOf(handle);
    if (ABSL_PREDICT_FALSE(!InRange(place))) return false;
    return slots_.Read(Index(place), Word::Generation(place), value);
  }

  template <typename F>
  ABSL_ATTRIBUTE_ALWAYS_INLINE auto WithSpare(F use) noexcept {
    if constexpr (Slots::kHasCells) {
      return spares_.With(use, [this](uint32_t* cell) noexcept {
        return pool_.TakeCell(cell);
      });
    } else {
      return use(nullptr);
    }
  }

  ABSL_ATTRIBUTE_ALWAYS_INLINE bool End(uint64_t place) noexcept {
    uint64_t ended;
    if (!slots_.Vacate(Index(place), Word::Generation(place), &ended)) {
      return false;
    }
    Recycle(place, ended);
    return true;
  }

  // Gives the slot of an ended life back, unless that was its last.
  ABSL_ATTRIBUTE_ALWAYS_INLINE void Recycle(uint64_t place,
                                            uint64_t ended) noexcept {
    if (ABSL_PREDICT_TRUE(Word::Generation(place) != Word::kLastLive)) {
      pool_.Release(Slots::Vacated(place, ended));
    }
  }

  // Calls `fn`. Returns whether the walk goes on.
  template <typename F, typename Value>
  ABSL_ATTRIBUTE_ALWAYS_INLINE static bool Show(F& fn, Handle handle,
                                                Value& value) {
    if constexpr (std::is_same_v<std::decay_t<decltype(fn(handle, value))>,
                                 Step>) {
      return fn(handle, value) == Step::kNext;
    } else {
      fn(handle, value);
      return true;
    }
  }

  void Swap(HandleTable& other) noexcept {
    std::swap(key_, other.key_);
    std::swap(all_slots_, other.all_slots_);
    std::swap(slots_, other.slots_);
    std::swap(pool_, other.pool_);
    std::swap(spares_, other.spares_);
    std::swap(memory_, other.memory_);
  }

  // All of these are written by Create and by moves alone; what changes lies in
  // memory_.
  uint64_t key_ = 0;        // XORed into every handle. Within KeyMask.
  uint64_t all_slots_ = 0;  // 0 once moved from: no handle is in range.
  Slots slots_;
  Pool pool_;
  Spares spares_;
  Memory memory_;
};

}  // namespace holdfast

#include "holdfast/internal/handle_table_impl.h"

#endif  // HOLDFAST_HANDLE_TABLE_VERBS_H_
