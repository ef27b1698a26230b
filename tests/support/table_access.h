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
#include "holdfast/internal/cache_shape.h"
#include "holdfast/internal/fresh_range.h"
#include "tests/support/displace.h"

namespace holdfast {

template <typename T, typename Traits>
class HandleTable<T, Traits>::TestAccess {
 public:
  using Kind = Slots;

  static constexpr uint64_t kMaxThreads = Traits::kMaxThreads;

  explicit TestAccess(const HandleTable& table)
      : table_(table), layout_(table.all_slots_, Traits::Memory::PageBytes()) {}

  // --- Handles ---------------------------------------------------------------

  uint32_t Index(Handle handle) const {
    return static_cast<uint32_t>(table_.LifeOf(handle).index());
  }
  uint64_t Generation(Handle handle) const {
    return table_.LifeOf(handle).generation().number();
  }
  // Returns the handle of that slot and generation, issued or not.
  Handle HandleAt(uint32_t index, uint64_t generation) const {
    return table_.HandleOf(Life(index, internal::Generation(generation)));
  }
  uint64_t key() const { return table_.key_; }

  // How many slots there are: max_slots, and those beyond it that may be handed
  // out because other threads keep free ones.
  uint64_t slots() const { return table_.all_slots_; }

  // --- Slots -----------------------------------------------------------------

  uint64_t SlotGeneration(uint32_t index) const {
    // A slot that was never used may not be readable.
    if (index >= table_.pool_.high_water()) return 0;
    return links().GenerationAt(index).number();
  }

  // The cell that the slot owns: its own, if values have no cells.
  uint32_t CellOf(uint32_t index) const {
    if constexpr (kHasCells) return array().LoadWord(index).CellOf(index);
    return index;
  }

