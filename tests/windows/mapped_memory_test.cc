// Goal: MappedMemory on Windows does what its comments say. Run by
// tools/check_windows.

#include "holdfast/internal/mapped_memory.h"

#define WIN32_LEAN_AND_MEAN
#if !defined(NOMINMAX)
#define NOMINMAX
#endif
#include <windows.h>

#include <cstddef>
#include <limits>
#include <string>
#include <utility>

#include "gtest/gtest.h"
#include "holdfast/internal/creation_error.h"

namespace holdfast::internal {
namespace {

constexpr size_t kLarge = size_t{1} << 38;  // More than can be committed.

MappedMemory Reserved(size_t bytes) {
  MappedMemory memory;
  const CreationError error = MappedMemory::Reserve(bytes, &memory);
  EXPECT_TRUE(error.ok()) << error.message;
  return memory;
}

// Returns what the system says about the page.
DWORD StateOf(const void* address) {
  MEMORY_BASIC_INFORMATION info;
  VirtualQuery(address, &info, sizeof(info));
  return info.State;
}

TEST(WindowsMappedMemoryTest, WhatIsReservedIsCommittedAsItIsMadeWritable) {
  const size_t page = MappedMemory::PageBytes();
  const MappedMemory memory = Reserved(kLarge);
  auto* const bytes = memory.Array<char>(0, kLarge);
  ASSERT_TRUE(MappedMemory::MakeWritable(bytes + 2 * page, 2 * page));
  EXPECT_EQ(StateOf(bytes + page), DWORD{MEM_RESERVE});
  EXPECT_EQ(StateOf(bytes + 3 * page), DWORD{MEM_COMMIT});
  EXPECT_EQ(StateOf(bytes + 4 * page), DWORD{MEM_RESERVE});
  for (size_t i = 2 * page; i < 4 * page; ++i) ASSERT_EQ(bytes[i], 0);
}

TEST(WindowsMappedMemoryTest, MakeWritableKeepsWhatWasWritten) {
  const size_t page = MappedMemory::PageBytes();
  const MappedMemory memory = Reserved(10 * page);
  auto* const bytes = memory.Array<char>(0, 10 * page);
  ASSERT_TRUE(MappedMemory::MakeWritable(bytes, page));
  bytes[1] = 42;
  SetLastError(17);
  ASSERT_TRUE(MappedMemory::MakeWritable(bytes, 10 * page));
  EXPECT_FALSE(MappedMemory::MakeWritable(bytes + 10 * page, page));
  EXPECT_EQ(GetLastError(), DWORD{17});
  EXPECT_EQ(bytes[1], 42);
  bytes[9 * page] = 1;
}

TEST(WindowsMappedMemoryTest, CountsThePagesThatWereTouched) {
  const size_t page = MappedMemory::PageBytes();
  const size_t bytes = 1000 * page;  // ResidentBytes asks for 256 at a time.
  const MappedMemory memory = Reserved(bytes);
  EXPECT_EQ(memory.ResidentBytes(), 0);
  ASSERT_TRUE(MappedMemory::MakeWritable(memory.Array<char>(0, 1), bytes));
  EXPECT_EQ(memory.ResidentBytes(), 0);
  for (const size_t touched : {size_t{0}, size_t{256}, size_t{999}}) {
    memory.Array<char>(0, 1)[touched * page] = 1;
  }
  EXPECT_EQ(memory.ResidentBytes(), 3 * page);
}

TEST(WindowsMappedMemoryTest, IsGivenBackWhenItIsReplacedOrDestroyed) {
  const void* base = nullptr;
  {
    MappedMemory memory = Reserved(kLarge);
    base = memory.Array<char>(0, 1);
    MappedMemory moved(std::move(memory));
    EXPECT_EQ(StateOf(base), DWORD{MEM_RESERVE});
  }
  EXPECT_EQ(StateOf(base), DWORD{MEM_FREE});
}

TEST(WindowsMappedMemoryTest, RefusalIsResourceExhaustedWithTheError) {
  MappedMemory memory;
  const CreationError error = MappedMemory::Reserve(
      std::numeric_limits<size_t>::max() / 16 * 15, &memory);
  EXPECT_EQ(error.code, CreationError::Code::kResourceExhausted);
  EXPECT_EQ(std::string(error.message).find("VirtualAlloc: error "), 0)
      << error.message;
  EXPECT_EQ(memory.reserved_bytes(), 0);
}

}  // namespace
}  // namespace holdfast::internal
