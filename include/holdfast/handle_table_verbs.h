// -----------------------------------------------------------------------------
// File: handle_table_verbs.h
// -----------------------------------------------------------------------------
//
// `holdfast::HandleTable<T>` without Create and Describe, which need
// absl::StatusOr and std::string: for files that use a table but do not create
// one. holdfast/handle_table.h says what a table is, and has all of it. (On an
// AMD EPYC, Zen 4, g++ 12 compiles that header in 0.7 s, and this one in 0.25.)

#ifndef HOLDFAST_HANDLE_TABLE_VERBS_H_
#define HOLDFAST_HANDLE_TABLE_VERBS_H_

#include "holdfast/internal/cpp17.h"
// Before C++17, compilation ends there with an error that says why.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

#include "absl/base/attributes.h"
#include "absl/base/optimization.h"
#include "holdfast/compared.h"
#include "holdfast/diagnosis.h"
#include "holdfast/handle.h"
#include "holdfast/internal/cell_slots.h"
#include "holdfast/internal/creation_error.h"
#include "holdfast/internal/generation.h"
#include "holdfast/internal/inline_slots.h"
#include "holdfast/internal/pair_slots.h"
#include "holdfast/internal/prefetch.h"
#include "holdfast/internal/shared_walk.h"
#include "holdfast/internal/slot_kind.h"
#include "holdfast/internal/slot_names.h"
#include "holdfast/internal/slot_observers.h"
#include "holdfast/internal/table_key.h"
#include "holdfast/internal/table_parts.h"
#include "holdfast/internal/value_requirements.h"
#include "holdfast/internal/value_words.h"
#include "holdfast/options.h"
#include "holdfast/traits.h"

namespace holdfast {

// A function that visits values may return one of these: kNext goes on to the
// next value, kStop ends the walk.
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

  // True if values lie in the slots' words, beside the generations: then a slot
  // takes 8 bytes.
  static constexpr bool kInlineValues = sizeof(T) * 8 <= Indexes::kUpperBits;

  // True if values lie beside the slots' words, and both can be changed by one
  // double-width compare-and-swap: then a slot takes 16 bytes. This is for
  // values of at most 8 bytes, on x86-64 and AArch64.
  static constexpr bool kPairedValues =
      !kInlineValues && sizeof(T) <= 8 && Traits::Atomics::kHasPairs;

  // Whether there are CompareExchange, Update, UnpinIf and UnpinWhere. If so,
  // Read is wait-free. Otherwise a slot takes 8 bytes and the size of a value,
  // rounded up to a multiple of 8; and 8 bytes more once two threads have
  // written to its value at the same time.
  static constexpr bool kComparesValues = kInlineValues || kPairedValues;

  // Whether a copy of a T keeps all of its bytes.
  static constexpr bool kHasNoPadding =
      std::has_unique_object_representations_v<T> ||
      std::is_floating_point_v<T>;

  // Handles of this table are less than 2^kHandleBits.
  static constexpr int kHandleBits = Traits::kHandleBits;
  static_assert(kHandleBits > Traits::kGenerationBits && kHandleBits <= 63,
                "HandleTable: Traits::kHandleBits must be at most 63, and more "
                "than Traits::kGenerationBits");

  // The largest Options::max_slots.
  static constexpr uint64_t kMaxSlots =
      std::min(Indexes::kMaxSlots,
               uint64_t{1} << (kHandleBits - Traits::kGenerationBits));

  // Lives that a slot serves before it is retired.
  static constexpr uint64_t kLivesPerSlot = Generations::kLives;

  // --- Creation --------------------------------------------------------------

  // Returns an empty table, as an absl::StatusOr<HandleTable>. The error is
  // InvalidArgument if an option is out of range, and names the option; or
  // ResourceExhausted if the system refuses the memory, and names the limit
  // that probably refused it. Defined in holdfast/handle_table.h.
  static auto Create(const Options& options = {});

