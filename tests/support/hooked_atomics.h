// Traits::Atomics for one real thread. Before every access a hook is called,
// which may act as another thread that runs at that point. A test can also make
// compare-exchanges fail spuriously.

#ifndef HOLDFAST_TESTS_SUPPORT_HOOKED_ATOMICS_H_
#define HOLDFAST_TESTS_SUPPORT_HOOKED_ATOMICS_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <utility>

#include "holdfast/internal/double_width.h"

namespace holdfast {

class AccessHook {
 public:
  // Calls `action` once, before the access number `at`, counted from 0.
  // Accesses of the action itself are not counted.
  static void Arm(int at, std::function<void()> action) {
    countdown_ = at;
    action_ = std::move(action);
  }

  // Makes sure that the action is not called any more. Returns whether it was
  // never called.
  static bool Disarm() { return std::exchange(action_, nullptr) != nullptr; }

  // Makes the next `times` compare-exchanges fail.
  static void FailExchanges(int times) { spurious_ = times; }

  // --- HookedAtomics calls these ---------------------------------------------

  static void BeforeAccess() {
    ++accesses_;
    if (action_ == nullptr || countdown_-- != 0) return;
    std::exchange(action_, nullptr)();
  }
  static void BeforeWrite() {
    ++writes_;
    BeforeAccess();
  }
  static bool FailsNow() { return spurious_ != 0 && spurious_-- > 0; }

  static int accesses() { return accesses_; }
  static int writes() { return writes_; }

 private:
  inline static int countdown_ = 0;
  inline static int spurious_ = 0;
  inline static int accesses_ = 0;
  inline static int writes_ = 0;
  inline static std::function<void()> action_;
};

// The shape of std::atomic, as far as the library uses it. Zeroed memory is a
// valid object, as it must be for tables.
template <typename U>
class HookedAtomic {
 public:
  HookedAtomic() = default;
  HookedAtomic(U value) : value_(value) {}  // NOLINT: as std::atomic.
  HookedAtomic(const HookedAtomic&) = delete;
  HookedAtomic& operator=(const HookedAtomic&) = delete;

  U load(std::memory_order) const {
    AccessHook::BeforeAccess();
    return value_;
  }
  void store(U value, std::memory_order) {
    AccessHook::BeforeWrite();
    value_ = value;
  }
  U exchange(U value, std::memory_order) {
    AccessHook::BeforeWrite();
    return std::exchange(value_, value);
  }
  U fetch_add(U value, std::memory_order) {
    AccessHook::BeforeWrite();
    return std::exchange(value_, static_cast<U>(value_ + value));
  }
  U fetch_or(U value, std::memory_order) {
    AccessHook::BeforeWrite();
    return std::exchange(value_, static_cast<U>(value_ | value));
  }
  U fetch_and(U value, std::memory_order) {
    AccessHook::BeforeWrite();
    return std::exchange(value_, static_cast<U>(value_ & value));
  }
  bool compare_exchange_weak(U& expected, U desired, std::memory_order,
                             std::memory_order) {
    AccessHook::BeforeWrite();
    if (value_ != expected || AccessHook::FailsNow()) {
      expected = value_;
      return false;
    }
    value_ = desired;
    return true;
  }
  bool compare_exchange_strong(U& expected, U desired, std::memory_order,
                               std::memory_order) {
    AccessHook::BeforeWrite();
    if (value_ != expected) {
      expected = value_;
      return false;
    }
    value_ = desired;
    return true;
  }

 private:
  friend struct HookedAtomics;

  U value_;
};

struct HookedAtomics {
  template <typename U>
  using Atomic = HookedAtomic<U>;
  template <typename U>
  using Plain = U;

  static constexpr bool kHasPairs = true;
  static bool CompareExchangePair(Atomic<uint64_t>& first,
                                  Atomic<uint64_t>& second,
                                  internal::TwoWords expected,
                                  internal::TwoWords desired,
                                  std::memory_order) {
    AccessHook::BeforeWrite();
    if (first.value_ != expected.first || second.value_ != expected.second ||
        AccessHook::FailsNow()) {
      return false;
    }
    first.value_ = desired.first;
    second.value_ = desired.second;
    return true;
  }
};

}  // namespace holdfast

#endif  // HOLDFAST_TESTS_SUPPORT_HOOKED_ATOMICS_H_
