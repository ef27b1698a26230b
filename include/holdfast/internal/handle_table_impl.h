// The members of HandleTable that are not on a fast path. Included by
// holdfast/handle_table_verbs.h alone.

#ifndef HOLDFAST_INTERNAL_HANDLE_TABLE_IMPL_H_
#define HOLDFAST_INTERNAL_HANDLE_TABLE_IMPL_H_

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <utility>

#include "holdfast/handle_table_verbs.h"  // IWYU pragma: keep
#include "holdfast/internal/creation_error.h"
#include "holdfast/internal/table_key.h"

namespace holdfast {

// Where the parts of a table lie in its memory. What is small or comes first is
// at the ends that meet: a table becomes writable from there.
//
//   slots --> (beyond max_slots) <-- spare cells | sides --> <-- their sides |
//   controls, shards -->
template <typename T, typename Traits>
struct HandleTable<T, Traits>::Layout {
  static constexpr size_t kLine = 128;  // Processors fetch lines in pairs.

  // How many bytes of each part are writable, see GrowingPart.
  struct Growth {
    typename Part::Size slots;
    typename Part::Size spares;
    typename Part::Size sides;
    typename Part::Size spare_sides;
    typename Part::Size shards;
  };

  Layout(uint64_t max_slots, uint32_t cache_slots, uint64_t page)
      : all_slots(max_slots + Surplus(max_slots, cache_slots)),
        cells(Slots::kHasCells ? Spares::Cells(all_slots) : all_slots) {
    slots = Add(cells, sizeof(typename Slots::Slot), page);
    sides = Add(cells, sizeof(typename Slots::Side), page);
    control = Add(1, sizeof(typename Pool::Control), page);
    growth = Add(1, sizeof(Growth), kLine);
    shared_spares =
        Add(Spares::kMaxShared, sizeof(typename Spares::Entry), kLine);
    shards = Add(Traits::kMaxThreads, sizeof(Shard), kLine);
    Add(0, 0, page);
  }

  // Slots beyond max_slots, so that threads may keep free ones: see SlotPool.
  // Where the index bits run out, half of what is left.
  static uint64_t Surplus(uint64_t max_slots, uint32_t cache_slots) {
    if (cache_slots == 0) return 0;
    const uint64_t wanted =
        uint64_t{internal::ShardArray<Traits>::kLimit} * (cache_slots + 1);
    const uint64_t room = kMaxSlots - max_slots;
    const uint64_t spares = Slots::kHasCells ? Spares::Cells(0) : 0;
    return std::min(wanted, std::max(room - std::min(room, spares), room / 2));
  }

  // Returns the offset, a multiple of `alignment`.
  uint64_t Add(uint64_t count, uint64_t size, uint64_t alignment) {
    const uint64_t offset = (bytes + alignment - 1) / alignment * alignment;
    bytes = offset + count * size;
    return offset;
  }

