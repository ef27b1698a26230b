// The parts of a table, in one stretch of reserved memory.
//
//   <-- shards | control, slots --> (beyond max_slots) <-- spare cells |
//   sides --> <-- their sides
//
// Each arrow is a GrowingPart: its memory becomes writable in that direction.
// The shards of the first few threads, the control block and the first slots
// lie on one page, the only one that a small table touches. The first pages of
// two parts lie side by side, so that one call makes both writable.

#ifndef HOLDFAST_INTERNAL_TABLE_PARTS_H_
#define HOLDFAST_INTERNAL_TABLE_PARTS_H_

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <new>
#include <type_traits>
#include <utility>

#include "absl/base/attributes.h"
#include "holdfast/internal/creation_error.h"
#include "holdfast/internal/fresh_slots.h"
#include "holdfast/internal/growing_array.h"
#include "holdfast/internal/growing_part.h"
#include "holdfast/internal/mapped_memory.h"
#include "holdfast/internal/reservation_stock.h"
#include "holdfast/internal/shard.h"
#include "holdfast/internal/shard_array.h"
#include "holdfast/internal/slot_array.h"
#include "holdfast/internal/slot_kind.h"
#include "holdfast/internal/slot_pool.h"
#include "holdfast/internal/to_size.h"
#include "holdfast/options.h"

namespace holdfast::internal {

// Where the parts lie: offsets in bytes.
template <typename Kind, typename Traits>
struct TableLayout {
  using Array = typename Kind::Array;
  using Pool = SlotPool<typename Kind::Links, Traits>;
  using Part = GrowingPart<Traits>;

  static constexpr size_t kLine = 128;  // Processors fetch lines in pairs.

  // The arrows above, which lie in the memory that they describe.
  struct Growth {
    GrowingPair<Traits> from_begin;
    GrowingPair<Traits> from_end;
    Part shards;

    uint64_t WritableBytes() const noexcept {
      return from_begin.slots.writable() + from_begin.sides.writable() +
             from_end.slots.writable() + from_end.sides.writable() +
             shards.writable();
    }
  };

  TableLayout(uint64_t slot_count, uint64_t page)
      : all_slots(slot_count), entries(Kind::Entries(slot_count)) {
    // A quarter of the page is for shards.
    const uint64_t shard_bytes =
        Traits::kMaxThreads * uint64_t{sizeof(Shard<Traits>)};
    first_page = RoundUp(shard_bytes + page / 4 * 3, page) - page;
    control = first_page + page / 4;
    shards = control - shard_bytes;
    bytes = control;
    Add(1, sizeof(typename Pool::Control), kLine);
    growth = Add(1, sizeof(Growth), kLine);
    shared = Add(1, sizeof(typename Kind::Shared), kLine);
    slots = Add(entries, sizeof(typename Array::Slot),
                std::max(kLine, alignof(typename Array::Slot)));
    sides = Add(entries, Array::kSideBytes, page);
    Add(0, 0, page);
  }

  // `limit` is the largest number of slots that a handle's bits can tell apart.
  static uint64_t AllSlots(const TableOptions& options, uint64_t limit) {
    return options.max_slots +
           Surplus(limit - options.max_slots, options.thread_cache_slots);
  }

  ReservationLayout OfReservation() const {
    return {bytes, first_page, growth, slots, sides};
  }

  // Slots beyond max_slots, so that threads may keep free ones: see SlotPool.
  // Where the index bits run out, half of the `room` that is left.
  static uint64_t Surplus(uint64_t room, uint32_t cache_slots) {
    if (cache_slots == 0 && !Traits::kHoldsObjects) return 0;
    constexpr uint64_t kShards = ShardArray<Traits>::kLimit;
    const uint64_t wanted =
        kShards * (cache_slots + 1 + MostWaiting<Traits>(kShards, cache_slots));
    const uint64_t spare_entries = Kind::Entries(0);
    return std::min(wanted,
                    std::max(room - std::min(room, spare_entries), room / 2));
  }

  // Returns the offset, a multiple of `alignment`.
  uint64_t Add(uint64_t count, uint64_t size, uint64_t alignment) {
    const uint64_t offset = RoundUp(bytes, alignment);
    bytes = offset + count * size;
    return offset;
  }

