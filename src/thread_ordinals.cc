// The numbers of the calling threads, in this copy of the library: pool has the
// numbers, owners knows which of their owners are gone.

#include "holdfast/internal/thread_ordinals.h"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <thread>

#include "absl/base/attributes.h"
#include "holdfast/internal/ordinal_pool.h"
#include "holdfast/internal/owner_locks.h"
#include "holdfast/internal/table_key.h"
#include "holdfast/internal/thread_token.h"
#include "holdfast/traits.h"

#if defined(_WIN32)
#include "thread_system_windows.h"
#else
#include "thread_system_posix.h"
#endif

namespace holdfast::internal {

uint64_t LoadThreadTokenByCall() noexcept { return LoadToken(); }

namespace {

constexpr uint32_t kCapacity = ThreadOrdinals::kCapacity;
constexpr uint32_t kNone = ThreadOrdinals::kNone;

// This copy of the library has its own numbers and locks. They are in a
// namespace without a name, so the linker cannot mix them up with another
// copy's.
ABSL_CONST_INIT OrdinalPool<StdAtomics, kCapacity> pool;
ABSL_CONST_INIT OwnerLocks<StdAtomics, LockBlock, kCapacity> owners;

// The token of ordinal 0; that of ordinal n is n more. A token says which copy
// of the library numbered the thread. first_token is a random multiple of
// kCapacity, chosen once: so the tokens of this copy differ from those of other
// copies, also of one that was unloaded and whose token a thread still has. Two
// copies have the same first_token with a probability of 2^-46.
ABSL_CONST_INIT std::atomic<uint64_t> first_token{0};

uint64_t FirstToken() noexcept {
  // order: relaxed. The number is all that passes between threads.
  uint64_t first = first_token.load(std::memory_order_relaxed);
  if (first != 0) return first;
  const uint64_t chosen =
      (NewTableKey() | kCapacity) & ~uint64_t{kCapacity - 1};
  // order: relaxed, both. As above.
  return first_token.compare_exchange_strong(first, chosen,
                                             std::memory_order_relaxed,
                                             std::memory_order_relaxed)
             ? chosen
             : first;
}
static_assert((kCapacity & (kCapacity - 1)) == 0);

void Give(uint32_t ordinal) noexcept {
  owners.Unlock(ordinal);
  pool.Release(ordinal);
}

void OnThreadExit() noexcept {
  const uint32_t ordinal = LoadMine().ordinal;
  StoreMine({kNone, true});
  // The C library may call this for a thread that has no ordinal: a thread that
  // arms the hook too late leaves its pthread key's value to a later thread.
  if (ordinal == kNone) return;
  if (LoadToken() == FirstToken() + ordinal) StoreToken(0);
  Give(ordinal);
}

ABSL_CONST_INIT ExitHook exit_hook;

// Gives back the ordinals of threads that are gone and had claimed them after
// their exit hook had run.
void ReclaimAll() noexcept {
  const uint32_t limit = pool.Limit();
  for (uint32_t ordinal = 0; ordinal < limit; ++ordinal) {
    if (owners.Inherit(ordinal)) Give(ordinal);
  }
}

// If a claim gets this ordinal or a larger one, it calls ReclaimAll first. This
// is twice the number of ordinals that were owned after the last such call, so
// that the calls cost each claim little.
ABSL_CONST_INIT std::atomic<uint32_t> reclaim_from{8};

uint32_t Take() noexcept {
  uint32_t ordinal = pool.Claim();
  // order: relaxed, both. It only decides when to look for threads that are
  // gone.
  if (ordinal >= reclaim_from.load(std::memory_order_relaxed)) {
    ReclaimAll();
    const uint32_t owned = pool.CountOwned();
    reclaim_from.store(2 * owned < 8 ? 8 : 2 * owned,
                       std::memory_order_relaxed);
    if (ordinal == kNone) ordinal = pool.Claim();
  }
  if (ordinal != kNone) owners.Lock(ordinal);
  return ordinal;
}

uint32_t RegisterThread() noexcept {
  Mine mine = LoadMine();
  if (mine.exited) return kNone;
  if (mine.ordinal == kNone) {
    mine.ordinal = Take();
    if (mine.ordinal == kNone) return kNone;
    if (!StoreMine(mine)) {
      Give(mine.ordinal);
      return kNone;
    }
    exit_hook.Arm();
  }
  StoreToken(FirstToken() + mine.ordinal);
  return mine.ordinal;
}

bool TryTake(uint32_t ordinal) noexcept {
  if (!pool.TryClaim(ordinal)) return owners.Inherit(ordinal);
  owners.Lock(ordinal);
  return true;
}

}  // namespace

struct ThreadOrdinals::Functions {
  uint32_t (*register_thread)() noexcept;
  uint32_t (*claim)() noexcept;
  bool (*try_claim)(uint32_t) noexcept;
  void (*release)(uint32_t) noexcept;
};

ThreadOrdinals::Numbering ThreadOrdinals::Numbering::OfThisCopy() noexcept {
  static constexpr Functions kFunctions = {&RegisterThread, &Take, &TryTake,
                                           &Give};
  Numbering numbering;
  numbering.first_token_ = FirstToken();
  numbering.functions_ = &kFunctions;
  return numbering;
}

uint32_t ThreadOrdinals::Numbering::Register() const noexcept {
  return functions_->register_thread();
}
uint32_t ThreadOrdinals::Numbering::Claim() const noexcept {
  return functions_->claim();
}
bool ThreadOrdinals::Numbering::TryClaim(uint32_t ordinal) const noexcept {
  return functions_->try_claim(ordinal);
}
void ThreadOrdinals::Numbering::Release(uint32_t ordinal) const noexcept {
  functions_->release(ordinal);
}

uint32_t ThreadOrdinals::Current() noexcept { return LoadMine().ordinal; }
uint32_t ThreadOrdinals::Register() noexcept { return RegisterThread(); }
uint32_t ThreadOrdinals::Claim() noexcept { return Take(); }
bool ThreadOrdinals::TryClaim(uint32_t ordinal) noexcept {
  return TryTake(ordinal);
}
void ThreadOrdinals::Release(uint32_t ordinal) noexcept { Give(ordinal); }
uint32_t ThreadOrdinals::Limit() noexcept { return pool.Limit(); }
void ThreadOrdinals::YieldThread() noexcept { std::this_thread::yield(); }

}  // namespace holdfast::internal
