// The part of src/thread_ordinals.cc that depends on POSIX: variables of the
// calling thread, a hook that runs when a thread exits, and locks that tell
// when their owner is gone. Only that file includes this header;
// thread_system_windows.h is the same part for Windows.
//
// The namespace without a name is on purpose, although this is a header: names
// in it cannot be resolved to another copy of the library. Only the token below
// has a name that can.

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

// The variable that LoadThreadToken loads (internal/thread_token.h), from
// assembler code, which is why it has a plain C name. Because of that name, two
// copies of the library in a process may share the variable. So the library
// does not trust the token: it checks whether the token is one of its own.
//
// The code of LoadThreadToken needs the initial-exec model. In shared objects
// for C libraries other than glibc, LoadThreadToken is a function call: there
// any model will do, and dlopen refuses the initial-exec one.
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

// Gives back the calling thread's ordinal.
void OnThreadExit() noexcept;

// --- Variables of the calling thread -----------------------------------------

// The calling thread's ordinal, and whether it was given back for good.
struct Mine {
  uint32_t ordinal = ThreadOrdinals::kNone;
  bool exited = false;
};
ABSL_CONST_INIT thread_local Mine calling_thread;

Mine LoadMine() noexcept { return calling_thread; }

// Returns false, and stores nothing, if the system has no place for it. (POSIX
// systems always have one; Windows may not.)
bool StoreMine(const Mine& to_store) noexcept {
  calling_thread = to_store;
  return true;
}

uint64_t LoadToken() noexcept { return holdfast_thread_token; }
void StoreToken(uint64_t token) noexcept { holdfast_thread_token = token; }

// --- Locks -------------------------------------------------------------------

// Robust mutexes on memory of their own. If a thread exits while it holds one,
// the next TryLock of another thread gets it and returns kOrphaned.
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

// The exit hook is the destructor of a pthread key. Destructors of keys run
// after those of thread_local objects, in several rounds. So the hook also runs
// if the thread first calls the library in the destructor of another key, when
// that of a thread_local object would not run any more.
class ExitHook {
 public:
  constexpr ExitHook() = default;
  // Runs when the library is unloaded, after which nothing may call the hook.
  ~ExitHook() {
    // order: relaxed. No thread is inside the library any more.
    const uint64_t key = key_.exchange(kGone, std::memory_order_relaxed);
    if (key < kGone) pthread_key_delete(static_cast<pthread_key_t>(key - 1));
  }

  // Makes OnThreadExit run when the calling thread exits. Lock-free.
  void Arm() noexcept {
    // order: relaxed. The key is a number; the C library synchronizes what the
    // number stands for.
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

  std::atomic<uint64_t> key_{0};  // The key plus one; 0 if there is none yet.
};

}  // namespace
}  // namespace holdfast::internal

#endif  // HOLDFAST_SRC_THREAD_SYSTEM_POSIX_H_
