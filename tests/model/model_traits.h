// ModelTraits makes a HandleTable run in the explorer: its atomics, its memory
// and its numbers of threads are those of the model.

#ifndef HOLDFAST_TESTS_MODEL_MODEL_TRAITS_H_
#define HOLDFAST_TESTS_MODEL_MODEL_TRAITS_H_

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <type_traits>

#include "holdfast/internal/creation_error.h"
#include "holdfast/internal/ordinal_pool.h"
#include "holdfast/traits.h"
#include "tests/model/explorer.h"

namespace holdfast::model {

// Zeroed memory from the heap. It names the variables in it for traces: as the
// members of the table's parts are named.
class ModelMemory {
 public:
  static internal::CreationError Reserve(size_t bytes, ModelMemory* memory) {
    memory->bytes_ = bytes;
    memory->base_.reset(static_cast<char*>(std::aligned_alloc(4096, bytes)));
    std::memset(memory->base_.get(), 0, bytes);
    return {};
  }

  static ModelMemory Of(size_t bytes) {
    ModelMemory memory;
    Reserve(bytes, &memory);
    return memory;
  }

  template <typename U>
  U* Array(size_t offset, size_t count) const {
    U* const array = reinterpret_cast<U*>(base_.get() + offset);
    if (Explorer::Get().tracing()) {
      for (size_t i = 0; i < count; ++i) {
        const size_t number = NumberOf(array[i], i, count, 0);
        NameParts(array[i], "[" + std::to_string(number) + "]", offset);
      }
    }
    return array;
  }

  // All of the memory is writable from the start.
  static constexpr bool kGrows = false;
  static constexpr bool kReadsAsZeros = true;
  static constexpr uint64_t kLargePage = 2'097'152;
  static uint64_t PageBytes() noexcept { return 4096; }
  static bool MakeWritable(void*, size_t) noexcept { return true; }
  static internal::CreationError Refusal() { return {}; }

  size_t reserved_bytes() const { return bytes_; }
  size_t ResidentBytes() const noexcept { return bytes_; }

 private:
  struct Free {
    void operator()(char* base) const { std::free(base); }
  };

  // The number of the part that lies there: the shard of ordinal 0 lies last.
  template <typename U>
  static auto NumberOf(const U& shard, size_t at, size_t count, int)
      -> decltype(&shard.spare, size_t()) {
    return count - 1 - at;
  }
  template <typename U>
  static size_t NumberOf(const U&, size_t at, size_t, long) {
    return at;
  }

  static void Name(const void* address, const std::string& name) {
    Explorer::Get().Name(address, name);
  }

  // Array finds out by overloads which part of a table it was asked for. These
  // three are for a slot, a shard and the control block.
  template <typename U>
  static auto NameParts(const U& slot, const std::string& at, size_t)
      -> decltype(void(&slot.word)) {
    Name(&slot.word, "slot" + at + ".word");
    NamePayload(slot, at, 0);
  }
  template <typename U>
  static auto NameParts(const U& shard, const std::string& at, size_t)
      -> decltype(void(&shard.spare)) {
    Name(&shard.last, "shard" + at + ".last");
    Name(&shard.level, "shard" + at + ".level");
    Name(&shard.next_opened, "shard" + at + ".next_opened");
    Name(&shard.spare, "shard" + at + ".spare");
    Name(&shard.fresh, "shard" + at + ".fresh");
    Name(&shard.kept, "shard" + at + ".kept");
    for (const auto& slot : shard.front) Name(&slot, "shard" + at + ".front");
    Explorer::Get().Name(&shard.taken, "shard" + at + ".taken",
                         sizeof(shard.taken));
    NameObjectParts(shard, at, 0);
  }
  template <typename U>
  static auto NameObjectParts(const U& shard, const std::string& at, int)
      -> decltype(void(&shard.announced)) {
    Name(&shard.announced.handshake, "shard" + at + ".handshake");
    size_t i = 0;
    for (const auto& place : shard.announced.places) {
      Name(&place, "shard" + at + ".places[" + std::to_string(i++) + "]");
    }
    Name(&shard.room.waiting, "shard" + at + ".waiting");
  }
  template <typename U>
  static void NameObjectParts(const U&, const std::string&, long) {}
  template <typename U>
  static auto NameParts(const U& control, const std::string&, size_t)
      -> decltype(void(&control.high_water)) {
    size_t i = 0;
    for (const auto& stack : control.stacks) {
      Name(&stack.head, "head[" + std::to_string(i++) + "]");
    }
    Name(&control.high_water, "high_water");
    Name(&control.swept, "swept");
    Name(&control.opened, "opened");
    Name(&control.replaced, "replaced");
  }
  // Parts that have no names: bytes of which the caller wants the address only;
  // and the counters of how far memory is writable, which are not used here.
  static void NameParts(const char&, const std::string&, size_t) {}
  template <typename U>
  static auto NameParts(const U& growth, const std::string&, size_t)
      -> decltype(void(&growth.from_end)) {}
  // What lies beside the slots: the versions of cells, or for values inline the
  // link to the batch below.
  static void NameParts(const Atomic<uint64_t>& version, const std::string& at,
                        size_t) {
    Name(&version, "version" + at);
  }
  static void NameParts(const Atomic<uint32_t>& below, const std::string& at,
                        size_t) {
    Name(&below, "below" + at);
  }
  // What all threads share, by the kind of slots: spare cells, or nothing.
  template <typename U>
  static auto NameParts(const U& shared, const std::string&, size_t)
      -> decltype(void(&shared.spares)) {
    size_t i = 0;
    for (const auto& entry : shared.spares) {
      Name(&entry, "shared_spare[" + std::to_string(i++) + "]");
    }
  }
  // Of a table of objects.
  template <typename U>
  static auto NameParts(const U& shared, const std::string&, size_t)
      -> decltype(void(&shared.places)) {
    Name(&shared.handed_over, "handed_over");
    Name(&shared.room_is_owned, "room_is_owned");
    Name(&shared.room.waiting, "shared_room.waiting");
    Explorer::Get().Name(&shared.places, "shared_places",
                         sizeof(shared.places));
  }
  template <typename U>
  static auto NameParts(const U&, const std::string&, size_t)
      -> std::enable_if_t<std::is_empty_v<U>> {}

