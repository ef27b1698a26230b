#include "holdfast/internal/mapped_memory.h"

#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <type_traits>
#include <utility>

#include "gtest/gtest.h"
#include "holdfast/internal/creation_error.h"

namespace holdfast::internal {
namespace {

static_assert(!std::is_copy_constructible_v<MappedMemory>);
static_assert(!std::is_copy_assignable_v<MappedMemory>);
static_assert(std::is_nothrow_move_constructible_v<MappedMemory>);
static_assert(std::is_nothrow_move_assignable_v<MappedMemory>);

size_t PageSize() { return static_cast<size_t>(sysconf(_SC_PAGESIZE)); }

MappedMemory Reserved(size_t bytes) {
  MappedMemory memory;
  const CreationError error = MappedMemory::Reserve(bytes, &memory);
  EXPECT_TRUE(error.ok()) << error.message;
  return memory;
}

// Returns reserved memory, all of which is writable.
MappedMemory Writable(size_t bytes) {
  MappedMemory memory = Reserved(bytes);
  EXPECT_TRUE(MappedMemory::MakeWritable(memory.Array<char>(0, 1), bytes));
  return memory;
}

TEST(MappedMemoryTest, DefaultHoldsNothing) {
  const MappedMemory memory;
  EXPECT_EQ(memory.reserved_bytes(), 0);
  EXPECT_EQ(memory.ResidentBytes(), 0);
}

TEST(MappedMemoryTest, IsZeroedAndAlignedToAPage) {
  const MappedMemory memory = Reserved(3 * PageSize());
  EXPECT_EQ(memory.reserved_bytes(), 3 * PageSize());
  const auto* bytes = memory.Array<unsigned char>(0, 3 * PageSize());
  EXPECT_EQ(reinterpret_cast<uintptr_t>(bytes) % PageSize(), 0);
  for (size_t i = 0; i < 3 * PageSize(); ++i) ASSERT_EQ(bytes[i], 0);
}

TEST(MappedMemoryTest, ArraysLieAtTheirOffsets) {
  const MappedMemory memory = Writable(PageSize());
  auto* const bytes = memory.Array<unsigned char>(0, PageSize());
  auto* const numbers = memory.Array<uint64_t>(64, 2);
  EXPECT_EQ(static_cast<void*>(numbers), static_cast<void*>(bytes + 64));
  numbers[1] = ~uint64_t{0};
  EXPECT_EQ(bytes[71], 0);
  EXPECT_EQ(bytes[72], 0xFF);
  EXPECT_EQ(bytes[80], 0);
}

TEST(MappedMemoryTest, PagesComeWithTheirFirstTouch) {
  // ResidentBytes asks the system about 4,096 pages at a time.
  const size_t pages = 2 * 4096 + 3;
  const MappedMemory memory = Writable(pages * PageSize());
  EXPECT_EQ(memory.ResidentBytes(), 0);
  auto* const bytes = memory.Array<unsigned char>(0, pages * PageSize());
  size_t touched = 0;
  for (const size_t page : {size_t{0}, size_t{4095}, size_t{4096}, pages - 1}) {
    bytes[page * PageSize()] = 1;
    ++touched;
    EXPECT_EQ(memory.ResidentBytes(), touched * PageSize());
  }
}

TEST(MappedMemoryTest, CountsTheLastPageThoughItIsNotWhole) {
  const MappedMemory memory = Writable(PageSize() + 1);
  EXPECT_EQ(memory.reserved_bytes(), PageSize() + 1);
  memory.Array<unsigned char>(0, 1)[PageSize()] = 1;
  EXPECT_EQ(memory.ResidentBytes(), PageSize());
}

TEST(MappedMemoryTest, MovesWithItsContents) {
  MappedMemory a = Writable(PageSize());
  a.Array<int>(0, 1)[0] = 42;
  MappedMemory b(std::move(a));
  EXPECT_EQ(a.reserved_bytes(), 0);  // NOLINT(bugprone-use-after-move)
  EXPECT_EQ(b.reserved_bytes(), PageSize());
  EXPECT_EQ(b.Array<int>(0, 1)[0], 42);

  MappedMemory c = Reserved(2 * PageSize());
  c = std::move(b);
  EXPECT_EQ(b.reserved_bytes(), 0);  // NOLINT(bugprone-use-after-move)
  EXPECT_EQ(c.reserved_bytes(), PageSize());
  EXPECT_EQ(c.Array<int>(0, 1)[0], 42);
}

TEST(MappedMemoryTest, IsGivenBackWhenItIsReplacedOrDestroyed) {
  // 4 TiB, or 64 MiB with 32 bits: the address space of a process has room for
  // 32 or 64 of them, so that 100 fit only if they are given back.
  constexpr size_t kLarge = size_t{1} << (sizeof(size_t) == 8 ? 42 : 26);
  MappedMemory memory;
  if (!MappedMemory::Reserve(kLarge, &memory).ok()) {
    GTEST_SKIP() << "the system refuses this much address space";
  }
  for (int i = 0; i < 100; ++i) memory = Reserved(kLarge);
  EXPECT_EQ(memory.reserved_bytes(), kLarge);
}

TEST(MappedMemoryTest, OnlyTheLimitOnAddressSpaceChargesAReservation) {
  const MappedMemory memory = Reserved(PageSize() * 1000);
  // Only the part that was made writable can be written.
  ASSERT_TRUE(MappedMemory::MakeWritable(memory.Array<char>(PageSize() * 10, 1),
                                         PageSize() * 2));
  memory.Array<char>(PageSize() * 11, 1)[0] = 1;
  EXPECT_EQ(memory.ResidentBytes(), PageSize());
  EXPECT_EXIT(
      memory.Array<char>(PageSize() * 12, 1)[0] = 1,
      [](int status) { return status != 0; }, "");
}

TEST(MappedMemoryTest, MakeWritableLeavesErrnoAlone) {
  errno = 17;
  EXPECT_FALSE(MappedMemory::MakeWritable(nullptr, PageSize()));
  EXPECT_EQ(errno, 17);
}

TEST(MappedMemoryTest, RefusalIsResourceExhaustedWithTheSystemsReason) {
  MappedMemory memory;
  const CreationError error = MappedMemory::Reserve(
      std::numeric_limits<size_t>::max() / 16 * 15, &memory);
  EXPECT_EQ(error.code, CreationError::Code::kResourceExhausted);
  EXPECT_EQ(std::string(error.message).find("mmap: Cannot allocate memory; "),
            0);
  EXPECT_EQ(memory.reserved_bytes(), 0);
}

}  // namespace
}  // namespace holdfast::internal