  // As Create, without Abseil. Sets `*error`; after an error, the table that is
  // returned is like one that was moved from. Handles are less than
  // 2^handle_bits. Requires that handle_bits is more than
  // Traits::kGenerationBits and at most kHandleBits. With fewer bits than
  // kHandleBits, max_slots is limited to what kMaxSlots would then be.
  static HandleTable Make(const Options& options,
                          internal::CreationError* error,
                          int handle_bits = kHandleBits) {
    return HandleTable(ForMake(), options, error, handle_bits);
  }

  // What Make returns. A constructor, so that Create need not move the table;
  // only Create and Make can call it, since they alone can make a ForMake.
  class ForMake {
    friend HandleTable;
    explicit ForMake() = default;
  };
  HandleTable(ForMake, const Options& options, internal::CreationError* error,
              int handle_bits) {
    const uint64_t limit = MaxSlots(handle_bits);
    const uint64_t key_mask = KeyMask(handle_bits);
    Options fitted = options;
    *error = internal::FitOptions(
        {limit, Traits::kMaxThreadCacheSlots, key_mask, Traits::kMaxThreads},
        &fitted);
    if (!error->ok()) return;
    Parts parts = {memory_, all_slots_, slots_, pool_};
    *error = parts.Make(fitted, limit);
    if (!error->ok()) return;
    key_ = fitted.key.has_value() ? *fitted.key
                                  : internal::NewTableKey() & key_mask;
  }

  // The handles of `other` name the same values in the new table. A table that
  // was moved from refuses every handle and every Pin. No thread may be inside
  // a call on either table.
  HandleTable(HandleTable&& other) noexcept
      : key_(std::exchange(other.key_, 0)),
        all_slots_(std::exchange(other.all_slots_, 0)),
        slots_(other.slots_),
        pool_(other.pool_),
        memory_(std::move(other.memory_)) {
    other.pool_.Forget();
  }
  HandleTable& operator=(HandleTable&& other) noexcept {
    HandleTable moved(std::move(other));
    Swap(moved);
    return *this;
  }

  // Forgets all values; what they point to stays as it is. No thread may be
  // inside a call.
  ~HandleTable() {
    Parts::Discard(all_slots_, pool_.high_water(), slots_, pool_,
                   std::move(memory_));
  }

  // --- Verbs -----------------------------------------------------------------

  // Puts `value` into the table and returns its handle, which differs from all
  // handles that this table has returned before. Returns the null handle if no
  // slot is left, or if the system refuses memory for more. Wait-free while the
  // thread's cache has a free slot, else lock-free: a retry means that another
  // thread took or gave a batch of slots.
  [[nodiscard]] ABSL_ATTRIBUTE_ALWAYS_INLINE Handle
  Pin(const T& value) noexcept {
    Free free;
    if (ABSL_PREDICT_FALSE(!pool_.AcquireFast(&free))) {
      free = pool_.AcquireSlow();
      if (free.IsNone()) return Handle();
    }
    return HandleOf(slots_.Publish(free, value));
  }

  // Returns a copy of the value, or nothing if `handle` is not live. Writes to
  // no memory that threads share. Wait-free if kComparesValues, else lock-free:
  // a retry means that another thread's Write to this value was under way.
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

  // As Read, but copies the value to `*value`. If `handle` is not live, returns
  // false and leaves `*value` as it is. Can be faster for large values, which a
  // compiler may copy several times on their way through an optional. Requires
  // that `value` is not null.
  [[nodiscard]] ABSL_ATTRIBUTE_ALWAYS_INLINE bool Read(
      Handle handle, T* value) const noexcept {
    static_assert(std::is_copy_assignable_v<T>,
                  "HandleTable::Read into a variable: T must be assignable; "
                  "use the other Read");
    return ReadInto(handle, value);
  }