  uint64_t bytes = 0;
  uint64_t all_slots;   // Slots that handles can name.
  uint64_t entries;     // Of the arrays.
  uint64_t first_page;  // Where the page with the control block begins.
  uint64_t shards;      // That of the last ordinal first.
  uint64_t control;
  uint64_t growth;
  uint64_t shared;
  uint64_t slots;
  uint64_t sides;
};

template <typename Kind, typename Traits>
struct TableParts {
  using Layout = TableLayout<Kind, Traits>;
  using Memory = typename Traits::Memory;
  using Array = typename Kind::Array;
  using Pool = typename Layout::Pool;

  // The parts lie in the table, so that none of them has to be copied.
  Memory& memory;
  uint64_t& all_slots;
  Kind& slots;
  Pool& pool;

  // Takes or reserves the memory of a table, and makes what lies in it.
  // `options` are those that FitOptions has fitted. All parts are empty before,
  // and after an error again.
  CreationError Make(const TableOptions& options, uint64_t limit) {
    const Layout layout(Layout::AllSlots(options, limit), Memory::PageBytes());
    if constexpr (kIsKept) {
      if (MappedMemory::TakeKept(layout.OfReservation(), &memory) &&
          Build(layout, options, /*is_new=*/false)) {
        return {};
      }
    }
    CreationError error = Reserve(layout.bytes);
    if (error.ok()) {
      if (Build(layout, options, /*is_new=*/true)) return {};
      error = Memory::Refusal();
    }
    pool = Pool();
    slots = Kind();
    memory = Memory();
    return ReservationError(error, layout.bytes, options.max_slots);
  }

  // Gives the memory of a table back that no thread will use again: clears it
  // and keeps it for another table, if that is little work. `used` is the
  // table's high-water mark.
  ABSL_ATTRIBUTE_NOINLINE static void Discard(uint64_t all_slots, uint64_t used,
                                              const Kind& slots,
                                              const Pool& pool,
                                              Memory memory) noexcept {
    if constexpr (kIsKept) {
      if (all_slots == 0) return;  // Moved from.
      if (!MappedMemory::IsAnyKept()) return;
      const uint64_t page = Memory::PageBytes();
      const Layout layout(all_slots, page);
      const auto& growth = *memory.template Array<typename Layout::Growth>(
          ToSize(layout.growth), 1);
      if (growth.WritableBytes() > std::max<uint64_t>(kMostKept, 8 * page)) {
        return;
      }
      Clear(layout, used, slots, pool, memory);
      MappedMemory::Keep(layout.OfReservation(), std::move(memory));
    }
  }

 private:
  using Part = typename Layout::Part;
  using Growth = typename Layout::Growth;
  using Growing = GrowingArray<Array, Traits>;

  // Tests have memory and atomics of their own, which nobody else could use.
  static constexpr bool kIsKept =
      std::is_same_v<Memory, MappedMemory> && Memory::kReadsAsZeros &&
      std::is_same_v<typename Traits::Atomics::template Atomic<uint64_t>,
                     std::atomic<uint64_t>>;

  // Larger tables are given back: no more than 256 times this is kept, and to
  // clear so much takes less time than the system's calls do.
  static constexpr uint64_t kMostKept = 131'072;

  static void Clear(const Layout& layout, uint64_t used, const Kind& slots,
                    const Pool& pool, const Memory& memory) noexcept {
    const auto at = [&](uint64_t offset) {
      return memory.template Array<char>(ToSize(offset), 1);
    };
    const auto clear = [&](uint64_t begin, uint64_t end) {
      std::memset(at(begin), 0, ToSize(end - begin));
    };
    const auto& growth =
        *memory.template Array<Growth>(ToSize(layout.growth), 1);
    // The part of the shards ends where the first page does.
    const uint64_t shard_bytes =
        growth.shards.writable() -
        (layout.first_page + Memory::PageBytes() - layout.control);
    const uint64_t shard_count = shard_bytes / sizeof(Shard<Traits>);
    slots.Clear(used, shard_count);
    pool.Clear(shard_count);
    clear(layout.control, layout.growth);
    clear(layout.growth + sizeof(Growth),
          layout.slots + used * sizeof(typename Array::Slot));
  }

