// A write from a function that has an over-aligned variable and an alloca.
// There clang keeps the frame's address in rbx; and cmpxchg16b, by which values
// of 8 bytes are written, takes an operand in rbx.

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "gtest/gtest.h"
#include "holdfast/handle_table.h"
#include "tests/edges/odd_frame_code.h"

namespace holdfast {
namespace {

int looks = 0;

void Look(char* aligned, char* dynamic, size_t bytes) {
  EXPECT_EQ(reinterpret_cast<uintptr_t>(aligned) % 64, 0);
  if (++looks == 1) {
    std::memset(aligned, 1, 64);
    std::memset(dynamic, 2, bytes);
  }
  EXPECT_EQ(aligned[63], 1);
  EXPECT_EQ(dynamic[bytes - 1], 2);
}

TEST(OddFrameTest, AWriteLeavesItAsItIs) {
  auto table = *HandleTable<uint64_t>::Create();
  const auto handle = table.Pin(1);
  EXPECT_EQ(WriteInAnOddFrame(table, handle, 1000, 5, &Look), 1);
  EXPECT_EQ(looks, 2);
  EXPECT_EQ(table.Read(handle), 5);
}

}  // namespace
}  // namespace holdfast
