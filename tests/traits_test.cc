// The Traits that a table may have, and the types of values that it takes.

#include "holdfast/traits.h"

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>
#include <type_traits>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "gtest/gtest.h"
#include "holdfast/handle_table.h"
#include "tests/support/fake_threads.h"
#include "tests/support/table_access.h"
#include "tests/support/test_values.h"

namespace holdfast {
namespace {

static_assert(DefaultTraits::kGenerationBits == 32);
static_assert(DefaultTraits::kMaxThreads == 65'536);
static_assert(DefaultTraits::kMaxThreadCacheSlots == 4'096);

TableOptions Slots(uint64_t max_slots, uint32_t thread_cache_slots) {
  TableOptions options;
  options.max_slots = max_slots;
  options.thread_cache_slots = thread_cache_slots;
  return options;
}

// --- Generations -------------------------------------------------------------

template <int kBits>
struct BitsTraits : DefaultTraits {
  static constexpr int kGenerationBits = kBits;
};

template <int kBits>
using TableOfBits = HandleTable<uint64_t, BitsTraits<kBits>>;

static_assert(TableOfBits<2>::kLivesPerSlot == 1);
static_assert(TableOfBits<3>::kLivesPerSlot == 3);
static_assert(TableOfBits<16>::kLivesPerSlot == 32'767);
static_assert(TableOfBits<32>::kLivesPerSlot == 2'147'483'647);
static_assert(TableOfBits<40>::kLivesPerSlot == (uint64_t{1} << 39) - 1);
static_assert(TableOfBits<48>::kLivesPerSlot == (uint64_t{1} << 47) - 1);
static_assert(TableOfBits<2>::kMaxSlots == 2'147'483'647);
static_assert(TableOfBits<32>::kMaxSlots == 1'073'741'823);
static_assert(TableOfBits<33>::kMaxSlots == 536'870'911);
static_assert(TableOfBits<40>::kMaxSlots == 4'194'303);
static_assert(TableOfBits<48>::kMaxSlots == 16'383);
// The default max_slots fits up to 37 generation bits; see TableOptions.
static_assert(TableOptions().max_slots <= TableOfBits<37>::kMaxSlots);
static_assert(TableOptions().max_slots > TableOfBits<38>::kMaxSlots);

// The bits of a word that the generation leaves can hold a value.
template <int kBits, size_t kSize>
constexpr bool kInline =
    HandleTable<TestValue<kSize>, BitsTraits<kBits>>::kInlineValues;
static_assert(kInline<3, 7> && !kInline<3, 8>);
static_assert(kInline<16, 6> && !kInline<16, 7>);
static_assert(kInline<32, 4> && !kInline<32, 5>);
static_assert(kInline<40, 3> && !kInline<40, 4>);
static_assert(kInline<48, 2> && !kInline<48, 3>);

// --- Threads and caches ------------------------------------------------------

template <uint32_t kThreads, uint32_t kCache>
struct ThreadTraits : DefaultTraits {
  static constexpr uint32_t kMaxThreads = kThreads;
  static constexpr uint32_t kMaxThreadCacheSlots = kCache;
  using Threads = FakeThreads;
};

// Each of four threads in turn fills the table, writes to all values, and
// empties it. Every other value is moved to another cell in between.
template <typename Traits, typename T>
void FillsAndEmpties(const TableOptions& options) {
  using Table = HandleTable<T, Traits>;
  FakeThreads::Reset();
  absl::StatusOr<Table> table = Table::Create(options);
  ASSERT_TRUE(table.ok()) << table.status();
  typename Table::TestAccess access(*table);
  for (uint32_t thread = 0; thread < 4; ++thread) {
    FakeThreads::Become(thread);
    std::vector<Handle<T>> handles;
    for (uint64_t i = 0; i < options.max_slots; ++i) {
      handles.push_back(table->Pin(static_cast<T>(i)));
      ASSERT_TRUE(handles.back()) << "thread " << thread << ", pin " << i;
    }
    // The table may hold as many more values as its shards may keep.
    const uint64_t cache = table->GetStats().thread_cache_slots;
    uint64_t more = 0;
    for (Handle<T> extra; (extra = table->Pin(0)); ++more) {
      handles.push_back(extra);
    }
    EXPECT_LE(more, cache == 0 ? 0 : Traits::kMaxThreads * (cache + 1));
    while (handles.size() > options.max_slots) {
      EXPECT_TRUE(table->Unpin(handles.back()));
      handles.pop_back();
    }
    for (uint64_t i = 0; i < options.max_slots; ++i) {
      EXPECT_TRUE(table->Write(handles[i], static_cast<T>(i + 1)));
      if (i % 2 == 1) access.Displace(handles[i]);
      EXPECT_EQ(table->Exchange(handles[i], static_cast<T>(i + 2)), i + 1);
    }
    EXPECT_EQ(access.Problem(), "");
    for (uint64_t i = 0; i < options.max_slots; ++i) {
      EXPECT_EQ(table->Take(handles[i]), i + 2);
    }
    EXPECT_EQ(access.Problem(), "");
    // The next thread finds the slots in this one's cache.
    FakeThreads::BecomeNew();
    FakeThreads::Exit(thread);
  }
}

TEST(TraitsTest, NoThreadNeedHaveAShard) {
  FillsAndEmpties<ThreadTraits<0, 126>, uint64_t>(Slots(100, 64));
  FillsAndEmpties<ThreadTraits<0, 126>, uint32_t>(Slots(100, 0));
}

TEST(TraitsTest, OneThreadMayHaveTheOnlyShard) {
  FillsAndEmpties<ThreadTraits<1, 126>, uint64_t>(Slots(200, 64));
  FillsAndEmpties<ThreadTraits<1, 126>, uint32_t>(Slots(200, 0));
}

TEST(TraitsTest, CachesMayBeForbidden) {
  FillsAndEmpties<ThreadTraits<4, 0>, uint64_t>(Slots(100, 0));
  FillsAndEmpties<ThreadTraits<0, 0>, uint32_t>(Slots(100, 0));
  using Table = HandleTable<uint64_t, ThreadTraits<4, 0>>;
  EXPECT_TRUE(absl::IsInvalidArgument(Table::Create(Slots(100, 1)).status()));
}

TEST(TraitsTest, CachesMayBeLargerThanTheDefault) {
  FillsAndEmpties<ThreadTraits<2, 1000>, uint64_t>(Slots(20'000, 1000));
}

// --- Memory ------------------------------------------------------------------

struct RefusingMemory : internal::MappedMemory {
  static internal::CreationError Reserve(size_t, RefusingMemory*) {
    return internal::MakeCreationError(
        internal::CreationError::Code::kResourceExhausted, "mmap: no luck");
  }
};

struct RefusingTraits : DefaultTraits {
  using Memory = RefusingMemory;
};

TEST(TraitsTest, RefusalOfTheMemoryIsWhatCreateReturns) {
  const auto table =
      HandleTable<uint64_t, RefusingTraits>::Create(Slots(12'345, 64));
  ASSERT_TRUE(absl::IsResourceExhausted(table.status()));
  const std::string message(table.status().message());
  EXPECT_NE(message.find("max_slots = 12345"), std::string::npos) << message;
  EXPECT_NE(message.find("mmap: no luck"), std::string::npos) << message;
}

// --- Values ------------------------------------------------------------------

template <typename T, typename Same>
void Keeps(const T& a, const T& b, Same same) {
  auto table = *HandleTable<T>::Create(Slots(10, 0));
  const auto handle = table.Pin(a);
  EXPECT_TRUE(same(*table.Read(handle), a));
  EXPECT_TRUE(table.Write(handle, b));
  EXPECT_TRUE(same(*table.Read(handle), b));
  EXPECT_TRUE(same(*table.Exchange(handle, a), b));
  int visits = 0;
  table.ForEach([&](Handle<T>, const T& value) {
    ++visits;
    EXPECT_TRUE(same(value, a));
  });
  table.ForEachExclusive([&](Handle<T>, T& value) {
    ++visits;
    EXPECT_TRUE(same(value, a));
  });
  EXPECT_EQ(visits, 2);
  EXPECT_TRUE(same(*table.Take(handle), a));
}

template <typename T>
void Keeps(const T& a, const T& b) {
  Keeps(a, b, [](const T& x, const T& y) { return x == y; });
}

TEST(TraitsTest, ValuesMayBeNumbers) {
  Keeps<int8_t>(-1, 5);
  Keeps<int16_t>(-1, 5);
  Keeps<int32_t>(-1, 5);
  Keeps<int64_t>(-1, 5);
  Keeps<bool>(true, false);
  Keeps<char>('a', 'b');
  Keeps<float>(1.5f, -0.25f);
  Keeps<double>(1.5, -0.25);
  Keeps<long double>(1.5L, -0.25L);
}

TEST(TraitsTest, ValuesKeepEveryBitOfANumber) {
  const auto same_bits = [](float a, float b) {
    // NOLINTNEXTLINE(bugprone-suspicious-memory-comparison)
    return std::memcmp(&a, &b, sizeof(a)) == 0;
  };
  Keeps<float>(-0.0f, 0.0f, same_bits);
  Keeps<float>(std::nanf("1"), -std::nanf("2"), same_bits);
}

TEST(TraitsTest, ValuesMayBePointers) {
  int object = 0;
  Keeps<int*>(&object, nullptr);
  Keeps<const void*>(&object, nullptr);
  Keeps<int (*)(const char*)>(&std::atoi, nullptr);
}

enum class Color : uint8_t { kRed, kGreen = 255 };
enum Plain { kZero, kOne };

TEST(TraitsTest, ValuesMayBeEnumerators) {
  Keeps(Color::kGreen, Color::kRed);
  Keeps(kOne, kZero);
}

struct Padded {
  char first;
  alignas(8) uint64_t second;
  char third;
};

TEST(TraitsTest, ValuesMayHavePadding) {
  static_assert(sizeof(Padded) == 24);
  Keeps<Padded>(
      {'a', 1, 'b'}, {'c', 2, 'd'}, [](const Padded& x, const Padded& y) {
        return x.first == y.first && x.second == y.second && x.third == y.third;
      });
}

TEST(TraitsTest, ValuesMayBeHandles) {
  Keeps(Handle<int>::FromBits(5), Handle<int>());
}

struct Constant {
  explicit Constant(int number) : value(number) {}
  const int value;
};

TEST(TraitsTest, ValuesNeedBeNeitherAssignableNorDefaultConstructible) {
  static_assert(!std::is_copy_assignable_v<Constant>);
  static_assert(!std::is_default_constructible_v<Constant>);
  Keeps(Constant(1), Constant(2), [](const Constant& x, const Constant& y) {
    return x.value == y.value;
  });
}

template <typename Size>
class ValueSizeTest : public testing::Test {};

template <size_t kSize>
using Size = std::integral_constant<size_t, kSize>;
using Sizes = testing::Types<Size<1>, Size<2>, Size<3>, Size<4>, Size<5>,
                             Size<7>, Size<8>, Size<9>, Size<15>, Size<16>,
                             Size<24>, Size<33>, Size<63>, Size<64>>;
TYPED_TEST_SUITE(ValueSizeTest, Sizes);

TYPED_TEST(ValueSizeTest, ValuesOfThisSizeAreKept) {
  using Value = TestValue<TypeParam::value>;
  Keeps(Value(0x8877'6655'4433'2211), Value(0x1122'3344'5566'7788));
}

}  // namespace
}  // namespace holdfast