  // Returns whether `handle` is live. If so, what happened before its Pin is
  // visible to the caller; if its life is over, what happened before the end of
  // that. Wait-free.
  [[nodiscard]] bool Contains(Handle handle) const noexcept {
    const Life life = LifeOf(handle);
    return IsLife(life) &&
           slots_.ObservedGeneration(life.index()) == life.generation();
  }

  // Replaces the value; the handle and its copies stay live. Returns false, and
  // changes nothing, if `handle` is not live. Lock-free: a retry means that
  // another thread's Write to this value was under way.
  //
  // Where kComparesValues is false, a Write uses the thread's spare cell.
  // Threads beyond Traits::kMaxThreads have none of their own: they share
  // Traits::kMaxSharedSpares cells, and a thread that finds all of these in use
  // waits for one. Cells and slots share one range of numbers; so if max_slots
  // is closer to kMaxSlots than kMaxThreads + kMaxSharedSpares, there are fewer
  // spare cells and more threads share them, and if it is kMaxSlots, all
  // threads share one.
  ABSL_ATTRIBUTE_ALWAYS_INLINE bool Write(Handle handle,
                                          const T& value) noexcept {
    const Life life = LifeOf(handle);
    if (ABSL_PREDICT_FALSE(!IsLife(life))) return false;
    return slots_.Write(life, value);
  }

  // As Write, but returns the very value that `value` has replaced, or nothing
  // if `handle` is not live.
  ABSL_ATTRIBUTE_ALWAYS_INLINE std::optional<T> Exchange(
      Handle handle, const T& value) noexcept {
    const Life life = LifeOf(handle);
    if (ABSL_PREDICT_FALSE(!IsLife(life))) return std::nullopt;
    return slots_.Exchange(life, value);
  }

  // Replaces the value if it is `*expected`, and returns kEqual. If it is
  // another one, puts that into `*expected` and returns kDifferent; if `handle`
  // is not live, returns kStale, and leaves `*expected` as it is. So a
  // collector that moves an object heals a root unless a mutator has stored
  // another object there meanwhile. Values are compared by their bytes: so 0.0
  // differs from -0.0. Never fails spuriously. Lock-free: a retry means that
  // another thread has replaced the value. Requires kComparesValues,
  // kHasNoPadding, that T is copy assignable, and that `expected` is not null.
  ABSL_ATTRIBUTE_ALWAYS_INLINE Compared
  CompareExchange(Handle handle, T* expected, const T& desired) noexcept {
    static_assert(
        kComparesValues,
        "HandleTable::CompareExchange, Update, UnpinIf and UnpinWhere need "
        "values of at most 8 bytes and, for more than 4, a processor with a "
        "compare-and-swap of 16 bytes (x86-64, AArch64); for larger values, "
        "pin a pointer to a constant object, and exchange the pointer");
    static_assert(
        kHasNoPadding,
        "HandleTable::CompareExchange: T may have padding bytes, which "
        "a copy of a T need not keep; use Update");
    static_assert(std::is_copy_assignable_v<T>,
                  "HandleTable::CompareExchange: T must be assignable; use "
                  "Update");
    const Life life = LifeOf(handle);
    if (ABSL_PREDICT_FALSE(!IsLife(life))) return Compared::kStale;
    uint64_t found;
    const Compared compared = slots_.CompareExchange(
        life, Encoded::BitsOf(*expected), Encoded::BitsOf(desired), &found);
    if (compared == Compared::kDifferent) Encoded::Put(found, expected);
    return compared;
  }