  uint64_t bytes = 0;
  uint64_t all_slots;  // Slots of which handles may tell.
  uint64_t cells;
  uint64_t slots;
  uint64_t sides;
  uint64_t control;
  uint64_t shared_spares;
  uint64_t growth;
  uint64_t shards;
};

template <typename T, typename Traits>
HandleTable<T, Traits> HandleTable<T, Traits>::Make(
    const Options& options, internal::CreationError* error) {
  Options fitted = options;
  *error = internal::FitOptions(kMaxSlots, Traits::kMaxThreadCacheSlots,
                                kKeyMask, &fitted);
  if (!error->ok()) return HandleTable();
  const Layout layout(fitted.max_slots, fitted.thread_cache_slots,
                      Memory::PageBytes());
  HandleTable table;
  *error = table.Reserve(layout);
  if (error->ok()) *error = table.Build(layout, fitted);
  if (error->ok()) return table;
  *error = internal::ReservationError(*error, layout.bytes, fitted.max_slots);
  return HandleTable();
}

template <typename T, typename Traits>
internal::CreationError HandleTable<T, Traits>::Reserve(const Layout& layout) {
  constexpr uint64_t kMost = std::numeric_limits<ptrdiff_t>::max();
  if (layout.bytes > kMost) {
    return internal::MakeCreationError(
        internal::CreationError::Code::kResourceExhausted,
        "more than a process can address");
  }
  return Memory::Reserve(static_cast<size_t>(layout.bytes), &memory_);
}

template <typename T, typename Traits>
internal::CreationError HandleTable<T, Traits>::Build(const Layout& layout,
                                                      const Options& options) {
  const auto at = [&](uint64_t offset) {
    return memory_.template Array<char>(static_cast<size_t>(offset), 1);
  };
  auto* const growth = memory_.template Array<typename Layout::Growth>(
      static_cast<size_t>(layout.growth), 1);
  const auto part = [&](uint64_t begin, uint64_t end, typename Part::From from,
                        typename Part::Size* writable) {
    return Memory::kGrows ? Part(at(begin), at(end), from, writable) : Part();
  };
  const Part slots =
      part(layout.slots, layout.sides, Part::From::kBegin, &growth->slots);
  const Part spares =
      part(layout.slots, layout.sides, Part::From::kEnd, &growth->spares);
  const Part sides =
      part(layout.sides, layout.control, Part::From::kBegin, &growth->sides);
  const Part spare_sides = part(layout.sides, layout.control, Part::From::kEnd,
                                &growth->spare_sides);
  const Part shard_part =
      part(layout.control, layout.bytes, Part::From::kBegin, &growth->shards);
  auto* const shards = memory_.template Array<Shard>(
      static_cast<size_t>(layout.shards), Traits::kMaxThreads);
  // Where no thread may look at a shard that is not writable, all of them are.
  const size_t shards_to_reach =
      Memory::kReadsAsZeros ? 0 : Traits::kMaxThreads * sizeof(Shard);
  if (!Part::Start(spare_sides, shard_part) ||
      !shard_part.Reach(shards, shards_to_reach) ||
      !Part::Start(spares, sides)) {
    return Memory::Refusal();
  }
  auto* const control = memory_.template Array<typename Pool::Control>(
      static_cast<size_t>(layout.control), 1);
  slots_ = Slots(
      memory_.template Array<typename Slots::Slot>(
          static_cast<size_t>(layout.slots), static_cast<size_t>(layout.cells)),
      memory_.template Array<typename Slots::Side>(
          static_cast<size_t>(layout.sides),
          static_cast<size_t>(layout.cells)));
  const internal::ShardArray<Traits> array(shards, &control->opened,
                                           shard_part);
  const auto numbering = Traits::Threads::Numbering::OfThisCopy();
  pool_ = Pool(control, array, slots_,
               {options.max_slots, layout.all_slots, slots, sides},
               options.thread_cache_slots, numbering);
  if constexpr (Slots::kHasCells) {
    spares_ = Spares(
        memory_.template Array<typename Spares::Entry>(
            static_cast<size_t>(layout.shared_spares), Spares::kMaxShared),
        array, slots_, layout.all_slots, numbering, spares, spare_sides);
    if (!spares_.ReachShared()) return Memory::Refusal();
  }
  key_ = options.key.has_value() ? *options.key
                                 : internal::NewTableKey() & kKeyMask;
  all_slots_ = layout.all_slots;
  return {};
}

template <typename T, typename Traits>
uint64_t HandleTable<T, Traits>::UnpinAll() noexcept {
  uint64_t unpinned = 0;
  const uint64_t high_water = pool_.high_water();
  for (uint64_t i = 0; i < high_water; ++i) {
    const uint32_t index = static_cast<uint32_t>(i);
    const uint64_t generation = slots_.ObservedGeneration(index);
    // A life that ends between the two ends as if before this call.
    if (Word::IsLive(generation) && End(Word::Pack(index, generation)))
      ++unpinned;
  }
  return unpinned;
}

template <typename T, typename Traits>
template <typename F>
void HandleTable<T, Traits>::ForEachExclusive(F&& fn) {
  const uint64_t high_water = pool_.high_water();
  for (uint64_t i = 0; i < high_water; ++i) {
    const uint32_t index = static_cast<uint32_t>(i);
    if (!Word::IsLive(slots_.Generation(index))) continue;
    slots_.UpdateExclusive(index, [&](uint64_t generation, T& value) {
      fn(HandleOf(Word::Pack(index, generation)), value);
    });
  }
}

// The slots are shared out by a counter, in runs of kRun. What a worker has
// taken and not yet visited would be lost if `fn` threw; so each worker has one
// of kPlaces places, where it then leaves the rest for others. A worker that
// finds no place takes one slot at a time, of which there is no rest. Nothing
// is allocated: the threads that a collector has stopped may be inside malloc.
template <typename T, typename Traits>
class HandleTable<T, Traits>::ParallelForEach {
 public:
  explicit ParallelForEach(const HandleTable& table)
      : table_(table), end_(table.pool_.high_water()) {}

