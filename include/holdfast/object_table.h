// -----------------------------------------------------------------------------
// File: object_table.h
// -----------------------------------------------------------------------------
//
// A `holdfast::ObjectTable<T>` holds objects of any type T, and names them by
// 64-bit handles. Emplace() constructs an object in the table; Erase() makes
// its handle stale, for ever; and Borrow() returns a `Ref<T>`, which keeps the
// object alive while a thread uses it, even if another thread erases the object
// meanwhile.
//
// It is made for a server's connections, a game's entities, the resources of a
// runtime: objects with a destructor, named by numbers that go through scripts,
// C, other processes or timers, and used by many threads. Borrowing writes only
// to the thread's own cache lines: an object that all threads use at once costs
// each of them no more than an object that it uses alone.
//
// Use HandleTable if values are small and trivially copyable, such as pointers:
// it reads, replaces and compares them without any of this. Use a
// std::shared_ptr if whoever has the object also owns it.
//
// Example:
//
//   auto created = holdfast::ObjectTable<Session>::Create();
//   if (!created.ok()) return created.status();
//   holdfast::ObjectTable<Session> sessions = *std::move(created);
//   holdfast::Handle<Session> handle = sessions.Emplace(socket);
//   ...
//   if (auto session = sessions.Borrow(handle)) session->Send("hello");
//   sessions.Erase(handle);   // true
//   sessions.Borrow(handle);  // empty: the handle is stale
//
// Terms: slots, lives, and a thread's cache are those of HandleTable. An erased
// object waits, until it is reclaimed: then its destructor runs, and its slot
// is free again.
//
// Thread safety: any number of threads may call any methods at once, except for
// moving and destroying the table. The table does nothing for the T itself: two
// threads that have borrowed one object share it, as by two pointers.
//
// Destruction: the destructor of an erased object runs when no Ref to it is
// left, but perhaps not at once. A thread collects what it has erased: 16
// objects for each thread that has ever used the table, but at least 32, at
// most Options::thread_cache_slots (or 32, if that is more), and never more
// than Traits::kMostWaiting. Then, at the end of an Erase, it *looks*: it finds
// out which of these objects nobody uses, and destroys them; those in use are
// not counted again. So a destructor runs
//  * in the thread that has erased the object: inside that Erase or a later
//    one, EraseAll, Reclaim, or an Emplace that finds the table full; or
//  * if that thread has exited, or is beyond Traits::kMaxThreads, inside such a
//    call of another thread; or
//  * in the destructor of the table, for all objects that are left.
// Each runs exactly once. Reclaim() looks now. With Traits::kMostWaiting = 1,
// each Erase looks: an object that nobody uses is then destroyed before its
// Erase returns, unless a destructor has called Erase. A Ref runs no
// destructor. A destructor may use the table: it may erase other objects, put
// some in, and borrow some; except that nothing can be put into a table while
// its own destructor runs. Looks that destructors cause are nested 16 deep at
// most.
//
// Progress: no call waits for another thread. Contains is wait-free, and so is
// Borrow if the thread has fewer than kAnnouncements Refs, and has used the
// table before. Emplace and Erase are lock-free but for the constructors and
// destructors that they run. An Erase that looks takes time in proportion to
// the threads that have ever used the table, the most shared places that were
// ever needed at once, and the objects that wait.
//
// Refs: a thread can have any number. It has kAnnouncements places of its own
// to announce what it uses. For more it takes shared ones, which are slower,
// and allocated when they are first needed: up to 65,535 times kSharedPlaces.
// Without memory for them, Borrow returns an empty Ref although Contains is
// true. All Refs must be dropped before the table is destroyed.
//
// Memory ordering: what happened before an Emplace is visible to a thread once
// it has borrowed the object or found the handle live. What happened before the
// Erase is visible to a thread once one of its calls has found the life over.
// All uses of an object through Refs happen before its destructor.
//
// Limits: as HandleTable's. Erased objects need slots until they are destroyed.
// To make up for these, the table may hand out more than max_slots: besides the
// slots for caches, as many as each other thread that has used it may collect;
// and in a destructor, as many as the thread itself may. An object that is in
// use after its Erase counts as if it were live, until the thread that erased
// it has looked again. So do those that another thread is about to destroy. All
// that as far as there are indexes between max_slots and kMaxSlots.
//
// Threads: a thread that stops for good costs the table what HandleTable says,
// keeps alive the objects that it has borrowed, and leaves what it has
// collected undestroyed until the table is destroyed. A thread that leaves a
// call halfway (see HandleTable) may keep one object alive for ever, or for a
// walk those of 64 slots; or leave what it had collected to the destructor of
// the table. If it leaves a destructor that the table has called, that one does
// not run again; and the thread, or one that takes over its cache, then
// collects four times as much before it looks, and after three of these looks
// only in Reclaim or EraseAll, or when it finds the table full. Threads beyond
// kMaxThreads collect together, and one of them at a time looks. If that one
// leaves a destructor halfway, only threads with a cache look from then on, and
// what the others had collected waits for the destructor of the table.
//
// Signals: a handler may call Contains. It must not call anything else.
//
// Plug-ins and fork: as HandleTable. In the child of a fork, other threads'
// Refs keep their objects for good.

