// Values of every size a table takes, made from numbers.

#ifndef HOLDFAST_TESTS_SUPPORT_TEST_VALUES_H_
#define HOLDFAST_TESTS_SUPPORT_TEST_VALUES_H_

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace holdfast {

// A value of kSize bytes that all depend on `seed`, without a default
// constructor. Different seeds make different values, as long as they are below
// 256 if kSize is 1.
template <size_t kSize>
struct TestValue {
  explicit TestValue(uint64_t seed) {
    for (size_t i = 0; i < kSize; ++i) {
      const uint64_t part = i < 8 ? seed >> (8 * i) : seed * 31 + i;
      bytes[i] = static_cast<unsigned char>(part);
    }
  }

  friend bool operator==(const TestValue& a, const TestValue& b) {
    return std::memcmp(a.bytes, b.bytes, kSize) == 0;
  }
  friend bool operator!=(const TestValue& a, const TestValue& b) {
    return !(a == b);
  }

  unsigned char bytes[kSize];
};

}  // namespace holdfast

#endif  // HOLDFAST_TESTS_SUPPORT_TEST_VALUES_H_