  // Replaces the value v by fn(v), as one step. If another thread replaces v
  // first, `fn` is called again, with the new value; if `handle` is not live,
  // it is not called. Returns the value that was replaced, or nothing if
  // `handle` is not live. `fn` may use the table; if `fn` throws, the value
  // stays as it is. Lock-free: a retry means that another thread has replaced
  // the value. Requires kComparesValues.
  template <typename F>
  std::optional<T> Update(Handle handle, F&& fn) {
    static_assert(kComparesValues, "HandleTable::Update: see CompareExchange");
    const Life life = LifeOf(handle);
    uint64_t bits;
    if (!IsLife(life) || !slots_.ReadBits(life, &bits)) return std::nullopt;
    for (;;) {
      const T value = Encoded::ValueOf(bits);
      const T desired = fn(value);
      switch (
          slots_.CompareExchange(life, bits, Encoded::BitsOf(desired), &bits)) {
        case Compared::kEqual:
          return value;
        case Compared::kDifferent:
          break;
        case Compared::kStale:
          return std::nullopt;
      }
    }
  }

  // Makes `handle` and all its copies stale. Returns false, and changes
  // nothing, if `handle` is not live. Of several racing calls exactly one
  // returns true. Lock-free: a retry means that another thread's Write to this
  // value was under way, or that another thread took or gave a batch of slots.
  ABSL_ATTRIBUTE_ALWAYS_INLINE bool Unpin(Handle handle) noexcept {
    const Life life = LifeOf(handle);
    if (ABSL_PREDICT_FALSE(!IsLife(life))) return false;
    return End(life);
  }

  // As Unpin, but returns the very value that the handle had at its end, or
  // nothing if `handle` is not live.
  ABSL_ATTRIBUTE_ALWAYS_INLINE std::optional<T> Take(Handle handle) noexcept {
    const Life life = LifeOf(handle);
    if (ABSL_PREDICT_FALSE(!IsLife(life))) return std::nullopt;
    typename Slots::Word ended;
    if (!slots_.Vacate(life, &ended)) return std::nullopt;
    const T value = slots_.Value(life, ended);
    Recycle(life, ended);
    return value;
  }

  // As Unpin, but only if the value is `expected`. Returns kEqual if this call
  // has ended the life, kDifferent if the value is another one, and kStale if
  // `handle` is not live. So a collector that has found `expected` dead ends no
  // life whose value another thread has replaced since. Values are compared as
  // by CompareExchange. Lock-free: a retry means that another thread has
  // replaced the value, or took or gave a batch of slots. Requires
  // kComparesValues and kHasNoPadding.
  ABSL_ATTRIBUTE_ALWAYS_INLINE Compared UnpinIf(Handle handle,
                                                const T& expected) noexcept {
    static_assert(kComparesValues, "HandleTable::UnpinIf: see CompareExchange");
    static_assert(
        kHasNoPadding,
        "HandleTable::UnpinIf: T may have padding bytes, which a copy "
        "of a T need not keep; use UnpinWhere");
    const Life life = LifeOf(handle);
    if (ABSL_PREDICT_FALSE(!IsLife(life))) return Compared::kStale;
    uint64_t bits = Encoded::BitsOf(expected);
    return EndIf(life, &bits);
  }

  // Calls fn(Handle, const T&) for the values that ForEach would show, and
  // unpins those for which it returns true: the sweep of a collector that
  // clears weak roots. A value that another thread has replaced meanwhile is
  // not unpinned: `fn` is called again for the same handle, with the new value.
  // Returns how many values this call has unpinned. `fn` may use the table. If
  // `fn` throws, the walk ends, and what was unpinned before stays so.
  // Lock-free for each slot, as UnpinIf. Requires kComparesValues. Linear in
  // IndexLimit().
  template <typename F>
  uint64_t UnpinWhere(F&& fn) {
    static_assert(kComparesValues,
                  "HandleTable::UnpinWhere: see CompareExchange");
    uint64_t ended = 0;
    const uint64_t high_water = pool_.high_water();
    for (uint64_t index = 0; index < high_water; ++index) {
      const Life life(index, slots_.ObservedGeneration(index));
      uint64_t bits;
      bool is_live = life.IsLive() && slots_.ReadBits(life, &bits);
      while (is_live && fn(HandleOf(life), Encoded::ValueOf(bits))) {
        const Compared compared = EndIf(life, &bits);
        if (compared == Compared::kEqual) ++ended;
        is_live = compared == Compared::kDifferent;
      }
    }
    return ended;
  }