#ifndef HOLDFAST_OBJECT_TABLE_H_
#define HOLDFAST_OBJECT_TABLE_H_

#include "holdfast/internal/cpp17.h"
// Before C++17, compilation ends there with an error that says why.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <new>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>

#include "absl/base/attributes.h"
#include "absl/base/optimization.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/utility/utility.h"
#include "holdfast/diagnosis.h"
#include "holdfast/handle.h"
#include "holdfast/handle_table_verbs.h"
#include "holdfast/internal/announcement.h"
#include "holdfast/internal/creation_error.h"
#include "holdfast/internal/generation.h"
#include "holdfast/internal/object_requirements.h"
#include "holdfast/internal/object_slots.h"
#include "holdfast/internal/reclaimer.h"
#include "holdfast/internal/shared_walk.h"
#include "holdfast/internal/slot_names.h"
#include "holdfast/internal/slot_observers.h"
#include "holdfast/internal/table_key.h"
#include "holdfast/internal/table_parts.h"
#include "holdfast/options.h"
#include "holdfast/traits.h"

namespace holdfast {

template <typename T, typename Traits>
class ObjectTable;

// The use of an object of an ObjectTable, or nothing. The object stays alive
// until the Ref is dropped: destroyed, reset or assigned to. Any thread may
// drop it. 16 bytes.
template <typename T, typename Traits = DefaultObjectTraits>
class [[nodiscard]] Ref {
 public:
  constexpr Ref() noexcept = default;
  Ref(Ref&& other) noexcept
      : object_(std::exchange(other.object_, nullptr)),
        place_(std::exchange(other.place_, nullptr)) {}
  Ref& operator=(Ref&& other) noexcept {
    Ref moved(std::move(other));
    std::swap(object_, moved.object_);
    std::swap(place_, moved.place_);
    return *this;
  }
  ~Ref() { reset(); }

  // Drops the object, if there is one. Wait-free.
  void reset() noexcept {
    // Forgotten first: so a thread that leaves this call halfway, or unwinds
    // from it, clears no place twice.
    object_ = nullptr;
    Place* const place = std::exchange(place_, nullptr);
    if (place != nullptr) place->Clear();
  }

  explicit operator bool() const noexcept { return object_ != nullptr; }
  T* get() const noexcept { return object_; }
  // Require that there is an object.
  T& operator*() const noexcept { return *object_; }
  T* operator->() const noexcept { return object_; }

 private:
  friend class ObjectTable<T, Traits>;
  using Place = internal::AnnouncementPlace<typename Traits::Atomics>;

  Ref(T* object, Place* place) noexcept : object_(object), place_(place) {}

  T* object_ = nullptr;
  Place* place_ = nullptr;
};

// The result of ObjectTable::GetStats.
struct ObjectTableStats : TableStats {
  uint64_t waiting = 0;  // Erased objects that are not destroyed yet. Their
                         // slots are neither free nor live.
};

template <typename T, typename UserTraits = DefaultObjectTraits>
class ObjectTable {
  static_assert(internal::ObjectRequirements<T>::kMet);
  static_assert(internal::CompleteObjectRequirements<T>::kMet);
  static_assert(UserTraits::kAnnouncements >= 1 &&
                    UserTraits::kSharedPlaces >= 1 &&
                    UserTraits::kSharedPlaces <= 4'096 &&
                    UserTraits::kMostWaiting >= 1,
                "ObjectTable: Traits::kAnnouncements, kSharedPlaces (at most "
                "4,096) and kMostWaiting must be at least 1");