  ParallelForEach(const ParallelForEach&) = delete;
  ParallelForEach& operator=(const ParallelForEach&) = delete;

  // Visits slots until no thread has any left to begin with. `fn` is called by
  // this thread alone. Allocates nothing. Wait-free but for the Read of each
  // value.
  //
  // An exception that leaves `fn` leaves Work, as does the unwinding of a
  // thread that exits in `fn` (where the caller is compiled with exceptions).
  // The value that `fn` was shown counts as visited. What this call has left
  // over is visited by calls that are still running, or by the next one; so
  // whoever catches the exception calls Work again, or lets another thread do
  // so. A thread that stops for good inside Work, or leaves it by longjmp,
  // keeps what it had taken: at most 1,024 slots are then visited by nobody.
  template <typename F>
  void Work(F&& fn) {
    Share share(*this);
    do {
      while (share.begin < share.end) {
        table_.slots_.Visit(
            share.begin, share.end,
            [&](uint64_t index, uint64_t generation, const T& value) {
              share.begin = index + 1;  // Whatever becomes of this call.
              fn(table_.HandleOf(Word::Pack(index, generation)), value);
            });
        share.begin = share.end;
        TakeRun(&share);
      }
    } while (TakeLeftOver(&share));
  }

 private:
  static constexpr uint64_t kRun = 1024;
  static constexpr uint32_t kPlaces = 64;
  static constexpr uint32_t kNoPlace = kPlaces;

  // What is in a place: one of these, or slots that are left over,
  // {end:32 | begin:32}. An end is not 0, so they are larger. Places are taken
  // from the first on: behind one that is kUnused, all are.
  static constexpr uint64_t kUnused = 0;  // Never taken yet.
  static constexpr uint64_t kTaken = 1;   // By a worker.
  static constexpr uint64_t kEmpty = 2;   // Given back.
  static bool IsLeftOver(uint64_t place) { return place > kEmpty; }

  // A worker's place, if it has one, and the slots it has yet to visit.
  struct Share {
    explicit Share(ParallelForEach& all) : of(all) {
      of.TakePlace(this);
      if (begin >= end) of.TakeRun(this);
    }
    Share(const Share&) = delete;
    Share& operator=(const Share&) = delete;
    ~Share() { of.GiveBack(*this); }

    void Hold(uint64_t left_over) {
      begin = static_cast<uint32_t>(left_over);
      end = left_over >> 32;
    }

    ParallelForEach& of;
    uint32_t place = kNoPlace;
    uint64_t begin = 0;
    uint64_t end = 0;
  };

  void TakeRun(Share* share) {
    const uint64_t count = share->place == kNoPlace ? 1 : kRun;
    // order: relaxed. It shares out numbers; the values are ordered by the
    // words they are read through.
    share->begin = next_.fetch_add(count, std::memory_order_relaxed);
    share->end = std::min(share->begin + count, end_);
  }

