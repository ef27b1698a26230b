// -----------------------------------------------------------------------------
// File: handle_table.h
// -----------------------------------------------------------------------------
//
// `holdfast::HandleTable<T>` keeps values for handles: Pin() a value and get a
// 64-bit `Handle<T>`; any thread may read, write or unpin through it, without
// locks. A stale handle, whose value was unpinned, is told apart from a live
// one for ever, whatever its slot was used for since.
//
// It is made for the host roots of a language runtime, for resource handles and
// for object ids: values of 1 to 64 bytes, identified by a number that may go
// through script code, C and hash maps, while a collector walks the table.
//
// Use something else if values need destructors, if they are larger (pin a
// pointer or an index), if one thread does everything (a plain slot map will
// do), or if readers must keep a value alive while they use it (that is
// reference counting; a handle only says whether the value is still pinned).
//
// Example:
//
//   auto table = holdfast::HandleTable<Object*>::Create();
//   if (!table.ok()) return table.status();
//   holdfast::Handle<Object*> handle = table->Pin(object);
//   lua_pushinteger(L, static_cast<lua_Integer>(handle.bits()));
//   ...
//   auto found = table->Read(handle);  // std::optional<Object*>
//   if (found) Use(*found);
//   table->Unpin(handle);  // true
//   table->Unpin(handle);  // false: stale, nothing is done
//
// Thread safety: every method may be called by any number of threads at once,
// except where it says otherwise, and except for moving and destroying the
// table. Create, and whatever passes the table on, must happen before.
//
// Progress: no operation waits for another thread, which may stop for good
// anywhere inside a call without holding the others up. (One exception: Write
// and Exchange by threads without a cell of their own, see Write.) Read and
// Contains are wait-free on values that are not being written, Pin and Unpin
// while the thread's own cache of free slots serves; the rest is lock-free. See
// each.
//
// Memory ordering, for any threads X and Y: what happened before Pin(v) in X is
// visible in Y after a Read, Take or Exchange that returns v, however the
// handle came to Y; the same holds for Write(v) and Exchange(v). What X did
// before an Unpin, Take or UnpinAll that ended a life is visible in Y after any
// call that finds that life over (Contains and Diagnose that say so; a Read,
// Write, Exchange, Unpin or Take that is refused; ForEach that does not show
// it; UnpinAll and GetStats that do not count it), and after the Pin that
// reuses the slot. Operations on one slot are linearizable, UnpinAll as one
// Unpin for each slot; but a thread to which a handle came without
// synchronization may be refused until it sees the Pin.
//
// Values: T is trivially copyable and copy constructible, of 1 to 64 bytes, no
// array and not const. It may lack a default constructor and assignment, and
// overload any operator, & among them.
//
// Limits: 2^30 - 1 slots, 2^31 - 1 lives of each slot; the two trade against
// each other in Traits. A slot that has served its lives is retired, and its
// capacity lost: GetStats tells. Another table's handle is refused, but for one
// look-up in 2^31 (2^(kGenerationBits - 1)) by accident.
//
// Threads: one that stops for good costs the table at most its cache, one batch
// (half a cache) and one slot; what it had pinned stays pinned. One that leaves
// a call halfway, and goes on or exits in order, costs a batch and a slot or
// cell each time: it is cancelled there, or a signal handler jumps out of it or
// calls pthread_exit. (Past Traits::kMaxThreads, both keep one of the
// kMaxSharedSpares cells if they were inside Write.) Until a thread is gone,
// its exit hooks may use tables: thread_locals, pthread keys, malloc's. A fiber
// may go on in another thread between two calls.
//
// Signals: a handler may call Read and Contains, whatever it interrupts, and
// nothing that changes the table: it may have interrupted the same in its own
// thread.
//
// Plug-ins: a process may hold several copies of this library, of one version.
// A table may pass between them; a call from another copy than the one that
// made the table is slower. That copy must stay loaded as long as the table.
//
// Fork: parent and child each go on with a copy. To the child, every other
// thread has stopped for good. Handles of before are valid in both; those made
// after must not pass between the processes.

#ifndef HOLDFAST_HANDLE_TABLE_H_
#define HOLDFAST_HANDLE_TABLE_H_

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
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "holdfast/handle.h"
#include "holdfast/internal/cell_slots.h"
#include "holdfast/internal/inline_slots.h"
#include "holdfast/internal/slot_pool.h"
#include "holdfast/internal/spare_cells.h"
#include "holdfast/internal/value_requirements.h"
#include "holdfast/internal/words.h"
#include "holdfast/options.h"
#include "holdfast/traits.h"

