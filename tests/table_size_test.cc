// Goal: a table has all of the memory that its slots need, or Create fails.
//
// Method: tables of many sizes, up to the largest that their Traits allow. With
// 32 bits, most of the large ones are larger than the address space. Of some,
// one part or the whole is a little larger than a size_t can say: if the size
// were cut off, they would get too little memory. With 64 bits all may fit.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <regex>
#include <set>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "gtest/gtest.h"
#include "holdfast/handle_table.h"

namespace holdfast {
namespace {

constexpr uint64_t kMostBytes = std::numeric_limits<size_t>::max();

template <typename T>
class TableSizeTest : public testing::Test {
 protected:
  using Table = HandleTable<T>;

  // The least number of bytes of a slot. Inline values are in the slot's word.
  static constexpr uint64_t kSlotBytes = sizeof(T) <= 4 ? 8 : sizeof(T) + 8;

  static absl::StatusOr<Table> Create(uint64_t max_slots) {
    TableOptions options;
    options.max_slots = max_slots;
    return Table::Create(options);
  }

  static uint64_t BytesReserved(uint64_t max_slots) {
    const absl::StatusOr<Table> table = Create(max_slots);
    EXPECT_TRUE(table.ok()) << table.status();
    return table.ok() ? table->GetStats().bytes_reserved : 0;
  }

  // Returns values for max_slots: powers of two and their neighbours, and
  // numbers for which a part of a table, or the whole, is about as large as the
  // largest size_t.
  static std::set<uint64_t> Sizes() {
    std::set<uint64_t> sizes;
    const auto add = [&sizes](uint64_t size) {
      sizes.insert(std::min<uint64_t>(size, Table::kMaxSlots));
    };
    add(Table::kMaxSlots);
    for (int bits = 16; bits <= 31; ++bits) {
      const uint64_t power = uint64_t{1} << bits;
      for (const uint64_t size : {power - 1, power, power + 1, power * 3 / 2})
        add(size);
    }
    constexpr uint64_t kSome = uint64_t{1} << 20;
    const uint64_t whole =
        (BytesReserved(2 * kSome) - BytesReserved(kSome)) / kSome;
    EXPECT_GE(whole, kSlotBytes);
    // The other parts of a table have less than 128 MiB.
    for (const uint64_t bytes : {uint64_t{8}, kSlotBytes, whole}) {
      for (uint64_t mebibyte = 0; mebibyte < 128; ++mebibyte) {
        add((kMostBytes - mebibyte * kSome) / bytes);
        add((kMostBytes - mebibyte * kSome) / bytes + 1);
      }
      add(kMostBytes / bytes + kSome);
    }
    return sizes;
  }
};

// Values in the word, in a cell, and in a cell of several words.
struct Bytes4 {
  uint32_t words[1];
};
struct Bytes8 {
  uint32_t words[2];
};
struct Bytes64 {
  uint32_t words[16];
};
using ValueTypes = testing::Types<Bytes4, Bytes8, Bytes64>;
TYPED_TEST_SUITE(TableSizeTest, ValueTypes);

// The message of a refused table must name all of these bytes, too.
TYPED_TEST(TableSizeTest, TableReservesAllThatItsSlotsTakeOrIsRefused) {
  const std::regex pattern("cannot reserve ([0-9]+) bytes");
  for (const uint64_t max_slots : this->Sizes()) {
    SCOPED_TRACE(max_slots);
    const uint64_t least = max_slots * this->kSlotBytes;
    const auto table = this->Create(max_slots);
    if (table.ok()) {
      ASSERT_GE(table->GetStats().bytes_reserved, least);
      continue;
    }
    ASSERT_TRUE(absl::IsResourceExhausted(table.status())) << table.status();
    const std::string message(table.status().message());
    std::smatch bytes;
    ASSERT_TRUE(std::regex_search(message, bytes, pattern)) << message;
    ASSERT_GE(std::stoull(bytes[1]), least) << message;
  }
}

TYPED_TEST(TableSizeTest, TableLargerThanTheAddressSpaceIsRefused) {
  int larger = 0;
  for (const uint64_t max_slots : this->Sizes()) {
    if (max_slots <= kMostBytes / this->kSlotBytes) continue;
    SCOPED_TRACE(max_slots);
    ++larger;
    const absl::Status status = this->Create(max_slots).status();
    ASSERT_TRUE(absl::IsResourceExhausted(status)) << status;
  }
  if (larger == 0) GTEST_SKIP() << "every table fits into the address space";
}

}  // namespace
}  // namespace holdfast