  // Takes the first place that nobody has, and what is left over there.
  void TakePlace(Share* share) {
    for (uint32_t i = 0; i < kPlaces; ++i) {
      // order: relaxed. The CAS validates it.
      const uint64_t found = places_[i].load(std::memory_order_relaxed);
      if (found != kTaken && Take(i, found, share)) return;
    }
  }

  // Takes what is left over anywhere, with its place. False if nothing is.
  bool TakeLeftOver(Share* share) {
    for (uint32_t i = 0; i < kPlaces; ++i) {
      // order: relaxed. The CAS validates it. If a worker's leaving happened
      // before, so did its looks at the places before its own, of which none
      // was unused: by coherence, none is seen as unused here.
      const uint64_t found = places_[i].load(std::memory_order_relaxed);
      if (found == kUnused) return false;
      if (!IsLeftOver(found)) continue;
      GiveBack(*share);
      share->place = kNoPlace;
      if (Take(i, found, share)) return true;
    }
    return false;
  }

  bool Take(uint32_t place, uint64_t found, Share* share) {
    uint64_t expected = found;
    // order: relaxed, both. The word is all there is: of those who want it, one
    // has it. What it refers to is ordered by the slots' own words.
    if (!places_[place].compare_exchange_strong(expected, kTaken,
                                                std::memory_order_relaxed,
                                                std::memory_order_relaxed)) {
      return false;
    }
    share->place = place;
    if (IsLeftOver(found)) share->Hold(found);
    return true;
  }

  void GiveBack(const Share& share) {
    if (share.place == kNoPlace) return;
    // order: relaxed. As in Take.
    places_[share.place].store(
        share.begin < share.end ? share.end << 32 | share.begin : kEmpty,
        std::memory_order_relaxed);
  }

  using Number = typename Traits::Atomics::template Atomic<uint64_t>;

  const HandleTable& table_;
  const uint64_t end_;
  alignas(128) Number next_{0};
  alignas(128) Number places_[kPlaces] = {};
};

template <typename T, typename Traits>
Diagnosis HandleTable<T, Traits>::Diagnose(Handle handle) const noexcept {
  if (!handle) return {HandleState::kNull, 0};
  const uint64_t place = PlaceOf(handle);
  const uint64_t issued = Word::Generation(place);
  if (Word::Upper(place) >= std::max(pool_.max_slots(), pool_.high_water()) ||
      !Word::IsLive(place) || issued > Word::kLastLive) {
    return {HandleState::kForeign, 0};
  }
  if (!InRange(place)) return {HandleState::kNeverIssued, 0};
  const uint64_t generation = slots_.ObservedGeneration(Index(place));
  if (generation == issued) return {HandleState::kLive, 0};
  if (generation < issued) return {HandleState::kNeverIssued, 0};
  return {generation == Word::kRetired ? HandleState::kRetired
                                       : HandleState::kStale,
          (generation - issued + 1) / 2};
}

template <typename T, typename Traits>
TableStats HandleTable<T, Traits>::GetStats() const noexcept {
  Stats stats;
  if (all_slots_ == 0) return stats;
  stats.high_water = pool_.high_water();
  for (uint64_t i = 0; i < stats.high_water; ++i) {
    const uint64_t generation =
        slots_.ObservedGeneration(static_cast<uint32_t>(i));
    stats.live += Word::IsLive(generation);
    stats.retired += generation == Word::kRetired;
    stats.oldest_generation =
        std::max(stats.oldest_generation,
                 std::min<uint64_t>(generation, Word::kLastLive));
  }
  stats.free = stats.high_water - stats.live - stats.retired;
  stats.cached = pool_.CachedSlots();
  stats.capacity = pool_.max_slots();
  stats.last_generation = Word::kLastLive;
  stats.thread_cache_slots = pool_.cache_slots();
  stats.bytes_reserved = memory_.reserved_bytes();
  stats.bytes_touched = memory_.ResidentBytes();
  return stats;
}

}  // namespace holdfast

#endif  // HOLDFAST_INTERNAL_HANDLE_TABLE_IMPL_H_
