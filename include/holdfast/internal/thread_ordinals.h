// The dense number of a thread, its ordinal: claimed when the thread first
// needs one, and given back when the thread exits. Tables register nothing per
// thread, and threads know nothing of tables, so either may end first.
//
// A process may hold several copies of this library, as when plug-ins link it
// statically. Each copy numbers threads for itself. A table keeps the numbering
// of the copy that made it: shards are indexed by that numbering alone,
// whichever copy a call comes from. A caller from another copy asks the table's
// copy for its number each time, which is slower.

#ifndef HOLDFAST_INTERNAL_THREAD_ORDINALS_H_
#define HOLDFAST_INTERNAL_THREAD_ORDINALS_H_

#include <cstdint>

#include "holdfast/internal/export.h"
#include "holdfast/internal/thread_token.h"

namespace holdfast::internal {

// All of it concerns the copy of the library that is called.
class HOLDFAST_API ThreadOrdinals {
 public:
  static constexpr uint32_t kCapacity = 65'536;
  static constexpr uint32_t kNone = ~uint32_t{0};

  class Numbering;

  // The calling thread's ordinal, or kNone if it has none (yet, or any more).
  static uint32_t Current() noexcept;

  // The calling thread's ordinal, claimed now if it had none, until the thread
  // exits. kNone if all are owned, or if the thread's was given back already:
  // then the thread runs its last exit hooks.
  static uint32_t Register() noexcept;

  // As OrdinalPool's. TryClaim also succeeds if the owner is a thread that has
  // exited without giving the ordinal back.
  static uint32_t Claim() noexcept;
  static bool TryClaim(uint32_t ordinal) noexcept;
  static void Release(uint32_t ordinal) noexcept;
  static uint32_t Limit() noexcept;

  // Lets another thread run. (windows.h has a macro of the shorter name.)
  static void YieldThread() noexcept;

 private:
  struct Functions;
};

// The numbering of one copy of the library, kept by the tables that this copy
// made. It reaches the copy by pointers, since a name may be resolved to
// another copy's function.
class HOLDFAST_API ThreadOrdinals::Numbering {
 public:
  // No copy's: for a table that was moved from.
  Numbering() = default;

  static Numbering OfThisCopy() noexcept;

  // The calling thread's ordinal in this numbering; or kCapacity or more if the
  // thread has none, or was last seen by another copy. Wait-free: one
  // thread-local load, and a subtraction.
  uint64_t Current() const noexcept { return LoadThreadToken() - first_token_; }

  uint32_t Register() const noexcept;
  uint32_t Claim() const noexcept;
  bool TryClaim(uint32_t ordinal) const noexcept;
  void Release(uint32_t ordinal) const noexcept;

 private:
  friend class ThreadOrdinals;

  // The token of ordinal 0, random for each copy.
  uint64_t first_token_ = 0;
  const Functions* functions_ = nullptr;
};

// The ordinal to use for one operation: the thread's own, or, where there is
// none to be had for its life, one for the lifetime of this object. kNone if
// every ordinal is owned.
template <typename Numbering>
class OrdinalLease {
 public:
  static constexpr uint32_t kNone = ~uint32_t{0};

  explicit OrdinalLease(const Numbering& numbering) noexcept
      : numbering_(numbering), ordinal_(numbering.Register()) {
    if (ordinal_ == kNone) {
      ordinal_ = numbering_.Claim();
      release_ = ordinal_ != kNone;
    }
  }
  OrdinalLease(const OrdinalLease&) = delete;
  OrdinalLease& operator=(const OrdinalLease&) = delete;
  ~OrdinalLease() {
    if (release_) numbering_.Release(ordinal_);
  }

  uint32_t ordinal() const { return ordinal_; }

 private:
  const Numbering& numbering_;
  uint32_t ordinal_;
  bool release_ = false;
};

}  // namespace holdfast::internal

#endif  // HOLDFAST_INTERNAL_THREAD_ORDINALS_H_
