// What handles, states and diagnoses look like in messages.

#include "holdfast/diagnosis.h"

#include <cstdint>
#include <sstream>
#include <string>

#include "gtest/gtest.h"
#include "holdfast/handle_table.h"
#include "tests/support/table_access.h"

namespace holdfast {
namespace {

using Table = HandleTable<uint64_t>;

// A sink such as StrCat and StrFormat pass to AbslStringify.
struct Sink {
  void Append(const std::string& more) { text += more; }
  std::string text;
};

// Returns what operator<< prints, and checks that AbslStringify prints the
// same.
template <typename T>
std::string Printed(const T& value) {
  std::ostringstream os;
  os << value;
  Sink sink;
  AbslStringify(sink, value);
  EXPECT_EQ(sink.text, os.str());
  return os.str();
}

TEST(DiagnosisTest, StatesPrintTheirNames) {
  const std::pair<HandleState, const char*> names[] = {
      {HandleState::kNull, "null"},
      {HandleState::kForeign, "foreign"},
      {HandleState::kNeverIssued, "never issued"},
      {HandleState::kLive, "live"},
      {HandleState::kStale, "stale"},
      {HandleState::kRetired, "retired"},
      {static_cast<HandleState>(17), "unknown"},
  };
  for (const auto& [state, name] : names) {
    EXPECT_EQ(Printed(state), name);
    EXPECT_EQ(HandleStateName(state), std::string(name));
    EXPECT_EQ(Printed(Diagnosis{state, 0}), name);
  }
}

TEST(DiagnosisTest, PrintsHowManyLivesHaveEnded) {
  EXPECT_EQ(Printed(Diagnosis{HandleState::kStale, 1}), "stale, 1 life ended");
  EXPECT_EQ(Printed(Diagnosis{HandleState::kRetired, ~uint64_t{0}}),
            "retired, 18446744073709551615 lives ended");
}

TEST(DiagnosisTest, IsEqualIfStateAndLivesAre) {
  constexpr Diagnosis kStale = {HandleState::kStale, 2};
  static_assert(kStale == Diagnosis{HandleState::kStale, 2});
  static_assert(kStale != Diagnosis{HandleState::kRetired, 2});
  static_assert(kStale != Diagnosis{HandleState::kStale, 3});
}

TEST(DiagnosisTest, HandlesStringifyAsTheyPrint) {
  EXPECT_EQ(Printed(Table::Handle()), "Handle(null)");
  EXPECT_EQ(Printed(Table::Handle::FromBits(0x1F)),
            "Handle(0x000000000000001f)");
}

TEST(DiagnosisTest, DescribeSaysWhatBecameOfAHandle) {
  TableOptions options = {10, 0};
  options.key = 0x4000'0000'0000'0000;  // Leaves slot and life readable.
  Table table = *Table::Create(options);
  const Table::TestAccess access(table);
  const auto first = table.Pin(1);
  const auto handle = table.Pin(2);
  const std::string name = "Handle(0x4000000100000001)";
  EXPECT_EQ(table.Describe({}), "Handle(null) is the null handle");
  EXPECT_EQ(table.Describe(handle), name + " is live, in slot 1");
  EXPECT_EQ(table.Describe(access.HandleAt(2, 1)),
            "Handle(0x4000000200000001) was never issued: slot 2 has not come "
            "to that life");
  EXPECT_EQ(table.Describe(Table::Handle::FromBits(12)),
            "Handle(0x000000000000000c) is foreign: this table has no such "
            "slot, or not with that life");
  table.Unpin(handle);
  EXPECT_EQ(table.Describe(handle),
            name + " is stale: slot 1 has ended 1 life since it was issued");
  table.Unpin(table.Pin(3));
  EXPECT_EQ(table.Describe(handle),
            name + " is stale: slot 1 has ended 2 lives since it was issued");
  table.Unpin(first);
}

TEST(DiagnosisTest, DescribeSaysThatASlotIsRetired) {
  TableOptions options = {1, 0};
  options.key = 0;
  Table table = *Table::Create(options);
  Table::TestAccess access(table);
  const auto first = table.Pin(1);
  ASSERT_TRUE(table.Unpin(first));
  access.AgeFreeSlots(0xFFFF'FFFC);
  ASSERT_TRUE(table.Unpin(table.Pin(1)));
  EXPECT_EQ(table.Describe(first),
            "Handle(0x0000000000000001) is stale: slot 0 has ended 2147483647 "
            "lives since it was issued, and is retired");
}

}  // namespace
}  // namespace holdfast