  using Traits = internal::ObjectTraits<UserTraits>;
  using Memory = typename Traits::Memory;
  using Generations = internal::GenerationLimits<Traits::kGenerationBits>;
  using Indexes = internal::IndexLimits<Traits::kGenerationBits>;

 public:
  using value_type = T;
  using Handle = holdfast::Handle<T, typename Traits::HandleTag>;
  using Ref = holdfast::Ref<T, UserTraits>;
  using Options = TableOptions;
  using Stats = ObjectTableStats;

  // As HandleTable's.
  static constexpr int kHandleBits = Traits::kHandleBits;
  static_assert(kHandleBits > Traits::kGenerationBits && kHandleBits <= 63,
                "ObjectTable: Traits::kHandleBits must be at most 63, and more "
                "than Traits::kGenerationBits");
  static constexpr uint64_t kMaxSlots =
      std::min(Indexes::kMaxSlots,
               uint64_t{1} << (kHandleBits - Traits::kGenerationBits));
  static constexpr uint64_t kLivesPerSlot = Generations::kLives;

  // --- Creation --------------------------------------------------------------

  // Returns an empty table, or an error, as HandleTable::Create does. A table
  // reserves address space for max_slots objects and more, see Limits.
  static absl::StatusOr<ObjectTable> Create(const Options& options = {}) {
    internal::CreationError error;
    absl::StatusOr<ObjectTable> created(absl::in_place, ForMake(), options,
                                        &error);
    if (!error.ok()) {
      const bool is_invalid =
          error.code == internal::CreationError::Code::kInvalidArgument;
      created = is_invalid ? absl::InvalidArgumentError(error.message)
                           : absl::ResourceExhaustedError(error.message);
    }
    return created;
  }

  // As Create, without absl::StatusOr: see HandleTable::Make.
  static ObjectTable Make(const Options& options,
                          internal::CreationError* error) {
    return ObjectTable(ForMake(), options, error);
  }

  // What Make returns. Only Create and Make can call it, since they alone can
  // make a ForMake.
  class ForMake {
    friend ObjectTable;
    explicit ForMake() = default;
  };
  ObjectTable(ForMake, const Options& options, internal::CreationError* error) {
    constexpr uint64_t kKeyMask =
        ((uint64_t{1} << kHandleBits) - 1) & ~uint64_t{1};
    Options fitted = options;
    *error = internal::FitOptions({kMaxSlots, Traits::kMaxThreadCacheSlots,
                                   kKeyMask, Traits::kMaxThreads},
                                  &fitted);
    if (!error->ok()) return;
    Parts parts = {memory_, all_slots_, slots_, pool_};
    *error = parts.Make(fitted, kMaxSlots);
    if (!error->ok()) return;
    key_ = fitted.key.has_value() ? *fitted.key
                                  : internal::NewTableKey() & kKeyMask;
    reclaimer_ = Reclaimer(slots_);
  }

  // The objects stay where they are; handles and Refs of `other` are then the
  // new table's. A table that was moved from refuses every handle and every
  // Emplace. No thread may be inside a call on either table.
  ObjectTable(ObjectTable&& other) noexcept
      : key_(std::exchange(other.key_, 0)),
        all_slots_(std::exchange(other.all_slots_, 0)),
        slots_(other.slots_),
        pool_(other.pool_),
        reclaimer_(other.reclaimer_),
        memory_(std::move(other.memory_)) {
    other.pool_.Forget();
  }
  // Destroys all objects of this table first, as its destructor does.
  ObjectTable& operator=(ObjectTable&& other) noexcept {
    ObjectTable moved(std::move(other));
    End();
    Swap(moved);
    return *this;
  }

  // Destroys all objects that are left. No thread may be inside a call, and no
  // Ref may be left. Linear in the number of slots that were ever used.
  ~ObjectTable() { End(); }

  // --- Verbs -----------------------------------------------------------------

