// The dense number of a thread, process-wide: claimed at its first need, given
// back at its exit. Tables register nothing per thread and threads know nothing
// of tables, so that either may end first.

#ifndef HOLDFAST_INTERNAL_THREAD_ORDINALS_H_
#define HOLDFAST_INTERNAL_THREAD_ORDINALS_H_

#include <cstdint>

#include "absl/base/attributes.h"

namespace holdfast::internal {

class ThreadOrdinals {
 public:
  static constexpr uint32_t kCapacity = 65'536;
  static constexpr uint32_t kNone = ~uint32_t{0};

  // The calling thread's ordinal, or kNone if it has none (yet, or any more).
  // Wait-free: one thread-local load.
  static uint32_t Current() { return current_; }

  // The calling thread's ordinal, claimed now if it had none, until the thread
  // exits. kNone if all are owned, or if the thread's was given back already:
  // then it is running the destructors of its thread_local objects.
  static uint32_t Register();

  // As OrdinalPool's, on the one pool of the process.
  static uint32_t Claim();
  static bool TryClaim(uint32_t ordinal);
  static void Release(uint32_t ordinal);
  static uint32_t Limit();

  // Lets another thread run.
  static void Yield();

 private:
  struct ReleaseAtExit;

  // A constant-initialized integer without a destructor: no guard on access.
  ABSL_CONST_INIT static inline thread_local uint32_t current_ = kNone;
};

// The ordinal to use for one operation: the thread's own, or, where there is
// none to be had for its life, one for the lifetime of this object. kNone if
// every ordinal is owned.
template <typename Threads>
class OrdinalLease {
 public:
  OrdinalLease() {
    ordinal_ = Threads::Current();
    if (ordinal_ == Threads::kNone) ordinal_ = Threads::Register();
    if (ordinal_ == Threads::kNone) {
      ordinal_ = Threads::Claim();
      release_ = ordinal_ != Threads::kNone;
    }
  }
  OrdinalLease(const OrdinalLease&) = delete;
  OrdinalLease& operator=(const OrdinalLease&) = delete;
  ~OrdinalLease() {
    if (release_) Threads::Release(ordinal_);
  }

  uint32_t ordinal() const { return ordinal_; }

 private:
  uint32_t ordinal_;
  bool release_ = false;
};

}  // namespace holdfast::internal

#endif  // HOLDFAST_INTERNAL_THREAD_ORDINALS_H_