namespace holdfast {

// Why a handle is refused, or not: see HandleTable::Diagnose.
enum class HandleState {
  kNull,         // The null handle.
  kForeign,      // Not a handle of this table: malformed, or another table's.
  kNeverIssued,  // In this table's range, but no Pin has returned it yet.
  kLive,
  kStale,    // Unpinned; its slot goes on.
  kRetired,  // Unpinned; its slot has served all its lives.
};

struct Diagnosis {
  HandleState state = HandleState::kNull;
  // For kStale and kRetired: lives of the slot that have ended since the handle
  // was issued, its own included; so at least 1.
  uint64_t lives_ended = 0;
};

template <typename T, typename Traits = DefaultTraits>
class HandleTable {
  static_assert(internal::ValueRequirements<T>::kMet);

  using Word = internal::Words<Traits::kGenerationBits>;
  using Memory = typename Traits::Memory;

 public:
  using value_type = T;
  using Handle = holdfast::Handle<T>;
  using Options = TableOptions;
  using Stats = TableStats;

  // True if values lie in the slot's word itself: then a slot has 8 bytes, and
  // Read and Contains are wait-free. Else a slot has 8 bytes and the value's
  // size rounded up to 8, and 8 more if two threads wrote it at a time.
  static constexpr bool kInlineValues = sizeof(T) * 8 <= Word::kUpperBits;

  // The upper end of Options::max_slots.
  static constexpr uint64_t kMaxSlots = Word::kMaxSlots;

  // Lives that a slot serves before it is retired.
  static constexpr uint64_t kLivesPerSlot = Word::kRetired / 2;

  // --- Creation --------------------------------------------------------------

  // An empty table. InvalidArgument names an option that is out of range;
  // ResourceExhausted, the memory that the system refused, and which limit did.
  static absl::StatusOr<HandleTable> Create(const Options& options = {});

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
  [[nodiscard]] ABSL_ATTRIBUTE_ALWAYS_INLINE Handle Pin(const T& value) {
    uint64_t free = 0;  // Set on each path, which g++ -Og does not see.
    if (ABSL_PREDICT_FALSE(!pool_.AcquireFast(&free))) {
      free = pool_.AcquireSlow();
      if (free == Word::kNoSlot) return Handle();
    }
    return HandleOf(slots_.Publish(free, value));
  }

