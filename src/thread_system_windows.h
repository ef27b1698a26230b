// The part of src/thread_ordinals.cc that depends on Windows. Only that file
// includes this header; thread_system_posix.h is the same part for POSIX.

#ifndef HOLDFAST_SRC_THREAD_SYSTEM_WINDOWS_H_
#define HOLDFAST_SRC_THREAD_SYSTEM_WINDOWS_H_

#define WIN32_LEAN_AND_MEAN
#if !defined(NOMINMAX)
#define NOMINMAX
#endif
#include <windows.h>

#include <atomic>
#include <cstdint>

#include "holdfast/internal/owner_locks.h"
#include "holdfast/internal/thread_ordinals.h"

namespace holdfast::internal {
namespace {

// --- Defined by thread_ordinals.cc -------------------------------------------

// Gives back the calling thread's ordinal.
void OnThreadExit() noexcept;

// Returns the token of ordinal 0.
uint64_t FirstToken() noexcept;

// --- Slots of the system -----------------------------------------------------

// A variable of one word that each thread (Api = TlsApi) or each fiber (FlsApi)
// has for itself. The system's slot for it is allocated at the first Store, and
// freed when the library is unloaded. Load and Store are lock-free.
template <typename Api>
class SystemSlot {
 public:
  constexpr SystemSlot() = default;
  ~SystemSlot() {
    // order: relaxed. No thread is inside the library any more.
    const uint64_t slot = slot_.exchange(kGone, std::memory_order_relaxed);
    if (slot < kGone) Api::Free(static_cast<DWORD>(slot - 1));
  }

  // Returns 0 if the calling thread or fiber has stored nothing.
  uintptr_t Load() const noexcept {
    // order: relaxed. The slot is a number; the system synchronizes what the
    // number stands for.
    const uint64_t slot = slot_.load(std::memory_order_relaxed);
    if (slot == 0 || slot == kGone) return 0;
    return reinterpret_cast<uintptr_t>(Api::Get(static_cast<DWORD>(slot - 1)));
  }

  // Returns false if the system has no slot left.
  bool Store(uintptr_t word) noexcept {
    // order: relaxed. As in Load.
    uint64_t slot = slot_.load(std::memory_order_relaxed);
    if (slot == 0 && !Create(&slot)) return false;
    if (slot == kGone) return false;
    return Api::Set(static_cast<DWORD>(slot - 1),
                    reinterpret_cast<void*>(word)) != 0;
  }

 private:
  static constexpr uint64_t kGone = ~uint64_t{0};

  bool Create(uint64_t* slot) noexcept {
    const DWORD created = Api::Alloc();
    if (created == Api::kNone) return false;
    // order: relaxed, both. As in Load.
    if (slot_.compare_exchange_strong(*slot, uint64_t{created} + 1,
                                      std::memory_order_relaxed,
                                      std::memory_order_relaxed)) {
      *slot = uint64_t{created} + 1;
    } else {
      Api::Free(created);
    }
    return true;
  }

