// The members of HandleTable that are not on a fast path. Included by
// holdfast/handle_table.h alone.

#ifndef HOLDFAST_INTERNAL_HANDLE_TABLE_IMPL_H_
#define HOLDFAST_INTERNAL_HANDLE_TABLE_IMPL_H_

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "absl/status/statusor.h"
#include "holdfast/handle_table.h"  // IWYU pragma: keep

namespace holdfast {

// Where the parts of a table lie in its memory. The large ones begin on pages
// of their own, so that what is never used is never touched; what the first
// thread needs besides slots lies on one page.
template <typename T, typename Traits>
struct HandleTable<T, Traits>::Layout {
  static constexpr size_t kLine = 128;  // Processors fetch lines in pairs.
  static constexpr size_t kPage = 4096;

  explicit Layout(uint64_t max_slots) {
    const uint64_t spares =
        Slots::kHasCells ? Spares::Cells(max_slots) - max_slots : 0;
    const uint64_t cells = max_slots + spares;
    Add(sizeof(typename Pool::Control), kLine);
    shared_spares =
        Add(Spares::kMaxShared * sizeof(typename Spares::Entry), kLine);
    shards = Add(Traits::kMaxThreads * sizeof(Shard), kLine);
    slots = Add(cells * sizeof(typename Slots::Slot), kPage);
    sides = Add(cells * sizeof(typename Slots::Side), kPage);
    slot_count = static_cast<size_t>(cells);
  }

  // Returns the offset, a multiple of `alignment`.
  size_t Add(uint64_t size, size_t alignment) {
    const size_t offset = (bytes + alignment - 1) / alignment * alignment;
    bytes = offset + static_cast<size_t>(size);
    return offset;
  }

  size_t bytes = 0;
  size_t shared_spares;
  size_t shards;
  size_t slots;
  size_t sides;
  size_t slot_count;
};

template <typename T, typename Traits>
absl::StatusOr<HandleTable<T, Traits>> HandleTable<T, Traits>::Create(
    const Options& options) {
  if (absl::Status status = internal::ValidateOptions(
          options, kMaxSlots, Traits::kMaxThreadCacheSlots);
      !status.ok()) {
    return status;
  }
  const Layout layout(options.max_slots);
  absl::StatusOr<Memory> memory = Memory::Reserve(layout.bytes);
  if (!memory.ok()) {
    return internal::ReservationError(memory.status(), layout.bytes,
                                      options.max_slots);
  }

  HandleTable table;
  table.memory_ = *std::move(memory);
  table.key_ = internal::NewTableKey();
  table.max_slots_ = options.max_slots;
  const Memory& in = table.memory_;
  auto* const control = in.template Array<typename Pool::Control>(0, 1);
  auto* const shards =
      in.template Array<Shard>(layout.shards, Traits::kMaxThreads);
  table.slots_ = Slots(
      in.template Array<typename Slots::Slot>(layout.slots, layout.slot_count),
      in.template Array<typename Slots::Side>(layout.sides, layout.slot_count));
  // A small table is not to lie in the caches of a few threads.
  const uint32_t cache_slots = static_cast<uint32_t>(
      std::min<uint64_t>(options.thread_cache_slots, options.max_slots / 16));
  table.pool_ =
      Pool(control, shards, table.slots_, options.max_slots, cache_slots);
  if constexpr (Slots::kHasCells) {
    table.spares_ = Spares(shards,
                           in.template Array<typename Spares::Entry>(
                               layout.shared_spares, Spares::kMaxShared),
                           options.max_slots);
  }
  return table;
}

template <typename T, typename Traits>
uint64_t HandleTable<T, Traits>::UnpinAll() {
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

template <typename T, typename Traits>
class HandleTable<T, Traits>::ParallelForEach {
 public:
  explicit ParallelForEach(const HandleTable& table)
      : table_(table), end_(table.pool_.high_water()) {}

  ParallelForEach(const ParallelForEach&) = delete;
  ParallelForEach& operator=(const ParallelForEach&) = delete;

  // Visits slots until no thread has any left to begin with. `fn` is called by
  // this thread alone. Wait-free but for the Read of each value.
  template <typename F>
  void Work(F&& fn) {
    for (;;) {
      // order: relaxed. It shares out numbers; the values are ordered by the
      // words they are read through.
      const uint64_t begin = next_.fetch_add(kChunk, std::memory_order_relaxed);
      if (begin >= end_) return;
      table_.VisitRange(begin, std::min(begin + kChunk, end_), fn);
    }
  }

 private:
  static constexpr uint64_t kChunk = 1024;

  const HandleTable& table_;
  const uint64_t end_;
  alignas(128) typename Traits::Atomics::template Atomic<uint64_t> next_{0};
};

template <typename T, typename Traits>
Diagnosis HandleTable<T, Traits>::Diagnose(Handle handle) const {
  if (!handle) return {HandleState::kNull, 0};
  const uint64_t place = PlaceOf(handle);
  const uint64_t issued = Word::Generation(place);
  if (!IsPlace(place) || issued > Word::kLastLive) {
    return {HandleState::kForeign, 0};
  }
  const uint64_t generation = slots_.ObservedGeneration(Index(place));
  if (generation == issued) return {HandleState::kLive, 0};
  if (generation < issued) return {HandleState::kNeverIssued, 0};
  return {generation == Word::kRetired ? HandleState::kRetired
                                       : HandleState::kStale,
          (generation - issued + 1) / 2};
}

template <typename T, typename Traits>
TableStats HandleTable<T, Traits>::GetStats() const {
  Stats stats;
  if (max_slots_ == 0) return stats;
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
  stats.capacity = max_slots_;
  stats.last_generation = Word::kLastLive;
  stats.thread_cache_slots = pool_.cache_slots();
  stats.bytes_reserved = memory_.reserved_bytes();
  stats.bytes_touched = memory_.ResidentBytes();
  return stats;
}

}  // namespace holdfast

#endif  // HOLDFAST_INTERNAL_HANDLE_TABLE_IMPL_H_