  // The value, or nothing if `handle` is not live. Writes nothing. Lock-free: a
  // retry means that another thread's write to this value was under way.
  ABSL_ATTRIBUTE_ALWAYS_INLINE std::optional<T> Read(Handle handle) const {
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
  ABSL_ATTRIBUTE_ALWAYS_INLINE bool Read(Handle handle, T* value) const {
    static_assert(std::is_copy_assignable_v<T>,
                  "HandleTable::Read into a variable: T must be assignable; "
                  "use the other Read");
    return ReadInto(handle, value);
  }

  // Whether `handle` is live. Wait-free. It orders as Read does.
  bool Contains(Handle handle) const {
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
  bool Write(Handle handle, const T& value) {
    const uint64_t place = PlaceOf(handle);
    if (ABSL_PREDICT_FALSE(!IsPlace(place))) return false;
    return WithSpare([this, place, &value](uint32_t* spare) {
      return slots_.Write(Index(place), Word::Generation(place), value, spare);
    });
  }

  // As Write, and returns the very value that `value` has replaced.
  std::optional<T> Exchange(Handle handle, const T& value) {
    const uint64_t place = PlaceOf(handle);
    if (ABSL_PREDICT_FALSE(!IsPlace(place))) return std::nullopt;
    return WithSpare([this, place, &value](uint32_t* spare) {
      return slots_.Exchange(Index(place), Word::Generation(place), value,
                             spare);
    });
  }

  // Ends the life of `handle` and of its copies; false, and nothing is changed,
  // if it is not live. Of racing calls exactly one returns true. Lock-free: a
  // retry means that another thread's write to this value was under way, or
  // that it took or gave a batch of slots.
  ABSL_ATTRIBUTE_ALWAYS_INLINE bool Unpin(Handle handle) {
    const uint64_t place = PlaceOf(handle);
    if (ABSL_PREDICT_FALSE(!IsPlace(place))) return false;
    return End(place);
  }

  // As Unpin, and returns the very value that the handle had at its end.
  ABSL_ATTRIBUTE_ALWAYS_INLINE std::optional<T> Take(Handle handle) {
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
  uint64_t UnpinAll();

  // --- Iteration -------------------------------------------------------------

  // Calls fn(Handle, const T&) for the values of the table, in no set order.
  // Each value that is pinned throughout the call is visited exactly once; one
  // that is pinned or unpinned meanwhile, at most once. What is visited is a
  // copy of a value that the handle had during the call. `fn` may use the
  // table, and unpin what it is shown; an exception that it throws ends the
  // walk and is passed on. Lock-free for each slot, as Read.
  //
  // Linear in the high-water mark, which never falls: where 1,000 values are
  // left of 8 million, it takes 8 ms (AMD Zen 4), and 122 MiB of memory stay.
  template <typename F>
  void ForEach(F&& fn) const {
    VisitRange(0, pool_.high_water(), fn);
  }

  // ForEach by several threads together: construct one, share it, and have each
  // thread call Work. All of them together visit what one ForEach would, whose
  // call spans from the construction to the last return. The table must not be
  // moved meanwhile. If `fn` throws, others visit what is left over: see Work.
  class ParallelForEach;

  // Calls fn(Handle, T&) for every live value and keeps what `fn` leaves in it:
  // for a moving collector that has stopped the world. `fn` must not use the
  // table; if it throws, the value that it was changing stays as it was, those
  // before keep their changes, the rest is not visited. Requires that no other
  // thread is inside a call, that their last calls happen before this one, and
  // this one before their next.
  template <typename F>
  void ForEachExclusive(F&& fn);

  // --- Observers -------------------------------------------------------------

  // Why `handle` is refused, or kLive; true at some time during the call. For
  // messages: slower than Contains, and it cannot see everything: a foreign
  // handle can look like one that is stale or was never issued.
  Diagnosis Diagnose(Handle handle) const;

  // Walks the whole table, and asks the system about all of its pages: linear
  // in the high-water mark and, with a small factor, in Options::max_slots.
  Stats GetStats() const;

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

  // Of Create: the memory, and what lies in it.
  absl::Status Reserve(const Layout& layout);
  absl::Status Build(const Layout& layout, const Options& options);

  // A place is {slot index, generation}: a handle without the table's key.
  uint64_t PlaceOf(Handle handle) const { return handle.bits() ^ key_; }

  Handle HandleOf(uint64_t place) const {
    return Handle::FromBits(place ^ key_);
  }

  bool InRange(uint64_t place) const { return Word::Upper(place) < all_slots_; }

  // Whether it has the form of a place of this table: in range, and odd.
  bool IsPlace(uint64_t place) const {
    return InRange(place) && Word::IsLive(place);
  }

  // The slot of what is InRange.
  static uint32_t Index(uint64_t place) {
    return static_cast<uint32_t>(Word::Upper(place));
  }

  ABSL_ATTRIBUTE_ALWAYS_INLINE bool ReadInto(Handle handle, T* value) const {
    const uint64_t place = PlaceOf(handle);
    if (ABSL_PREDICT_FALSE(!InRange(place))) return false;
    return slots_.Read(Index(place), Word::Generation(place), value);
  }

  template <typename F>
  ABSL_ATTRIBUTE_ALWAYS_INLINE auto WithSpare(F use) {
    if constexpr (Slots::kHasCells) {
      return spares_.With(use, [this](uint32_t* cell) noexcept {
        return pool_.TakeCell(cell);
      });
    } else {
      return use(nullptr);
    }
  }

  ABSL_ATTRIBUTE_ALWAYS_INLINE bool End(uint64_t place) {
    uint64_t ended;
    if (!slots_.Vacate(Index(place), Word::Generation(place), &ended)) {
      return false;
    }
    Recycle(place, ended);
    return true;
  }

  // Gives the slot of an ended life back, unless that was its last.
  ABSL_ATTRIBUTE_ALWAYS_INLINE void Recycle(uint64_t place, uint64_t ended) {
    if (ABSL_PREDICT_TRUE(Word::Generation(place) != Word::kLastLive)) {
      pool_.Release(Slots::Vacated(place, ended));
    }
  }

  template <typename F>
  void VisitRange(uint64_t begin, uint64_t end, F& fn) const {
    slots_.Visit(begin, end,
                 [&](uint64_t index, uint64_t generation, const T& value) {
                   fn(HandleOf(Word::Pack(index, generation)), value);
                 });
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
  uint64_t key_ = 0;        // XORed into every handle. Bits 0 and 63 are clear.
  uint64_t all_slots_ = 0;  // 0 once moved from: no handle is in range.
  Slots slots_;
  Pool pool_;
  Spares spares_;
  Memory memory_;
};

}  // namespace holdfast

#include "holdfast/internal/handle_table_impl.h"

#endif  // HOLDFAST_HANDLE_TABLE_H_
