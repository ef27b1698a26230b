// The contract of the header of ObjectTable, as far as one thread can test it.
// Some tests let that thread play several, see FakeThreads.

#include "holdfast/object_table.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <numeric>
#include <optional>
#include <random>
#include <set>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "gtest/gtest.h"
#include "tests/support/fake_threads.h"

namespace holdfast {
namespace {

// While this is set, the system has no memory for more places.
bool refuses_memory = false;

}  // namespace
}  // namespace holdfast

void* operator new[](std::size_t size, const std::nothrow_t&) noexcept {
  if (holdfast::refuses_memory) return nullptr;
  try {
    return ::operator new[](size);
  } catch (const std::bad_alloc&) {
    return nullptr;
  }
}

namespace holdfast {
namespace {

TableOptions Slots(uint64_t max_slots, uint32_t thread_cache_slots = 0) {
  TableOptions options;
  options.max_slots = max_slots;
  options.thread_cache_slots = thread_cache_slots;
  return options;
}

template <typename Table>
Table New(uint64_t max_slots = 1'000, uint32_t thread_cache_slots = 0) {
  return *Table::Create(Slots(max_slots, thread_cache_slots));
}

// The numbers from 0 to below `count`.
std::vector<int> Numbers(int count) {
  std::vector<int> numbers(static_cast<size_t>(count));
  std::iota(numbers.begin(), numbers.end(), 0);
  return numbers;
}

std::vector<int> Sorted(std::vector<int> numbers) {
  std::sort(numbers.begin(), numbers.end());
  return numbers;
}

struct Log {
  int made = 0;
  std::vector<int> destroyed;  // The numbers of the objects, in order.
};

// An object that writes down when it was made and destroyed.
class Counted {
 public:
  Counted(Log* log, int number) : log_(log), number_(number) { ++log_->made; }
  Counted(const Counted&) = delete;
  Counted& operator=(const Counted&) = delete;
  ~Counted() { log_->destroyed.push_back(number_); }

  int number() const { return number_; }