  // Unpins every value whose Pin happened before the call; a value that is
  // pinned meanwhile may be unpinned too. Returns how many values this call has
  // unpinned. The capacity stays the same, and retired slots stay retired.
  // Lock-free for each slot, and linear in IndexLimit().
  uint64_t UnpinAll() noexcept {
    uint64_t unpinned = 0;
    const uint64_t high_water = pool_.high_water();
    for (uint64_t i = 0; i < high_water; ++i) {
      const Life life(i, slots_.ObservedGeneration(i));
      // If another thread ends the life between these two steps, it is as if
      // that thread had come first.
      if (life.IsLive() && End(life)) ++unpinned;
    }
    return unpinned;
  }

  // --- Many at once ----------------------------------------------------------

  // Pins values[0] to values[count - 1], in order, and stores their handles in
  // handles[0] and on. Returns how many it has pinned: fewer than all only if
  // Pin would now return the null handle. The other elements of `handles` stay
  // as they are. Other threads may see some of the values before the others are
  // pinned. Takes half the time of as many Pins while the thread's cache has
  // slots at hand, and two thirds where they come from batches. If a thread
  // leaves the call halfway, what it has pinned stays pinned. Progress as Pin.
  [[nodiscard]] size_t PinMany(const T* values, size_t count,
                               Handle* handles) noexcept {
    size_t pinned = 0;
    while (pinned < count) {
      const size_t before = pinned;
      pool_.AcquireFromFront(count - pinned, [&](Free free) noexcept {
        handles[pinned] = HandleOf(slots_.Publish(free, values[pinned]));
        ++pinned;
      });
      if (pinned != before) continue;
      // Pin takes the slot that was freed last, or fills the front.
      const Handle handle = Pin(values[pinned]);
      if (handle == Handle()) break;
      handles[pinned++] = handle;
    }
    return pinned;
  }

  // Calls fn(i, value) for each i less than `count`, in order, where `value` is
  // the std::optional<T> that Read returns for handles[i]. If `fn` returns
  // Step::kStop, the call ends, and ReadMany returns false. Otherwise it
  // returns true; results that are no Step do not matter. `fn` may use the
  // table; an exception that `fn` throws leaves ReadMany. While some slots are
  // read, the next ones are on their way into the cache. So for slots in random
  // places of a table that is larger than the caches, this takes half the time
  // of as many Reads (values of at most 8 bytes) or three quarters (larger
  // ones); for slots in the first-level cache, it takes 1 ns a handle longer.
  // (A million values of 8 bytes at random: 11 ns instead of 25; 1,000: 2.3
  // instead of 1.2; AMD EPYC, Zen 3.) Progress as Read.
  template <typename F>
  bool ReadMany(const Handle* handles, size_t count, F&& fn) const {
    for (size_t i = 0; i < count; ++i) {
      if (i % kAhead == 0) {
        ForSlotsAhead(handles, i, count, internal::PrefetchForRead);
      }
      const std::optional<T> value = Read(handles[i]);
      if (!Show(fn, i, value)) return false;
    }
    return true;
  }

  // Unpins handles[0] to handles[count - 1], in order. Returns how many values
  // this call has unpinned: the other handles were stale. Prefetches as
  // ReadMany does: a million at random take 14 ns each instead of 45, 1,000
  // take 5.4 instead of 5.0. Progress as Unpin.
  size_t UnpinMany(const Handle* handles, size_t count) noexcept {
    size_t ended = 0;
    for (size_t i = 0; i < count; ++i) {
      if (i % kAhead == 0) {
        ForSlotsAhead(handles, i, count, internal::PrefetchForWrite);
      }
      if (Unpin(handles[i])) ++ended;
    }
    return ended;
  }