  std::atomic<uint64_t> slot_{0};  // The slot plus one; 0 if none yet.
};

// Slots of threads. With MSVC a thread_local variable would do. But MinGW
// destroys thread_local variables before the exit hook runs, and is slower to
// find them.
struct TlsApi {
  static constexpr DWORD kNone = TLS_OUT_OF_INDEXES;
  static DWORD Alloc() { return TlsAlloc(); }
  static void Free(DWORD slot) { TlsFree(slot); }
  static void* Get(DWORD slot) { return TlsGetValue(slot); }
  static BOOL Set(DWORD slot, void* word) { return TlsSetValue(slot, word); }
};

void WINAPI HoldfastThreadExit(void* word) noexcept;

// Slots of fibers. The system calls HoldfastThreadExit when a fiber ends, and
// when a thread ends that is not a fiber.
struct FlsApi {
  static constexpr DWORD kNone = FLS_OUT_OF_INDEXES;
  static DWORD Alloc() { return FlsAlloc(&HoldfastThreadExit); }
  static void Free(DWORD slot) { FlsFree(slot); }
  static void* Get(DWORD slot) { return FlsGetValue(slot); }
  static BOOL Set(DWORD slot, void* word) { return FlsSetValue(slot, word); }
};

// --- Variables of the calling thread -----------------------------------------

// The calling thread's ordinal, and whether it was given back for good.
struct Mine {
  uint32_t ordinal = ThreadOrdinals::kNone;
  bool exited = false;
};

// What LoadMine returns, packed as {ordinal plus one, or 0:31 | exited:1}.
SystemSlot<TlsApi> calling_thread;

Mine LoadMine() noexcept {
  const uintptr_t word = calling_thread.Load();
  return {static_cast<uint32_t>(word >> 1) - 1, (word & 1) != 0};
}

// Returns false, and stores nothing, if the system has no slot left.
bool StoreMine(const Mine& to_store) noexcept {
  return calling_thread.Store(uintptr_t{to_store.ordinal + 1} << 1 |
                              (to_store.exited ? 1 : 0));
}

// On Windows, names are never resolved to another copy of the library. So no
// token has to be stored: it follows from the ordinal.
uint64_t LoadToken() noexcept {
  const uint32_t ordinal = LoadMine().ordinal;
  return ordinal == ThreadOrdinals::kNone ? 0 : FirstToken() + ordinal;
}
void StoreToken(uint64_t) noexcept {}

// --- Locks -------------------------------------------------------------------

// Mutexes of the system. If a thread exits while it holds one, the next TryLock
// of another thread gets it and returns kOrphaned. A thread may lock a mutex
// again that it holds; OwnerLocks::Inherit may do that, and then unlocks it
// once more.
struct LockBlock {
  static constexpr uint32_t kPerBlock = 16;

  static LockBlock* New() noexcept {
    auto* const block = static_cast<LockBlock*>(VirtualAlloc(
        nullptr, sizeof(LockBlock), MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE));
    if (block == nullptr) return nullptr;
    for (HANDLE& mutex : block->mutexes) {
      mutex = CreateMutexW(nullptr, FALSE, nullptr);
      if (mutex == nullptr) {
        Delete(block);
        return nullptr;
      }
    }
    return block;
  }

  static void Delete(LockBlock* block) noexcept {
    for (const HANDLE mutex : block->mutexes) {
      if (mutex != nullptr) CloseHandle(mutex);
    }
    VirtualFree(block, 0, MEM_RELEASE);
  }

  LockResult TryLock(uint32_t i) noexcept {
    const DWORD result = WaitForSingleObject(mutexes[i], 0);
    if (result == WAIT_OBJECT_0) return LockResult::kLocked;
    return result == WAIT_ABANDONED ? LockResult::kOrphaned : LockResult::kBusy;
  }

  void Unlock(uint32_t i) noexcept { ReleaseMutex(mutexes[i]); }

  HANDLE mutexes[kPerBlock];
};

// --- The exit hook -----------------------------------------------------------

// The exit hook is the callback of a fiber's slot; the C run-time library has
// such a slot, too. Other exit hooks of the thread may run later, such as
// destructors of thread_local objects: these find that the ordinal was given
// back. If another thread deletes the fiber in which the hook was armed, the
// hook is lost. Then OwnerLocks finds out that the thread is gone.
class ExitHook {
 public:
  // Makes OnThreadExit run when the calling thread exits. Lock-free.
  void Arm() noexcept { slot_.Store(calling_thread.Load()); }

 private:
  SystemSlot<FlsApi> slot_;
};

// `word` is what Arm stored. It differs from the calling thread's if another
// thread deletes the fiber.
void WINAPI HoldfastThreadExit(void* word) noexcept {
  if (reinterpret_cast<uintptr_t>(word) == calling_thread.Load())
    OnThreadExit();
}

}  // namespace
}  // namespace holdfast::internal

#endif  // HOLDFAST_SRC_THREAD_SYSTEM_WINDOWS_H_
