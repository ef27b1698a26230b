#include "holdfast/internal/thread_ordinals.h"

#include <pthread.h>
#include <sys/mman.h>

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <thread>

#include "absl/base/attributes.h"
#include "holdfast/internal/ordinal_pool.h"
#include "holdfast/internal/owner_locks.h"
#include "holdfast/internal/table_key.h"
#include "holdfast/internal/thread_token.h"
#include "holdfast/traits.h"

// What LoadThreadToken loads. It has a plain name for the assembler, and is in
// the static part of thread-local storage from the start. The threads of one
// copy of the library may find another copy's variable here: what it says is
// looked at, not trusted.
#if defined(__ELF__) && __has_attribute(retain)
#define HOLDFAST_TOKEN_ATTRIBUTES                     \
  __attribute__((used, retain, visibility("default"), \
                 tls_model("initial-exec")))
#elif defined(__ELF__)
#define HOLDFAST_TOKEN_ATTRIBUTES \
  __attribute__((used, visibility("default"), tls_model("initial-exec")))
#else
#define HOLDFAST_TOKEN_ATTRIBUTES
#endif
extern "C" {
ABSL_CONST_INIT HOLDFAST_TOKEN_ATTRIBUTES thread_local uint64_t
    holdfast_thread_token = 0;
}

namespace holdfast::internal {

uint64_t LoadThreadTokenByCall() noexcept { return holdfast_thread_token; }

namespace {

// Robust mutexes on a page of their own.
struct MutexPage {
  static constexpr uint32_t kPerBlock = 64;

  static MutexPage* New() noexcept {
    void* const at = mmap(nullptr, sizeof(MutexPage), PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED) return nullptr;
    auto* const page = static_cast<MutexPage*>(at);
    pthread_mutexattr_t robust;
    bool done = pthread_mutexattr_init(&robust) == 0;
    done =
        done && pthread_mutexattr_setrobust(&robust, PTHREAD_MUTEX_ROBUST) == 0;
    for (pthread_mutex_t& mutex : page->mutexes) {
      done = done && pthread_mutex_init(&mutex, &robust) == 0;
    }
    if (done) return page;
    Delete(page);
    return nullptr;
  }

  static void Delete(MutexPage* page) noexcept {
    munmap(page, sizeof(MutexPage));
  }

  LockResult TryLock(uint32_t i) noexcept {
    const int result = pthread_mutex_trylock(&mutexes[i]);
    if (result == 0) return LockResult::kLocked;
    if (result != EOWNERDEAD) return LockResult::kBusy;
    pthread_mutex_consistent(&mutexes[i]);
    return LockResult::kOrphaned;
  }

  void Unlock(uint32_t i) noexcept { pthread_mutex_unlock(&mutexes[i]); }

  pthread_mutex_t mutexes[kPerBlock];
};

constexpr uint32_t kCapacity = ThreadOrdinals::kCapacity;
constexpr uint32_t kNone = ThreadOrdinals::kNone;

// This copy's: nothing here has a name that another copy's could take.
ABSL_CONST_INIT OrdinalPool<StdAtomics, kCapacity> pool;
ABSL_CONST_INIT OwnerLocks<StdAtomics, MutexPage, kCapacity> owners;

// The calling thread's ordinal, and whether it was given back for good.
struct Mine {
  uint32_t ordinal = kNone;
  bool exited = false;
};
ABSL_CONST_INIT thread_local Mine mine;

// The token of ordinal 0, chosen at random once, with room for the ordinals: no
// other copy's tokens are among these, nor those of a copy that was unloaded
// and has left one with a thread, but for one in 2^46.
ABSL_CONST_INIT std::atomic<uint64_t> first_token{0};

uint64_t FirstToken() noexcept {
  // order: relaxed. Only the number counts.
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

extern "C" void HoldfastThreadExit(void*) noexcept {
  const uint32_t ordinal = mine.ordinal;
  mine = {kNone, true};
  // The C library may call this for a thread that never registered: a thread
  // that armed the hook too late leaves its key's value to a later one.
  if (ordinal == kNone) return;
  if (holdfast_thread_token == FirstToken() + ordinal) {
    holdfast_thread_token = 0;
  }
  Give(ordinal);
}

// A pthread key, whose destructor runs after those of thread_local objects, in
// one of several rounds: also if the thread comes to us in another key's
// destructor. (A thread_local object's would not run then any more.)
class ExitHook {
 public:
  constexpr ExitHook() = default;
  // When the library is unloaded: the function will be gone.
  ~ExitHook() {
    // order: relaxed. No thread is inside the library any more.
    const uint64_t key = key_.exchange(kGone, std::memory_order_relaxed);
    if (key < kGone) pthread_key_delete(static_cast<pthread_key_t>(key - 1));
  }

  // Has HoldfastThreadExit called when the thread exits. Lock-free.
  void Arm() noexcept {
    // order: relaxed. The key is a number; the C library orders what it means.
    uint64_t key = key_.load(std::memory_order_relaxed);
    if (key == 0 && !Create(&key)) return;
    if (key == kGone) return;
    pthread_setspecific(static_cast<pthread_key_t>(key - 1), this);
  }

 private:
  static constexpr uint64_t kGone = ~uint64_t{0};

  bool Create(uint64_t* key) noexcept {
    pthread_key_t created;
    if (pthread_key_create(&created, &HoldfastThreadExit) != 0) return false;
    // order: relaxed, both. As in Arm.
    if (key_.compare_exchange_strong(*key, uint64_t{created} + 1,
                                     std::memory_order_relaxed,
                                     std::memory_order_relaxed)) {
      *key = uint64_t{created} + 1;
    } else {
      pthread_key_delete(created);
    }
    return true;
  }

  std::atomic<uint64_t> key_{0};  // Plus one; 0 if there is none yet.
};
ABSL_CONST_INIT ExitHook exit_hook;

// Gives back what threads that are gone had claimed too late.
void ReclaimAll() noexcept {
  const uint32_t limit = pool.Limit();
  for (uint32_t ordinal = 0; ordinal < limit; ++ordinal) {
    if (owners.Inherit(ordinal)) Give(ordinal);
  }
}

// An ordinal from which on a claim looks for owners that are gone: twice as
// many as are owned, so that the search costs each claim little.
ABSL_CONST_INIT std::atomic<uint32_t> reclaim_from{8};

uint32_t Take() noexcept {
  uint32_t ordinal = pool.Claim();
  // order: relaxed, both. A hint.
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
  if (mine.exited) return kNone;
  if (mine.ordinal == kNone) {
    mine.ordinal = Take();
    if (mine.ordinal == kNone) return kNone;
    exit_hook.Arm();
  }
  holdfast_thread_token = FirstToken() + mine.ordinal;
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

uint32_t ThreadOrdinals::Current() noexcept { return mine.ordinal; }
uint32_t ThreadOrdinals::Register() noexcept { return RegisterThread(); }
uint32_t ThreadOrdinals::Claim() noexcept { return Take(); }
bool ThreadOrdinals::TryClaim(uint32_t ordinal) noexcept {
  return TryTake(ordinal);
}
void ThreadOrdinals::Release(uint32_t ordinal) noexcept { Give(ordinal); }
uint32_t ThreadOrdinals::Limit() noexcept { return pool.Limit(); }
void ThreadOrdinals::Yield() noexcept { std::this_thread::yield(); }

}  // namespace holdfast::internal
