// Compare-and-swap of two 64-bit words that lie side by side, as one atomic
// operation (double-width compare-and-swap), where processors have it: x86-64
// (cmpxchg16b, which all but the first ones of 2003 to 2005 have), AArch64
// (LDAXP and STLXP). The instruction is inline assembly, so that it depends
// neither on the flags of the file that includes it (-mcx16) nor on libatomic,
// which may take a lock.

#ifndef HOLDFAST_INTERNAL_DOUBLE_WIDTH_H_
#define HOLDFAST_INTERNAL_DOUBLE_WIDTH_H_

#include <cstdint>

#include "absl/base/attributes.h"
#include "absl/base/config.h"

#if defined(ABSL_HAVE_THREAD_SANITIZER)
#include <sanitizer/tsan_interface.h>
#endif

namespace holdfast::internal {

struct TwoWords {
  uint64_t first;
  uint64_t second;
};

#if defined(__x86_64__)

inline constexpr bool kHasDoubleWidth = true;

ABSL_ATTRIBUTE_ALWAYS_INLINE inline bool SwapTwoWords(
    TwoWords* at, TwoWords expected, TwoWords desired) noexcept {
  bool done;
#if defined(__clang__)
  // The instruction takes a word in rbx. In a function with an over-aligned
  // variable and an alloca, clang 14 keeps the frame's address in rbx, and does
  // not save it where an operand is bound to rbx. So it is saved here.
  __asm__ __volatile__(
      "xchgq %%rbx, %[low]\n\t"
      "lock cmpxchg16b (%%rdi)\n\t"
      "xchgq %%rbx, %[low]"
      : "=@ccz"(done), "+m"(*at), "+a"(expected.first),
        "+d"(expected.second), [low] "+S"(desired.first)
      : "c"(desired.second), "D"(at)
      : "memory");
#else
  __asm__ __volatile__("lock cmpxchg16b %1"
                       : "=@ccz"(done), "+m"(*at), "+a"(expected.first),
                         "+d"(expected.second)
                       : "b"(desired.first), "c"(desired.second)
                       : "memory");
#endif
  return done;
}

#elif defined(__aarch64__)

inline constexpr bool kHasDoubleWidth = true;

ABSL_ATTRIBUTE_ALWAYS_INLINE inline bool SwapTwoWords(
    TwoWords* at, TwoWords expected, TwoWords desired) noexcept {
  TwoWords found;
  uint32_t failed;
  __asm__ __volatile__(
      "1: ldaxp %0, %1, %3\n"
      "   mov %w2, #1\n"
      "   cmp %0, %4\n"
      "   ccmp %1, %5, #0, eq\n"
      "   b.ne 2f\n"
      "   stlxp %w2, %6, %7, %3\n"
      "   cbnz %w2, 1b\n"
      "2:"
      : "=&r"(found.first), "=&r"(found.second), "=&r"(failed), "+Q"(*at)
      : "r"(expected.first), "r"(expected.second), "r"(desired.first),
        "r"(desired.second)
      : "cc", "memory");
  return failed == 0;
}

#else

inline constexpr bool kHasDoubleWidth = false;

ABSL_ATTRIBUTE_ALWAYS_INLINE inline bool SwapTwoWords(TwoWords*, TwoWords,
                                                      TwoWords) noexcept {
  return false;
}

#endif

// If the two words at `address`, a multiple of 16, are those that are expected,
// stores the desired ones and returns true: as an operation with acquire and
// release on each word. Otherwise returns false: then nothing is changed, and
// nothing is known of the words, not even that they differ from the expected
// ones, and nothing is acquired.
ABSL_ATTRIBUTE_ALWAYS_INLINE inline bool CompareAndSwapTwoWords(
    void* address, TwoWords expected, TwoWords desired) noexcept {
  TwoWords* const at = static_cast<TwoWords*>(address);
#if defined(ABSL_HAVE_THREAD_SANITIZER)
  // ThreadSanitizer does not look into assembly.
  __tsan_release(&at->first);
  __tsan_release(&at->second);
  if (!SwapTwoWords(at, expected, desired)) return false;
  __tsan_acquire(&at->first);
  __tsan_acquire(&at->second);
  return true;
#else
  return SwapTwoWords(at, expected, desired);
#endif
}

}  // namespace holdfast::internal

#endif  // HOLDFAST_INTERNAL_DOUBLE_WIDTH_H_
