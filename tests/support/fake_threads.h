// Traits::Threads for one real thread that plays several, one call after
// another: a test says whose call is next, and which threads have exited.

#ifndef HOLDFAST_TESTS_SUPPORT_FAKE_THREADS_H_
#define HOLDFAST_TESTS_SUPPORT_FAKE_THREADS_H_

#include <algorithm>
#include <cstdint>
#include <set>

namespace holdfast {

class FakeThreads {
 public:
  static constexpr uint32_t kNone = ~uint32_t{0};

  // --- The library calls these -----------------------------------------------

  using Numbering = FakeThreads;
  static FakeThreads OfThisCopy() noexcept { return {}; }

  static uint32_t Current() noexcept { return current_; }

  static uint32_t Register() noexcept {
    if (current_ == kNone && may_register_) current_ = Claim();
    return current_;
  }

  static uint32_t Claim() noexcept {
    for (uint32_t ordinal = 0; ordinal < capacity_; ++ordinal) {
      if (TryClaim(ordinal)) {
        limit_ = std::max(limit_, ordinal + 1);
        return ordinal;
      }
    }
    return kNone;
  }

  static bool TryClaim(uint32_t ordinal) noexcept {
    return owned_.insert(ordinal).second;
  }

  static void Release(uint32_t ordinal) noexcept {
    released_unowned_ |= owned_.erase(ordinal) == 0;
  }

  static uint32_t Limit() { return limit_; }

  static void YieldThread() noexcept { ++yields_; }

  // --- Tests call these ------------------------------------------------------

  // Starts anew, as if no thread had run yet. There are `capacity` ordinals.
  static void Reset(uint32_t capacity = 64) {
    current_ = kNone;
    may_register_ = true;
    capacity_ = capacity;
    limit_ = 0;
    yields_ = 0;
    released_unowned_ = false;
    owned_.clear();
  }

  // The calls that follow are those of the thread with this ordinal.
  static void Become(uint32_t ordinal) {
    owned_.insert(ordinal);
    limit_ = std::max(limit_, ordinal + 1);
    current_ = ordinal;
    may_register_ = true;
  }

  // The calls that follow are those of a thread that has not called before.
  static void BecomeNew() {
    current_ = kNone;
    may_register_ = true;
  }

  // The calls that follow are those of a thread that gets no ordinal any more,
  // because it is running its last exit hooks.
  static void BecomeExiting() {
    current_ = kNone;
    may_register_ = false;
  }

  // The thread with this ordinal exits. It must not be the current one.
  static void Exit(uint32_t ordinal) { Release(ordinal); }

  static bool IsOwned(uint32_t ordinal) { return owned_.count(ordinal) != 0; }
  static size_t Owned() { return owned_.size(); }
  static int yields() { return yields_; }
  // Whether an ordinal was released that no thread owned.
  static bool released_unowned() { return released_unowned_; }

 private:
  inline static uint32_t current_ = kNone;
  inline static bool may_register_ = true;
  inline static uint32_t capacity_ = 64;
  inline static uint32_t limit_ = 0;
  inline static int yields_ = 0;
  inline static bool released_unowned_ = false;
  inline static std::set<uint32_t> owned_;
};

}  // namespace holdfast

#endif  // HOLDFAST_TESTS_SUPPORT_FAKE_THREADS_H_
