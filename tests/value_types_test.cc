// Every operation on types of values that are awkward: with overloaded
// operators, with const members, without default constructor or assignment, or
// aligned to more than a word. (tests/compile has types that a table refuses.)

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "holdfast/handle_table.h"

namespace holdfast {
namespace {

// Operators that a table must not call. Each ends the program.
struct Traps {
  Traps* operator&() const { std::abort(); }  // NOLINT: that is the point.
  template <typename U>
  void operator,(U&&) const {  // NOLINT: that is the point.
    std::abort();
  }
  static void* operator new(size_t) { std::abort(); }
  static void* operator new(size_t, void*) { std::abort(); }
  static void operator delete(void*) { std::abort(); }
};

template <typename Number>
struct Trapped : Traps {
  explicit Trapped(uint64_t n) : number(static_cast<Number>(n)) {}
  uint64_t Get() const { return number; }
  Number number;
};

// Neither assignable nor default constructible.
struct Constant {
  explicit Constant(uint64_t n) : number(n), complement(~n) {}
  uint64_t Get() const { return number == ~complement ? number : 0; }
  const uint64_t number;
  const uint64_t complement;
};

struct SmallConstant : Traps {
  explicit SmallConstant(uint64_t n) : number(static_cast<uint16_t>(n)) {}
  uint64_t Get() const { return number; }
  const uint16_t number;
};

struct LargeConstant : Traps {
  explicit LargeConstant(uint64_t n)
      : numbers{n, n + 1, n + 2, n + 3, n + 4, n + 5, n + 6} {}
  uint64_t Get() const {
    for (uint64_t i = 0; i < 7; ++i) {
      if (numbers[i] != numbers[0] + i) return 0;
    }
    return numbers[0];
  }
  const uint64_t numbers[7];
};

struct alignas(32) Aligned : Traps {
  explicit Aligned(uint64_t n) : number(n) {}
  uint64_t Get() const {
    return reinterpret_cast<uintptr_t>(this) % 32 == 0 ? number : 0;
  }
  uint64_t number;
};

// A value of one byte with a constructor that takes anything.
struct FromAnything {
  template <typename U>
  explicit FromAnything(const U& number)
      : value(static_cast<unsigned char>(number)) {}
  uint64_t Get() const { return value; }
  unsigned char value;
};

static_assert(!std::is_copy_assignable_v<Constant>);
static_assert(!std::is_default_constructible_v<Constant>);
static_assert(!std::is_copy_assignable_v<SmallConstant>);

template <typename T>
class ValueTypesTest : public testing::Test {
 protected:
  using Table = HandleTable<T>;
  using Handle = typename Table::Handle;

  uint64_t Found(Handle handle) const {
    const std::optional<T> found = table_.Read(handle);
    return found ? found->Get() : 0;
  }

  Table table_ = *Table::Create({/*max_slots=*/100});
};

using Types = testing::Types<Trapped<unsigned char>, Trapped<uint32_t>,
                             Trapped<uint64_t>, Constant, SmallConstant,
                             LargeConstant, Aligned, FromAnything>;
TYPED_TEST_SUITE(ValueTypesTest, Types);

TYPED_TEST(ValueTypesTest, WorkInEveryVerb) {
  using T = TypeParam;
  const auto handle = this->table_.Pin(T(1));
  EXPECT_EQ(this->Found(handle), 1);
  EXPECT_TRUE(this->table_.Write(handle, T(2)));
  EXPECT_EQ(this->Found(handle), 2);
  const std::optional<T> old = this->table_.Exchange(handle, T(3));
  ASSERT_TRUE(old.has_value());
  EXPECT_EQ(old->Get(), 2);
  const std::optional<T> taken = this->table_.Take(handle);
  ASSERT_TRUE(taken.has_value());
  EXPECT_EQ(taken->Get(), 3);
  EXPECT_FALSE(this->table_.Read(handle).has_value());
  EXPECT_FALSE(this->table_.Exchange(handle, T(4)).has_value());
  EXPECT_FALSE(this->table_.Take(handle).has_value());
  EXPECT_TRUE(this->table_.Unpin(this->table_.Pin(T(5))));
  EXPECT_EQ(this->table_.GetStats().live, 0);
}

TYPED_TEST(ValueTypesTest, AreReadIntoVariables) {
  using T = TypeParam;
  if constexpr (std::is_copy_assignable_v<T>) {
    const auto handle = this->table_.Pin(T(7));
    T found(1);
    EXPECT_TRUE(this->table_.Read(handle, std::addressof(found)));
    EXPECT_EQ(found.Get(), 7);
    EXPECT_TRUE(this->table_.Unpin(handle));
    found = T(1);
    EXPECT_FALSE(this->table_.Read(handle, std::addressof(found)));
    EXPECT_EQ(found.Get(), 1);
  }
}

TYPED_TEST(ValueTypesTest, AreShownByEveryWalk) {
  using T = TypeParam;
  using SeenHandle = typename TestFixture::Handle;
  const SeenHandle first = this->table_.Pin(T(7));
  const SeenHandle second = this->table_.Pin(T(8));
  std::vector<std::pair<SeenHandle, uint64_t>> seen;
  const auto see = [&](SeenHandle handle, const T& value) {
    seen.emplace_back(handle, value.Get());
  };
  const std::vector<std::pair<SeenHandle, uint64_t>> both = {{first, 7},
                                                             {second, 8}};
  this->table_.ForEach(see);
  EXPECT_EQ(seen, both);
  seen.clear();
  typename HandleTable<T>::ParallelForEach walk(this->table_);
  walk.Work(see);
  EXPECT_EQ(seen, both);
  seen.clear();
  this->table_.ForEachExclusive([&](SeenHandle handle, T& value) {
    if constexpr (std::is_copy_assignable_v<T>) value = T(9);
    see(handle, value);
  });
  EXPECT_EQ(seen.size(), 2);
  EXPECT_EQ(this->Found(first), std::is_copy_assignable_v<T> ? 9 : 7);
}

}  // namespace
}  // namespace holdfast