  // Constructs T(args...) in the table, and returns its handle, which differs
  // from all handles that this table has returned before. Returns the null
  // handle, and constructs nothing, if no slot is left after all has been
  // reclaimed that can be, or if the system refuses memory for more. If the
  // constructor throws, the table is as it was, but for one life of the slot.
  template <typename... Args>
  [[nodiscard]] ABSL_ATTRIBUTE_ALWAYS_INLINE Handle Emplace(
      Args&&... args) noexcept(std::is_nothrow_constructible_v<T, Args...>) {
    Free free;
    if (ABSL_PREDICT_FALSE(!pool_.AcquireFast(&free))) {
      free = AcquireSlow();
      if (free.IsNone()) return Handle();
    }
    SkipLife unless_constructed{*this, free};
    ::new (slots_.Storage(free)) T(std::forward<Args>(args)...);
    unless_constructed.free = Free();
    return HandleOf(slots_.Publish(free));
  }

  // As Emplace, of a T that is moved or copied into the table.
  [[nodiscard]] Handle Insert(T&& object) noexcept(
      std::is_nothrow_move_constructible_v<T>) {
    return Emplace(std::move(object));
  }
  [[nodiscard]] Handle Insert(const T& object) noexcept(
      std::is_nothrow_copy_constructible_v<T>) {
    return Emplace(object);
  }

  // Returns the object, kept alive until the Ref is dropped; or nothing if
  // `handle` is not live. Writes to no memory that other threads use, unless
  // they reclaim. Wait-free, except for the first calls of a thread, and those
  // that have more than kAnnouncements Refs.
  ABSL_ATTRIBUTE_ALWAYS_INLINE Ref Borrow(Handle handle) noexcept {
    // Looked at first, so that a stale handle costs no read-modify-write.
    if (ABSL_PREDICT_FALSE(!Contains(handle))) return Ref();
    return BorrowLife(LifeOf(handle));
  }

  // Makes `handle` and all its copies stale. Returns false, and changes
  // nothing, if `handle` is not live. Of several racing calls exactly one
  // returns true. The object is destroyed once nobody uses it: see
  // Destruction.
  ABSL_ATTRIBUTE_ALWAYS_INLINE bool Erase(Handle handle) noexcept {
    const Life life = LifeOf(handle);
    if (ABSL_PREDICT_FALSE(!IsLife(life))) return false;
    return reclaimer_.Erase(life, pool_);
  }

  // Erases every object whose Emplace happened before the call; an object that
  // is put in meanwhile may be erased too. Then does as Reclaim. Returns how
  // many objects this call has erased. Linear in IndexLimit().
  uint64_t EraseAll() noexcept {
    uint64_t erased = 0;
    const uint64_t high_water = pool_.high_water();
    for (uint64_t i = 0; i < high_water; ++i) {
      const Life life(i, slots_.ObservedGeneration(i));
      if (life.IsLive() && reclaimer_.Erase(life, pool_)) ++erased;
    }
    Reclaim();
    return erased;
  }

  // Destroys the erased objects that nobody uses, except for those that another
  // thread has collected that has not exited. What their destructors erase is
  // destroyed too. Returns how many objects were destroyed, except for those
  // that were destroyed inside a destructor's own calls. (In a destructor that
  // the table has called, it does not find what was collected together with
  // this object; 16 such destructors inside each other, it does nothing.)
  uint64_t Reclaim() noexcept {
    return all_slots_ == 0 ? 0 : reclaimer_.Reclaim(pool_);
  }

  // --- Iteration -------------------------------------------------------------

  // Calls fn(Handle, T&) for the objects of the table, in no set order. An
  // object that is in the table throughout the call is visited exactly once; an
  // object that is put in or erased during the call, at most once. While `fn`
  // sees an object, it is not destroyed; nor are some others, in the 64 slots
  // that are visited together. `fn` may use the table, and may erase the object
  // that it is shown. An exception that `fn` throws ends the walk and leaves
  // ForEach. If `fn` returns Step::kStop, the walk ends, and ForEach returns
  // false; so it does if there is no place to announce a block (see Refs).
  // Otherwise ForEach returns true; results that are no Step do not matter.
  // Linear in IndexLimit().
  template <typename F>
  bool ForEach(F&& fn) {
    return Visit(0, pool_.high_water(), [&](Life life, T& object) {
      return Show(fn, HandleOf(life), object);
    });
  }

