// -----------------------------------------------------------------------------
// File: traits.h
// -----------------------------------------------------------------------------
//
// What a `HandleTable` is built from. Derive from `DefaultTraits` and hide what
// is to be different:
//
//   struct LongLived : holdfast::DefaultTraits {
//     static constexpr int kGenerationBits = 40;  // at most 4,194,303 slots
//   };
//   using Table = holdfast::HandleTable<Object*, LongLived>;
//   auto table = Table::Create({1'000'000});

#ifndef HOLDFAST_TRAITS_H_
#define HOLDFAST_TRAITS_H_

#include "holdfast/internal/cpp17.h"
// Below C++17 that is as far as a compiler comes.

#include <atomic>
#include <cstdint>

#include "holdfast/internal/mapped_memory.h"
#include "holdfast/internal/thread_ordinals.h"

namespace holdfast {

static_assert(std::atomic<uint64_t>::is_always_lock_free,
              "holdfast needs 64-bit atomics that are always lock-free; choose "
              "a processor that has them (-march=...)");

// Every atomic object of a table, and every plain one that passes from thread
// to thread, is declared through these two aliases, so that a model checker can
// put its own types in their place.
struct StdAtomics {
  template <typename U>
  using Atomic = std::atomic<U>;
  template <typename U>
  using Plain = U;
};

struct DefaultTraits {
  // Bits of a handle, and of a slot's word, that count lives, 2 to 48. A slot
  // serves 2^(kGenerationBits - 1) - 1 lives and is then retired. The other
  // bits of the word but two, which are flags, are for the index:
  // 2^(62 - kGenerationBits) - 1 slots at most, and never more than 2^31 - 1.
  static constexpr int kGenerationBits = 32;

  // Bits that a handle may have set, up to 63 and more than kGenerationBits.
  // What the generation leaves of them is for the index: 2^(kHandleBits -
  // kGenerationBits) slots at most. With 53, a handle survives a double, the
  // only number of JavaScript, Lua 5.1 and LuaJIT: 2,097,152 slots, with the 32
  // generation bits of the default. With 32, it fits a uint32_t; then fewer
  // generation bits are needed: 16 leave 65,536 slots of 32,767 lives.
  //
  // Handles that come from elsewhere are recognized the worse, the fewer bits
  // there are: one that is any odd number below 2^kHandleBits with equal odds
  // is taken for a live one with a probability of live values / 2^(kHandleBits
  // - 1). With 1,000 live values that is 1 in 4.6 * 10^15 for 63 bits, 1 in 4.5
  // * 10^12 for 53, 1 in 2.1 million for 32.
  static constexpr int kHandleBits = 63;

  // The handles of tables with different tags are different types:
  // Handle<T, HandleTag>. To be had where tables of the same T are not to be
  // mixed up, or have different Traits.
  using HandleTag = void;

  // Threads that can have a cache of free slots and a spare cell of their own
  // in one table, at the same time. Others are slower. (1,024 on Windows, which
  // charges 1 KiB of memory for each.)
  static constexpr uint32_t kMaxThreads =
      internal::MappedMemory::kReadsAsZeros ? 65'536 : 1'024;

  // Other threads that can be inside Write on one table without waiting for
  // each other, 1 or more.
  static constexpr uint32_t kMaxSharedSpares = 64;

  // The upper end of Options::thread_cache_slots. The space for it is reserved
  // for each of kMaxThreads, and touched by those that exist.
  static constexpr uint32_t kMaxThreadCacheSlots = 126;

  using Atomics = StdAtomics;
  using Memory = internal::MappedMemory;
  using Threads = internal::ThreadOrdinals;
};

}  // namespace holdfast

#endif  // HOLDFAST_TRAITS_H_
