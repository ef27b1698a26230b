// What src/thread_ordinals.cc needs of a POSIX system: variables of a thread, a
// hook at its exit, and locks that tell when their owner is gone. Included by
// that file alone; thread_system_windows.h has the same for Windows.
//
// Nothing here but the token has a name that another copy of the library could
// take: a namespace without a name, in a header, is meant.

#ifndef HOLDFAST_SRC_THREAD_SYSTEM_POSIX_H_
#define HOLDFAST_SRC_THREAD_SYSTEM_POSIX_H_

#include <pthread.h>
#include <sys/mman.h>

#include <atomic>
#include <cerrno>
#include <cstdint>

#include "absl/base/attributes.h"
#include "holdfast/internal/owner_locks.h"
#include "holdfast/internal/thread_ordinals.h"
#include "holdfast/internal/thread_token.h"

// What LoadThreadToken loads. It has a plain name for the assembler, and is in
// the static part of thread-local storage from the start. The threads of one
// copy of the library may find another copy's variable here: what it says is
// looked at, not trusted.
//
// Its model is that of LoadThreadToken; where that is a call, in shared objects
// for other C libraries, any will do, and dlopen refuses this one.
#if defined(__GLIBC__) || !defined(__PIC__) || defined(__PIE__)
#define HOLDFAST_TOKEN_MODEL tls_model("initial-exec")
#else
#define HOLDFAST_TOKEN_MODEL
#endif
#if defined(__ELF__) && __has_attribute(retain)
#define HOLDFAST_TOKEN_ATTRIBUTES \
  __attribute__((used, retain, visibility("default"), HOLDFAST_TOKEN_MODEL))
#elif defined(__ELF__)
#define HOLDFAST_TOKEN_ATTRIBUTES \
  __attribute__((used, visibility("default"), HOLDFAST_TOKEN_MODEL))
#else
#define HOLDFAST_TOKEN_ATTRIBUTES
#endif
extern "C" {
ABSL_CONST_INIT HOLDFAST_TOKEN_ATTRIBUTES thread_local uint64_t
    holdfast_thread_token = 0;
}

namespace holdfast::internal {
namespace {

// --- Defined by thread_ordinals.cc -------------------------------------------

// Gives back what the calling thread has.
void OnThreadExit() noexcept;

// --- Variables of the calling thread -----------------------------------------

// The calling thread's ordinal, and whether it was given back for good.
struct Mine {
  uint32_t ordinal = ThreadOrdinals::kNone;
  bool exited = false;
};
ABSL_CONST_INIT thread_local Mine calling_thread;

Mine LoadMine() noexcept { return calling_thread; }

// False, and nothing is stored, if the system has no place for it.
bool StoreMine(const Mine& to_store) noexcept {
  calling_thread = to_store;
  return true;
}

uint64_t LoadToken() noexcept { return holdfast_thread_token; }
void StoreToken(uint64_t token) noexcept { holdfast_thread_token = token; }

// --- Locks -------------------------------------------------------------------

// Robust mutexes on a page of their own.
struct LockBlock {
  static constexpr uint32_t kPerBlock = 64;

  static LockBlock* New() noexcept {
    void* const at = mmap(nullptr, sizeof(LockBlock), PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED) return nullptr;
    auto* const page = static_cast<LockBlock*>(at);
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

  static void Delete(LockBlock* page) noexcept {
    munmap(page, sizeof(LockBlock));
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

// --- The exit hook -----------------------------------------------------------

extern "C" void HoldfastThreadExit(void*) noexcept { OnThreadExit(); }

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

  // Has OnThreadExit called when the thread exits. Lock-free.
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

}  // namespace
}  // namespace holdfast::internal

#endif  // HOLDFAST_SRC_THREAD_SYSTEM_POSIX_H_
