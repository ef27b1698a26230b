// Traits::Threads with so few ordinals that some threads get none.

#ifndef HOLDFAST_TESTS_SUPPORT_CONCURRENT_ORDINALS_H_
#define HOLDFAST_TESTS_SUPPORT_CONCURRENT_ORDINALS_H_

#include <cstdint>
#include <thread>

#include "holdfast/internal/ordinal_pool.h"
#include "holdfast/traits.h"

namespace holdfast {

// As internal::ThreadOrdinals, with kCapacity ordinals of its own.
template <uint32_t kCapacity>
class FewOrdinals {
 public:
  static constexpr uint32_t kNone = ~uint32_t{0};

  using Numbering = FewOrdinals;
  static FewOrdinals OfThisCopy() noexcept { return {}; }

  static uint32_t Current() noexcept { return state_.ordinal; }

  static uint32_t Register() noexcept {
    if (state_.ordinal == kNone && !state_.exited) {
      state_.ordinal = pool_.Claim();
    }
    return state_.ordinal;
  }

  static uint32_t Claim() noexcept { return pool_.Claim(); }
  static bool TryClaim(uint32_t ordinal) noexcept {
    return pool_.TryClaim(ordinal);
  }
  static void Release(uint32_t ordinal) noexcept { pool_.Release(ordinal); }
  static uint32_t Limit() { return pool_.Limit(); }
  static void YieldThread() noexcept { std::this_thread::yield(); }

 private:
  struct State {
    ~State() {
      exited = true;
      if (ordinal == kNone) return;
      const uint32_t released = ordinal;
      ordinal = kNone;
      pool_.Release(released);
    }
    uint32_t ordinal = kNone;
    bool exited = false;
  };

  static inline internal::OrdinalPool<StdAtomics, kCapacity> pool_;
  static inline thread_local State state_;
};

}  // namespace holdfast

#endif  // HOLDFAST_TESTS_SUPPORT_CONCURRENT_ORDINALS_H_