  // A ForEach by several threads together, as HandleTable::ParallelForEach.
  class ParallelForEach {
   public:
    explicit ParallelForEach(ObjectTable& table)
        : table_(table), walk_(table.pool_.high_water()) {}

    // As HandleTable::ParallelForEach::Work, and as ForEach.
    template <typename F>
    bool Work(F&& fn) {
      typename Walk::Worker worker(walk_);
      while (worker.begin < worker.end || worker.Next()) {
        const bool goes_on =
            table_.Visit(worker.begin, worker.end, [&](Life life, T& object) {
              worker.begin = life.index() + 1;  // Whatever becomes of the call.
              return Show(fn, table_.HandleOf(life), object);
            });
        if (!goes_on) return false;
        worker.begin = worker.end;
      }
      return true;
    }

   private:
    using Walk = internal::SharedWalk<typename Traits::Atomics>;

    ObjectTable& table_;
    Walk walk_;
  };

  // --- Observers -------------------------------------------------------------

  // Returns whether `handle` is live. Wait-free.
  [[nodiscard]] bool Contains(Handle handle) const noexcept {
    const Life life = LifeOf(handle);
    return IsLife(life) &&
           slots_.ObservedGeneration(life.index()) == life.generation();
  }

  // As HandleTable's, all of them.

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

  [[nodiscard]] std::string Describe(Handle handle) const {
    return internal::ToText(handle.bits(), Diagnose(handle),
                            LifeOf(handle).index())
        .text;
  }

  [[nodiscard]] std::optional<uint32_t> IndexOf(Handle handle) const noexcept {
    if (!Contains(handle)) return std::nullopt;
    return static_cast<uint32_t>(LifeOf(handle).index());
  }

  [[nodiscard]] Handle HandleAt(uint32_t index) const noexcept {
    if (index >= pool_.high_water()) return Handle();
    const Life life(index, slots_.ObservedGeneration(index));
    return life.IsLive() ? HandleOf(life) : Handle();
  }

  [[nodiscard]] uint64_t IndexLimit() const noexcept {
    return pool_.high_water();
  }

