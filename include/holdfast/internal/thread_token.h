// The one thread-local word of the library, and the one way to read it.
//
// A fiber may go on in another thread between two calls. A compiler that reads
// a thread_local variable may compute its address once and use it after the
// switch, when that address is another thread's: g++ does on AArch64, and clang
// does with -fPIC. So the word is loaded by instructions that the compiler
// cannot take apart, each time, by the initial-exec model: two instructions on
// x86-64, four on AArch64, and no call with -fPIC. Elsewhere the load is a call
// into the library, which no compiler looks through.
//
// (A shared object that is opened with dlopen needs 8 bytes of the space that
// glibc keeps for this model. Other C libraries keep none: there, -fPIC without
// -fPIE makes it the call.)

#ifndef HOLDFAST_INTERNAL_THREAD_TOKEN_H_
#define HOLDFAST_INTERNAL_THREAD_TOKEN_H_

#include <cstdint>

#include "holdfast/internal/export.h"

#if defined(__linux__) && defined(__ELF__) && defined(__LP64__) && \
    !defined(__ANDROID__) &&                                       \
    (defined(__GLIBC__) || !defined(__PIC__) || defined(__PIE__))
#if defined(__x86_64__)
#define HOLDFAST_INTERNAL_TOKEN_X86_64 1
#elif defined(__aarch64__)
#define HOLDFAST_INTERNAL_TOKEN_AARCH64 1
#endif
#endif

namespace holdfast::internal {

// As LoadThreadToken, for processors without instructions of their own below.
HOLDFAST_API uint64_t LoadThreadTokenByCall() noexcept;

// The word of the calling thread, which ThreadOrdinals stores: 0, or a number
// that says which copy of the library gave the thread an ordinal, and which
// ordinal.
inline uint64_t LoadThreadToken() noexcept {
#if defined(HOLDFAST_INTERNAL_TOKEN_X86_64)
  uint64_t token;
  asm __volatile__(
      "movq holdfast_thread_token@gottpoff(%%rip), %0\n\t"
      "movq %%fs:(%0), %0"
      : "=r"(token));
  return token;
#elif defined(HOLDFAST_INTERNAL_TOKEN_AARCH64)
  uint64_t token;
  uint64_t offset;
  asm __volatile__(
      "mrs %0, tpidr_el0\n\t"
      "adrp %1, :gottprel:holdfast_thread_token\n\t"
      "ldr %1, [%1, :gottprel_lo12:holdfast_thread_token]\n\t"
      "ldr %0, [%0, %1]"
      : "=&r"(token), "=&r"(offset));
  return token;
#else
  return LoadThreadTokenByCall();
#endif
}

}  // namespace holdfast::internal

#endif  // HOLDFAST_INTERNAL_THREAD_TOKEN_H_
