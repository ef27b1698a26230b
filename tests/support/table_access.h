// TestAccess looks inside a table, and makes its slots older than they are.
// Requires that no other thread is inside a call.

#ifndef HOLDFAST_TESTS_SUPPORT_TABLE_ACCESS_H_
#define HOLDFAST_TESTS_SUPPORT_TABLE_ACCESS_H_

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <deque>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "holdfast/handle_table.h"
#include "tests/support/displace.h"

namespace holdfast {

template <typename T, typename Traits>
class HandleTable<T, Traits>::TestAccess {
 public:
  explicit TestAccess(const HandleTable& table)
      : table_(table),
        layout_(table.pool_.max_slots(), kMaxSlots, table.pool_.cache_slots(),
                Traits::Memory::PageBytes()) {}

  // --- Handles ---------------------------------------------------------------

  uint32_t Index(Handle handle) const {
    return Word::Index(table_.PlaceOf(handle));
  }
  uint64_t Generation(Handle handle) const {
    return Word::Generation(table_.PlaceOf(handle));
  }
  // Returns the handle of that slot and generation, issued or not.
  Handle HandleAt(uint32_t index, uint64_t generation) const {
    return table_.HandleOf(Word::Pack(index, generation));
  }
  uint64_t key() const { return table_.key_; }

  // How many slots there are: max_slots, and those beyond it that may be handed
  // out because other threads keep free ones.
  uint64_t slots() const { return table_.all_slots_; }

  // --- Slots -----------------------------------------------------------------

  uint64_t SlotGeneration(uint32_t index) const {
    // A slot that was never used may not be readable.
    if (index >= table_.pool_.high_water()) return 0;
    return table_.slots_.Generation(index);
  }

  // The cell that the slot owns. Requires that values have cells.
  uint32_t CellOf(uint32_t index) const {
    return Word::Cell(table_.slots_.LoadWord(index), index);
  }

  // Sets the generation of a slot, everywhere in the table where it is kept.
  // Requires that the slot is free, and that `generation` is even, larger than
  // the slot's own and smaller than that of a retired slot.
  void Age(uint32_t index, uint64_t generation) {
    auto& word = Array<typename Slots::Slot>(layout_.slots)[index].word;
    word.store((word.load(std::memory_order_relaxed) & ~Word::kGenerationMask) |
                   generation,
               std::memory_order_relaxed);
    auto& head = Array<typename Pool::Control>(layout_.control)->head;
    if (Word::Index(head.load(std::memory_order_relaxed)) == index) {
      head.store(Word::Pack(index, generation), std::memory_order_relaxed);
    }
    const uint64_t free = table_.slots_.FreeSlot(index);
    for (uint32_t i = 0; i < UsedShards(); ++i) {
      Shard& shard = Array<Shard>(layout_.shards)[i];
      const uint64_t last = shard.last.Get();
      if (last > Shard::kNoLast && Word::Index(last) == index) {
        shard.last.Set(free);
      }
      const uint32_t count = shard.ArrayCount();
      for (uint32_t n = 0; n < count; ++n) {
        if (Word::Index(shard.slots[n]) == index) shard.slots[n] = free;
      }
    }
  }

  // Calls Age for every free slot below the high-water mark.
  void AgeFreeSlots(uint64_t generation) {
    for (uint32_t i = 0; i < table_.pool_.high_water(); ++i) {
      const uint64_t old = SlotGeneration(i);
      if (old % 2 == 0 && old < generation) Age(i, generation);
    }
  }

  // Moves a live value to another cell, as a Write does if another thread's
  // call comes between its two compare-exchanges. The cell where it was becomes
  // the spare cell of the first shard, or a shared one. Does nothing if values
  // have no cells.
  void Displace(Handle handle) {
    if constexpr (Slots::kHasCells) {
      const auto swap = [&](uint64_t cell) {
        return holdfast::Displace<Word>(
            Array<typename Slots::Slot>(layout_.slots),
            Array<typename Slots::Side>(layout_.sides), Index(handle),
            static_cast<uint32_t>(cell));
      };
      if (layout_.cells - layout_.all_slots > Spares::kMaxShared) {
        // The first spare cell must be made writable, as a Write does.
        if (Array<Shard>(layout_.shards)->spare < Shard::kFirstSpare) {
          table_.spares_.ReachStartCell(0);
        }
        auto& plus_two = Array<Shard>(layout_.shards)->spare;
        const uint32_t spare = plus_two;
        plus_two =
            swap(spare >= 2 ? spare - 2 : table_.spares_.StartCell(0)) + 2;
      } else {
        auto& entry = *Array<typename Spares::Entry>(layout_.shared_spares);
        const uint32_t spare = entry.load(std::memory_order_relaxed);
        entry.store(swap(spare != 0 ? spare - 2 : layout_.cells - 1) + 2,
                    std::memory_order_relaxed);
      }
    }
  }

  // Gives the threads with the first `count` ordinals their spare cells, as
  // their first Writes would.
  void GiveSpares(uint32_t count) {
    if constexpr (Slots::kHasCells) {
      for (uint32_t i = 0; i < count; ++i) {
        if (!table_.spares_.ReachStartCell(i)) std::abort();
        Array<Shard>(layout_.shards)[i].spare =
            table_.spares_.StartCell(i) + Shard::kFirstSpare;
      }
    }
  }

  // Sets the slot's word as if the value had been written as often as the word
  // can count. Requires that the value is in the slot's own cell, and was not
  // displaced in this life.
  void WearWrites(Handle handle) {
    if constexpr (Slots::kHasCells) {
      auto& word =
          Array<typename Slots::Slot>(layout_.slots)[Index(handle)].word;
      word.store(~Word::kGenerationMask | Generation(handle),
                 std::memory_order_relaxed);
    }
  }

