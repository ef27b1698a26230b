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
#include "holdfast/internal/generation.h"
#include "holdfast/internal/inline_slots.h"
#include "holdfast/internal/place.h"
#include "holdfast/internal/shared_walk.h"
#include "holdfast/internal/slot_kind.h"
#include "holdfast/internal/slot_observers.h"
#include "holdfast/internal/table_key.h"
#include "holdfast/internal/table_parts.h"
#include "holdfast/internal/value_requirements.h"
#include "holdfast/options.h"
#include "holdfast/traits.h"

namespace holdfast {

// What a function that a walk calls may return: whether there is to be a next.
enum class Step { kNext, kStop };

template <typename T, typename Traits = DefaultTraits>
class HandleTable {
  static_assert(internal::ValueRequirements<T>::kMet);

  using Memory = typename Traits::Memory;
  using Generations = internal::GenerationLimits<Traits::kGenerationBits>;
  using Indexes = internal::IndexLimits<Traits::kGenerationBits>;

 public:
  using value_type = T;
  using Handle = holdfast::Handle<T, typename Traits::HandleTag>;
  using Options = TableOptions;
  using Stats = TableStats;

  // True if values lie in the slot's word itself: then a slot has 8 bytes, and
  // Read and Contains are wait-free. Else a slot has 8 bytes and the value's
  // size rounded up to 8, and 8 more if two threads wrote it at a time.
  static constexpr bool kInlineValues = sizeof(T) * 8 <= Indexes::kUpperBits;

  // Handles of this table are less than 2^kHandleBits.
  static constexpr int kHandleBits = Traits::kHandleBits;
  static_assert(kHandleBits > Traits::kGenerationBits && kHandleBits <= 63,
                "HandleTable: Traits::kHandleBits must be at most 63, and more "
                "than Traits::kGenerationBits");

  // The upper end of Options::max_slots.
  static constexpr uint64_t kMaxSlots =
      std::min(Indexes::kMaxSlots,
               uint64_t{1} << (kHandleBits - Traits::kGenerationBits));

