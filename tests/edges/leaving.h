// Makes threads leave calls of a table halfway: the table's atomic and plain
// variables call a hook before each access, which may jump out of the call.

#ifndef HOLDFAST_TESTS_EDGES_LEAVING_H_
#define HOLDFAST_TESTS_EDGES_LEAVING_H_

#include <setjmp.h>

#include <cstddef>
#include <cstdint>

#include "holdfast/handle_table.h"
#include "tests/support/concurrent_hooked_atomics.h"
#include "tests/support/concurrent_value.h"

namespace holdfast {

// Makes a thread leave a function by a jump, before a given access.
class Exit {
 public:
  static void Before() {
    if (left_ < 0 || left_-- != 0) return;
    siglongjmp(place_, 1);
  }
  static void BeforeAtomic(const void* /*object*/, bool /*writes*/) {
    Before();
  }
  static void BeforePlain(const void* /*object*/, bool /*writes*/) { Before(); }

  // Runs calls(), and leaves it before its access number `n`. Returns false if
  // it has no such access. `calls` must own nothing that a destructor frees.
  template <typename F>
  static bool Leave(int n, F& calls) {
    if (sigsetjmp(place_, 0) != 0) return true;
    left_ = n;
    calls();
    left_ = -1;
    return false;
  }

 private:
  static inline thread_local int left_ = -1;
  static inline thread_local sigjmp_buf place_;
};

struct MidwayTraits : DefaultTraits {
  static constexpr uint32_t kMaxThreads = 4096;  // Some ordinals may be lost.
  using Atomics = HookedAccesses<Exit>;
};

template <size_t kBytes, uint32_t kCache>
struct Config {
  using Value = Stamped<kBytes>;
  static constexpr uint32_t kCacheSlots = kCache;
};

}  // namespace holdfast

#endif  // HOLDFAST_TESTS_EDGES_LEAVING_H_