  // --- Iteration -------------------------------------------------------------

  // Calls fn(Handle, const T&) for the values of the table, in no set order. A
  // value that stays pinned throughout the call is visited exactly once; a
  // value that is pinned or unpinned during the call, at most once. `fn` is
  // shown a copy of a value that the handle had at some time during the call.
  // `fn` may use the table, and may unpin the handle that it is shown. An
  // exception that `fn` throws ends the walk and leaves ForEach. If `fn`
  // returns Step::kStop, the walk ends, and ForEach returns false. Otherwise it
  // returns true; results that are no Step do not matter. Lock-free for each
  // slot, as Read.
  //
  // Linear in IndexLimit(), which never falls. For example, if 8 million values
  // were pinned once and 1,000 are left, a walk takes 8 ms (AMD Zen 4), and the
  // table keeps 122 MiB of memory.
  template <typename F>
  bool ForEach(F&& fn) const {
    return slots_.Visit(0, pool_.high_water(), [&](Life life, const T& value) {
      return Show(fn, HandleOf(life), value);
    });
  }

  // A ForEach by several threads together: construct one ParallelForEach from
  // the table, and let each thread call Work on it, with an `fn` of its own.
  // Together they visit what one ForEach would visit whose call lasts from the
  // construction to the last return. The table must not be moved or destroyed
  // meanwhile. If `fn` throws or returns kStop in one thread, the other threads
  // visit what that thread has left over: see Work.
  class ParallelForEach {
   public:
    explicit ParallelForEach(const HandleTable& table)
        : table_(table), walk_(table.pool_.high_water()) {}

    // Visits slots until every slot has been taken by some thread. `fn` is
    // called by this thread alone. Allocates nothing. Wait-free but for the
    // Read of each value.
    //
    // If `fn` returns Step::kStop, Work returns false. An exception that leaves
    // `fn` leaves Work, as does the unwinding of a thread that exits in `fn`
    // (where the caller is compiled with exceptions). The value that `fn` was
    // shown counts as visited. Calls that are still running visit the slots
    // that this call has left over, or the next call does; so a caller for
    // which all slots must be visited calls Work again, or lets another thread
    // do so. A thread that stops for good inside Work, or leaves it by longjmp,
    // keeps what it had taken: at most 1,024 slots are then not visited.
    template <typename F>
    bool Work(F&& fn) {
      typename Walk::Worker worker(walk_);
      while (worker.begin < worker.end || worker.Next()) {
        const bool goes_on = table_.slots_.Visit(
            worker.begin, worker.end, [&](Life life, const T& value) {
              worker.begin = life.index() + 1;  // Whatever becomes of the call.
              return Show(fn, table_.HandleOf(life), value);
            });
        if (!goes_on) return false;
        worker.begin = worker.end;
      }
      return true;
    }

   private:
    using Walk = internal::SharedWalk<typename Traits::Atomics>;

    const HandleTable& table_;
    Walk walk_;
  };

  // Calls fn(Handle, T&) for every live value, and stores what `fn` leaves in
  // the T: for a moving collector that has stopped all other threads. (One that
  // has not heals values by CompareExchange, in ForEach.) `fn` must not use the
  // table. If `fn` throws, the walk ends: the value that `fn` was shown last
  // stays as it was, and those before keep their changes. If `fn` returns
  // Step::kStop, the walk ends too, but the last value is stored; then
  // ForEachExclusive returns false. Requires that no other thread is inside a
  // call, that the last calls of the other threads happen before this call, and
  // that this call happens before their next ones.
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

