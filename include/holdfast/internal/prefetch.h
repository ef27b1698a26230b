// Cache lines that a thread is about to use.

#ifndef HOLDFAST_INTERNAL_PREFETCH_H_
#define HOLDFAST_INTERNAL_PREFETCH_H_

namespace holdfast::internal {

// Has the line at `at` fetched for writing. If the thread loads from a line
// first, and then writes to it, the line travels twice between cores: once to
// be shared, and once more to be the writer's alone.
inline void PrefetchForWrite(const void* at) noexcept {
#if defined(__x86_64__) && defined(__GNUC__)
  // Unless it is told of newer processors, the compiler makes of its builtin a
  // fetch for reading. Processors that lack the instruction ignore it.
  asm("prefetchw %0" : : "m"(*static_cast<const char*>(at)));
#else
  __builtin_prefetch(at, 1);
#endif
}

// Has the line at `at` fetched for reading.
inline void PrefetchForRead(const void* at) noexcept { __builtin_prefetch(at); }

}  // namespace holdfast::internal

#endif  // HOLDFAST_INTERNAL_PREFETCH_H_