  CreationError Reserve(uint64_t bytes) {
    constexpr uint64_t kMost = std::numeric_limits<ptrdiff_t>::max();
    if (bytes > kMost) {
      return MakeCreationError(CreationError::Code::kResourceExhausted,
                               "more than a process can address");
    }
    return Memory::Reserve(ToSize(bytes), &memory);
  }

  template <typename U>
  U* At(uint64_t offset, uint64_t count = 1) const {
    return memory.template Array<U>(ToSize(offset), ToSize(count));
  }

  // Makes the first steps of all parts writable. False if the system refuses.
  bool StartGrowth(const Layout& layout) {
    using From = typename Part::From;
    const uint64_t page = Memory::PageBytes();
    Growth& growth = *At<Growth>(layout.growth);
    const auto extent = [&](uint64_t begin, uint64_t end, From from,
                            uint64_t smallest_step) {
      return typename Part::Extent{At<char>(begin), At<char>(end), from,
                                   static_cast<uint32_t>(smallest_step)};
    };
    const auto slots_extent = [&](From from, uint64_t smallest_step) {
      return extent(layout.first_page, layout.sides, from, smallest_step);
    };
    const auto sides_extent = [&](From from) {
      return extent(layout.sides, layout.bytes, from, Part::kSmallestStep);
    };
    const auto shards = extent(0, layout.first_page + page, From::kEnd, page);
    // All that comes before the slots is in the first step.
    const uint64_t first_step = std::max<uint64_t>(
        Part::kSmallestStep, layout.slots - layout.first_page);
    if (!Part::Start(shards, &growth.shards,
                     slots_extent(From::kBegin, first_step),
                     &growth.from_begin.slots) ||
        !Part::Start(slots_extent(From::kEnd, Part::kSmallestStep),
                     &growth.from_end.slots, sides_extent(From::kBegin),
                     &growth.from_begin.sides)) {
      return false;
    }
    growth.from_end.sides.Describe(sides_extent(From::kEnd));
    // Where no thread may look at a shard that is not writable, all of them are
    // made writable.
    return Memory::kReadsAsZeros ||
           growth.shards.Reach(At<char>(layout.shards), 0);
  }

  // False if the system refuses the memory. Kept memory is as writable as the
  // last table has left it.
  bool Build(const Layout& layout, const TableOptions& options, bool is_new) {
    if (Memory::kGrows && is_new && !StartGrowth(layout)) return false;
    Growth* const growth = Memory::kGrows ? At<Growth>(layout.growth) : nullptr;
    auto* const shards = At<Shard<Traits>>(layout.shards, Traits::kMaxThreads);
    auto* const control = At<typename Pool::Control>(layout.control);
    const Array array(At<typename Array::Slot>(layout.slots, layout.entries),
                      At<typename Array::Side>(layout.sides, layout.entries));
    const ShardArray<Traits> shard_array(
        shards, &control->opened, Memory::kGrows ? &growth->shards : nullptr);
    const FreshSlots<Array, Traits> fresh(
        &control->high_water, &control->swept, &control->replaced,
        layout.all_slots,
        Growing(array, Memory::kGrows ? &growth->from_begin : nullptr));
    const auto numbering = Traits::Threads::Numbering::OfThisCopy();
    // In place: a copy of what has just been written field by field would wait
    // for the stores.
    static_assert(std::is_trivially_destructible_v<Pool> &&
                  std::is_trivially_destructible_v<Kind>);
    new (&pool) Pool(control, shard_array, typename Kind::Links(array), fresh,
                     options.max_slots, options.thread_cache_slots, numbering);
    new (&slots) Kind(SlotParts<Kind, Traits>{
        array, At<typename Kind::Shared>(layout.shared), shard_array, fresh,
        Growing(array, Memory::kGrows ? &growth->from_end : nullptr),
        numbering});
    if (!slots.ReachShared()) return false;
    all_slots = layout.all_slots;
    return true;
  }
};

}  // namespace holdfast::internal

#endif  // HOLDFAST_INTERNAL_TABLE_PARTS_H_