  [[nodiscard]] Stats GetStats() const noexcept {
    Stats stats;
    if (all_slots_ == 0) return stats;  // Moved from.
    stats.high_water = pool_.high_water();
    uint64_t oldest = 0;
    for (uint64_t i = 0; i < stats.high_water; ++i) {
      const auto word = slots_.Observed(i);
      const bool is_retired = word.generation() == Generations::kRetired;
      oldest = std::max(oldest, word.generation().number());
      ++(word.IsLive()      ? stats.live
         : word.IsWaiting() ? stats.waiting
         : is_retired       ? stats.retired
                            : stats.free);
    }
    stats.last_generation = Generations::kLastLive.number();
    stats.oldest_generation = std::min(oldest, stats.last_generation);
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
  using Slots = internal::ObjectSlots<T, Traits>;
  static_assert(internal::LinksCheck<typename Slots::Links,
                                     Traits::kGenerationBits>::value);

  using Parts = internal::TableParts<Slots, Traits>;
  using Pool = typename Parts::Pool;
  using Reclaimer = internal::Reclaimer<Slots, Pool, Traits>;
  using Announcement = internal::Announcement;
  using Life = internal::Life<Traits::kGenerationBits>;
  using Free = internal::FreeSlot<Traits::kGenerationBits>;
  using Place = internal::AnnouncementPlace<typename Traits::Atomics>;

  // Gives a slot back that was to get an object, if it still has one when it is
  // destroyed. The slot has then lost a life: no slot goes to the pool in the
  // generation in which it came from there. [INV-5]
  struct SkipLife {
    ~SkipLife() {
      if (!free.IsNone()) table.reclaimer_.Skip(free, table.pool_);
    }
    ObjectTable& table;
    Free free;
  };

  // The life that a handle names: the handle XOR the table's key.
  Life LifeOf(Handle handle) const noexcept {
    return Life::FromBits(handle.bits() ^ key_);
  }
  Handle HandleOf(Life life) const noexcept {
    return Handle::FromBits(life.bits() ^ key_);
  }

  // As HandleTable's.
  bool InRange(Life life) const noexcept {
    return life.index() <
           (Memory::kReadsAsZeros ? all_slots_ : pool_.high_water());
  }
  bool IsLife(Life life) const noexcept {
    return InRange(life) && life.IsLive();
  }

  // Destroys all objects, and makes the table one that was moved from.
  void End() noexcept {
    if (all_slots_ == 0) return;
    const uint64_t high_water = pool_.high_water();
    pool_.StopCaching();
    reclaimer_.Close(high_water);
    Parts::Discard(std::exchange(all_slots_, 0), high_water, slots_, pool_,
                   std::move(memory_));
    pool_.Forget();
  }

  // Frees slots by destructors, if there is no other way.
  ABSL_ATTRIBUTE_NOINLINE Free AcquireSlow() noexcept {
    if (reclaimer_.IsClosing()) return Free();
    Free free = pool_.AcquireSlow();
    while (free.IsNone() && Reclaim() != 0) {
      // What was reclaimed is at hand now, or in the pool.
      if (!pool_.AcquireFast(&free)) free = pool_.AcquireSlow();
    }
    return free;
  }

  ABSL_ATTRIBUTE_ALWAYS_INLINE Ref BorrowLife(Life life) noexcept {
    Place* const place =
        reclaimer_.announcements().Announce(Announcement::Of(life));
    if (ABSL_PREDICT_FALSE(place == nullptr)) return Ref();
    T* const object = slots_.Find(life);
    if (ABSL_PREDICT_FALSE(object == nullptr)) {
      place->Clear();
      return Ref();
    }
    return Ref(object, place);
  }

  // An announcement that is cleared at the end of a scope.
  class Announced {
   public:
    explicit Announced(Place* place) : place_(place) {}
    Announced(const Announced&) = delete;
    Announced& operator=(const Announced&) = delete;
    ~Announced() {
      if (place_ != nullptr) place_->Clear();
    }
    bool HasPlace() const { return place_ != nullptr; }

   private:
    Place* const place_;
  };

  // Calls visit(life, object) for the live slots from `begin` to before `end`,
  // until that returns false. Then it returns false as well, as it does if
  // there is no place for an announcement.
  template <typename F>
  bool Visit(uint64_t begin, uint64_t end, F visit) {
    while (begin < end) {
      const uint64_t block = begin / Announcement::kBlock;
      const uint64_t block_end =
          std::min(end, (block + 1) * Announcement::kBlock);
      while (begin < block_end && !slots_.Observed(begin).IsLive()) ++begin;
      if (begin == block_end) continue;
      const Announced announced(
          reclaimer_.announcements().Announce(Announcement::OfBlock(block)));
      if (!announced.HasPlace()) return false;
      for (; begin < block_end; ++begin) {
        const auto word = slots_.Observed(begin);
        if (!word.IsLive()) continue;
        if (!visit(Life(begin, word.generation()), *slots_.ObjectAt(begin))) {
          return false;
        }
      }
    }
    return true;
  }

  // Calls `fn`, and returns whether the walk goes on.
  template <typename F>
  static bool Show(F& fn, Handle handle, T& object) {
    if constexpr (std::is_same_v<std::decay_t<decltype(fn(handle, object))>,
                                 Step>) {
      return fn(handle, object) == Step::kNext;
    } else {
      fn(handle, object);
      return true;
    }
  }

  void Swap(ObjectTable& other) noexcept {
    std::swap(key_, other.key_);
    std::swap(all_slots_, other.all_slots_);
    std::swap(slots_, other.slots_);
    std::swap(pool_, other.pool_);
    std::swap(reclaimer_, other.reclaimer_);
    std::swap(memory_, other.memory_);
  }

  // Only Create and moves write to these fields. Everything that calls change
  // lies in memory_.
  uint64_t key_ = 0;        // XORed into every handle.
  uint64_t all_slots_ = 0;  // Slots that handles may name. 0 after a move.
  Slots slots_;
  Pool pool_;
  Reclaimer reclaimer_;
  Memory memory_;
};

}  // namespace holdfast

#endif  // HOLDFAST_OBJECT_TABLE_H_
