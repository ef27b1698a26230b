// The parts of a table, in one stretch of reserved memory.
//
//   slots --> (beyond max_slots) <-- spare cells | sides --> <-- their sides |
//   control, shards -->
//
// Each arrow is a GrowingPart: its memory becomes writable in that direction.
// The first pages of two parts lie side by side, so that one call makes both
// writable.

#ifndef HOLDFAST_INTERNAL_TABLE_PARTS_H_
#define HOLDFAST_INTERNAL_TABLE_PARTS_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>

#include "holdfast/internal/creation_error.h"
#include "holdfast/internal/fresh_slots.h"
#include "holdfast/internal/growing_array.h"
#include "holdfast/internal/growing_part.h"
#include "holdfast/internal/shard.h"
#include "holdfast/internal/shard_array.h"
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

  // How many bytes of each part are writable, see GrowingPart.
  struct Growth {
    typename Part::Size slots;
    typename Part::Size slots_from_end;
    typename Part::Size sides;
    typename Part::Size sides_from_end;
    typename Part::Size shards;
  };

  // `limit` is the largest number of slots that a handle's bits can tell apart.
  TableLayout(uint64_t max_slots, uint64_t limit, uint32_t cache_slots,
              uint64_t page)
      : all_slots(max_slots + Surplus(limit - max_slots, cache_slots)),
        entries(Kind::Entries(all_slots)) {
    slots = Add(entries, sizeof(typename Array::Slot), page);
    sides = Add(entries, sizeof(typename Array::Side), page);
    control = Add(1, sizeof(typename Pool::Control), page);
    growth = Add(1, sizeof(Growth), kLine);
    shared = Add(1, sizeof(typename Kind::Shared), kLine);
    shards = Add(Traits::kMaxThreads, sizeof(Shard<Traits>), kLine);
    Add(0, 0, page);
  }

  // Slots beyond max_slots, so that threads may keep free ones: see SlotPool.
  // Where the index bits run out, half of the `room` that is left.
  static uint64_t Surplus(uint64_t room, uint32_t cache_slots) {
    if (cache_slots == 0) return 0;
    const uint64_t wanted =
        uint64_t{ShardArray<Traits>::kLimit} * (cache_slots + 1);
    const uint64_t spare_entries = Kind::Entries(0);
    return std::min(wanted,
                    std::max(room - std::min(room, spare_entries), room / 2));
  }

  // Returns the offset, a multiple of `alignment`.
  uint64_t Add(uint64_t count, uint64_t size, uint64_t alignment) {
    const uint64_t offset = (bytes + alignment - 1) / alignment * alignment;
    bytes = offset + count * size;
    return offset;
  }

  uint64_t bytes = 0;
  uint64_t all_slots;  // Slots that handles can name.
  uint64_t entries;    // Of the arrays.
  uint64_t slots;
  uint64_t sides;
  uint64_t control;
  uint64_t growth;
  uint64_t shared;
  uint64_t shards;
};

template <typename Kind, typename Traits>
struct TableParts {
  using Layout = TableLayout<Kind, Traits>;
  using Memory = typename Traits::Memory;
  using Array = typename Kind::Array;
  using Pool = typename Layout::Pool;

  Memory memory;
  uint64_t all_slots = 0;
  Kind slots;
  Pool pool;

  // Reserves the memory of a table and makes what lies in it. `options` are
  // those that FitOptions has fitted. After an error, the parts are not to be
  // used.
  CreationError Make(const TableOptions& options, uint64_t limit) {
    const Layout layout(options.max_slots, limit, options.thread_cache_slots,
                        Memory::PageBytes());
    CreationError error = Reserve(layout.bytes);
    if (error.ok()) error = Build(layout, options);
    return error.ok()
               ? error
               : ReservationError(error, layout.bytes, options.max_slots);
  }

 private:
  using Part = typename Layout::Part;

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

  CreationError Build(const Layout& layout, const TableOptions& options) {
    auto* const growth = At<typename Layout::Growth>(layout.growth);
    const auto part = [&](uint64_t begin, uint64_t end,
                          typename Part::From from,
                          typename Part::Size* writable) {
      return Memory::kGrows
                 ? Part(At<char>(begin), At<char>(end), from, writable)
                 : Part();
    };
    const Part slots_part =
        part(layout.slots, layout.sides, Part::From::kBegin, &growth->slots);
    const Part slots_from_end = part(layout.slots, layout.sides,
                                     Part::From::kEnd, &growth->slots_from_end);
    const Part sides_part =
        part(layout.sides, layout.control, Part::From::kBegin, &growth->sides);
    const Part sides_from_end = part(layout.sides, layout.control,
                                     Part::From::kEnd, &growth->sides_from_end);
    const Part shards_part =
        part(layout.control, layout.bytes, Part::From::kBegin, &growth->shards);
    auto* const shards = At<Shard<Traits>>(layout.shards, Traits::kMaxThreads);
    // Where no thread may look at a shard that is not writable, all of them are
    // made writable.
    const size_t shards_to_reach =
        Memory::kReadsAsZeros ? 0 : Traits::kMaxThreads * sizeof(Shard<Traits>);
    if (!Part::Start(sides_from_end, shards_part) ||
        !shards_part.Reach(shards, shards_to_reach) ||
        !Part::Start(slots_from_end, sides_part)) {
      return Memory::Refusal();
    }
    auto* const control = At<typename Pool::Control>(layout.control);
    const Array array(At<typename Array::Slot>(layout.slots, layout.entries),
                      At<typename Array::Side>(layout.sides, layout.entries));
    const ShardArray<Traits> shard_array(shards, &control->opened, shards_part);
    const FreshSlots<Array, Traits> fresh(
        &control->high_water, &control->replaced, layout.all_slots,
        GrowingArray<Array, Traits>(array, slots_part, sides_part));
    const auto numbering = Traits::Threads::Numbering::OfThisCopy();
    pool = Pool(control, shard_array, typename Kind::Links(array), fresh,
                options.max_slots, options.thread_cache_slots, numbering);
    slots = Kind(SlotParts<Kind, Traits>{
        array, At<typename Kind::Shared>(layout.shared), shard_array, fresh,
        slots_from_end, sides_from_end, numbering});
    all_slots = layout.all_slots;
    return slots.ReachShared() ? CreationError() : Memory::Refusal();
  }
};

}  // namespace holdfast::internal

#endif  // HOLDFAST_INTERNAL_TABLE_PARTS_H_
