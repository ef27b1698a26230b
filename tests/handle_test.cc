#include "holdfast/handle.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <set>
#include <sstream>
#include <string>
#include <type_traits>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "absl/hash/hash_testing.h"
#include "gtest/gtest.h"

namespace holdfast {
namespace {

using IntHandle = Handle<int>;

template <typename A, typename B, typename = void>
struct HasOrder : std::false_type {};
template <typename A, typename B>
struct HasOrder<A, B,
                std::void_t<decltype(std::declval<A>() < std::declval<B>())>>
    : std::true_type {};

template <typename A, typename B, typename = void>
struct HasEquality : std::false_type {};
template <typename A, typename B>
struct HasEquality<
    A, B, std::void_t<decltype(std::declval<A>() == std::declval<B>())>>
    : std::true_type {};

static_assert(sizeof(IntHandle) == 8);
static_assert(std::is_trivially_copyable_v<IntHandle>);
static_assert(std::is_trivially_destructible_v<IntHandle>);
static_assert(std::is_standard_layout_v<IntHandle>);
static_assert(std::is_nothrow_default_constructible_v<IntHandle>);

// Numbers and handles are not converted to each other implicitly.
static_assert(!std::is_constructible_v<IntHandle, uint64_t>);
static_assert(!std::is_convertible_v<uint64_t, IntHandle>);
static_assert(!std::is_convertible_v<IntHandle, uint64_t>);
static_assert(!std::is_convertible_v<IntHandle, bool>);
static_assert(std::is_constructible_v<bool, IntHandle>);

// Handles of different types of values do not mix.
static_assert(!std::is_constructible_v<Handle<float>, IntHandle>);
static_assert(!HasEquality<IntHandle, Handle<float>>::value);
static_assert(HasEquality<IntHandle, IntHandle>::value);
static_assert(!HasOrder<IntHandle, IntHandle>::value);

std::string Printed(IntHandle handle) {
  std::ostringstream os;
  os << handle;
  return os.str();
}

TEST(HandleTest, DefaultIsTheNullHandle) {
  constexpr IntHandle handle;
  static_assert(handle.bits() == 0);
  static_assert(!handle);
  EXPECT_EQ(handle, IntHandle::FromBits(0));
}

TEST(HandleTest, BitsComeBack) {
  for (const uint64_t bits : {uint64_t{1}, uint64_t{2}, uint64_t{1} << 62,
                              uint64_t{1} << 63, ~uint64_t{0}}) {
    const IntHandle handle = IntHandle::FromBits(bits);
    EXPECT_EQ(handle.bits(), bits);
    EXPECT_EQ(IntHandle::FromBits(handle.bits()), handle);
    EXPECT_TRUE(handle);
  }
  static_assert(IntHandle::FromBits(41).bits() == 41);
}

TEST(HandleTest, EqualHandlesAreThoseOfEqualBits) {
  const IntHandle handle = IntHandle::FromBits(5);
  EXPECT_TRUE(handle == IntHandle::FromBits(5));
  EXPECT_FALSE(handle != IntHandle::FromBits(5));
  for (int bit = 0; bit < 64; ++bit) {
    const IntHandle other = IntHandle::FromBits(5 ^ (uint64_t{1} << bit));
    EXPECT_FALSE(handle == other);
    EXPECT_TRUE(handle != other);
  }
}

TEST(HandleTest, PrintsItsBitsInHexadecimal) {
  EXPECT_EQ(Printed(IntHandle()), "Handle(null)");
  EXPECT_EQ(Printed(IntHandle::FromBits(0x8F4C)), "Handle(0x0000000000008f4c)");
  EXPECT_EQ(Printed(IntHandle::FromBits(~uint64_t{0})),
            "Handle(0xffffffffffffffff)");
}

TEST(HandleTest, PrintingLeavesTheStreamAsItWas) {
  std::ostringstream os;
  os << IntHandle::FromBits(255) << ' ' << 255;
  EXPECT_EQ(os.str(), "Handle(0x00000000000000ff) 255");
}

TEST(HandleTest, HashesAsAbseilRequires) {
  EXPECT_TRUE(absl::VerifyTypeImplementsAbslHashCorrectly(
      {IntHandle(), IntHandle::FromBits(1), IntHandle::FromBits(2),
       IntHandle::FromBits(uint64_t{1} << 32), IntHandle::FromBits(3),
       IntHandle::FromBits(~uint64_t{0})}));
}

TEST(HandleTest, WorksAsAKeyOfStandardContainers) {
  std::unordered_set<IntHandle> set;
  std::unordered_map<IntHandle, uint64_t> map;
  for (uint64_t i = 0; i < 1000; ++i) {
    const IntHandle handle = IntHandle::FromBits(i << 32 | 1);
    EXPECT_TRUE(set.insert(handle).second);
    EXPECT_FALSE(set.insert(handle).second);
    map[handle] = i;
  }
  EXPECT_EQ(set.size(), 1000);
  for (uint64_t i = 0; i < 1000; ++i) {
    EXPECT_EQ(map.at(IntHandle::FromBits(i << 32 | 1)), i);
  }
  EXPECT_EQ(set.count(IntHandle()), 0);
}

TEST(HandleTest, HashOfDifferentHandlesDiffers) {
  // No two handles have the same 64-bit hash. (handle_hash_test tests that the
  // hashes are spread well.)
  std::set<size_t> hashes;
  for (int bit = 0; bit < 64; ++bit) {
    hashes.insert(
        std::hash<IntHandle>()(IntHandle::FromBits(uint64_t{1} << bit)));
  }
  EXPECT_EQ(hashes.size(), 64);
}

}  // namespace
}  // namespace holdfast