  // --- Free slots ------------------------------------------------------------

  // Returns the batches on the free list, the top one first. Stops at a number
  // that is no slot, which is then the last one that it returns.
  std::vector<std::vector<uint32_t>> FreeList() const {
    const Slots& slots = table_.slots_;
    std::vector<std::vector<uint32_t>> batches;
    uint32_t first = Word::Index(Array<typename Pool::Control>(layout_.control)
                                     ->head.load(std::memory_order_relaxed));
    while (first != Word::kNil && batches.size() <= table_.all_slots_) {
      batches.push_back({first});
      if (first >= table_.all_slots_) return batches;
      std::deque<uint32_t> links = {
          slots.LinksOf(Word::ShortForm(slots.FreeSlot(first))).first};
      for (; !links.empty(); links.pop_front()) {
        const uint32_t free = links.front();
        if (free == Word::kNil) continue;
        batches.back().push_back(Word::ShortIndex(free));
        if (Word::ShortIndex(free) >= table_.all_slots_ ||
            batches.back().size() > table_.all_slots_) {
          return batches;
        }
        const internal::Links to = slots.LinksOf(free);
        links.insert(links.end(), {to.first, to.second});
      }
      first = slots.Below(first);
    }
    return batches;
  }

  // Returns the free slots in the shards, in the form in which they are kept.
  std::vector<uint64_t> Cached() const {
    std::vector<uint64_t> cached;
    for (uint32_t i = 0; i < UsedShards(); ++i) {
      const Shard& shard = Array<Shard>(layout_.shards)[i];
      const uint64_t last = shard.last.Get();
      if (last > Shard::kNoLast) cached.push_back(last);
      const uint32_t count = shard.ArrayCount();
      cached.insert(cached.end(), shard.slots, shard.slots + count);
    }
    return cached;
  }

  // --- Invariants ------------------------------------------------------------

  // Returns what is wrong with the table, or an empty string. Checks [INV-1],
  // that each cell has one owner [INV-2], that each slot below the high-water
  // mark is in exactly one place [INV-7], and [INV-8].
  std::string Problem() const {
    if (table_.all_slots_ == 0) return "";  // Moved from.
    const uint64_t high_water = table_.pool_.high_water();
    if (high_water > table_.all_slots_) return "high-water mark out of range";
    std::map<uint32_t, std::string> places;
    std::string problem;
    const auto put = [&](uint32_t index, const char* place) {
      if (index >= high_water) {
        absl::StrAppend(&problem, "slot ", index, " was never used; ");
      }
      std::string& seen = places[index];
      absl::StrAppend(&seen, seen.empty() ? "" : " and ", place);
    };
    for (uint32_t i = 0; i < high_water; ++i) {
      const uint64_t generation = SlotGeneration(i);
      if (Word::IsLive(generation)) put(i, "live");
      if (generation == Word::kRetired) put(i, "retired");
      if (generation > Word::kRetired) put(i, "beyond all generations");
    }
    for (const auto& batch : FreeList()) {
      for (const uint32_t i : batch) put(i, "on the free list");
    }
    for (const uint64_t free : Cached()) {
      const uint32_t i = Word::Index(free);
      put(i, "cached");
      if (i < high_water && free != table_.slots_.FreeSlot(i)) {
        absl::StrAppend(&problem, "slot ", i, " is cached in a wrong form; ");
      }
    }
    for (uint32_t i = 0; i < high_water; ++i) {
      const std::string& place = places[i];
      if (place.empty() || place.find(" and ") != std::string::npos) {
        absl::StrAppend(&problem, "slot ", i, " is '", place, "'; ");
      }
    }
    if constexpr (Slots::kHasCells) absl::StrAppend(&problem, CellProblem());
    return problem;
  }

 private:
  template <typename U>
  U* Array(uint64_t offset) const {
    return table_.memory_.template Array<U>(static_cast<size_t>(offset), 1);
  }

  static uint32_t UsedShards() {
    return std::min(Traits::Threads::Limit(), Traits::kMaxThreads);
  }

  std::string CellProblem() const {
    const uint64_t cells = layout_.cells;
    const uint64_t spares = cells - layout_.all_slots;
    const uint64_t shared = std::min<uint64_t>(spares, Spares::kMaxShared);
    std::map<uint64_t, int> owners;
    for (uint32_t i = 0; i < table_.pool_.high_water(); ++i) {
      ++owners[Word::Cell(table_.slots_.LoadWord(i), i)];
    }
    for (uint64_t i = 0; i < shared; ++i) {
      const uint64_t entry =
          Array<typename Spares::Entry>(layout_.shared_spares)[i].load(
              std::memory_order_relaxed);
      ++owners[entry == 0 ? cells - 1 - i : entry - 2];
    }
    for (uint64_t i = 0; i < spares - shared; ++i) {
      if (i >= UsedShards()) break;
      const uint64_t entry = Array<Shard>(layout_.shards)[i].spare;
      ++owners[entry == Shard::kNoSpare
                   ? table_.spares_.StartCell(static_cast<uint32_t>(i))
                   : entry - Shard::kFirstSpare];
    }
    std::string problem;
    for (const auto& [cell, count] : owners) {
      if (cell >= cells || count != 1) {
        absl::StrAppend(&problem, "cell ", cell, " has ", count, " owners; ");
      }
    }
    return problem;
  }

  const HandleTable& table_;
  const Layout layout_;
};

}  // namespace holdfast

#endif  // HOLDFAST_TESTS_SUPPORT_TABLE_ACCESS_H_
