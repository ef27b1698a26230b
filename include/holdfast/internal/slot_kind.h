// A kind of slots: how a table keeps its values. There are three kinds,
// InlineSlots, PairSlots and CellSlots. A table is made of one,
// HandleTable::Slots, and only the kind itself knows where a value lies.
//
// A kind consists of three classes, which are cheap to copy and look at the
// same memory:
//
//   Kind::Array    the memory: a SlotArray
//   Kind::Links    how free slots are linked: what the free list and the slot
//                  pool need
//   Kind           how values are kept: what the table needs
//
// The functions CheckLinks and CheckKind list what the other two must have, and
// say what that is for. They are never called: a static_assert on their
// return types makes the compiler look at what they do, and complain where a
// kind lacks something.

#ifndef HOLDFAST_INTERNAL_SLOT_KIND_H_
#define HOLDFAST_INTERNAL_SLOT_KIND_H_

#include <cstdint>
#include <optional>
#include <type_traits>
#include <utility>

#include "holdfast/compared.h"
#include "holdfast/internal/fresh_slots.h"
#include "holdfast/internal/growing_array.h"
#include "holdfast/internal/shard_array.h"
#include "holdfast/internal/slot_names.h"

namespace holdfast::internal {

// What the slots of a table are made of.
template <typename Kind, typename Traits>
struct SlotParts {
  typename Kind::Array array;
  // Zeroed memory that the kind needs once in a table.
  typename Kind::Shared* shared;
  ShardArray<Traits> shards;
  FreshSlots<typename Kind::Array, Traits> fresh;
  // The array again. This one becomes writable from the last entry down.
  GrowingArray<typename Kind::Array, Traits> from_end;
  typename Traits::Threads::Numbering numbering;
};

template <typename Links, int kGenerationBits>
auto CheckLinks(Links& links, FreeSlot<kGenerationBits> free,
                SlotLink<kGenerationBits> link, LinkPair<kGenerationBits> both,
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
  // Has the slot that a link leads to fetched into the cache.
  same.Prefetch(link);
  // Links the slot that leads a batch to the one that leads the batch below,
  // which has that index. (Any number may stand below the last batch.) Requires
  // that the slot has no second link.
  same.SetBelow(free, index);

  // For the owner of a batch; and for a thread that looks at the top of the
  // free list, and uses the results only if its CAS on the list's head then
  // succeeds: the number that SetBelow has stored (any number, if the slot does
  // not lead a batch any more); the generation.
  index = same.Below(index);
  generation = same.GenerationAt(index);

  static_assert(noexcept(same.FreeSlotAt(index)));
  static_assert(noexcept(same.FreeSlotOf(link)));
  static_assert(noexcept(same.SetLinks(free, both)));
  static_assert(noexcept(same.LinksOf(link)));
  static_assert(noexcept(same.Prefetch(link)));
  static_assert(noexcept(same.SetBelow(free, index)));
  static_assert(noexcept(same.Below(index)));
  static_assert(noexcept(same.GenerationAt(index)));
  return std::true_type();
}

template <typename Kind, typename T, typename Traits>
auto CheckKind(Kind& kind, const SlotParts<Kind, Traits>& parts,
               FreeSlot<Traits::kGenerationBits> free,
               Life<Traits::kGenerationBits> life, T* value, uint64_t index) {
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

  // For a thread that destroys the table: zeroes all memory that the kind has
  // written to, but for the slots and what is shared, and writes to no page
  // that was never written to. The slots below the index have been handed out.
  same.Clear(index, index);

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
  is(free, Kind::Vacated(life, ended));
  is(*value, same.Value(life, ended));

  // Values as bits (ValueWords::BitsOf), for kinds that can compare values. A T
  // that passes through a variable need not keep its padding bytes; bits do.
  //
  // ReadBits is as Read. CompareExchange(life, expected, desired, found)
  // replaces the value, and VacateIf(life, expected, ended) ends the life as
  // Vacate does, if the value is the expected one; if it is another one, they
  // put that into
  // `*found` or `*expected`. Of racing calls that replace one value, or end the
  // life, one succeeds. Lock-free: a retry means that another thread has
  // replaced the value.
  if constexpr (Kind::kComparesValues) {
    uint64_t bits = index;
    is(done, same.ReadBits(life, &bits));
    is(Compared(), same.CompareExchange(life, bits, bits, &bits));
    is(Compared(), same.VacateIf(life, &bits, &ended));
    static_assert(noexcept(same.ReadBits(life, &bits)));
    static_assert(noexcept(same.CompareExchange(life, bits, bits, &bits)));
    static_assert(noexcept(same.VacateIf(life, &bits, &ended)));
  }

  // Calls fn(life, value) for the live slots from the first index to before the
  // second, until fn returns false. Then it returns false as well.
  const auto fn = [](Life<Traits::kGenerationBits>, const T&) { return true; };
  is(done, same.Visit(index, index, fn));

  // For a thread that has stopped every other one: of a live slot, calls
  // fn(life, value) and keeps what fn leaves in the value; ends the life of a
  // slot, and returns false if it is not live.
  same.UpdateExclusive(index, [](Life<Traits::kGenerationBits>, T&) {});
  is(done, same.EndExclusive(index));

  // The table's functions are noexcept. If one of them called a function that
  // is not, a thread that is cancelled in there would end the process.
  static_assert(noexcept(same.Clear(index, index)));
  static_assert(noexcept(same.Publish(free, *value)));
  static_assert(noexcept(same.ObservedGeneration(index)));
  static_assert(noexcept(same.Read(life)));
  static_assert(noexcept(same.Read(life, value)));
  static_assert(noexcept(same.Write(life, *value)));
  static_assert(noexcept(same.Exchange(life, *value)));
  static_assert(noexcept(same.Vacate(life, &ended)));
  static_assert(noexcept(same.EndExclusive(index)));
  static_assert(noexcept(Kind::Vacated(life, ended)));
  static_assert(noexcept(same.Value(life, ended)));
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