  // Sets the generation of a slot, everywhere in the table where it is kept.
  // Requires that the slot is free, and that `generation` is even, larger than
  // the slot's own and smaller than that of a retired slot.
  void Age(uint32_t index, uint64_t generation) {
    auto& word = array().slot(index)->word;
    const uint64_t bits = word.load(std::memory_order_relaxed).bits();
    word.store(Slots::Word::FromBits((bits & ~Generations::kMask) | generation),
               std::memory_order_relaxed);
    for (auto& [head] :
         Array<typename Pool::Control>(layout_.control)->stacks) {
      if (head.load(std::memory_order_relaxed).index() == index) {
        head.store({index, internal::Generation(generation)},
                   std::memory_order_relaxed);
      }
    }
    const Free free = links().FreeSlotAt(index);
    for (uint32_t i = 0; i < UsedShards(); ++i) {
      Shard& shard = ShardOf(i);
      const auto last = shard.last.Get();
      if (last.HasSlot() && last.slot().index() == index) {
        shard.last.Set(typename Shard::Last(free));
      }
      for (uint32_t n = 0; n < shard.FrontCount(); ++n) {
        if (Free(shard.front[n]).index() == index) shard.front[n] = free;
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
    if constexpr (kHasCells) {
      const auto swap = [&](uint32_t cell) {
        return internal::SpareCell::Of(
            holdfast::Displace(array(), Index(handle), cell));
      };
      if (layout_.entries - layout_.all_slots > Slots::Spares::kMaxShared) {
        auto& own = ShardOf(0).spare;
        // A first cell has to be made writable, as a Write does.
        const internal::SpareCell spare = own;
        if (!spare.HasCell()) spares().ReachStartCell(0);
        own = swap(spare.HasCell() ? spare.cell() : spares().StartCell(0));
      } else {
        auto& entry = *Array<typename Slots::Shared>(layout_.shared)->spares;
        const internal::SpareCell spare = entry.load(std::memory_order_relaxed);
        entry.store(
            swap(spare.HasCell() ? spare.cell()
                                 : static_cast<uint32_t>(layout_.entries - 1)),
            std::memory_order_relaxed);
      }
    }
  }

  // Gives the threads with the first `count` ordinals their spare cells, as
  // their first Writes would.
  void GiveSpares(uint32_t count) {
    if constexpr (kHasCells) {
      for (uint32_t i = 0; i < count; ++i) {
        if (!spares().ReachStartCell(i)) std::abort();
        ShardOf(i).spare = internal::SpareCell::Of(spares().StartCell(i));
      }
    }
  }

  // Sets the slot's word as if the value had been written as often as the word
  // can count. Requires that the value is in the slot's own cell, and was not
  // displaced in this life.
  void WearWrites(Handle handle) {
    if constexpr (kHasCells) {
      array()
          .slot(Index(handle))
          ->word.store(
              Slots::Word::FromBits(~Generations::kMask | Generation(handle)),
              std::memory_order_relaxed);
    }
  }

  // --- Free slots ------------------------------------------------------------

  // Returns the batches on the free list, the top one of each stack first.
  // Stops at a number that is no slot, which is then the last one that it
  // returns.
  std::vector<std::vector<uint32_t>> FreeList() const {
    std::vector<std::vector<uint32_t>> batches;
    for (auto& [head] :
         Array<typename Pool::Control>(layout_.control)->stacks) {
      uint32_t first = head.load(std::memory_order_relaxed).index();
      while (first != Indexes::kNone && batches.size() <= table_.all_slots_) {
        batches.push_back(Batch(first));
        if (batches.back().back() >= table_.all_slots_) return batches;
        first = links().Below(first);
      }
    }
    return batches;
  }

  // The free slots that threads keep for themselves.
  std::vector<Free> Cached() const {
    std::vector<Free> cached;
    const auto add = [&](const std::vector<uint32_t>& indexes) {
      for (const uint32_t index : indexes) {
        if (index < table_.all_slots_) {
          cached.push_back(links().FreeSlotAt(index));
        }
      }
    };
    const internal::CacheShape shape(table_.pool_.cache_slots());
    for (uint32_t i = 0; i < UsedShards(); ++i) {
      const Shard& shard = ShardOf(i);
      const auto last = shard.last.Get();
      if (last.HasSlot()) cached.push_back(last.slot());
      for (uint32_t n = 0; n < shard.FrontCount(); ++n) {
        cached.push_back(shard.front[n]);
      }
      for (const uint32_t n : In(shard.fresh.Get())) {
        cached.push_back(links().FreeSlotAt(n));
      }
      if (shard.taken.Count() != 0) {
        const uint32_t begin = shape.tree() - shard.taken.Count();
        const uint32_t known = Slots::Links::kLinks * begin + 1;
        for (uint32_t n = begin; n < std::min(known, shape.tree()); ++n) {
          std::vector<uint32_t> below;
          Follow(shard.taken.At(n), &below);
          add(below);
        }
      }
      uint32_t leader = shard.kept.Get().first();
      for (uint32_t n = 0; n < shard.kept.Get().count(); ++n) {
        const std::vector<uint32_t> batch = Batch(leader);
        add(batch);
        if (batch.back() >= table_.all_slots_) break;
        leader = links().Below(leader);
      }
    }
    return cached;
  }

  // --- Memory ----------------------------------------------------------------

  const char* base() const { return Array<char>(0); }

  // Returns the offset of a byte that is not 0 and should be in a new table, or
  // the size of the table's memory if there is none. Two things need not be 0:
  // the list's head, and the counters of how much memory is writable.
  uint64_t FirstTrace() const {
    const auto is_free = [&](uint64_t at, uint64_t begin, uint64_t bytes) {
      return at >= begin && at < begin + bytes;
    };
    for (uint64_t i = 0; i < layout_.bytes; ++i) {
      if (base()[i] != 0 && !is_free(i, layout_.control, sizeof(uint64_t)) &&
          !is_free(i, layout_.growth, sizeof(typename Layout::Growth))) {
        return i;
      }
    }
    return layout_.bytes;
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
      const uint64_t retired = Generations::kRetired.number();
      if (generation % 2 != 0) put(i, "live");
      if (generation == retired) put(i, "retired");
      if (generation > retired) put(i, "beyond all generations");
    }
    for (const auto& batch : FreeList()) {
      for (const uint32_t i : batch) put(i, "on the free list");
    }
    for (const uint32_t i : In(Array<typename Pool::Control>(layout_.control)
                                   ->swept.load(std::memory_order_relaxed))) {
      put(i, "swept");
    }
    for (const Free free : Cached()) {
      const uint32_t i = free.index();
      put(i, "cached");
      if (i < high_water && free != links().FreeSlotAt(i)) {
        absl::StrAppend(&problem, "slot ", i, " is cached as it is not; ");
      }
    }
    for (uint32_t i = 0; i < high_water; ++i) {
      const std::string& place = places[i];
      if (place.empty() || place.find(" and ") != std::string::npos) {
        absl::StrAppend(&problem, "slot ", i, " is '", place, "'; ");
      }
    }
    if constexpr (kHasCells) absl::StrAppend(&problem, CellProblem());
    return problem;
  }

 private:
  using Layout = internal::TableLayout<Slots, Traits>;
  using Link = internal::SlotLink<Traits::kGenerationBits>;
  using Shard = internal::Shard<Traits>;

  // The slots of a range that are not retired.
  std::vector<uint32_t> In(internal::FreshRange range) const {
    std::vector<uint32_t> slots;
    for (uint32_t i = range.begin(); i < range.end(); ++i) {
      if (SlotGeneration(i) != Generations::kRetired.number()) {
        slots.push_back(i);
      }
    }
    return slots;
  }

  // Appends the slots of the tree below `root`, level by level. Stops at a
  // number that is no slot, or when there are more than all slots.
  void Follow(Link root, std::vector<uint32_t>* indexes) const {
    std::deque<Link> to_follow = {root};
    for (; !to_follow.empty(); to_follow.pop_front()) {
      const Link link = to_follow.front();
      if (link.IsNone()) continue;
      indexes->push_back(link.index());
      if (link.index() >= table_.all_slots_ ||
          indexes->size() > table_.all_slots_) {
        return;
      }
      const auto next = links().LinksOf(link);
      to_follow.insert(to_follow.end(), {next.first, next.second});
    }
  }

  // The batch that a slot leads.
  std::vector<uint32_t> Batch(uint32_t leader) const {
    std::vector<uint32_t> batch = {leader};
    if (leader < table_.all_slots_) {
      const Link link = links().FreeSlotAt(leader).link();
      Follow(links().LinksOf(link).first, &batch);
    }
    return batch;
  }

  // Whether values have cells.
  static constexpr bool kHasCells = !kComparesValues;

  const typename Slots::Array& array() const { return table_.slots_.array(); }
  typename Slots::Links links() const { return typename Slots::Links(array()); }
  const auto& spares() const { return table_.slots_.spares(); }

  template <typename U>
  U* Array(uint64_t offset) const {
    return table_.memory_.template Array<U>(static_cast<size_t>(offset), 1);
  }

  // The shard of ordinal 0 lies last.
  Shard& ShardOf(uint32_t ordinal) const {
    return Array<Shard>(layout_.shards)[Traits::kMaxThreads - 1 - ordinal];
  }

  static uint32_t UsedShards() {
    return std::min(Traits::Threads::Limit(), Traits::kMaxThreads);
  }

  std::string CellProblem() const {
    const uint64_t cells = layout_.entries;
    const uint64_t spare_count = cells - layout_.all_slots;
    const uint64_t shared =
        std::min<uint64_t>(spare_count, Slots::Spares::kMaxShared);
    std::map<uint64_t, int> owners;
    for (uint32_t i = 0; i < table_.pool_.high_water(); ++i) {
      ++owners[CellOf(i)];
    }
    for (uint64_t i = 0; i < shared; ++i) {
      const internal::SpareCell entry =
          Array<typename Slots::Shared>(layout_.shared)
              ->spares[i]
              .load(std::memory_order_relaxed);
      ++owners[entry.IsUnused() ? cells - 1 - i : entry.cell()];
    }
    for (uint32_t i = 0; i < spare_count - shared; ++i) {
      if (i >= UsedShards()) break;
      const internal::SpareCell entry = ShardOf(i).spare;
      ++owners[entry.IsUnused() ? spares().StartCell(i) : entry.cell()];
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