  // Lives that a slot serves before it is retired.
  static constexpr uint64_t kLivesPerSlot = Generations::kLives;

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
                          int handle_bits = kHandleBits) {
    const uint64_t limit = MaxSlots(handle_bits);
    const uint64_t key_mask = KeyMask(handle_bits);
    HandleTable table;
    Options fitted = options;
    *error = internal::FitOptions(limit, Traits::kMaxThreadCacheSlots, key_mask,
                                  &fitted);
    if (!error->ok()) return table;
    Parts parts;
    *error = parts.Make(fitted, limit);
    if (!error->ok()) return table;
    table.key_ = fitted.key.has_value() ? *fitted.key
                                        : internal::NewTableKey() & key_mask;
    table.all_slots_ = parts.all_slots;
    table.slots_ = parts.slots;
    table.pool_ = parts.pool;
    table.memory_ = std::move(parts.memory);
    return table;
  }

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
    Free free;
    if (ABSL_PREDICT_FALSE(!pool_.AcquireFast(&free))) {
      free = pool_.AcquireSlow();
      if (free.IsNone()) return Handle();
    }
    return HandleOf(slots_.Publish(free, value));
  }

  // The value, or nothing if `handle` is not live. Writes nothing. Lock-free: a
  // retry means that another thread's write to this value was under way.
  [[nodiscard]] ABSL_ATTRIBUTE_ALWAYS_INLINE std::optional<T> Read(
      Handle handle) const noexcept {
    if constexpr (sizeof(std::optional<T>) <= 16) {
      const Life life = LifeOf(handle);
      if (ABSL_PREDICT_FALSE(!InRange(life))) return std::nullopt;
      return slots_.Read(life);
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
    const Life life = LifeOf(handle);
    return IsLife(life) &&
           slots_.ObservedGeneration(life.index()) == life.generation();
  }

  // Replaces the value; false, and nothing is changed, if `handle` is not live.
  // It stays the same handle, as do its copies. Lock-free: a retry means that
  // another thread's write to this value was under way. (Past
  // Traits::kMaxThreads threads at once, kMaxSharedSpares of the others can
  // write at a time; more wait. Cells and slots share one range of numbers:
  // within kMaxThreads + kMaxSharedSpares of kMaxSlots, more threads share
  // fewer cells, and at kMaxSlots all of them share one.)
  ABSL_ATTRIBUTE_ALWAYS_INLINE bool Write(Handle handle,
                                          const T& value) noexcept {
    const Life life = LifeOf(handle);
    if (ABSL_PREDICT_FALSE(!IsLife(life))) return false;
    return slots_.Write(life, value);
  }

  // As Write, and returns the very value that `value` has replaced.
  ABSL_ATTRIBUTE_ALWAYS_INLINE std::optional<T> Exchange(
      Handle handle, const T& value) noexcept {
    const Life life = LifeOf(handle);
    if (ABSL_PREDICT_FALSE(!IsLife(life))) return std::nullopt;
    return slots_.Exchange(life, value);
  }

  // Ends the life of `handle` and of its copies; false, and nothing is changed,
  // if it is not live. Of racing calls exactly one returns true. Lock-free: a
  // retry means that another thread's write to this value was under way, or
  // that it took or gave a batch of slots.
  ABSL_ATTRIBUTE_ALWAYS_INLINE bool Unpin(Handle handle) noexcept {
    const Life life = LifeOf(handle);
    if (ABSL_PREDICT_FALSE(!IsLife(life))) return false;
    return End(life);
  }

  // As Unpin, and returns the very value that the handle had at its end.
  ABSL_ATTRIBUTE_ALWAYS_INLINE std::optional<T> Take(Handle handle) noexcept {
    const Life life = LifeOf(handle);
    if (ABSL_PREDICT_FALSE(!IsLife(life))) return std::nullopt;
    typename Slots::Word ended;
    if (!slots_.Vacate(life, &ended)) return std::nullopt;
    const T value = slots_.Value(life, ended);
    Recycle(life, ended);
    return value;
  }

  // Unpins everything: a handle whose Pin happened before the call is stale
  // after it; one that is pinned meanwhile may or may not be. Capacity stays,
  // retired slots stay retired. Returns how many this call has unpinned.
  // Lock-free for each slot, linear in the high-water mark.
  uint64_t UnpinAll() noexcept {
    uint64_t unpinned = 0;
    const uint64_t high_water = pool_.high_water();
    for (uint64_t i = 0; i < high_water; ++i) {
      const Life life(i, slots_.ObservedGeneration(i));
      // A life that ends between the two ends as if before this call.
      if (life.IsLive() && End(life)) ++unpinned;
    }
    return unpinned;
  }

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
    return slots_.Visit(0, pool_.high_water(), [&](Life life, const T& value) {
      return Show(fn, HandleOf(life), value);
    });
  }

  // ForEach by several threads together: construct one, share it, and have each
  // thread call Work. All of them together visit what one ForEach would, whose
  // call spans from the construction to the last return. The table must not be
  // moved meanwhile. If `fn` throws or stops, others visit what is left over:
  // see Work.
  class ParallelForEach {
   public:
    explicit ParallelForEach(const HandleTable& table)
        : table_(table), walk_(table.pool_.high_water()) {}

    // Visits slots until no thread has any left to begin with. `fn` is called
    // by this thread alone. Allocates nothing. Wait-free but for the Read of
    // each value.
    //
    // If `fn` returns Step::kStop, Work returns false. An exception that leaves
    // `fn` leaves Work, as does the unwinding of a thread that exits in `fn`
    // (where the caller is compiled with exceptions). The value that `fn` was
    // shown counts as visited. What this call has left over is visited by calls
    // that are still running, or by the next one; so whoever is to have
    // everything visited calls Work again, or lets another thread do so. A
    // thread that stops for good inside Work, or leaves it by longjmp, keeps
    // what it had taken: at most 1,024 slots are then visited by nobody.
    template <typename F>
    bool Work(F&& fn) {
      typename Walk::Worker worker(walk_);
      do {
        const bool goes_on = table_.slots_.Visit(
            worker.begin, worker.end, [&](Life life, const T& value) {
              worker.begin = life.index() + 1;  // Whatever becomes of the call.
              return Show(fn, table_.HandleOf(life), value);
            });
        if (!goes_on) return false;
      } while (worker.Next());
      return true;
    }

   private:
    using Walk = internal::SharedWalk<typename Traits::Atomics>;

    const HandleTable& table_;
    Walk walk_;
  };

  // Calls fn(Handle, T&) for every live value and keeps what `fn` leaves in it:
  // for a moving collector that has stopped the world. `fn` must not use the
  // table; if it throws, the value that it was changing stays as it was, those
  // before keep their changes, the rest is not visited. If it returns
  // Step::kStop, what it left in the value is kept, the rest is not visited,
  // and ForEachExclusive returns false. Requires that no other
  // thread is inside a call, that their last calls happen before this one, and
  // this one before their next.
  template <typename F>
  bool ForEachExclusive(F&& fn) {
    const uint64_t high_water = pool_.high_water();
    for (uint64_t index = 0; index < high_water; ++index) {
      if (!slots_.array().LoadWord(index).IsLive()) continue;
      bool goes_on = true;
      slots_.UpdateExclusive(index, [&](Life life, T& value) {
        goes_on = Show(fn, HandleOf(life), value);
      });
      if (!goes_on) return false;
    }
    return true;
  }

  // --- Observers -------------------------------------------------------------

  // Why `handle` is refused, or kLive; true at some time during the call. For
  // messages: slower than Contains, and it cannot see everything: a foreign
  // handle can look like one that is stale or was never issued.
  [[nodiscard]] Diagnosis Diagnose(Handle handle) const noexcept {
    const Life life = LifeOf(handle);
    if (!handle) return {HandleState::kNull, 0};
    if (life.index() >= std::max(pool_.max_slots(), pool_.high_water())) {
      return {HandleState::kForeign, 0};
    }
    return internal::Compare<Generations>(
        life.generation(), InRange(life)
                               ? slots_.ObservedGeneration(life.index())
                               : internal::Generation());
  }

  // What Diagnose finds, as a std::string for messages: "Handle(0x...) is
  // stale: slot 17 has ended 3 lives since it was issued". Defined in
  // holdfast/handle_table.h.
  [[nodiscard]] auto Describe(Handle handle) const;

  // As Describe, without std::string.
  [[nodiscard]] internal::ShortText ToText(Handle handle) const noexcept {
    return internal::ToText(handle.bits(), Diagnose(handle),
                            LifeOf(handle).index());
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
    return static_cast<uint32_t>(LifeOf(handle).index());
  }

  // The live handle whose slot has that index, or the null handle. Wait-free.
  // It orders as Contains does.
  [[nodiscard]] Handle HandleAt(uint32_t index) const noexcept {
    if (index >= pool_.high_water()) return Handle();
    const Life life(index, slots_.ObservedGeneration(index));
    return life.IsLive() ? HandleOf(life) : Handle();
  }

  // More than the index of any handle that was issued so far: it grows by whole
  // batches, and never falls.
  [[nodiscard]] uint64_t IndexLimit() const noexcept {
    return pool_.high_water();
  }

  // Walks the whole table, and asks the system about all of its pages: linear
  // in the high-water mark and, with a small factor, in Options::max_slots.
  [[nodiscard]] Stats GetStats() const noexcept {
    Stats stats;
    if (all_slots_ == 0) return stats;  // Moved from.
    stats.high_water = pool_.high_water();
    internal::CountSlots<Generations>(slots_, &stats);
    stats.cached = pool_.CachedSlots();
    stats.capacity = pool_.max_slots();
    stats.thread_cache_slots = pool_.cache_slots();
    stats.bytes_reserved = memory_.reserved_bytes();
    stats.bytes_touched = memory_.ResidentBytes();
    return stats;
  }

  // Tests define it, to look at and to age slots.
  class TestAccess;

 private:
  // The kind of slots, see internal/slot_kind.h.
  using Slots =
      std::conditional_t<kInlineValues, internal::InlineSlots<T, Traits>,
                         internal::CellSlots<T, Traits>>;
  static_assert(internal::kIsKind<Slots, T, Traits>);

  using Parts = internal::TableParts<Slots, Traits>;
  using Pool = typename Parts::Pool;
  using Life = internal::Place<Traits::kGenerationBits>;
  using Free = internal::FreeSlot<Traits::kGenerationBits>;

  HandleTable() = default;

  static constexpr uint64_t MaxSlots(int handle_bits) {
    return std::min(Indexes::kMaxSlots,
                    uint64_t{1} << (handle_bits - Traits::kGenerationBits));
  }

  // What a key may have set: not bit 0, so that handles are odd.
  static constexpr uint64_t KeyMask(int handle_bits) {
    return ((uint64_t{1} << handle_bits) - 1) & ~uint64_t{1};
  }

  // A handle without the table's key.
  Life LifeOf(Handle handle) const noexcept {
    return Life::FromBits(handle.bits() ^ key_);
  }

  Handle HandleOf(Life life) const noexcept {
    return Handle::FromBits(life.bits() ^ key_);
  }

  // Whether there is a slot to look at.
  bool InRange(Life life) const noexcept {
    return life.index() <
           (Memory::kReadsAsZeros ? all_slots_ : pool_.high_water());
  }

  // Whether a slot of this table can have that life.
  bool IsLife(Life life) const noexcept {
    return InRange(life) && life.IsLive();
  }

  ABSL_ATTRIBUTE_ALWAYS_INLINE bool ReadInto(Handle handle,
                                             T* value) const noexcept {
    const Life life = LifeOf(handle);
    if (ABSL_PREDICT_FALSE(!InRange(life))) return false;
    return slots_.Read(life, value);
  }

  ABSL_ATTRIBUTE_ALWAYS_INLINE bool End(Life life) noexcept {
    typename Slots::Word ended;
    if (!slots_.Vacate(life, &ended)) return false;
    Recycle(life, ended);
    return true;
  }

  // Gives the slot of an ended life back, unless that was its last.
  ABSL_ATTRIBUTE_ALWAYS_INLINE void Recycle(
      Life life, typename Slots::Word ended) noexcept {
    if (ABSL_PREDICT_TRUE(life.generation() != Generations::kLastLive)) {
      pool_.Release(Slots::Vacated(life, ended));
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
    std::swap(memory_, other.memory_);
  }

  // All of these are written by Create and by moves alone; what changes lies in
  // memory_.
  uint64_t key_ = 0;        // XORed into every handle. Within KeyMask.
  uint64_t all_slots_ = 0;  // 0 once moved from: no handle is in range.
  Slots slots_;
  Pool pool_;
  Memory memory_;
};

}  // namespace holdfast

#endif  // HOLDFAST_HANDLE_TABLE_VERBS_H_
