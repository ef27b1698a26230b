// -----------------------------------------------------------------------------
// File: traits.h
// -----------------------------------------------------------------------------
//
// The Traits are compile-time parameters of a `HandleTable`. To change some of
// them, derive from `DefaultTraits` and declare members of the same names:
//
//   struct LongLived : holdfast::DefaultTraits {
//     static constexpr int kGenerationBits = 40;  // at most 4,194,303 slots
//   };
//   using Table = holdfast::HandleTable<Object*, LongLived>;
//   auto created = Table::Create({1'000'000});

#ifndef HOLDFAST_TRAITS_H_
#define HOLDFAST_TRAITS_H_

#include "holdfast/internal/cpp17.h"
// Before C++17, compilation ends there with an error that says why.

#include <atomic>
#include <cstdint>

#include "absl/base/attributes.h"
#include "holdfast/internal/double_width.h"
#include "holdfast/internal/mapped_memory.h"
#include "holdfast/internal/thread_ordinals.h"

namespace holdfast {

static_assert(std::atomic<uint64_t>::is_always_lock_free,
              "holdfast needs 64-bit atomics that are always lock-free; choose "
              "a processor that has them (-march=...)");

// A table declares all its atomic objects through Atomic, and all other objects
// that pass from thread to thread through Plain. So a model checker can put its
// own types in their place. If kHasPairs is false, CompareExchangePair is not
// used.
struct StdAtomics {
  template <typename U>
  using Atomic = std::atomic<U>;
  template <typename U>
  using Plain = U;

  // Whether two atomic objects that lie side by side can be changed together.
  static constexpr bool kHasPairs = internal::kHasDoubleWidth;

  // Stores `desired` in the two if they have the values `expected`. See
  // AtomicWord::compare_exchange_both.
  ABSL_ATTRIBUTE_ALWAYS_INLINE static bool CompareExchangePair(
      Atomic<uint64_t>& first, Atomic<uint64_t>& /*second*/,
      internal::TwoWords expected, internal::TwoWords desired,
      std::memory_order /*acq_rel, whatever is asked for*/) noexcept {
    static_assert(sizeof(Atomic<uint64_t>) == sizeof(uint64_t));
    return internal::CompareAndSwapTwoWords(&first, expected, desired);
  }
};

struct DefaultTraits {
  // How many bits of a handle, and of a slot's 64-bit word, hold the slot's
  // generation, which counts lives: 2 to 48. A slot serves
  // 2^(kGenerationBits - 1) - 1 lives and is then retired. Of the other bits of
  // the word, two are flags and the rest hold an index. So a table has at most
  // 2^(62 - kGenerationBits) - 1 slots, and never more than 2^31 - 1.
  static constexpr int kGenerationBits = 32;

  // Handles are less than 2^kHandleBits: more than kGenerationBits, up to 63.
  // The bits that the generation leaves hold the index, so a table has at most
  // 2^(kHandleBits - kGenerationBits) slots. With 53, a handle passes unchanged
  // through a double, the only number type of JavaScript, Lua 5.1 and LuaJIT;
  // with the default of 32 generation bits that leaves 2,097,152 slots. With
  // 32, a handle fits into a uint32_t; then kGenerationBits must be less: 16
  // leave 65,536 slots of 32,767 lives each.
  //
  // The fewer bits there are, the more often a number that the table has not
  // issued is taken for a live handle. For a random odd number below
  // 2^kHandleBits, the probability is (live values) / 2^(kHandleBits - 1). With
  // 1,000 live values that is 1 in 4.6 * 10^15 for 63 bits, 1 in 4.5 * 10^12
  // for 53, and 1 in 2.1 million for 32.
  static constexpr int kHandleBits = 63;

  // The handle type of a table is Handle<T, HandleTag>. Give tables of the same
  // T different tags if their handles must not be mixed up, as when they have
  // different Traits.
  using HandleTag = void;

  // How many threads can have their own cache of free slots and, where values
  // lie in cells, their own spare cell in one table at the same time. Further
  // threads work too, but slower. (Fewer on Windows, where a new table takes
  // 512 bytes for each.)
  static constexpr uint32_t kMaxThreads =
      internal::MappedMemory::kReadsAsZeros ? 65'536 : 1'024;

  // Free slots that no thread keeps are on this many stacks, a power of two.
  // Threads that share one may wait for its cache line. Each takes 64 bytes of
  // a table, and a Pin that finds no free slot looks at all of them.
  static constexpr uint32_t kFreeListStacks = 16;

  // Where values lie in cells, how many threads beyond kMaxThreads can be
  // inside Write on one table without waiting for each other: 1 or more.
  static constexpr uint32_t kMaxSharedSpares = 64;

  // In a table of objects, how many a thread can use at the same time without
  // taking places from those that all threads share: 1 or more. With 7, all of
  // them are on one cache line.
  static constexpr uint32_t kAnnouncements = 7;

  // In a table of objects, how many places threads share once one of them needs
  // one. When these are taken, twice as many are added, and so on.
  static constexpr uint32_t kSharedPlaces = 64;

  // In a table of objects, how many a thread may have erased before it looks
  // which of them can be destroyed: 1 or more. It mostly looks sooner, as
  // ObjectTable says under "Destruction". With 1, each Erase looks.
  static constexpr uint32_t kMostWaiting = 1'024;

  // The largest Options::thread_cache_slots.
  static constexpr uint32_t kMaxThreadCacheSlots = 4'096;

  // Set by ObjectTable.
  static constexpr bool kHoldsObjects = false;

  // Where atomics, memory and the numbers of threads come from. Tests put their
  // own types here.
  using Atomics = StdAtomics;
  using Memory = internal::MappedMemory;
  using Threads = internal::ThreadOrdinals;
};

// Those of an ObjectTable: derive from these for one. There are fewer threads
// that have a cache, because objects may be large, and the address space of the
// slots in the caches is reserved.
struct DefaultObjectTraits : DefaultTraits {
  static constexpr uint32_t kMaxThreads = 1'024;
};

}  // namespace holdfast

#endif  // HOLDFAST_TRAITS_H_