  template <typename U>
  static auto NamePayload(const U& slot, const std::string& at, int)
      -> decltype(void(&slot.cell)) {
    size_t i = 0;
    for (const auto& word : slot.cell.words) {
      Name(&word, "cell" + at + ".words[" + std::to_string(i++) + "]");
    }
  }
  template <typename U>
  static auto NamePayload(const U& slot, const std::string& at, int)
      -> decltype(void(&slot.links)) {
    Name(&slot.links, "slot" + at + ".links");
  }
  template <typename U>
  static auto NamePayload(const U& slot, const std::string& at, int)
      -> decltype(void(&slot.value)) {
    Name(&slot.value, "slot" + at + ".value");
  }
  template <typename U>
  static void NamePayload(const U&, const std::string&, long) {}

  std::unique_ptr<char, Free> base_;
  size_t bytes_ = 0;
};

// Stands for ThreadOrdinals: gives the explorer's threads their ordinals. The
// pool of ordinals is the real one, and starts anew in each execution.
class ModelThreads {
  struct Local {
    uint32_t execution;
    uint32_t ordinal;
    bool exited;
  };

 public:
  static constexpr uint32_t kCapacity = 4;
  using Pool = internal::OrdinalPool<Atomics, kCapacity>;
  static constexpr uint32_t kNone = Pool::kNone;

  using Numbering = ModelThreads;
  static ModelThreads OfThisCopy() noexcept { return {}; }

  static uint32_t Current() noexcept { return me().ordinal; }
  static uint32_t Register() noexcept {
    if (me().ordinal == kNone && !me().exited) me().ordinal = pool_.Claim();
    return me().ordinal;
  }
  static uint32_t Claim() noexcept { return pool_.Claim(); }
  static bool TryClaim(uint32_t ordinal) noexcept {
    return pool_.TryClaim(ordinal);
  }
  static void Release(uint32_t ordinal) noexcept { pool_.Release(ordinal); }
  static uint32_t Limit() noexcept { return pool_.Limit(); }
  static void YieldThread() noexcept { Explorer::Get().Yield(); }

  // --- For scenarios ---------------------------------------------------------

  // Gives the current thread's ordinal back, as the library does when a thread
  // exits. If the thread makes calls after that, they are those of a late exit
  // hook: it does not get another ordinal for good.
  static void Exit() {
    const uint32_t ordinal = me().ordinal;
    me().ordinal = kNone;
    me().exited = true;
    if (ordinal != kNone) pool_.Release(ordinal);
  }

  // Names the pool for traces.
  static void NameAll() {
    Explorer::Get().Name(&pool_, "ordinals", sizeof(pool_));
  }

  // Thread 0 calls f(), with the ordinal of `thread` instead of its own.
  template <typename F>
  static void As(int thread, F f) {
    played_ = thread;
    f();
    played_ = 0;
  }

  // Thread 0 calls Register, or Exit, as each of threads 1 to `threads`.
  static void RegisterAll(int threads) {
    for (int i = 1; i <= threads; ++i) As(i, [] { Register(); });
  }
  static void ExitAll(int threads) {
    for (int i = 1; i <= threads; ++i) As(i, [] { Exit(); });
  }

  // Calls Exit for thread 0, the last one, and claims all ordinals. Returns
  // false if one of them still had an owner, and so was lost.
  static bool ExitLast() {
    Exit();
    for (uint32_t i = 0; i < Limit(); ++i) {
      if (!TryClaim(i)) return false;
    }
    return true;
  }

 private:
  static Local& me() {
    const Explorer& explorer = Explorer::Get();
    const int thread = explorer.current() == 0 ? played_ : explorer.current();
    Local& local = locals_[static_cast<size_t>(thread)];
    if (local.execution != explorer.execution()) {
      local = {explorer.execution(), kNone, false};
    }
    return local;
  }

  inline static Pool pool_;
  inline static int played_ = 0;
  inline static Local locals_[kMaxThreads];
};

// Up to kShards threads have a shard with a spare cell of their own. All other
// threads share kSpares spare cells. The free list has kStacks stacks. If
// kPairs, values of 8 bytes lie beside their words (PairSlots).
template <uint32_t kShards = 3, uint32_t kSpares = 1, uint32_t kStacks = 1,
          bool kPairs = false>
struct ModelTraits : DefaultTraits {
  static constexpr int kGenerationBits = 3;
  static constexpr uint32_t kMaxThreads = kShards;
  static constexpr uint32_t kMaxSharedSpares = kSpares;
  static constexpr uint32_t kMaxThreadCacheSlots = 10;
  static constexpr uint32_t kFreeListStacks = kStacks;
  using Atomics =
      std::conditional_t<kPairs, model::PairAtomics, model::Atomics>;
  using Memory = ModelMemory;
  using Threads = ModelThreads;
};

using PairTraits = ModelTraits<3, 1, 1, true>;

}  // namespace holdfast::model

#endif  // HOLDFAST_TESTS_MODEL_MODEL_TRAITS_H_
