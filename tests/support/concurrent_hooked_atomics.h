// Traits::Atomics whose operations call a hook first, and a hook that lets
// other threads run at random: with few processors, preemption alone seldom
// falls between two neighbouring operations.

#ifndef HOLDFAST_TESTS_SUPPORT_CONCURRENT_HOOKED_ATOMICS_H_
#define HOLDFAST_TESTS_SUPPORT_CONCURRENT_HOOKED_ATOMICS_H_

#include <atomic>
#include <cstdint>
#include <thread>

#include "holdfast/internal/double_width.h"
#include "holdfast/traits.h"
#include "tests/support/concurrent_threads.h"

namespace holdfast {

// Calls Hook::BeforeAtomic(object, writes) before each operation of a
// std::atomic.
template <typename Hook>
struct HookedAtomics {
  template <typename U>
  class Atomic {
   public:
    Atomic() = default;
    constexpr Atomic(U value) : value_(value) {}  // NOLINT: as std::atomic.

    U load(std::memory_order order) const {
      Hook::BeforeAtomic(this, false);
      return value_.load(order);
    }
    void store(U value, std::memory_order order) {
      Hook::BeforeAtomic(this, true);
      value_.store(value, order);
    }
    U exchange(U value, std::memory_order order) {
      Hook::BeforeAtomic(this, true);
      return value_.exchange(value, order);
    }
    U fetch_add(U value, std::memory_order order) {
      Hook::BeforeAtomic(this, true);
      return value_.fetch_add(value, order);
    }
    U fetch_or(U value, std::memory_order order) {
      Hook::BeforeAtomic(this, true);
      return value_.fetch_or(value, order);
    }
    U fetch_and(U value, std::memory_order order) {
      Hook::BeforeAtomic(this, true);
      return value_.fetch_and(value, order);
    }
    bool compare_exchange_weak(U& expected, U desired,
                               std::memory_order success,
                               std::memory_order failure) {
      Hook::BeforeAtomic(this, true);
      return value_.compare_exchange_weak(expected, desired, success, failure);
    }
    bool compare_exchange_strong(U& expected, U desired,
                                 std::memory_order success,
                                 std::memory_order failure) {
      Hook::BeforeAtomic(this, true);
      return value_.compare_exchange_strong(expected, desired, success,
                                            failure);
    }

   private:
    friend HookedAtomics;

    std::atomic<U> value_;
  };

  template <typename U>
  using Plain = U;

  static constexpr bool kHasPairs = StdAtomics::kHasPairs;
  static bool CompareExchangePair(Atomic<uint64_t>& first,
                                  Atomic<uint64_t>& second,
                                  internal::TwoWords expected,
                                  internal::TwoWords desired,
                                  std::memory_order order) {
    Hook::BeforeAtomic(&first, true);
    return StdAtomics::CompareExchangePair(first.value_, second.value_,
                                           expected, desired, order);
  }
};

// As HookedAtomics. Accesses to plain variables call Hook::BeforePlain(object,
// writes) as well.
template <typename Hook>
struct HookedAccesses : HookedAtomics<Hook> {
  template <typename U>
  class Plain {
   public:
    Plain() = default;
    Plain(U value) : value_(value) {}  // NOLINT: as the variable itself.
    Plain(const Plain& other) : value_(other) {}
    Plain& operator=(const Plain& other) {
      return *this = static_cast<U>(other);
    }
    Plain& operator=(U value) {
      Hook::BeforePlain(this, true);
      value_ = value;
      return *this;
    }
    operator U() const {  // NOLINT: as the variable itself.
      Hook::BeforePlain(this, false);
      return value_;
    }

   private:
    U value_;
  };
};

// Sometimes delays an operation, and sometimes yields before one. So threads
// that run at the same time meet at every point of a call, and threads that do
// not run get a turn in the middle of one.
class Jitter {
 public:
  static void BeforeAtomic(const void* /*object*/, bool /*writes*/) {
    static std::atomic<uint64_t> threads{0};
    thread_local Random random(0,
                               threads.fetch_add(1, std::memory_order_relaxed));
    const uint64_t draw = random.Next();
    if (draw % 128 == 0) {
      std::this_thread::yield();
    } else if (draw % 8 == 0) {
      for (uint64_t i = draw >> 32 & 127; i > 0; --i) {
        std::atomic_signal_fence(std::memory_order_seq_cst);
      }
    }
  }
};

// The library without hooks, and with fewer shards, so that tables are cheap to
// create.
struct CalmTraits : DefaultTraits {
  static constexpr uint32_t kMaxThreads = 64;
};

struct JitteryTraits : CalmTraits {
  using Atomics = HookedAtomics<Jitter>;
};

}  // namespace holdfast

#endif  // HOLDFAST_TESTS_SUPPORT_CONCURRENT_HOOKED_ATOMICS_H_
