// What src/thread_ordinals.cc needs of Windows, as thread_system_posix.h has it
// for POSIX systems. Included by that file alone.

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

// Gives back what the calling thread has.
void OnThreadExit() noexcept;

uint64_t FirstToken() noexcept;

// --- Slots of the system -----------------------------------------------------

// A place that each thread, or each fiber, has for one word: allocated when it
// is first needed, and given back when the library is unloaded. All of it is
// lock-free.
template <typename Api>
class SystemSlot {
 public:
  constexpr SystemSlot() = default;
  ~SystemSlot() {
    // order: relaxed. No thread is inside the library any more.
    const uint64_t slot = slot_.exchange(kGone, std::memory_order_relaxed);
    if (slot < kGone) Api::Free(static_cast<DWORD>(slot - 1));
  }

  // 0 if nothing was stored.
  uintptr_t Load() const noexcept {
    // order: relaxed. The slot is a number; the system orders what it means.
    const uint64_t slot = slot_.load(std::memory_order_relaxed);
    if (slot == 0 || slot == kGone) return 0;
    return reinterpret_cast<uintptr_t>(Api::Get(static_cast<DWORD>(slot - 1)));
  }

  // False if the system has no slot left.
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

  std::atomic<uint64_t> slot_{0};  // Plus one; 0 if there is none yet.
};

// A thread's. A thread_local variable would do for MSVC; but MinGW's are gone
// before the exit hook runs, and slower to find.
struct TlsApi {
  static constexpr DWORD kNone = TLS_OUT_OF_INDEXES;
  static DWORD Alloc() { return TlsAlloc(); }
  static void Free(DWORD slot) { TlsFree(slot); }
  static void* Get(DWORD slot) { return TlsGetValue(slot); }
  static BOOL Set(DWORD slot, void* word) { return TlsSetValue(slot, word); }
};

void WINAPI HoldfastThreadExit(void* word) noexcept;

// A fiber's, with a function that is called at its end: at that of the thread,
// for a thread that is none.
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

// {ordinal plus one, or 0:31 | exited:1}.
SystemSlot<TlsApi> calling_thread;

Mine LoadMine() noexcept {
  const uintptr_t word = calling_thread.Load();
  return {static_cast<uint32_t>(word >> 1) - 1, (word & 1) != 0};
}

// False, and nothing is stored, if the system has no place for it.
bool StoreMine(const Mine& to_store) noexcept {
  return calling_thread.Store(uintptr_t{to_store.ordinal + 1} << 1 |
                              (to_store.exited ? 1 : 0));
}

// A module finds its own copy of the library, and no other, by the names of its
// functions: so the token follows from the ordinal.
uint64_t LoadToken() noexcept {
  const uint32_t ordinal = LoadMine().ordinal;
  return ordinal == ThreadOrdinals::kNone ? 0 : FirstToken() + ordinal;
}
void StoreToken(uint64_t) noexcept {}

// --- Locks -------------------------------------------------------------------

// Mutexes of the system. A thread that has one may lock it again, so that what
// tries that to find out (OwnerLocks::Inherit) unlocks it once more.
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

// A slot of the fiber, as the C run-time library has one. A thread's exit hooks
// that run later, as those of thread_local objects may, find that the ordinal
// was given back. A fiber that is deleted elsewhere than in the thread that it
// armed the hook for takes the hook with it: then the owner's lock tells.
class ExitHook {
 public:
  // Has OnThreadExit called when the thread exits. Lock-free.
  void Arm() noexcept { slot_.Store(calling_thread.Load()); }

 private:
  SystemSlot<FlsApi> slot_;
};

void WINAPI HoldfastThreadExit(void* word) noexcept {
  if (reinterpret_cast<uintptr_t>(word) == calling_thread.Load())
    OnThreadExit();
}

}  // namespace
}  // namespace holdfast::internal

#endif  // HOLDFAST_SRC_THREAD_SYSTEM_WINDOWS_H_