  // As UnpinAll, for a caller that has stopped all other threads, such as at
  // the end of a request. Instead of an atomic read-modify-write, each value
  // costs two memory accesses; then the slots are used again from the first one
  // on. Returns how many values it has unpinned. Requires what ForEachExclusive
  // requires. Linear in IndexLimit(). A thread that leaves the call halfway
  // costs the table free slots, until the next UnpinAllExclusive. Once a thread
  // has left a Write halfway, the call works as UnpinAll.
  uint64_t UnpinAllExclusive() noexcept {
    if (!pool_.CanSweep()) return UnpinAll();
    uint64_t ended = 0;
    const uint64_t high_water = pool_.high_water();
    for (uint64_t index = 0; index < high_water; ++index) {
      if (slots_.EndExclusive(index)) ++ended;
    }
    pool_.SweepExclusive();
    return ended;
  }

  // --- Observers -------------------------------------------------------------

  // Returns why `handle` is refused, or kLive. The answer was true at some time
  // during the call. It is for messages: it is slower than Contains, and a
  // handle of another table may be taken for one of this table that is stale or
  // was never issued. Wait-free.
  [[nodiscard]] Diagnosis Diagnose(Handle handle) const noexcept {
    const Life life = LifeOf(handle);
    if (!handle) return {HandleState::kNull, 0};
    if (life.index() >= std::max(pool_.max_slots(), pool_.high_water())) {
      return {HandleState::kForeign, 0};
    }
    return internal::DiagnoseGenerations<Generations>(
        life.generation(), InRange(life)
                               ? slots_.ObservedGeneration(life.index())
                               : internal::Generation());
  }

  // Returns what Diagnose finds as a std::string, for messages: "Handle(0x...)
  // is stale: slot 17 has ended 3 lives since it was issued". Defined in
  // holdfast/handle_table.h.
  [[nodiscard]] auto Describe(Handle handle) const;

  // As Describe, without std::string.
  [[nodiscard]] internal::ShortText ToText(Handle handle) const noexcept {
    return internal::ToText(handle.bits(), Diagnose(handle),
                            LifeOf(handle).index());
  }

  // Returns the index of the slot of a live handle, or nothing. The index stays
  // the same for the handle's life, and no other live handle has it; after
  // that, another handle may get it. Indexes are dense: the table takes slots
  // from 0 on, and uses freed slots again before new ones, except for those
  // that other threads keep in their caches. So arrays, bit sets and secondary
  // maps beside the table can be indexed by it. It is less than IndexLimit().
  // With one thread that is at most max_slots; each further thread may add
  // thread_cache_slots + 1. Wait-free. Makes visible what Contains does.
  [[nodiscard]] std::optional<uint32_t> IndexOf(Handle handle) const noexcept {
    if (!Contains(handle)) return std::nullopt;
    return static_cast<uint32_t>(LifeOf(handle).index());
  }

  // Returns the live handle whose slot has that index, or the null handle if
  // there is none. Wait-free. Makes visible what Contains does.
  [[nodiscard]] Handle HandleAt(uint32_t index) const noexcept {
    if (index >= pool_.high_water()) return Handle();
    const Life life(index, slots_.ObservedGeneration(index));
    return life.IsLive() ? HandleOf(life) : Handle();
  }

  // Returns a number that is more than the index of every handle issued so far.
  // It grows by whole batches, and never falls. Wait-free.
  [[nodiscard]] uint64_t IndexLimit() const noexcept {
    return pool_.high_water();
  }

  // Counts what the table holds. Looks at every slot below IndexLimit(), and
  // asks the system about every page of the table: so it is linear in
  // IndexLimit() and, with a small factor, in Options::max_slots.
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

  // Tests define this class, to look at slots and to make them old.
  class TestAccess;

 private:
  // The kind of slots, see internal/slot_kind.h.
  using Slots = std::conditional_t<
      kInlineValues, internal::InlineSlots<T, Traits>,
      std::conditional_t<kPairedValues, internal::PairSlots<T, Traits>,
                         internal::CellSlots<T, Traits>>>;
  static_assert(internal::kIsKind<Slots, T, Traits>);

