#include "holdfast/internal/thread_ordinals.h"

#include <cstdint>
#include <thread>

#include "absl/base/attributes.h"
#include "holdfast/internal/ordinal_pool.h"
#include "holdfast/traits.h"

namespace holdfast::internal {
namespace {

ABSL_CONST_INIT OrdinalPool<StdAtomics, ThreadOrdinals::kCapacity> pool;

// True from the release of the thread's ordinal until the thread is gone.
ABSL_CONST_INIT thread_local bool exited = false;

}  // namespace

struct ThreadOrdinals::ReleaseAtExit {
  ReleaseAtExit() = default;
  ReleaseAtExit(const ReleaseAtExit&) = delete;
  ReleaseAtExit& operator=(const ReleaseAtExit&) = delete;
  ~ReleaseAtExit() {
    const uint32_t ordinal = current_;
    current_ = kNone;
    exited = true;
    pool.Release(ordinal);
  }
};

uint32_t ThreadOrdinals::Register() {
  if (current_ != kNone || exited) return current_;
  const uint32_t ordinal = pool.Claim();
  if (ordinal != kNone) {
    current_ = ordinal;
    // Constructed at most once a thread, here: runs at the thread's exit.
    thread_local ReleaseAtExit release_at_exit;
    static_cast<void>(release_at_exit);
  }
  return ordinal;
}

uint32_t ThreadOrdinals::Claim() { return pool.Claim(); }
bool ThreadOrdinals::TryClaim(uint32_t ordinal) {
  return pool.TryClaim(ordinal);
}
void ThreadOrdinals::Release(uint32_t ordinal) { pool.Release(ordinal); }
uint32_t ThreadOrdinals::Limit() { return pool.Limit(); }
void ThreadOrdinals::Yield() { std::this_thread::yield(); }

}  // namespace holdfast::internal
