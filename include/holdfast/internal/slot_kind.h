// What a kind of slots is. There are two: CellSlots and InlineSlots. A table is
// made of one kind, HandleTable::Slots, and nothing else needs to know which.
//
// A kind consists of three classes, which are cheap to copy and look at the
// same memory. CheckLinks and CheckKind, below, list their functions and say
// what each is for.
//
//   Kind::Array    The memory: for each slot a Slot and a Side, in two arrays,
//                  so that what is seldom used does not lie beside what often
//                  is; slot(i) and side(i) are those of the slot i, and
//                  LoadWord(i) is the slot's word, for callers that read
//                  nothing through it. Zeros are free slots of generation 0.
//                  [INV-1]
//   Kind::Links    How free slots are linked to each other: what the free list
//                  and the slot pool need of a kind.
//   Kind           How values are kept: what the table needs of a kind.

#ifndef HOLDFAST_INTERNAL_SLOT_KIND_H_
#define HOLDFAST_INTERNAL_SLOT_KIND_H_

#include <cstdint>
#include <optional>
#include <type_traits>
#include <utility>

#include "holdfast/internal/fresh_slots.h"
#include "holdfast/internal/growing_part.h"
#include "holdfast/internal/place.h"
#include "holdfast/internal/shard_array.h"

namespace holdfast::internal {

// What the slots of a table are made of.
template <typename Kind, typename Traits>
struct SlotParts {
  typename Kind::Array array;
  // Zeroed memory that the kind needs once in a table.
  typename Kind::Shared* shared;
  ShardArray<Traits> shards;
  FreshSlots<typename Kind::Array, Traits> fresh;
  // The far ends of the arrays: they become writable from the last entry down.
  GrowingPart<Traits> slots_from_end;
  GrowingPart<Traits> sides_from_end;
  typename Traits::Threads::Numbering numbering;
};

// The two functions are never called: a static_assert on their return types
// makes the compiler look at what they do, and complain where a kind lacks it.

template <typename Links, int kGenerationBits>
auto CheckLinks(Links& links, FreeSlot<kGenerationBits> free,
                SlotLink<kGenerationBits> link, SlotLinks<kGenerationBits> both,
                uint32_t index, Generation generation) {
  // How many links to other slots each slot has.
  static_assert(Links::kLinks == 1 || Links::kLinks == 2);
  const typename Links::Array& array = links.array();
  Links same(array);

  // For the owner of free slots: the slot with this index; the slot that a link
  // leads to.
  free = same.FreeSlotAt(index);
  free = same.FreeSlotOf(link);
  // Links a slot to others of its batch. (If kLinks is 1, both.second is none.)
  same.SetLinks(free, both);
  // What SetLinks has stored.
  both = same.LinksOf(link);
  // Links the slot that leads a batch to the one that leads the batch below,
  // which has that index; or to none, IndexLimits::kNone. Requires that the
  // slot has no second link.
  same.SetBelow(free, index);

  // For a thread that looks at the top of the free list, and uses what it finds
  // only if its CAS on the list's head then succeeds: what SetBelow has stored
  // (any number, if the slot does not lead a batch any more); the generation.
  index = same.Below(index);
  generation = same.GenerationAt(index);
  return std::true_type();
}

template <typename Kind, typename T, typename Traits>
auto CheckKind(Kind& kind, const SlotParts<Kind, Traits>& parts,
               FreeSlot<Traits::kGenerationBits> free,
               Place<Traits::kGenerationBits> life, T* value, uint64_t index) {
  // The result of a call, which must have that type.
  const auto is = [](const auto& wanted, const auto& result) {
    static_assert(std::is_same_v<decltype(wanted), decltype(result)>);
  };
  const bool done = true;
  const std::optional<T> found;

  // How many entries the arrays need for so many slots.
  is(index, Kind::Entries(index));
  Kind same(parts);
  kind = same;
  // Makes writable what all threads need. False if the system refuses.
  is(done, same.ReachShared());
  is(parts.array, same.array());

  // For the owner of a free slot: free to live. Returns the new life. [INV-3]
  is(life, same.Publish(free, *value));

  // For anyone: the slot's generation, with all that happened before it was
  // stored.
  is(Generation(), same.ObservedGeneration(index));

  // For anyone with a handle. If the life is over, or was none (an even
  // generation), these return false or nothing, and change nothing.
  is(found, same.Read(life));
  is(done, same.Read(life, value));
  is(done, same.Write(life, *value));
  is(found, same.Exchange(life, *value));  // As Write. Returns the old value.
  // Live to free, or retired. Of racing calls one succeeds, and then owns the
  // slot; it gets the last word of the life. Lock-free: a retry means that a
  // Write of another thread succeeded.
  typename Kind::Word ended;
  is(done, same.Vacate(life, &ended));

  // For the caller whose Vacate has succeeded: the free slot, unless that was
  // the slot's last life; the last value of the life.
  is(free, same.Vacated(life, ended));
  is(*value, same.Value(life, ended));

  // Calls fn(life, value) for the live slots from the first index to before the
  // second, until fn returns false. Then it returns false as well.
  const auto fn = [](Place<Traits::kGenerationBits>, const T&) { return true; };
  is(done, same.Visit(index, index, fn));

  // For a thread that has stopped every other one, and of a live slot: calls
  // fn(life, value) and keeps what fn leaves in the value.
  same.UpdateExclusive(index, [](Place<Traits::kGenerationBits>, T&) {});
  return std::true_type();
}

template <typename Links, int kGenerationBits>
using LinksCheck = decltype(CheckLinks<Links, kGenerationBits>(
    std::declval<Links&>(), {}, {}, {}, {}, {}));

template <typename Kind, typename T, typename Traits>
using KindCheck = decltype(CheckKind<Kind, T, Traits>(
    std::declval<Kind&>(), std::declval<const SlotParts<Kind, Traits>&>(), {},
    {}, std::declval<T*>(), {}));

template <typename Kind, typename T, typename Traits>
inline constexpr bool kIsKind = std::conjunction_v<
    KindCheck<Kind, T, Traits>,
    LinksCheck<typename Kind::Links, Traits::kGenerationBits>>;

}  // namespace holdfast::internal

#endif  // HOLDFAST_INTERNAL_SLOT_KIND_H_