  using Parts = internal::TableParts<Slots, Traits>;
  using Pool = typename Parts::Pool;
  using Encoded = internal::ValueWords<T>;
  using Life = internal::Life<Traits::kGenerationBits>;
  using Free = internal::FreeSlot<Traits::kGenerationBits>;

  static constexpr uint64_t MaxSlots(int handle_bits) {
    return std::min(Indexes::kMaxSlots,
                    uint64_t{1} << (handle_bits - Traits::kGenerationBits));
  }

  // The bits that a key may have set. Bit 0 is not one of them: live places are
  // odd, so handles are odd too.
  static constexpr uint64_t KeyMask(int handle_bits) {
    return ((uint64_t{1} << handle_bits) - 1) & ~uint64_t{1};
  }

  // The life that a handle names: the handle XOR the table's key.
  Life LifeOf(Handle handle) const noexcept {
    return Life::FromBits(handle.bits() ^ key_);
  }

  Handle HandleOf(Life life) const noexcept {
    return Handle::FromBits(life.bits() ^ key_);
  }

  // Whether the index of `life` is that of a slot that may be read. Where
  // reserved memory cannot be read before it is used, that is a slot which was
  // handed out.
  bool InRange(Life life) const noexcept {
    return life.index() <
           (Memory::kReadsAsZeros ? all_slots_ : pool_.high_water());
  }

  // Whether `life` can be that of a live handle of this table: in range, and
  // with an odd generation.
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

  // As UnpinIf. If the value is another one, puts that into `*expected`.
  ABSL_ATTRIBUTE_ALWAYS_INLINE Compared EndIf(Life life,
                                              uint64_t* expected) noexcept {
    typename Slots::Word ended;
    const Compared compared = slots_.VacateIf(life, expected, &ended);
    if (compared == Compared::kEqual) Recycle(life, ended);
    return compared;
  }

  // Gives back the slot of a life that the caller has ended, unless that was
  // its last life.
  ABSL_ATTRIBUTE_ALWAYS_INLINE void Recycle(
      Life life, typename Slots::Word ended) noexcept {
    if (ABSL_PREDICT_TRUE(life.generation() != Generations::kLastLive)) {
      pool_.Release(Slots::Vacated(life, ended));
    }
  }

  // ReadMany and UnpinMany prefetch this many slots at a time, while they use
  // the ones prefetched before.
  static constexpr size_t kAhead = 16;

  // Calls prefetch(address) for the slots that will be needed after the next
  // kAhead ones; at the start also for these.
  template <typename F>
  ABSL_ATTRIBUTE_ALWAYS_INLINE void ForSlotsAhead(const Handle* handles,
                                                  size_t at, size_t count,
                                                  F prefetch) const noexcept {
    const size_t end = std::min(count, at + 2 * kAhead);
    for (size_t i = at == 0 ? 0 : at + kAhead; i < end; ++i) {
      const Life life = LifeOf(handles[i]);
      if (InRange(life)) prefetch(slots_.array().slot(life.index()));
    }
  }

  // Calls `fn`, and returns whether the walk goes on.
  template <typename F, typename Name, typename Value>
  ABSL_ATTRIBUTE_ALWAYS_INLINE static bool Show(F& fn, Name name,
                                                Value& value) {
    if constexpr (std::is_same_v<std::decay_t<decltype(fn(name, value))>,
                                 Step>) {
      return fn(name, value) == Step::kNext;
    } else {
      fn(name, value);
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

  // Only Create and moves write to these fields. Everything that calls change
  // lies in memory_.
  uint64_t key_ = 0;  // XORed into every handle. Only bits of KeyMask are set.
  // Slots that handles may name: max_slots, and those beyond it that stand in
  // for slots in caches. 0 after a move: then no handle is in range.
  uint64_t all_slots_ = 0;
  Slots slots_;
  Pool pool_;
  Memory memory_;
};

}  // namespace holdfast

#endif  // HOLDFAST_HANDLE_TABLE_VERBS_H_
