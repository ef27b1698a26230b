// Goal: some systems charge all memory that can be read. There a table reads
// only memory that it has made writable (MappedMemory::kReadsAsZeros is false).
//
// Method: memory that behaves as on Windows, where a load from a page that was
// not made writable ends the program. Every operation gets handles that name
// slots anywhere, before and while the table grows.

#include <sys/mman.h>

#include <cstddef>
#include <cstdint>
#include <random>
#include <thread>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "holdfast/handle_table.h"
#include "holdfast/internal/thread_ordinals.h"
#include "tests/support/table_access.h"

namespace holdfast {
namespace {

struct UnreadableMemory : internal::MappedMemory {
  static constexpr bool kReadsAsZeros = false;

  static internal::CreationError Reserve(size_t bytes,
                                         UnreadableMemory* memory) {
    internal::CreationError error = MappedMemory::Reserve(bytes, memory);
    if (error.ok()) mprotect(memory->Array<char>(0, bytes), bytes, PROT_NONE);
    return error;
  }
};

struct UnreadableTraits : DefaultTraits {
  static constexpr uint32_t kMaxThreads = 64;
  using Memory = UnreadableMemory;
};

struct Large {
  uint64_t words[8];
};

template <typename T>
class UnreadableMemoryTest : public testing::Test {
 protected:
  using Table = HandleTable<T, UnreadableTraits>;
  using Handle = typename Table::Handle;
  using Access = typename Table::TestAccess;

  static constexpr uint64_t kSlots = 1'000'000;

  static Table Create() {
    TableOptions options;
    options.max_slots = kSlots;
    return *Table::Create(options);
  }

  // Calls every operation with a handle that is not live.
  static void ExpectRefused(Table& table, Handle handle) {
    T value = {};
    EXPECT_FALSE(table.Contains(handle));
    EXPECT_FALSE(table.Read(handle).has_value());
    EXPECT_FALSE(table.Read(handle, &value));
    EXPECT_FALSE(table.Write(handle, value));
    EXPECT_FALSE(table.Exchange(handle, value).has_value());
    EXPECT_FALSE(table.Unpin(handle));
    EXPECT_FALSE(table.Take(handle).has_value());
    EXPECT_FALSE(table.IndexOf(handle).has_value());
  }
};

using Values = testing::Types<uint32_t, uint64_t, Large>;
TYPED_TEST_SUITE(UnreadableMemoryTest, Values);

TYPED_TEST(UnreadableMemoryTest, HandlesOfSlotsThatWereNeverUsedAreRefused) {
  auto table = this->Create();
  typename TestFixture::Access access(table);
  for (uint32_t index = 0; index < this->kSlots; index += 997) {
    const auto handle = access.HandleAt(index, 1);
    this->ExpectRefused(table, handle);
    EXPECT_EQ(table.Diagnose(handle).state, HandleState::kNeverIssued);
    EXPECT_FALSE(table.HandleAt(index));
  }
  std::mt19937_64 random(1);
  for (int i = 0; i < 100'000; ++i) {
    const auto handle = TestFixture::Handle::FromBits(random());
    this->ExpectRefused(table, handle);
    EXPECT_NE(table.Diagnose(handle).state, HandleState::kLive);
  }
}

TYPED_TEST(UnreadableMemoryTest, AllSlotsCanBeUsedAndThenRefused) {
  auto table = this->Create();
  typename TestFixture::Access access(table);
  std::vector<typename TestFixture::Handle> handles;
  for (uint32_t i = 0; i < this->kSlots; ++i) {
    handles.push_back(table.Pin({}));
    ASSERT_TRUE(handles.back()) << i;
    ASSERT_TRUE(table.Read(handles.back()).has_value());
    ASSERT_TRUE(table.Write(handles.back(), {}));
    if (i % 997 == 0) {
      this->ExpectRefused(table, access.HandleAt(i + 997, 1));
      this->ExpectRefused(table, access.HandleAt(this->kSlots - 1, 1));
    }
  }
  EXPECT_EQ(table.GetStats().live, this->kSlots);
  EXPECT_EQ(table.UnpinAll(), this->kSlots);
  for (const auto handle : handles) ASSERT_FALSE(table.Contains(handle));
}

// Calls `f` in a thread whose ordinal is at least `ordinal`.
template <typename F>
void WithOrdinal(uint32_t ordinal, const F& f) {
  std::thread([&] {
    if (internal::ThreadOrdinals::Register() < ordinal) {
      WithOrdinal(ordinal, f);
    } else {
      f();
    }
  }).join();
}

TYPED_TEST(UnreadableMemoryTest, TheFirstThreadOfATableMayHaveAnyOrdinal) {
  auto table = this->Create();
  WithOrdinal(UnreadableTraits::kMaxThreads - 1, [&] {
    const auto handle = table.Pin({});
    EXPECT_TRUE(table.Write(handle, {}));
    EXPECT_TRUE(table.Unpin(handle));
  });
}

TYPED_TEST(UnreadableMemoryTest, ATableThatWasMovedFromRefusesEverything) {
  auto table = this->Create();
  const auto handle = table.Pin({});
  const auto moved = std::move(table);
  this->ExpectRefused(table, handle);  // NOLINT(bugprone-use-after-move)
  EXPECT_TRUE(moved.Contains(handle));
}

// A late Pop reads a link from a slot that another thread has pinned meanwhile.
// So the link is part of a value: here, the number of a slot that was never
// used.
TEST(UnreadableMemoryThreadsTest, ALateLookAtAFreeSlotStaysInReach) {
  static constexpr uint64_t kLooksLikeALink = 0x0000'7FF6'0000'7FF5;
  for (const uint32_t cache : {0u, 4u, 64u}) {
    using Table = HandleTable<uint64_t, UnreadableTraits>;
    TableOptions options;
    options.max_slots = 1'000'000;
    options.thread_cache_slots = cache;
    Table table = *Table::Create(options);
    std::vector<std::thread> threads;
    for (int i = 0; i < 3; ++i) {
      threads.emplace_back([&table] {
        std::vector<Table::Handle> handles(100);
        for (int round = 0; round < 3'000; ++round) {
          for (auto& handle : handles) handle = table.Pin(kLooksLikeALink);
          for (const auto handle : handles) table.Unpin(handle);
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(table.GetStats().live, 0);
  }
}

}  // namespace
}  // namespace holdfast
