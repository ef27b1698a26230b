// Memory of a table that is made zeros again, by the thread that destroys it.

#ifndef HOLDFAST_INTERNAL_ZEROS_H_
#define HOLDFAST_INTERNAL_ZEROS_H_

#include <algorithm>
#include <cstddef>
#include <cstring>

namespace holdfast::internal {

// Whether `bytes` from `begin` on, at least 1, are zeros.
inline bool AreZeros(const void* begin, size_t bytes) noexcept {
  const char* const at = static_cast<const char*>(begin);
  return *at == 0 && std::memcmp(at, at + 1, bytes - 1) == 0;
}

// Makes `bytes` from `begin` on zeros, for a thread that has them to itself.
// Lines that are zeros are only read: so a page that was never written takes no
// memory now.
inline void ClearUsedLines(void* begin, size_t bytes) noexcept {
  char* const at = static_cast<char*>(begin);
  for (size_t i = 0; i < bytes; i += 64) {
    const size_t length = std::min<size_t>(64, bytes - i);
    if (!AreZeros(at + i, length)) std::memset(at + i, 0, length);
  }
}

// Makes `object` zeros. Line by line, since g++ turns one memset of a known
// size into an instruction that takes long to start (rep stos).
template <typename Object>
void ClearObject(Object* object) noexcept {
  static_assert(alignof(Object) >= 64 && sizeof(Object) % 64 == 0);
  char* const at = reinterpret_cast<char*>(object);
  for (size_t i = 0; i < sizeof(Object); i += 64) std::memset(at + i, 0, 64);
}

}  // namespace holdfast::internal

#endif  // HOLDFAST_INTERNAL_ZEROS_H_