 private:
  Log* log_;
  int number_;
};

struct Eager : DefaultObjectTraits {
  static constexpr uint32_t kMostWaiting = 1;
};

struct Lazy : DefaultObjectTraits {
  static constexpr uint32_t kMostWaiting = 5;
};

struct ThreeLives : DefaultObjectTraits {
  static constexpr int kGenerationBits = 3;
};

struct OnePlace : DefaultObjectTraits {
  static constexpr uint32_t kAnnouncements = 1;
};

struct Tag {};
struct Tagged : DefaultObjectTraits {
  using HandleTag = Tag;
  static constexpr int kHandleBits = 40;
};

using Table = ObjectTable<Counted>;
using EagerTable = ObjectTable<Counted, Eager>;
using Numbered = ObjectTable<int>;

// Puts in the objects numbered from 0 to below `count`.
template <typename TableType>
std::vector<typename TableType::Handle> Fill(TableType* table, Log* log,
                                             int count) {
  std::vector<typename TableType::Handle> handles;
  for (int i = 0; i < count; ++i) {
    handles.push_back(table->Emplace(log, i));
    EXPECT_TRUE(handles.back());
  }
  return handles;
}

// Makes the thread look what can be reclaimed, so that the next objects that it
// erases wait. Needs a slot, but leaves none behind.
template <typename TableType>
void LookOnce(TableType* table) {
  Log log;
  EXPECT_TRUE(table->Erase(table->Emplace(&log, 0)));
  table->Reclaim();
  EXPECT_EQ(log.destroyed.size(), 1);
}

// --- Compile-time contracts --------------------------------------------------

static_assert(!std::is_default_constructible_v<Table>);
static_assert(!std::is_copy_constructible_v<Table>);
static_assert(!std::is_copy_assignable_v<Table>);
static_assert(std::is_nothrow_move_constructible_v<Table>);
static_assert(std::is_nothrow_move_assignable_v<Table>);
static_assert(std::is_same_v<Table::value_type, Counted>);
static_assert(std::is_same_v<Table::Handle, Handle<Counted>>);
static_assert(std::is_same_v<Table::Ref, Ref<Counted>>);
static_assert(std::is_same_v<Table::Options, TableOptions>);
static_assert(std::is_same_v<Table::Stats, ObjectTableStats>);
static_assert(
    std::is_same_v<ObjectTable<int, Tagged>::Handle, Handle<int, Tag>>);

static_assert(Table::kMaxSlots == 1'073'741'823);
static_assert(Table::kLivesPerSlot == 2'147'483'647);
static_assert(ObjectTable<int, ThreeLives>::kLivesPerSlot == 3);
static_assert(ObjectTable<int, Tagged>::kMaxSlots == 256);

static_assert(sizeof(Table::Ref) == 16 || sizeof(void*) != 8);
static_assert(std::is_nothrow_default_constructible_v<Table::Ref>);
static_assert(!std::is_copy_constructible_v<Table::Ref>);
static_assert(!std::is_copy_assignable_v<Table::Ref>);
static_assert(std::is_nothrow_move_constructible_v<Table::Ref>);
static_assert(std::is_nothrow_move_assignable_v<Table::Ref>);
static_assert(!std::is_convertible_v<Table::Ref, bool>);
static_assert(std::is_same_v<decltype(*std::declval<Table::Ref>()), Counted&>);

// Emplace throws what the constructor throws, and nothing else.
struct MayThrow {
  explicit MayThrow(int /*number*/) noexcept {}
  explicit MayThrow(char /*letter*/) noexcept(false) {}
  MayThrow(MayThrow&&) noexcept(false) {}
};
using ThrowingTable = ObjectTable<MayThrow>;
static_assert(noexcept(std::declval<ThrowingTable&>().Emplace(1)));
static_assert(!noexcept(std::declval<ThrowingTable&>().Emplace('a')));
static_assert(
    !noexcept(std::declval<ThrowingTable&>().Insert(std::declval<MayThrow>())));
static_assert(noexcept(std::declval<Numbered&>().Insert(1)));
static_assert(noexcept(std::declval<Table&>().Borrow(Handle<Counted>())));
static_assert(noexcept(std::declval<Table&>().Erase(Handle<Counted>())));
static_assert(noexcept(std::declval<Table&>().EraseAll()));
static_assert(noexcept(std::declval<Table&>().Reclaim()));

// --- Creation ----------------------------------------------------------------

TEST(ObjectTableTest, DefaultOptionsMakeAnEmptyTable) {
  auto created = Table::Create();
  ASSERT_TRUE(created.ok()) << created.status();
  const Table::Stats stats = created->GetStats();
  EXPECT_EQ(stats.live, 0);
  EXPECT_EQ(stats.waiting, 0);
  EXPECT_EQ(stats.high_water, 0);
  EXPECT_EQ(stats.capacity, TableOptions().max_slots);
  EXPECT_GE(stats.bytes_reserved, stats.capacity * sizeof(Counted));
}

template <typename TableType>
void ExpectNamed(const TableOptions& options, const std::string& name) {
  const absl::Status status = TableType::Create(options).status();
  EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
  EXPECT_NE(status.message().find("Options::" + name), std::string::npos)
      << status;
}

TEST(ObjectTableTest, OptionsOutOfRangeAreRefusedByName) {
  for (const uint64_t bad : {uint64_t{0}, Table::kMaxSlots + 1, ~uint64_t{0}}) {
    ExpectNamed<Table>(Slots(bad), "max_slots");
  }
  ExpectNamed<ObjectTable<int, Tagged>>(Slots(257), "max_slots");
  EXPECT_TRUE((ObjectTable<int, Tagged>::Create(Slots(256)).ok()));
  ExpectNamed<Table>(Slots(100, 4'097), "thread_cache_slots");
  EXPECT_TRUE(Table::Create(Slots(100, 4'096)).ok());
  TableOptions options = Slots(100);
  options.key = 7;
  ExpectNamed<Table>(options, "key");
  options.key = uint64_t{1} << 40;
  ExpectNamed<ObjectTable<int, Tagged>>(options, "key");
  options.key = 6;
  EXPECT_TRUE(Table::Create(options).ok());
}

TEST(ObjectTableTest, TooMuchAddressSpaceIsRefused) {
  struct Huge {
    unsigned char bytes[1 << 30];
  };
  const auto created = ObjectTable<Huge>::Create(Slots(1'000'000'000));
  EXPECT_TRUE(absl::IsResourceExhausted(created.status()));
}

TEST(ObjectTableTest, MakeMakesWhatCreateMakes) {
  internal::CreationError error;
  Numbered table = Numbered::Make(Slots(2), &error);
  EXPECT_TRUE(error.ok());
  EXPECT_EQ(*table.Borrow(table.Emplace(5)), 5);
  Numbered none = Numbered::Make(Slots(0), &error);
  EXPECT_FALSE(error.ok());
  EXPECT_FALSE(none.Emplace(5));
}

TEST(ObjectTableTest, TablesWithTheSameKeyIssueTheSameHandles) {
  TableOptions options = Slots(10);
  options.key = 4'096;
  Numbered first = *Numbered::Create(options);
  Numbered second = *Numbered::Create(options);
  for (int i = 0; i < 10; ++i) EXPECT_EQ(first.Emplace(i), second.Emplace(i));
}

// A table may lie where another one was.
TEST(ObjectTableTest, ANewTableKnowsNothingOfTheOnesBefore) {
  for (int round = 0; round < 20; ++round) {
    Log log;
    {
      Table table = New<Table>(500, 64);
      EXPECT_EQ(table.GetStats().high_water, 0);
      EXPECT_EQ(table.GetStats().waiting, 0);
      EXPECT_EQ(table.Reclaim(), 0);
      const auto handles = Fill(&table, &log, 300);
      std::vector<Table::Ref> refs;
      for (const auto handle : handles) refs.push_back(table.Borrow(handle));
      for (int i = 0; i < 300; i += 2) {
        EXPECT_TRUE(table.Erase(handles[static_cast<size_t>(i)]));
      }
      EXPECT_EQ(table.GetStats().waiting, 150);
      EXPECT_TRUE(log.destroyed.empty());
      refs.clear();
    }
    EXPECT_EQ(Sorted(log.destroyed), Numbers(300));
  }
}

// --- Emplace and Insert ------------------------------------------------------

TEST(ObjectTableTest, EmplacePassesItsArgumentsOn) {
  struct Mixed {
    Mixed(int a_number, std::string a_text, std::unique_ptr<int> a_pointer,
          int& a_variable)
        : number(a_number),
          text(std::move(a_text)),
          pointer(std::move(a_pointer)),
          variable(a_variable) {}
    int number;
    std::string text;
    std::unique_ptr<int> pointer;
    int& variable;
  };
  auto table = New<ObjectTable<Mixed>>();
  int variable = 1;
  const auto handle =
      table.Emplace(3, "a text", std::make_unique<int>(4), variable);
  const auto ref = table.Borrow(handle);
  ASSERT_TRUE(ref);
  EXPECT_EQ(ref->number, 3);
  EXPECT_EQ(ref->text, "a text");
  EXPECT_EQ(*ref->pointer, 4);
  ref->variable = 2;
  EXPECT_EQ(variable, 2);
}

TEST(ObjectTableTest, EmplaceWithoutArgumentsInitializesTheValue) {
  Numbered table = New<Numbered>(1);
  for (int i = 0; i < 10; ++i) {
    const auto handle = table.Emplace();
    ASSERT_TRUE(handle);
    {
      const auto ref = table.Borrow(handle);
      EXPECT_EQ(*ref, 0);
      *ref = 77;  // The next object lies in the same slot.
    }
    EXPECT_TRUE(table.Erase(handle));
  }
}

TEST(ObjectTableTest, InsertMovesOrCopiesAnObject) {
  auto owners = New<ObjectTable<std::unique_ptr<int>>>();
  const auto handle = owners.Insert(std::make_unique<int>(5));
  EXPECT_EQ(**owners.Borrow(handle), 5);
  auto texts = New<ObjectTable<std::string>>();
  const std::string text = "a text that is too long to lie in the string";
  const auto copy = texts.Insert(text);
  EXPECT_EQ(*texts.Borrow(copy), text);
  texts.Borrow(copy)->clear();
  EXPECT_EQ(text.size(), 44);
}

TEST(ObjectTableTest, AnObjectNeedBeNeitherMovableNorDefaultConstructible) {
  static_assert(!std::is_move_constructible_v<Counted>);
  static_assert(!std::is_default_constructible_v<Counted>);
  Log log;
  Table table = New<Table>();
  const auto handle = table.Emplace(&log, 9);
  EXPECT_EQ(log.made, 1);
  EXPECT_EQ(table.Borrow(handle)->number(), 9);
}

template <typename T>
void LiesWhereItMay() {
  auto table = New<ObjectTable<T>>(2'000, 64);
  using Range = std::pair<uintptr_t, uintptr_t>;
  std::set<Range> ranges;
  for (int i = 0; i < 2'000; ++i) {
    const auto ref = table.Borrow(table.Emplace());
    ASSERT_TRUE(ref);
    const auto begin = reinterpret_cast<uintptr_t>(ref.get());
    EXPECT_EQ(begin % alignof(T), 0);
    ranges.emplace(begin, begin + sizeof(T));
  }
  ASSERT_EQ(ranges.size(), 2'000);
  uintptr_t end = 0;
  for (const Range& range : ranges) {
    EXPECT_GE(range.first, end);
    end = range.second;
  }
}

TEST(ObjectTableTest, ObjectsLieApartAndAligned) {
  struct Empty {};
  struct alignas(64) Line {
    char byte;
  };
  struct alignas(4'096) Page {
    char byte;
  };
  struct Odd {
    char bytes[13];
  };
  LiesWhereItMay<Empty>();
  LiesWhereItMay<char>();
  LiesWhereItMay<Odd>();
  LiesWhereItMay<std::max_align_t>();
  LiesWhereItMay<Line>();
  LiesWhereItMay<Page>();
}

TEST(ObjectTableTest, ObjectsMayBeBig) {
  struct Big {
    explicit Big(unsigned char byte) { bytes.fill(byte); }
    std::array<unsigned char, 1'000'003> bytes;
  };
  auto table = New<ObjectTable<Big>>(20, 4);
  std::vector<Handle<Big>> handles;
  for (unsigned char i = 0; i < 20; ++i) handles.push_back(table.Emplace(i));
  for (unsigned char i = 0; i < 20; ++i) {
    const auto ref = table.Borrow(handles[i]);
    ASSERT_TRUE(ref);
    const auto& bytes = ref->bytes;
    EXPECT_TRUE(std::all_of(bytes.begin(), bytes.end(),
                            [i](unsigned char byte) { return byte == i; }));
  }
}

// A type that cannot be used in the ways that a container might use it.
struct Wayward {
  Wayward() = default;
  void* operator&() const = delete;
  static void* operator new(std::size_t) = delete;
  static void* operator new(std::size_t, void*) = delete;
  static void operator delete(void*) = delete;
  template <typename U>
  void operator,(const U&) const = delete;
  template <typename U>
  friend void operator,(const U&, const Wayward&) = delete;

  int number = 5;
};

TEST(ObjectTableTest, OverloadedOperatorsOfAnObjectAreNotUsed) {
  auto table = New<ObjectTable<Wayward>>();
  const auto handle = table.Emplace();
  const auto inserted = table.Insert(Wayward());
  EXPECT_EQ((*table.Borrow(handle)).number, 5);
  EXPECT_EQ(table.Borrow(inserted)->number, 5);
  int shown = 0;
  const auto show = [&](Handle<Wayward>, Wayward& object) {
    shown += object.number;
  };
  EXPECT_TRUE(table.ForEach(show));
  ObjectTable<Wayward>::ParallelForEach walk(table);
  EXPECT_TRUE(walk.Work(show));
  EXPECT_EQ(shown, 20);
  EXPECT_TRUE(table.Erase(handle));
  EXPECT_EQ(table.EraseAll(), 1);
}

TEST(ObjectTableTest, AnObjectStaysAtItsAddress) {
  Log log;
  Table table = New<Table>(20'000, 64);
  const auto handles = Fill(&table, &log, 100);
  std::vector<Counted*> addresses;
  for (const auto handle : handles) {
    addresses.push_back(table.Borrow(handle).get());
  }
  Fill(&table, &log, 10'000);
  Table moved = std::move(table);
  for (size_t i = 0; i < 100; ++i) {
    EXPECT_EQ(moved.Borrow(handles[i]).get(), addresses[i]);
    EXPECT_EQ(addresses[i]->number(), static_cast<int>(i));
  }
}

TEST(ObjectTableTest, NoHandleIsReturnedTwice) {
  Numbered table = New<Numbered>(50, 64);
  std::set<uint64_t> issued;
  for (int i = 0; i < 10'000; ++i) {
    const auto handle = table.Emplace(i);
    ASSERT_TRUE(handle);
    EXPECT_TRUE(issued.insert(handle.bits()).second);
    if (i < 20) continue;
    EXPECT_TRUE(table.Erase(handle));
  }
}

TEST(ObjectTableTest, AFullTableReturnsNullAndConstructsNothing) {
  for (const uint32_t cache : {0u, 1u, 64u}) {
    for (const int slots : {1, 2, 100}) {
      Log log;
      Table table = New<Table>(static_cast<uint64_t>(slots), cache);
      const auto handles = Fill(&table, &log, slots);
      for (int i = 0; i < 3; ++i) EXPECT_FALSE(table.Emplace(&log, -1));
      EXPECT_EQ(log.made, slots);
      EXPECT_EQ(table.GetStats().live, slots);
      EXPECT_TRUE(table.Erase(handles.back()));
      EXPECT_TRUE(table.Emplace(&log, slots));
      EXPECT_FALSE(table.Emplace(&log, -1));
      EXPECT_EQ(log.made, slots + 1);
    }
  }
}

// Its constructor may use the table that it is put into.
TEST(ObjectTableTest, AConstructorMayUseTheTable) {
  struct Maker {
    Maker(ObjectTable<Maker>* table, int count) {
      if (count > 0) inner = table->Emplace(table, count - 1);
    }
    Handle<Maker> inner;
  };
  auto table = New<ObjectTable<Maker>>(5);
  const auto handle = table.Emplace(&table, 10);
  ASSERT_TRUE(handle);
  int depth = 0;
  for (auto next = handle; next; next = table.Borrow(next)->inner) ++depth;
  EXPECT_EQ(depth, 5);
}

// --- Constructors that throw -------------------------------------------------

class Thrower {
 public:
  Thrower(Log* log, bool throws) : counted_(log, throws ? 1 : 0) {
    if (throws) throw std::runtime_error("no");
  }

 private:
  Counted counted_;
};

TEST(ObjectTableTest, AConstructorThatThrowsLeavesTheTableAsItWas) {
  for (const uint32_t cache : {0u, 64u}) {
    Log log;
    auto table = New<ObjectTable<Thrower>>(2, cache);
    const auto handle = table.Emplace(&log, false);
    for (int i = 0; i < 1'000; ++i) {
      EXPECT_THROW((void)table.Emplace(&log, true), std::runtime_error);
      EXPECT_EQ(table.GetStats().live, 1);
      EXPECT_EQ(table.GetStats().waiting, 0);
      EXPECT_EQ(table.GetStats().retired, 0);
    }
    // What the constructor had made, it has destroyed, and nobody else has.
    EXPECT_EQ(log.destroyed, std::vector<int>(1'000, 1));
    EXPECT_TRUE(table.Contains(handle));
    int shown = 0;
    table.ForEach([&](Handle<Thrower>, Thrower&) { ++shown; });
    EXPECT_EQ(shown, 1);
    EXPECT_TRUE(table.Emplace(&log, false));
    EXPECT_FALSE(table.Emplace(&log, false));
    EXPECT_EQ(table.EraseAll(), 2);
    EXPECT_EQ(log.made, 1'002);
    EXPECT_EQ(log.destroyed.size(), 1'002);
  }
}

TEST(ObjectTableTest, AConstructorThatThrowsCostsOneLifeOfTheSlot) {
  for (const uint32_t cache : {0u, 64u}) {
    Log log;
    auto table = New<ObjectTable<Thrower, ThreeLives>>(2, cache);
    for (uint64_t throws = 1; throws <= 6; ++throws) {
      EXPECT_THROW((void)table.Emplace(&log, true), std::runtime_error);
      EXPECT_EQ(table.GetStats().live, 0);
      EXPECT_LE(table.GetStats().retired, throws / 3);
    }
    EXPECT_EQ(table.GetStats().retired, 2);
    EXPECT_EQ(table.GetStats().free, 0);
    EXPECT_FALSE(table.Emplace(&log, true));
    EXPECT_FALSE(table.Emplace(&log, false));
    EXPECT_EQ(log.made, 6);
    EXPECT_EQ(log.destroyed.size(), 6);
  }
}

TEST(ObjectTableTest, LivesAreCountedWhetherConstructorsThrowOrNot) {
  for (unsigned choices = 0; choices < 8; ++choices) {
    Log log;
    auto table = New<ObjectTable<Thrower, ThreeLives>>(1);
    for (int life = 0; life < 3; ++life) {
      if ((choices >> life & 1) != 0) {
        EXPECT_THROW((void)table.Emplace(&log, true), std::runtime_error);
      } else {
        EXPECT_TRUE(table.Erase(table.Emplace(&log, false)));
      }
    }
    EXPECT_FALSE(table.Emplace(&log, false));
    EXPECT_EQ(table.GetStats().retired, 1);
    EXPECT_EQ(log.made, 3);
    EXPECT_EQ(log.destroyed.size(), 3);
  }
}

// --- Borrow and Ref ----------------------------------------------------------

TEST(ObjectTableTest, AnEmptyRefHasNoObject) {
  static const Table::Ref kEmpty;
  EXPECT_FALSE(kEmpty);
  EXPECT_EQ(kEmpty.get(), nullptr);
  Table::Ref ref;
  ref.reset();
  EXPECT_FALSE(ref);
  Table::Ref moved = std::move(ref);
  EXPECT_FALSE(moved);
}

TEST(ObjectTableTest, ARefShowsTheObject) {
  Log log;
  Table table = New<Table>();
  const auto handle = table.Emplace(&log, 3);
  const auto ref = table.Borrow(handle);
  ASSERT_TRUE(ref);
  EXPECT_EQ(ref->number(), 3);
  EXPECT_EQ((*ref).number(), 3);
  EXPECT_EQ(ref.get(), &*ref);
  EXPECT_EQ(table.Borrow(handle).get(), ref.get());
}

TEST(ObjectTableTest, EraseDestroysNothingThatIsBorrowed) {
  Log log;
  EagerTable table = New<EagerTable>();
  const auto handle = table.Emplace(&log, 7);
  auto ref = table.Borrow(handle);
  EXPECT_TRUE(table.Erase(handle));
  EXPECT_FALSE(table.Contains(handle));
  EXPECT_FALSE(table.Borrow(handle));
  EXPECT_EQ(table.Reclaim(), 0);
  EXPECT_TRUE(log.destroyed.empty());
  EXPECT_EQ(ref->number(), 7);
  ref.reset();
  EXPECT_FALSE(ref);
  EXPECT_EQ(ref.get(), nullptr);
  // A Ref runs no destructor.
  EXPECT_TRUE(log.destroyed.empty());
  EXPECT_EQ(table.Reclaim(), 1);
  EXPECT_EQ(log.destroyed, std::vector<int>{7});
}

// Erases an object, and tells whether a Ref keeps it. If not, it is destroyed.
class Kept {
 public:
  explicit Kept(int number) { handle_ = table_.Emplace(&log_, number); }

  EagerTable::Ref Borrow() { return table_.Borrow(handle_); }
  void Erase() { EXPECT_TRUE(table_.Erase(handle_)); }
  bool IsKept() {
    table_.Reclaim();
    return log_.destroyed.empty();
  }

 private:
  Log log_;
  EagerTable table_ = New<EagerTable>(1);
  EagerTable::Handle handle_;
};

TEST(ObjectTableTest, ARefThatIsMovedKeepsTheObject) {
  Kept kept(1);
  auto ref = kept.Borrow();
  auto moved = std::move(ref);
  EXPECT_FALSE(ref);  // NOLINT(bugprone-use-after-move): that is the test.
  ref.reset();
  kept.Erase();
  EXPECT_TRUE(kept.IsKept());
  EXPECT_EQ(moved->number(), 1);
  moved.reset();
  EXPECT_FALSE(kept.IsKept());
}

TEST(ObjectTableTest, ARefThatIsDestroyedKeepsNothing) {
  Kept kept(1);
  {
    const auto ref = kept.Borrow();
    kept.Erase();
    EXPECT_TRUE(kept.IsKept());
  }
  EXPECT_FALSE(kept.IsKept());
}

TEST(ObjectTableTest, ARefThatIsAssignedToDropsWhatItHad) {
  Kept first(1);
  Kept second(2);
  auto ref = first.Borrow();
  auto other = second.Borrow();
  first.Erase();
  second.Erase();
  ref = std::move(other);
  EXPECT_FALSE(other);  // NOLINT(bugprone-use-after-move): that is the test.
  EXPECT_FALSE(first.IsKept());
  EXPECT_TRUE(second.IsKept());
  EXPECT_EQ(ref->number(), 2);
  ref = EagerTable::Ref();
  EXPECT_FALSE(ref);
  EXPECT_FALSE(second.IsKept());
}

TEST(ObjectTableTest, ARefThatIsAssignedToItselfKeepsTheObject) {
  Kept kept(1);
  auto ref = kept.Borrow();
  auto& same = ref;
  ref = std::move(same);
  ASSERT_TRUE(ref);
  kept.Erase();
  EXPECT_TRUE(kept.IsKept());
  EXPECT_EQ(ref->number(), 1);
  ref.reset();
  EXPECT_FALSE(kept.IsKept());
}

TEST(ObjectTableTest, ResetTwiceDropsOnce) {
  Kept kept(1);
  auto first = kept.Borrow();
  first.reset();
  // This takes the place that the first one had.
  auto second = kept.Borrow();
  first.reset();
  kept.Erase();
  EXPECT_TRUE(kept.IsKept());
  second.reset();
  EXPECT_FALSE(kept.IsKept());
}

TEST(ObjectTableTest, RefsMayBeSwapped) {
  Kept first(1);
  Kept second(2);
  auto a = first.Borrow();
  auto b = second.Borrow();
  std::swap(a, b);
  EXPECT_EQ(a->number(), 2);
  EXPECT_EQ(b->number(), 1);
  first.Erase();
  second.Erase();
  a.reset();
  EXPECT_TRUE(first.IsKept());
  EXPECT_FALSE(second.IsKept());
}

// The last of many Refs to one object, dropped in any order, is what counts.
template <typename Traits>
void ManyRefsToOneObject(size_t count) {
  std::mt19937 random(4'711);
  Log log;
  auto table = New<ObjectTable<Counted, Traits>>();
  const auto handle = table.Emplace(&log, 1);
  std::vector<Ref<Counted, Traits>> refs;
  for (size_t i = 0; i < count; ++i) {
    refs.push_back(table.Borrow(handle));
    ASSERT_TRUE(refs.back());
  }
  EXPECT_TRUE(table.Erase(handle));
  std::shuffle(refs.begin(), refs.end(), random);
  while (!refs.empty()) {
    if (refs.size() < 20 || refs.size() % 64 == 0) {
      EXPECT_EQ(table.Reclaim(), 0);
    }
    EXPECT_TRUE(log.destroyed.empty());
    EXPECT_EQ(refs.back()->number(), 1);
    refs.pop_back();
  }
  EXPECT_EQ(table.Reclaim(), 1);
  EXPECT_EQ(log.destroyed.size(), 1);
}

TEST(ObjectTableTest, AnObjectIsKeptUntilItsLastRefIsDropped) {
  for (const size_t count : {1u, 2u, 7u, 8u, 9u, 71u, 72u, 300u}) {
    ManyRefsToOneObject<DefaultObjectTraits>(count);
    ManyRefsToOneObject<OnePlace>(count);
  }
}

TEST(ObjectTableTest, AThreadMayHaveThousandsOfRefs) {
  constexpr int kObjects = 5'000;
  std::mt19937 random(4'712);
  Log log;
  Table table = New<Table>(kObjects + 1, 64);
  const auto handles = Fill(&table, &log, kObjects);
  for (int round = 0; round < 2; ++round) {
    std::vector<Table::Ref> refs;
    for (const auto handle : handles) {
      refs.push_back(table.Borrow(handle));
      ASSERT_TRUE(refs.back());
    }
    std::shuffle(refs.begin(), refs.end(), random);
    if (round == 0) continue;
    for (const auto handle : handles) EXPECT_TRUE(table.Erase(handle));
    EXPECT_EQ(table.GetStats().waiting, kObjects);
    EXPECT_TRUE(log.destroyed.empty());
    std::set<int> dropped;
    for (int i = 0; i < kObjects / 2; ++i) {
      dropped.insert(refs.back()->number());
      refs.pop_back();
    }
    EXPECT_EQ(table.Reclaim(), kObjects / 2);
    EXPECT_EQ(std::set<int>(log.destroyed.begin(), log.destroyed.end()),
              dropped);
    for (const auto& ref : refs) EXPECT_EQ(dropped.count(ref->number()), 0);
    refs.clear();
    EXPECT_EQ(table.Reclaim(), kObjects / 2);
  }
  EXPECT_EQ(Sorted(log.destroyed), Numbers(kObjects));
}

TEST(ObjectTableTest, WithoutMemoryForPlacesBorrowReturnsNothing) {
  Log log;
  Table table = New<Table>();
  const auto handle = table.Emplace(&log, 1);
  std::vector<Table::Ref> refs;
  refuses_memory = true;
  for (uint32_t i = 0; i < DefaultObjectTraits::kAnnouncements; ++i) {
    refs.push_back(table.Borrow(handle));
    EXPECT_TRUE(refs.back());
  }
  EXPECT_FALSE(table.Borrow(handle));
  EXPECT_TRUE(table.Contains(handle));
  // A walk needs a place, too.
  int shown = 0;
  const auto show = [&](Handle<Counted>, Counted&) { ++shown; };
  EXPECT_FALSE(table.ForEach(show));
  Table::ParallelForEach walk(table);
  EXPECT_FALSE(walk.Work(show));
  EXPECT_EQ(shown, 0);
  refs.pop_back();
  EXPECT_TRUE(walk.Work(show));
  EXPECT_EQ(shown, 1);
  EXPECT_TRUE(table.ForEach(show));
  EXPECT_EQ(shown, 2);
  refs.push_back(table.Borrow(handle));
  EXPECT_TRUE(refs.back());
  refuses_memory = false;
  EXPECT_TRUE(table.Borrow(handle));
}

// --- Erase -------------------------------------------------------------------

TEST(ObjectTableTest, EraseMakesTheHandleStaleForEver) {
  Log log;
  Table table = New<Table>(1);
  std::vector<Table::Handle> stale;
  for (int i = 0; i < 200; ++i) {
    const auto handle = table.Emplace(&log, i);
    ASSERT_TRUE(handle);
    EXPECT_TRUE(table.Contains(handle));
    for (const auto old : stale) {
      EXPECT_FALSE(table.Contains(old));
      EXPECT_FALSE(table.Borrow(old));
      EXPECT_FALSE(table.Erase(old));
    }
    EXPECT_EQ(table.Borrow(handle)->number(), i);
    EXPECT_TRUE(table.Erase(handle));
    EXPECT_FALSE(table.Erase(handle));
    stale.push_back(handle);
  }
  table.Reclaim();
  EXPECT_EQ(log.destroyed, Numbers(200));
}

TEST(ObjectTableTest, HandlesThatWereNeverIssuedAreRefused) {
  Log log;
  Table table = New<Table>(100, 64);
  Table other = New<Table>(100, 64);
  const auto handles = Fill(&table, &log, 60);
  auto bad = Fill(&other, &log, 100);
  bad.emplace_back();
  std::mt19937_64 random(4'713);
  const std::set<uint64_t> issued = [&] {
    std::set<uint64_t> bits;
    for (const auto handle : handles) bits.insert(handle.bits());
    return bits;
  }();
  for (int i = 0; i < 10'000; ++i) {
    const uint64_t bits = random() >> (i % 64);
    if (issued.count(bits) == 0) bad.push_back(Table::Handle::FromBits(bits));
  }
  for (const auto handle : handles) {
    for (int bit = 0; bit < 64; ++bit) {
      const uint64_t bits = handle.bits() ^ uint64_t { 1 } << bit;
      if (issued.count(bits) == 0) {
        bad.push_back(Table::Handle::FromBits(bits));
      }
    }
  }
  for (const auto handle : bad) {
    EXPECT_FALSE(table.Contains(handle));
    EXPECT_FALSE(table.Borrow(handle));
    EXPECT_FALSE(table.Erase(handle));
    EXPECT_FALSE(table.IndexOf(handle));
    EXPECT_NE(table.Diagnose(handle).state, HandleState::kLive);
  }
  EXPECT_EQ(table.GetStats().live, 60);
  EXPECT_EQ(other.GetStats().live, 100);
  EXPECT_TRUE(log.destroyed.empty());
}

// --- Destruction -------------------------------------------------------------

TEST(ObjectTableTest, WithOneMostWaitingAnEraseDestroysAtOnce) {
  Log log;
  EagerTable table = New<EagerTable>();
  const auto handles = Fill(&table, &log, 100);
  const auto in_use = table.Borrow(handles[0]);
  EXPECT_TRUE(table.Erase(handles[0]));
  for (int i = 1; i < 100; ++i) {
    EXPECT_TRUE(table.Erase(handles[static_cast<size_t>(i)]));
    ASSERT_EQ(log.destroyed.size(), i);
    EXPECT_EQ(log.destroyed.back(), i);
  }
  EXPECT_EQ(in_use->number(), 0);
  EXPECT_EQ(table.GetStats().waiting, 1);
}

// After each look, an Erase looks again when `most` more have been erased.
template <typename Traits>
void LooksEach(int most, int in_use) {
  Log log;
  auto table = New<ObjectTable<Counted, Traits>>();
  LookOnce(&table);
  const auto used = Fill(&table, &log, in_use);
  std::vector<Ref<Counted, Traits>> refs;
  for (const auto handle : used) refs.push_back(table.Borrow(handle));
  for (const auto handle : used) EXPECT_TRUE(table.Erase(handle));
  EXPECT_EQ(table.Reclaim(), 0);
  for (int round = 0; round < 3; ++round) {
    log.destroyed.clear();
    for (int erased = 1; erased <= most; ++erased) {
      EXPECT_TRUE(table.Erase(table.Emplace(&log, in_use)));
      EXPECT_EQ(log.destroyed.size(), erased < most ? 0 : most);
    }
  }
}

TEST(ObjectTableTest, AnEraseLooksFromTimeToTime) {
  for (const int in_use : {0, 1, 10, 100}) {
    LooksEach<DefaultObjectTraits>(32, in_use);
    LooksEach<Lazy>(5, in_use);
    LooksEach<Eager>(1, in_use);
  }
}

TEST(ObjectTableTest, ReclaimDestroysWhatNobodyUses) {
  Log log;
  Table table = New<Table>();
  EXPECT_EQ(table.Reclaim(), 0);
  LookOnce(&table);
  const auto handles = Fill(&table, &log, 20);
  auto ref = table.Borrow(handles[3]);
  for (const auto handle : handles) EXPECT_TRUE(table.Erase(handle));
  EXPECT_TRUE(log.destroyed.empty());
  EXPECT_EQ(table.GetStats().waiting, 20);
  EXPECT_EQ(table.Reclaim(), 19);
  EXPECT_EQ(log.destroyed.size(), 19);
  EXPECT_EQ(table.Reclaim(), 0);
  ref.reset();
  EXPECT_EQ(table.Reclaim(), 1);
  EXPECT_EQ(table.Reclaim(), 0);
  EXPECT_EQ(Sorted(log.destroyed), Numbers(20));
}

TEST(ObjectTableTest, AnEmplaceThatFindsTheTableFullReclaims) {
  for (const uint32_t cache : {0u, 64u}) {
    Log log;
    Table table = New<Table>(10, cache);
    LookOnce(&table);
    const auto handles = Fill(&table, &log, 10);
    for (size_t i = 0; i < 3; ++i) EXPECT_TRUE(table.Erase(handles[i]));
    EXPECT_EQ(table.GetStats().waiting, 3);
    EXPECT_TRUE(log.destroyed.empty());
    for (int i = 10; i < 13; ++i) EXPECT_TRUE(table.Emplace(&log, i));
    EXPECT_EQ(Sorted(log.destroyed), Numbers(3));
    EXPECT_FALSE(table.Emplace(&log, 13));
  }
}

TEST(ObjectTableTest, AnErasedObjectInUseCountsAsLive) {
  for (const uint32_t cache : {0u, 64u}) {
    Log log;
    Table table = New<Table>(10, cache);
    const auto handles = Fill(&table, &log, 10);
    auto ref = table.Borrow(handles[5]);
    EXPECT_TRUE(table.Erase(handles[5]));
    for (int i = 0; i < 3; ++i) EXPECT_FALSE(table.Emplace(&log, 10));
    EXPECT_EQ(log.made, 10);
    EXPECT_EQ(ref->number(), 5);
    ref.reset();
    EXPECT_TRUE(table.Emplace(&log, 10));
    EXPECT_EQ(log.destroyed, std::vector<int>{5});
  }
}

TEST(ObjectTableTest, EachObjectIsDestroyedOnce) {
  std::mt19937 random(4'714);
  constexpr int kObjects = 20'000;
  Log log;
  {
    Table table = New<Table>(100, 64);
    std::vector<Table::Handle> live;
    std::vector<Table::Ref> refs;
    for (int i = 0; i < kObjects;) {
      const auto handle = table.Emplace(&log, i);
      if (handle) {
        live.push_back(handle);
        ++i;
      }
      if (!handle || random() % 3 == 0) {
        std::swap(live[random() % live.size()], live.back());
        if (random() % 2 == 0) refs.push_back(table.Borrow(live.back()));
        EXPECT_TRUE(table.Erase(live.back()));
        live.pop_back();
      }
      if (refs.size() > 30) {
        for (const auto& ref : refs) ASSERT_TRUE(ref);
        std::shuffle(refs.begin(), refs.end(), random);
        refs.resize(random() % 30);
      }
    }
  }
  EXPECT_EQ(log.made, kObjects);
  EXPECT_EQ(Sorted(log.destroyed), Numbers(kObjects));
}

// --- EraseAll ----------------------------------------------------------------

TEST(ObjectTableTest, EraseAllErasesAndReclaimsAll) {
  Log log;
  Table table = New<Table>(500, 64);
  EXPECT_EQ(table.EraseAll(), 0);
  LookOnce(&table);
  const auto handles = Fill(&table, &log, 300);
  EXPECT_TRUE(table.Erase(handles[4]));
  auto ref = table.Borrow(handles[7]);
  EXPECT_EQ(table.EraseAll(), 299);
  EXPECT_EQ(log.destroyed.size(), 299);
  EXPECT_EQ(ref->number(), 7);
  for (const auto handle : handles) EXPECT_FALSE(table.Contains(handle));
  EXPECT_EQ(table.GetStats().live, 0);
  EXPECT_EQ(table.GetStats().waiting, 1);
  EXPECT_EQ(table.EraseAll(), 0);
  ref.reset();
  EXPECT_EQ(table.Reclaim(), 1);
  EXPECT_EQ(Sorted(log.destroyed), Numbers(300));
}

TEST(ObjectTableTest, EraseAllReclaimsThoughItErasesNothing) {
  Log log;
  Table table = New<Table>();
  LookOnce(&table);
  EXPECT_TRUE(table.Erase(table.Emplace(&log, 0)));
  EXPECT_TRUE(log.destroyed.empty());
  EXPECT_EQ(table.EraseAll(), 0);
  EXPECT_EQ(log.destroyed.size(), 1);
}

// --- ForEach -----------------------------------------------------------------

TEST(ObjectTableTest, ForEachShowsEachObjectOnce) {
  Log log;
  Table table = New<Table>(1'000, 64);
  const auto none = [](Handle<Counted>, Counted&) { ADD_FAILURE(); };
  EXPECT_TRUE(table.ForEach(none));
  const auto handles = Fill(&table, &log, 300);
  std::vector<int> expected;
  for (int i = 0; i < 300; ++i) {
    if (i % 3 == 0 || (i >= 64 && i < 128)) {
      EXPECT_TRUE(table.Erase(handles[static_cast<size_t>(i)]));
    } else {
      expected.push_back(i);
    }
  }
  std::vector<int> shown;
  EXPECT_TRUE(table.ForEach([&](Handle<Counted> handle, Counted& object) {
    EXPECT_EQ(handle, handles[static_cast<size_t>(object.number())]);
    EXPECT_EQ(table.Borrow(handle).get(), &object);
    shown.push_back(object.number());
  }));
  EXPECT_EQ(Sorted(shown), expected);
  table.EraseAll();
  EXPECT_TRUE(table.ForEach(none));
}

TEST(ObjectTableTest, ForEachMayEraseTheObjectThatItShows) {
  Log log;
  EagerTable table = New<EagerTable>();
  Fill(&table, &log, 200);
  int shown = 0;
  EXPECT_TRUE(table.ForEach([&](Handle<Counted> handle, Counted& object) {
    ++shown;
    const int number = object.number();
    EXPECT_TRUE(table.Erase(handle));
    table.Reclaim();
    EXPECT_EQ(std::count(log.destroyed.begin(), log.destroyed.end(), number),
              0);
    EXPECT_EQ(object.number(), number);
  }));
  EXPECT_EQ(shown, 200);
  table.Reclaim();
  EXPECT_EQ(Sorted(log.destroyed), Numbers(200));
}

TEST(ObjectTableTest, ForEachShowsNothingThatWasErased) {
  Log log;
  EagerTable table = New<EagerTable>();
  const auto handles = Fill(&table, &log, 200);
  std::set<int> erased;
  int shown = 0;
  table.ForEach([&](Handle<Counted>, Counted& object) {
    ++shown;
    EXPECT_EQ(erased.count(object.number()), 0);
    // Erases another object, which the walk may have shown or not.
    const int other = (object.number() + 1) % 200;
    if (table.Erase(handles[static_cast<size_t>(other)])) erased.insert(other);
  });
  EXPECT_EQ(shown, 100);
}

TEST(ObjectTableTest, ForEachShowsWhatIsPutInMeanwhileAtMostOnce) {
  Log log;
  Table table = New<Table>(1'000, 64);
  Fill(&table, &log, 100);
  std::vector<int> shown;
  int next = 100;
  EXPECT_TRUE(table.ForEach([&](Handle<Counted> handle, Counted& object) {
    shown.push_back(object.number());
    if (object.number() % 2 == 0) table.Erase(handle);
    if (next < 300) {
      EXPECT_TRUE(table.Emplace(&log, next));
      ++next;
    }
  }));
  EXPECT_EQ(std::set<int>(shown.begin(), shown.end()).size(), shown.size());
  shown.erase(std::remove_if(shown.begin(), shown.end(),
                             [](int number) { return number >= 100; }),
              shown.end());
  EXPECT_EQ(Sorted(shown), Numbers(100));
}

TEST(ObjectTableTest, StepStopEndsForEach) {
  Log log;
  Table table = New<Table>();
  Fill(&table, &log, 200);
  for (const int most : {1, 63, 64, 65, 199, 200}) {
    int shown = 0;
    EXPECT_FALSE(table.ForEach([&](Handle<Counted>, Counted&) {
      return ++shown == most ? Step::kStop : Step::kNext;
    }));
    EXPECT_EQ(shown, most);
  }
  int shown = 0;
  EXPECT_TRUE(table.ForEach([&](Handle<Counted>, Counted&) {
    ++shown;
    return Step::kNext;
  }));
  // Results that are no Step do not matter.
  EXPECT_TRUE(table.ForEach([&](Handle<Counted>, Counted&) {
    ++shown;
    return false;
  }));
  EXPECT_EQ(shown, 400);
}

TEST(ObjectTableTest, AnExceptionLeavesForEach) {
  Log log;
  Table table = New<Table>();
  Fill(&table, &log, 100);
  int shown = 0;
  EXPECT_THROW(table.ForEach([&](Handle<Counted>, Counted&) {
    if (++shown == 10) throw std::runtime_error("no");
  }),
               std::runtime_error);
  EXPECT_EQ(shown, 10);
}

TEST(ObjectTableTest, AWalkThatHasEndedKeepsNothing) {
  Log log;
  Table table = New<Table>();
  for (int way = 0; way < 3; ++way) {
    log.destroyed.clear();
    Fill(&table, &log, 100);
    const auto leave = [&](Handle<Counted>, Counted&) {
      if (way == 1) throw std::runtime_error("no");
      return way == 2 ? Step::kStop : Step::kNext;
    };
    try {
      table.ForEach(leave);
      Table::ParallelForEach(table).Work(leave);
    } catch (const std::runtime_error&) {
    }
    EXPECT_EQ(table.EraseAll(), 100);
    EXPECT_EQ(log.destroyed.size(), 100);
  }
}

TEST(ObjectTableTest, WalksMayBeNested) {
  constexpr int kDepth = 12;  // More than there are places of the thread's own.
  Log log;
  EagerTable table = New<EagerTable>();
  Fill(&table, &log, 2);
  int shown = 0;
  struct Walk {
    void Go(int depth) {
      EXPECT_TRUE(table->ForEach([&](Handle<Counted> handle, Counted&) {
        ++*shown;
        EXPECT_TRUE(table->Borrow(handle));
        if (depth > 1) Go(depth - 1);
      }));
    }
    EagerTable* table;
    int* shown;
  };
  Walk{&table, &shown}.Go(kDepth);
  EXPECT_EQ(shown, (2 << kDepth) - 2);
  EXPECT_EQ(table.EraseAll(), 2);
  EXPECT_EQ(log.destroyed.size(), 2);
}

TEST(ObjectTableTest, ARefMayOutliveTheWalkThatBorrowed) {
  Log log;
  EagerTable table = New<EagerTable>();
  Fill(&table, &log, 50);
  std::vector<EagerTable::Ref> refs;
  table.ForEach([&](Handle<Counted> handle, Counted&) {
    refs.push_back(table.Borrow(handle));
    EXPECT_TRUE(table.Erase(handle));
  });
  EXPECT_EQ(table.Reclaim(), 0);
  for (const auto& ref : refs) EXPECT_LT(ref->number(), 50);
  refs.clear();
  EXPECT_EQ(table.Reclaim(), 50);
}

// --- ParallelForEach ---------------------------------------------------------

TEST(ObjectTableTest, OneWorkerShowsEachObjectOnce) {
  Log log;
  Table table = New<Table>(10'000, 64);
  const auto handles = Fill(&table, &log, 5'000);
  for (size_t i = 1; i < 5'000; i += 2) EXPECT_TRUE(table.Erase(handles[i]));
  Table::ParallelForEach walk(table);
  int shown = 0;
  int sum = 0;
  const auto show = [&](Handle<Counted> handle, Counted& object) {
    EXPECT_EQ(handle, handles[static_cast<size_t>(object.number())]);
    ++shown;
    sum += object.number();
  };
  EXPECT_TRUE(walk.Work(show));
  EXPECT_EQ(shown, 2'500);
  EXPECT_EQ(sum, 2'499 * 2'500);
  // All slots are taken now.
  EXPECT_TRUE(walk.Work(show));
  EXPECT_EQ(shown, 2'500);
}

TEST(ObjectTableTest, WorkGoesOnWhereACallHasLeftIt) {
  Log log;
  Table table = New<Table>(10'000, 64);
  Fill(&table, &log, 5'000);
  Table::ParallelForEach walk(table);
  std::vector<int> shown;
  int left = 0;
  for (bool done = false; !done;) {
    const bool stops = left % 2 == 0;
    int calls = 0;
    try {
      done = walk.Work([&](Handle<Counted>, Counted& object) {
        shown.push_back(object.number());
        if (++calls < 100) return Step::kNext;
        if (!stops) throw std::runtime_error("no");
        return Step::kStop;
      });
    } catch (const std::runtime_error&) {
    }
    ASSERT_LE(++left, 51);
  }
  EXPECT_EQ(left, 51);
  EXPECT_EQ(Sorted(shown), Numbers(5'000));
}

TEST(ObjectTableTest, AWorkerMayEraseWhatItIsShown) {
  Log log;
  EagerTable table = New<EagerTable>();
  Fill(&table, &log, 500);
  EagerTable::ParallelForEach walk(table);
  EXPECT_TRUE(walk.Work([&](Handle<Counted> handle, Counted& object) {
    const int number = object.number();
    EXPECT_TRUE(table.Erase(handle));
    EXPECT_EQ(std::count(log.destroyed.begin(), log.destroyed.end(), number),
              0);
  }));
  table.Reclaim();
  EXPECT_EQ(Sorted(log.destroyed), Numbers(500));
}

// --- Observers ---------------------------------------------------------------

TEST(ObjectTableTest, AConstTableObserves) {
  Log log;
  Table table = New<Table>(10);
  const auto handle = table.Emplace(&log, 0);
  const Table& observed = table;
  EXPECT_TRUE(observed.Contains(handle));
  EXPECT_EQ(observed.Diagnose(handle).state, HandleState::kLive);
  EXPECT_NE(observed.Describe(handle).find("live"), std::string::npos);
  ASSERT_TRUE(observed.IndexOf(handle));
  EXPECT_LT(*observed.IndexOf(handle), observed.IndexLimit());
  EXPECT_EQ(observed.HandleAt(*observed.IndexOf(handle)), handle);
  EXPECT_EQ(observed.GetStats().live, 1);
}

TEST(ObjectTableTest, IndexesNameTheLiveObjects) {
  Log log;
  Table table = New<Table>(200, 64);
  const auto handles = Fill(&table, &log, 100);
  std::set<uint32_t> indexes;
  for (const auto handle : handles) {
    const std::optional<uint32_t> index = table.IndexOf(handle);
    ASSERT_TRUE(index);
    EXPECT_LT(*index, table.IndexLimit());
    EXPECT_EQ(table.HandleAt(*index), handle);
    indexes.insert(*index);
  }
  EXPECT_EQ(indexes.size(), 100);
  const uint32_t index = *table.IndexOf(handles[0]);
  const auto ref = table.Borrow(handles[0]);
  EXPECT_TRUE(table.Erase(handles[0]));
  EXPECT_FALSE(table.IndexOf(handles[0]));
  EXPECT_FALSE(table.HandleAt(index));  // Its object waits.
  uint32_t found = 0;
  for (uint32_t i = 0; i < table.IndexLimit() + 10; ++i) {
    if (table.HandleAt(i)) ++found;
  }
  EXPECT_EQ(found, 99);
  EXPECT_FALSE(table.HandleAt(~uint32_t{0}));
}

TEST(ObjectTableTest, DiagnoseTellsWhyAHandleIsRefused) {
  Log log;
  auto table = New<ObjectTable<Counted, ThreeLives>>(1);
  auto other = New<ObjectTable<Counted, ThreeLives>>(1);
  using State = HandleState;
  EXPECT_EQ(table.Diagnose({}), (Diagnosis{State::kNull, 0}));
  EXPECT_EQ(table.Diagnose(other.Emplace(&log, 0)),
            (Diagnosis{State::kForeign, 0}));
  const auto first = table.Emplace(&log, 1);
  EXPECT_EQ(table.Diagnose(first), (Diagnosis{State::kLive, 0}));
  // The handle of the next life of the slot: handles count by two.
  TableOptions options = Slots(1);
  options.key = 0;
  auto plain = *ObjectTable<Counted, ThreeLives>::Create(options);
  const auto never = Handle<Counted>::FromBits(3);
  EXPECT_EQ(plain.Diagnose(never), (Diagnosis{State::kNeverIssued, 0}));
  EXPECT_EQ(plain.Emplace(&log, 2).bits(), 1);
  EXPECT_EQ(plain.Diagnose(never), (Diagnosis{State::kNeverIssued, 0}));
  {
    const auto ref = table.Borrow(first);
    EXPECT_TRUE(table.Erase(first));
    // It waits, but its life is over.
    EXPECT_EQ(table.GetStats().waiting, 1);
    EXPECT_EQ(table.Diagnose(first), (Diagnosis{State::kStale, 1}));
  }
  const auto second = table.Emplace(&log, 3);
  EXPECT_EQ(table.Diagnose(first), (Diagnosis{State::kStale, 1}));
  EXPECT_TRUE(table.Erase(second));
  EXPECT_EQ(table.Diagnose(first), (Diagnosis{State::kStale, 2}));
  EXPECT_TRUE(table.Erase(table.Emplace(&log, 4)));
  EXPECT_EQ(table.Diagnose(first), (Diagnosis{State::kRetired, 3}));
  EXPECT_EQ(table.Diagnose(second), (Diagnosis{State::kRetired, 2}));
  EXPECT_NE(table.Describe(first).find("retired"), std::string::npos);
  EXPECT_NE(table.Describe({}).find("null"), std::string::npos);
}

TEST(ObjectTableTest, GetStatsTellsEachFigure) {
  Log log;
  Table table = New<Table>(100);
  LookOnce(&table);
  const auto handles = Fill(&table, &log, 10);
  auto ref = table.Borrow(handles[0]);
  for (size_t i = 0; i < 4; ++i) EXPECT_TRUE(table.Erase(handles[i]));
  Table::Stats stats = table.GetStats();
  EXPECT_EQ(stats.live, 6);
  EXPECT_EQ(stats.waiting, 4);
  EXPECT_EQ(stats.retired, 0);
  EXPECT_EQ(stats.high_water, table.IndexLimit());
  EXPECT_EQ(stats.free, stats.high_water - 10);
  EXPECT_EQ(stats.capacity, 100);
  EXPECT_EQ(stats.last_generation, 2 * Table::kLivesPerSlot - 1);
  EXPECT_GE(stats.oldest_generation, 2);
  EXPECT_EQ(stats.thread_cache_slots, 0);
  EXPECT_EQ(stats.cached, 0);
  EXPECT_GE(stats.bytes_reserved, 100 * sizeof(Counted));
  EXPECT_EQ(table.Reclaim(), 3);
  stats = table.GetStats();
  EXPECT_EQ(stats.live, 6);
  EXPECT_EQ(stats.waiting, 1);
  EXPECT_EQ(stats.free, stats.high_water - 7);
  ref.reset();
  EXPECT_EQ(table.Reclaim(), 1);
  stats = table.GetStats();
  EXPECT_EQ(stats.waiting, 0);
  EXPECT_EQ(stats.free, stats.high_water - 6);
}

TEST(ObjectTableTest, ReclaimedSlotsAreInTheCache) {
  Log log;
  Table table = New<Table>(1'000, 64);
  const uint32_t cache = table.GetStats().thread_cache_slots;
  EXPECT_GT(cache, 0);
  Fill(&table, &log, 40);
  table.EraseAll();
  const Table::Stats stats = table.GetStats();
  EXPECT_EQ(stats.free, stats.high_water);
  EXPECT_GE(stats.cached, std::min<uint64_t>(cache, 40) / 2);
  EXPECT_LE(stats.cached, cache);
}

// --- Retirement --------------------------------------------------------------

TEST(ObjectTableTest, ASlotRetiresAfterItsLivesAndIsNotUsedAgain) {
  for (const uint32_t cache : {0u, 64u}) {
    Log log;
    auto table = New<ObjectTable<Counted, ThreeLives>>(5, cache);
    std::set<uint64_t> issued;
    int lives = 0;
    while (lives < 100) {
      const auto handle = table.Emplace(&log, lives);
      if (!handle) break;
      EXPECT_TRUE(issued.insert(handle.bits()).second);
      EXPECT_EQ(table.Borrow(handle)->number(), lives);
      EXPECT_TRUE(table.Erase(handle));
      EXPECT_FALSE(table.Erase(handle));
      ++lives;
    }
    EXPECT_EQ(lives, 15);
    table.Reclaim();
    EXPECT_EQ(table.GetStats().retired, 5);
    EXPECT_EQ(table.GetStats().free, 0);
    EXPECT_EQ(table.GetStats().waiting, 0);
    EXPECT_EQ(Sorted(log.destroyed), Numbers(15));
    EXPECT_FALSE(table.Emplace(&log, 15));
    EXPECT_EQ(log.made, 15);
  }
}

TEST(ObjectTableTest, TheLastObjectOfASlotMayBeInUse) {
  Log log;
  auto table = New<ObjectTable<Counted, ThreeLives>>(1);
  for (int i = 0; i < 2; ++i) {
    EXPECT_TRUE(table.Erase(table.Emplace(&log, i)));
  }
  const auto last = table.Emplace(&log, 2);
  auto ref = table.Borrow(last);
  ASSERT_TRUE(ref);
  EXPECT_TRUE(table.Erase(last));
  EXPECT_EQ(table.Diagnose(last).state, HandleState::kRetired);
  EXPECT_EQ(table.GetStats().waiting, 1);
  EXPECT_EQ(table.GetStats().free, 0);
  EXPECT_EQ(table.GetStats().live, 0);
  EXPECT_EQ(ref->number(), 2);
  EXPECT_EQ(log.destroyed, Numbers(2));
  ref.reset();
  EXPECT_EQ(table.Reclaim(), 1);
  EXPECT_EQ(log.destroyed, Numbers(3));
  EXPECT_FALSE(table.Emplace(&log, 3));
}

// --- Destructors that use the table ------------------------------------------

// An object whose destructor erases others.
template <typename Traits>
class NodeOf {
 public:
  using TableType = ObjectTable<NodeOf, Traits>;
  using HandleType = Handle<NodeOf>;

  // How many of the destructors run inside each other, at most.
  struct Depths {
    int now = 0;
    int most = 0;
    int destroyed = 0;
    int erased = 0;
  };

  NodeOf(TableType* table, Depths* depths,
         const std::vector<HandleType>& children)
      : table_(table), depths_(depths), children_(children) {}
  ~NodeOf() {
    ++depths_->destroyed;
    depths_->most = std::max(depths_->most, ++depths_->now);
    for (const auto child : children_) depths_->erased += table_->Erase(child);
    --depths_->now;
  }

 private:
  TableType* table_;
  Depths* depths_;
  std::vector<HandleType> children_;
};

// Destructors that run inside each other take at most this much of the stack.
constexpr int kDeepest = 100;

enum class Warm { kNo, kYes };

// Destroys a chain in which each object erases the next one, and `leaves` more
// before and after it. A short one first: if that goes too deep, a long one
// would overflow the stack.
template <typename Traits>
void DestroysAChain(Warm warm, int leaves) {
  using Node = NodeOf<Traits>;
  for (const int length : {1'000, 100'000 / (2 * leaves + 1)}) {
    typename Node::Depths depths;
    const int nodes = length * (2 * leaves + 1);
    auto table =
        New<typename Node::TableType>(static_cast<uint64_t>(nodes) + 1, 64);
    const auto make = [&](const std::vector<Handle<Node>>& children) {
      const auto handle = table.Emplace(&table, &depths, children);
      EXPECT_TRUE(handle);
      return handle;
    };
    int expected = nodes;
    if (warm == Warm::kYes) {
      EXPECT_TRUE(table.Erase(make({})));
      ++expected;
    }
    std::vector<Handle<Node>> children(static_cast<size_t>(leaves));
    Handle<Node> next;
    for (int i = 0; i < length; ++i) {
      children.clear();
      for (int leaf = 0; leaf < leaves; ++leaf) children.push_back(make({}));
      if (next) children.push_back(next);
      for (int leaf = 0; leaf < leaves; ++leaf) children.push_back(make({}));
      next = make(children);
    }
    EXPECT_TRUE(table.Erase(next));
    table.Reclaim();
    EXPECT_EQ(depths.destroyed, expected);
    EXPECT_EQ(depths.erased, nodes - 1);
    EXPECT_EQ(table.GetStats().live, 0);
    EXPECT_EQ(table.GetStats().waiting, 0);
    ASSERT_LE(depths.most, kDeepest);
  }
}

TEST(ObjectTableTest, ALongChainOfObjectsDoesNotFillTheStack) {
  DestroysAChain<DefaultObjectTraits>(Warm::kYes, 0);
}

TEST(ObjectTableTest, TheFirstEraseMayStartALongChain) {
  DestroysAChain<DefaultObjectTraits>(Warm::kNo, 0);
}

TEST(ObjectTableTest, ALongChainDoesNotFillTheStackThoughEachEraseLooks) {
  DestroysAChain<Eager>(Warm::kYes, 0);
}

TEST(ObjectTableTest, ALongChainWithLeavesDoesNotFillTheStack) {
  DestroysAChain<DefaultObjectTraits>(Warm::kYes, 1);
  DestroysAChain<DefaultObjectTraits>(Warm::kYes, 40);
}

TEST(ObjectTableTest, ALongChainWithLeavesMayBeginWithTheFirstErase) {
  DestroysAChain<DefaultObjectTraits>(Warm::kNo, 1);
}

TEST(ObjectTableTest, ALongChainWithLeavesGoesThoughEachEraseLooks) {
  DestroysAChain<Eager>(Warm::kYes, 1);
}

template <typename Traits>
void DestroysATree() {
  using Node = NodeOf<Traits>;
  typename Node::Depths depths;
  auto table = New<typename Node::TableType>(200'000, 64);
  std::vector<Handle<Node>> level;
  int nodes = 0;
  for (int i = 0; i < (1 << 15); ++i, ++nodes) {
    level.push_back(
        table.Emplace(&table, &depths, std::vector<Handle<Node>>()));
  }
  while (level.size() > 1) {
    std::vector<Handle<Node>> above;
    for (size_t i = 0; i < level.size(); i += 2, ++nodes) {
      above.push_back(table.Emplace(
          &table, &depths, std::vector<Handle<Node>>{level[i], level[i + 1]}));
    }
    level = above;
  }
  EXPECT_TRUE(table.Erase(level[0]));
  table.Reclaim();
  EXPECT_EQ(depths.destroyed, nodes);
  EXPECT_EQ(depths.erased, nodes - 1);
  EXPECT_LE(depths.most, kDeepest);
  EXPECT_EQ(table.GetStats().waiting, 0);
}

TEST(ObjectTableTest, ATreeOfObjectsIsDestroyed) {
  DestroysATree<DefaultObjectTraits>();
  DestroysATree<Eager>();
}

TEST(ObjectTableTest, ReclaimCountsWhatDestructorsErase) {
  using Node = NodeOf<DefaultObjectTraits>;
  Node::Depths depths;
  auto table = New<Node::TableType>();
  const auto make = [&](const std::vector<Handle<Node>>& children) {
    return table.Emplace(&table, &depths, children);
  };
  EXPECT_TRUE(table.Erase(make({})));
  EXPECT_EQ(table.Reclaim() + static_cast<uint64_t>(depths.destroyed), 1);
  Handle<Node> next;
  for (int i = 0; i < 200; ++i) {
    next = next ? make({next, make({})}) : make({});
  }
  EXPECT_TRUE(table.Erase(next));
  EXPECT_EQ(depths.destroyed, 1);
  EXPECT_EQ(table.Reclaim(), 399);
  EXPECT_EQ(table.Reclaim(), 0);
}

// With kMostWaiting = 1, what nobody uses is destroyed before its Erase
// returns; what a destructor has erased, at least before the Erase returns that
// has run the destructor.
TEST(ObjectTableTest, WithOneMostWaitingWhatDestructorsEraseIsDestroyed) {
  using Node = NodeOf<Eager>;
  Node::Depths depths;
  auto table = New<Node::TableType>();
  EXPECT_TRUE(
      table.Erase(table.Emplace(&table, &depths, std::vector<Handle<Node>>())));
  Handle<Node> next;
  for (int i = 0; i < 10; ++i) {
    std::vector<Handle<Node>> children;
    if (next) children.push_back(next);
    next = table.Emplace(&table, &depths, children);
  }
  EXPECT_EQ(depths.destroyed, 1);
  EXPECT_TRUE(table.Erase(next));
  EXPECT_EQ(depths.destroyed, 11);
  EXPECT_EQ(table.GetStats().waiting, 0);
}

// An object whose destructor puts in another one, `count` times in a row.
class Phoenix {
 public:
  using TableType = ObjectTable<Phoenix>;
  struct Life {
    int destroyed = 0;
    int refused = 0;
    Handle<Phoenix> last;
  };

  Phoenix(TableType* table, Life* life, int count)
      : table_(table), life_(life), count_(count) {}
  ~Phoenix() {
    ++life_->destroyed;
    if (count_ == 0) return;
    life_->last = table_->Emplace(table_, life_, count_ - 1);
    if (!life_->last) ++life_->refused;
  }

 private:
  TableType* table_;
  Life* life_;
  int count_;
};

TEST(ObjectTableTest, ADestructorMayPutObjectsIn) {
  Phoenix::Life life;
  auto table = New<Phoenix::TableType>(3);
  auto handle = table.Emplace(&table, &life, 20);
  for (int i = 1; i <= 20; ++i) {
    EXPECT_TRUE(table.Erase(handle));
    table.Reclaim();
    ASSERT_EQ(life.destroyed, i);
    handle = life.last;
    ASSERT_TRUE(table.Contains(handle));
  }
  EXPECT_TRUE(table.Erase(handle));
  table.Reclaim();
  EXPECT_EQ(life.destroyed, 21);
  EXPECT_EQ(table.GetStats().live, 0);
}

TEST(ObjectTableTest, ADestructorMayPutObjectsIntoAFullTable) {
  Phoenix::Life life;
  auto table = New<Phoenix::TableType>(3);
  // So that what is erased now waits until an Emplace finds the table full.
  EXPECT_TRUE(table.Erase(table.Emplace(&table, &life, 0)));
  table.Reclaim();
  std::vector<Handle<Phoenix>> handles;
  for (int i = 0; i < 3; ++i) {
    handles.push_back(table.Emplace(&table, &life, 1));
  }
  EXPECT_TRUE(table.Erase(handles[0]));
  EXPECT_TRUE(table.Erase(handles[1]));
  EXPECT_EQ(life.destroyed, 1);
  int made = 0;
  while (made < 10 && table.Emplace(&table, &life, 0)) ++made;
  EXPECT_EQ(life.destroyed, 3);
  // Each of the three slots has an object; and perhaps one more, since in a
  // destructor a slot is found beyond those. None was handed out twice.
  const auto live = static_cast<int>(table.GetStats().live);
  EXPECT_GE(live, 3);
  EXPECT_LE(live, 4);
  EXPECT_EQ(made + 1 + (2 - life.refused), live);
  EXPECT_FALSE(table.Emplace(&table, &life, 0));
}

// An object whose destructor calls everything.
class Busy {
 public:
  using TableType = ObjectTable<Busy, Eager>;
  struct Seen {
    TableType* table = nullptr;
    int destroyed = 0;
    int borrowed = 0;
    int shown = 0;
    std::vector<Handle<Busy>> handles;
  };

  explicit Busy(Seen* seen) : seen_(seen) {}
  ~Busy() {
    ++seen_->destroyed;
    if (seen_->table == nullptr) return;
    TableType& table = *seen_->table;
    std::vector<Ref<Busy, Eager>> refs;
    for (const auto handle : seen_->handles) {
      refs.push_back(table.Borrow(handle));
      EXPECT_EQ(static_cast<bool>(refs.back()), table.Contains(handle));
      if (refs.back()) {
        ++seen_->borrowed;
        EXPECT_EQ(refs.back()->seen_, seen_);
      }
    }
    table.ForEach([&](Handle<Busy> handle, Busy& object) {
      EXPECT_TRUE(table.Contains(handle));
      EXPECT_EQ(object.seen_, seen_);
      ++seen_->shown;
    });
    table.Reclaim();
  }

 private:
  Seen* seen_;
};

TEST(ObjectTableTest, ADestructorMayBorrowAndWalk) {
  Busy::Seen seen;
  auto table = New<Busy::TableType>();
  for (int i = 0; i < 20; ++i) seen.handles.push_back(table.Emplace(&seen));
  seen.table = &table;
  EXPECT_TRUE(table.Erase(seen.handles[0]));
  EXPECT_EQ(seen.destroyed, 1);
  EXPECT_EQ(seen.borrowed, 19);
  EXPECT_EQ(seen.shown, 19);
  EXPECT_EQ(table.EraseAll(), 19);
  EXPECT_EQ(seen.destroyed, 20);
  EXPECT_EQ(table.GetStats().waiting, 0);
}

// --- The destructor of the table ---------------------------------------------

TEST(ObjectTableTest, TheTableDestroysWhatIsLiveAndWhatWaits) {
  for (const uint32_t cache : {0u, 64u}) {
    Log log;
    {
      Table table = New<Table>(1'000, cache);
      LookOnce(&table);
      const auto handles = Fill(&table, &log, 300);
      std::vector<Table::Ref> refs;
      for (size_t i = 0; i < 200; i += 2) {
        refs.push_back(table.Borrow(handles[i]));
      }
      for (size_t i = 0; i < 200; i += 2) {
        EXPECT_TRUE(table.Erase(handles[i]));
      }
      EXPECT_EQ(table.GetStats().waiting, 100);
      EXPECT_TRUE(log.destroyed.empty());
    }
    EXPECT_EQ(Sorted(log.destroyed), Numbers(300));
  }
}

TEST(ObjectTableTest, TheTableDestroysTheLastObjectOfASlot) {
  for (int way = 0; way < 2; ++way) {
    Log log;
    {
      auto table = New<ObjectTable<Counted, ThreeLives>>(1);
      for (int i = 0; i < 2; ++i) {
        EXPECT_TRUE(table.Erase(table.Emplace(&log, i)));
      }
      const auto last = table.Emplace(&log, 2);
      ASSERT_TRUE(last);
      // Once it is live, and once it waits.
      if (way == 1) {
        const auto ref = table.Borrow(last);
        EXPECT_TRUE(table.Erase(last));
      }
      EXPECT_EQ(log.destroyed, Numbers(2));
    }
    EXPECT_EQ(log.destroyed, Numbers(3));
  }
}

// Calls an action when it is destroyed, and writes that down.
class Acting {
 public:
  using TableType = ObjectTable<Acting>;
  using Action = void (*)(TableType& table, Handle<Acting> target, Log* log);
  struct Plan {
    TableType* table = nullptr;
    Action action = nullptr;
    std::vector<Handle<Acting>> targets;
    Log log;
  };

  Acting(Plan* plan, int number)
      : counted_(plan == nullptr ? nullptr : &plan->log, number), plan_(plan) {}
  ~Acting() {
    if (plan_->action == nullptr) return;
    for (const auto target : plan_->targets) {
      plan_->action(*plan_->table, target, &plan_->log);
    }
  }

 private:
  Counted counted_;
  Plan* plan_;
};

// Runs `action` in the destructors of objects that the table's destructor
// destroys: 10 that wait, and 30 that are live. All of them are targets.
void ActsWhileTheTableIsDestroyed(Acting::Action action) {
  for (int waiting = 0; waiting < 2; ++waiting) {
    Acting::Plan plan;
    {
      auto table = New<Acting::TableType>(100);
      // So that what is erased waits.
      EXPECT_TRUE(table.Erase(table.Emplace(&plan, 0)));
      table.Reclaim();
      plan.log = Log();
      for (int i = 0; i < 40; ++i) {
        plan.targets.push_back(table.Emplace(&plan, i));
      }
      for (size_t i = 0; waiting != 0 && i < 10; ++i) {
        EXPECT_TRUE(table.Erase(plan.targets[3 * i]));
      }
      EXPECT_TRUE(plan.log.destroyed.empty());
      plan.table = &table;
      plan.action = action;
    }
    EXPECT_EQ(plan.log.made, 40);
    EXPECT_EQ(Sorted(plan.log.destroyed), Numbers(40));
  }
}

TEST(ObjectTableTest, DestructorsMayEraseWhileTheTableIsDestroyed) {
  ActsWhileTheTableIsDestroyed(
      [](Acting::TableType& table, Handle<Acting> target, Log*) {
        const bool is_live = table.Contains(target);
        EXPECT_EQ(table.Erase(target), is_live);
        EXPECT_FALSE(table.Contains(target));
      });
}

TEST(ObjectTableTest, DestructorsPutNothingInWhileTheTableIsDestroyed) {
  ActsWhileTheTableIsDestroyed(
      [](Acting::TableType& table, Handle<Acting>, Log*) {
        EXPECT_FALSE(table.Emplace(nullptr, 0));
      });
}

TEST(ObjectTableTest, DestructorsMayReclaimWhileTheTableIsDestroyed) {
  ActsWhileTheTableIsDestroyed(
      [](Acting::TableType& table, Handle<Acting> target, Log*) {
        table.Erase(target);
        table.Reclaim();
      });
}

TEST(ObjectTableTest, DestructorsMayEraseAllWhileTheTableIsDestroyed) {
  ActsWhileTheTableIsDestroyed(
      [](Acting::TableType& table, Handle<Acting>, Log*) { table.EraseAll(); });
}

TEST(ObjectTableTest, DestructorsMayBorrowWhileTheTableIsDestroyed) {
  ActsWhileTheTableIsDestroyed(
      [](Acting::TableType& table, Handle<Acting> target, Log*) {
        const auto ref = table.Borrow(target);
        EXPECT_EQ(static_cast<bool>(ref), table.Contains(target));
      });
}

TEST(ObjectTableTest, DestructorsMayWalkWhileTheTableIsDestroyed) {
  ActsWhileTheTableIsDestroyed(
      [](Acting::TableType& table, Handle<Acting>, Log*) {
        table.ForEach([&](Handle<Acting> handle, Acting&) {
          EXPECT_TRUE(table.Contains(handle));
        });
      });
}

TEST(ObjectTableTest, ALongChainIsDestroyedWithTheTable) {
  using Node = NodeOf<DefaultObjectTraits>;
  constexpr int kNodes = 100'000;
  for (int way = 0; way < 2; ++way) {
    Node::Depths depths;
    {
      auto table = New<Node::TableType>(kNodes, 64);
      std::vector<Handle<Node>> handles;
      for (int i = 0; i < kNodes; ++i) {
        std::vector<Handle<Node>> children;
        if (!handles.empty()) children.push_back(handles.back());
        handles.push_back(table.Emplace(&table, &depths, children));
      }
      // The other way, the chain begins with an object that waits.
      if (way == 1) {
        const auto ref = table.Borrow(handles.back());
        EXPECT_TRUE(table.Erase(handles.back()));
        EXPECT_EQ(depths.destroyed, 0);
      }
    }
    EXPECT_EQ(depths.destroyed, kNodes);
    EXPECT_LE(depths.most, kDeepest);
  }
}

// --- Moves -------------------------------------------------------------------

TEST(ObjectTableTest, HandlesAndRefsGoOnWithTheTableMovedTo) {
  Log log;
  Table table = New<Table>(1'000, 64);
  LookOnce(&table);
  const auto handles = Fill(&table, &log, 30);
  std::vector<Table::Ref> refs;
  for (size_t i = 0; i < 20; ++i) refs.push_back(table.Borrow(handles[i]));
  EXPECT_TRUE(table.Erase(handles[0]));
  EXPECT_TRUE(table.Erase(handles[25]));
  Table moved(std::move(table));
  EXPECT_EQ(moved.GetStats().live, 28);
  EXPECT_EQ(moved.GetStats().waiting, 2);
  EXPECT_FALSE(moved.Contains(handles[0]));
  EXPECT_EQ(refs[0]->number(), 0);
  EXPECT_EQ(moved.Borrow(handles[1]).get(), refs[1].get());
  EXPECT_TRUE(moved.Erase(handles[1]));
  EXPECT_EQ(moved.Reclaim(), 1);
  EXPECT_EQ(log.destroyed, std::vector<int>{25});
  EXPECT_EQ(refs[1]->number(), 1);
  refs.clear();
  EXPECT_EQ(moved.Reclaim(), 2);
  EXPECT_TRUE(moved.Emplace(&log, 30));
  EXPECT_EQ(moved.EraseAll(), 28);
  EXPECT_EQ(Sorted(log.destroyed), Numbers(31));
}

TEST(ObjectTableTest, ATableThatWasMovedFromRefusesEverything) {
  Log log;
  Table table = New<Table>(10);
  const auto handle = table.Emplace(&log, 0);
  const Table moved(std::move(table));
  // NOLINTBEGIN(bugprone-use-after-move): that is the test.
  EXPECT_FALSE(table.Emplace(&log, 1));
  EXPECT_FALSE(table.Borrow(handle));
  EXPECT_FALSE(table.Contains(handle));
  EXPECT_FALSE(table.Erase(handle));
  EXPECT_EQ(table.EraseAll(), 0);
  EXPECT_EQ(table.Reclaim(), 0);
  const auto show = [](Handle<Counted>, Counted&) { ADD_FAILURE(); };
  EXPECT_TRUE(table.ForEach(show));
  EXPECT_TRUE(Table::ParallelForEach(table).Work(show));
  EXPECT_EQ(table.Diagnose(handle).state, HandleState::kForeign);
  EXPECT_FALSE(table.IndexOf(handle));
  EXPECT_FALSE(table.HandleAt(0));
  EXPECT_EQ(table.IndexLimit(), 0);
  EXPECT_EQ(table.GetStats().capacity, 0);
  EXPECT_EQ(table.GetStats().waiting, 0);
  Table again(std::move(table));
  EXPECT_FALSE(again.Emplace(&log, 1));
  // NOLINTEND(bugprone-use-after-move)
  EXPECT_EQ(log.made, 1);
  EXPECT_TRUE(log.destroyed.empty());
  EXPECT_TRUE(moved.Contains(handle));
}

TEST(ObjectTableTest, AssignmentDestroysTheObjectsOfTheTable) {
  Log old_log;
  Log new_log;
  Table table = New<Table>(100);
  Fill(&table, &old_log, 20);
  Table other = New<Table>(50);
  const auto handles = Fill(&other, &new_log, 10);
  auto ref = other.Borrow(handles[3]);
  table = std::move(other);
  EXPECT_EQ(Sorted(old_log.destroyed), Numbers(20));
  EXPECT_TRUE(new_log.destroyed.empty());
  EXPECT_EQ(table.GetStats().live, 10);
  EXPECT_TRUE(table.Erase(handles[3]));
  EXPECT_EQ(ref->number(), 3);
  EXPECT_EQ(table.Reclaim(), 0);
  ref.reset();
  EXPECT_EQ(table.Reclaim(), 1);
  // A table that was moved from may be assigned to.
  other = New<Table>(5);
  EXPECT_TRUE(other.Emplace(&new_log, 10));
  EXPECT_FALSE(other.Contains(handles[0]));
}

TEST(ObjectTableTest, ATableThatIsAssignedToItselfKeepsItsObjects) {
  Log log;
  Table table = New<Table>(10);
  const auto handle = table.Emplace(&log, 0);
  Table& same = table;
  table = std::move(same);
  EXPECT_TRUE(table.Contains(handle));
  EXPECT_TRUE(log.destroyed.empty());
  EXPECT_TRUE(table.Emplace(&log, 1));
}

// A destructor that uses the table reaches the objects that are still there,
// though the table is being assigned to.
TEST(ObjectTableTest, AssignmentDestroysBeforeItTakesTheOtherTable) {
  using Node = NodeOf<DefaultObjectTraits>;
  Node::Depths depths;
  auto table = New<Node::TableType>();
  auto other = New<Node::TableType>();
  const auto make = [&](const std::vector<Handle<Node>>& children) {
    return table.Emplace(&table, &depths, children);
  };
  // Whichever of the two is destroyed first, erases the other one, unless that
  // is an object without children.
  const auto root_slot = make({});
  const auto leaf = make({});
  EXPECT_TRUE(table.Erase(root_slot));
  table.Reclaim();
  EXPECT_TRUE(make({leaf}));
  EXPECT_EQ(depths.destroyed, 1);
  table = std::move(other);
  EXPECT_EQ(depths.destroyed, 3);
  EXPECT_EQ(depths.erased, 1);
}

// --- Several threads ---------------------------------------------------------

template <uint32_t kThreads>
struct FakeTraits : DefaultObjectTraits {
  static constexpr uint32_t kMaxThreads = kThreads;
  using Threads = FakeThreads;
};

using FakeTable = ObjectTable<Counted, FakeTraits<4>>;

TEST(ObjectTableTest, ReclaimLeavesTheListsOfRunningThreadsAlone) {
  FakeThreads::Reset();
  Log log;
  FakeTable table = New<FakeTable>();
  FakeThreads::Become(1);
  LookOnce(&table);
  const auto handles = Fill(&table, &log, 10);
  for (const auto handle : handles) EXPECT_TRUE(table.Erase(handle));
  EXPECT_TRUE(log.destroyed.empty());
  FakeThreads::Become(2);
  EXPECT_EQ(table.Reclaim(), 0);
  EXPECT_EQ(table.EraseAll(), 0);
  EXPECT_TRUE(log.destroyed.empty());
  EXPECT_EQ(table.GetStats().waiting, 10);
  FakeThreads::Become(1);
  EXPECT_EQ(table.Reclaim(), 10);
  EXPECT_EQ(log.destroyed.size(), 10);
}

TEST(ObjectTableTest, OthersReclaimWhatAnExitedThreadHasLeftWaiting) {
  FakeThreads::Reset();
  Log log;
  FakeTable table = New<FakeTable>();
  FakeThreads::Become(1);
  LookOnce(&table);
  const auto handles = Fill(&table, &log, 10);
  FakeThreads::Become(2);
  auto ref = table.Borrow(handles[4]);
  FakeThreads::Become(1);
  for (const auto handle : handles) EXPECT_TRUE(table.Erase(handle));
  FakeThreads::Become(2);
  FakeThreads::Exit(1);
  EXPECT_TRUE(log.destroyed.empty());
  EXPECT_EQ(table.Reclaim(), 9);
  EXPECT_EQ(ref->number(), 4);
  ref.reset();
  EXPECT_EQ(table.Reclaim(), 1);
  EXPECT_EQ(Sorted(log.destroyed), Numbers(10));
  EXPECT_FALSE(FakeThreads::released_unowned());
}

TEST(ObjectTableTest, ErasesReclaimWhatAnExitedThreadHasLeftWaiting) {
  FakeThreads::Reset();
  Log log;
  Log other_log;
  FakeTable table = New<FakeTable>();
  FakeThreads::Become(1);
  LookOnce(&table);
  const auto handles = Fill(&table, &log, 10);
  for (const auto handle : handles) EXPECT_TRUE(table.Erase(handle));
  FakeThreads::Become(2);
  FakeThreads::Exit(1);
  for (int i = 0; i < 2'000 && log.destroyed.size() < 10; ++i) {
    EXPECT_TRUE(table.Erase(table.Emplace(&other_log, i)));
  }
  EXPECT_EQ(Sorted(log.destroyed), Numbers(10));
}

TEST(ObjectTableTest, AnyThreadMayDropARef) {
  FakeThreads::Reset();
  Log log;
  FakeTable table = New<FakeTable>();
  FakeThreads::Become(1);
  const auto handles = Fill(&table, &log, 100);
  std::vector<FakeTable::Ref> refs;
  for (const auto handle : handles) refs.push_back(table.Borrow(handle));
  FakeThreads::Become(2);
  EXPECT_EQ(table.EraseAll(), 100);
  EXPECT_TRUE(log.destroyed.empty());
  FakeThreads::Exit(1);
  EXPECT_EQ(table.Reclaim(), 0);
  refs.resize(50);
  EXPECT_EQ(table.Reclaim(), 50);
  refs.clear();
  EXPECT_EQ(table.Reclaim(), 50);
  EXPECT_EQ(Sorted(log.destroyed), Numbers(100));
}

TEST(ObjectTableTest, ThreadsWithoutAnOrdinalUseTheTable) {
  FakeThreads::Reset(1);
  Log log;
  FakeTable table = New<FakeTable>();
  // This thread owns the only ordinal.
  FakeThreads::Become(0);
  LookOnce(&table);
  FakeThreads::BecomeExiting();
  const auto handles = Fill(&table, &log, 30);
  std::vector<FakeTable::Ref> refs;
  for (size_t i = 0; i < 10; ++i) {
    refs.push_back(table.Borrow(handles[i]));
    ASSERT_TRUE(refs.back());
  }
  for (const auto handle : handles) EXPECT_TRUE(table.Erase(handle));
  EXPECT_FALSE(table.Contains(handles[0]));
  EXPECT_EQ(table.GetStats().waiting, 30);
  EXPECT_TRUE(log.destroyed.empty());
  FakeThreads::Become(0);
  EXPECT_EQ(table.Reclaim(), 20);
  for (const auto& ref : refs) EXPECT_LT(ref->number(), 10);
  refs.clear();
  EXPECT_EQ(table.Reclaim(), 10);
  EXPECT_EQ(Sorted(log.destroyed), Numbers(30));
}

TEST(ObjectTableTest, WithoutAnyShardTheTableDestroysAll) {
  using Shardless = ObjectTable<Counted, FakeTraits<0>>;
  FakeThreads::Reset();
  Log log;
  {
    Shardless table = New<Shardless>(100);
    const auto handles = Fill(&table, &log, 50);
    const auto ref = table.Borrow(handles[0]);
    for (size_t i = 0; i < 25; ++i) EXPECT_TRUE(table.Erase(handles[i]));
    table.Reclaim();
    EXPECT_EQ(ref->number(), 0);
    EXPECT_EQ(table.GetStats().live, 25);
  }
  EXPECT_EQ(Sorted(log.destroyed), Numbers(50));
}

TEST(ObjectTableTest, WithoutAnyShardAFullTableReclaims) {
  using Shardless = ObjectTable<Counted, FakeTraits<0>>;
  FakeThreads::Reset();
  Log log;
  Shardless table = New<Shardless>(2);
  const auto handles = Fill(&table, &log, 2);
  EXPECT_TRUE(table.Erase(handles[0]));
  EXPECT_TRUE(table.Emplace(&log, 2));
  EXPECT_EQ(log.destroyed, std::vector<int>{0});
}

// What waits with other threads does not keep an Emplace from finding a slot.
TEST(ObjectTableTest, SlotsMakeUpForWhatWaitsWithOtherThreads) {
  for (const uint32_t cache : {0u, 64u}) {
    FakeThreads::Reset();
    Log log;
    FakeTable table = New<FakeTable>(100, cache);
    for (uint32_t thread = 1; thread <= 2; ++thread) {
      FakeThreads::Become(thread);
      LookOnce(&table);
      for (int i = 0; i < 20; ++i) {
        EXPECT_TRUE(table.Erase(table.Emplace(&log, i)));
      }
    }
    FakeThreads::Become(3);
    EXPECT_EQ(table.GetStats().waiting, 40);
    int made = 0;
    while (made < 100 && table.Emplace(&log, made)) ++made;
    EXPECT_EQ(made, 100) << "thread_cache_slots " << cache;
  }
}

// An object whose destructor erases the next one, and reclaims.
struct ReclaimingLink {
  using TableType = ObjectTable<ReclaimingLink>;

  ReclaimingLink(TableType* its_table, Handle<ReclaimingLink> its_next)
      : table(its_table), next(its_next) {}
  ReclaimingLink(const ReclaimingLink&) = delete;
  ~ReclaimingLink() {
    most = std::max(most, ++depth);
    table->Erase(next);
    table->Reclaim();
    --depth;
    ++destroyed;
  }

  TableType* const table;
  const Handle<ReclaimingLink> next;

  static inline int depth = 0;
  static inline int most = 0;
  static inline int destroyed = 0;
};

TEST(ObjectTableTest, DestructorsThatReclaimDoNotNestWithoutEnd) {
  constexpr int kLinks = 100'000;
  auto table = New<ReclaimingLink::TableType>(kLinks);
  Handle<ReclaimingLink> next;
  for (int i = 0; i < kLinks; ++i) next = table.Emplace(&table, next);
  EXPECT_TRUE(table.Erase(next));
  table.Reclaim();
  EXPECT_EQ(ReclaimingLink::destroyed, kLinks);
  EXPECT_LE(ReclaimingLink::most, 17);
}

}  // namespace
}  // namespace holdfast
