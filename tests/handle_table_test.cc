#include "holdfast/handle_table.h"

#include <cstdint>
#include <vector>

#include "gtest/gtest.h"

namespace holdfast {
namespace {

TEST(HandleTableTest, Smoke) {
  auto table = *HandleTable<uint64_t>::Create();
  auto h = table.Pin(42);
  EXPECT_EQ(table.Read(h), 42);
  EXPECT_TRUE(table.Write(h, 43));
  EXPECT_EQ(table.Exchange(h, 44), 43);
  EXPECT_EQ(table.Take(h), 44);
  EXPECT_FALSE(table.Unpin(h));
  auto small = *HandleTable<uint32_t>::Create();
  auto s = small.Pin(42);
  EXPECT_EQ(small.Read(s), 42);
  EXPECT_TRUE(small.Write(s, 43));
  EXPECT_EQ(small.Exchange(s, 44), 43);
  EXPECT_EQ(small.Take(s), 44);
  EXPECT_FALSE(small.Unpin(s));
  std::vector<Handle<uint64_t>> hs;
  for (uint64_t i = 0; i < 10000; ++i) hs.push_back(table.Pin(i));
  uint64_t sum = 0;
  table.ForEach([&](Handle<uint64_t>, uint64_t v) { sum += v; });
  EXPECT_EQ(sum, 10000 * 9999 / 2);
  EXPECT_EQ(table.GetStats().live, 10000);
  EXPECT_EQ(table.UnpinAll(), 10000);
  EXPECT_EQ(table.GetStats().live, 0);
}

}  // namespace
}  // namespace holdfast
