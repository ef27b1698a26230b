// Counts how many values a table still has room for, by filling it up.

#ifndef HOLDFAST_TESTS_SUPPORT_CONCURRENT_FILL_H_
#define HOLDFAST_TESTS_SUPPORT_CONCURRENT_FILL_H_

#include <cstdint>

namespace holdfast {

// Pins values until `table` refuses one, and returns how many it took. Ends
// even if a defect makes the table hand out slots twice: then the number is
// larger than the capacity.
template <typename Table>
uint64_t FillUp(Table& table) {
  const uint64_t capacity = table.GetStats().capacity;
  uint64_t pinned = 0;
  while (pinned <= 2 * capacity + 10'000 &&
         table.Pin(typename Table::value_type{})) {
    ++pinned;
  }
  return pinned;
}

}  // namespace holdfast

#endif  // HOLDFAST_TESTS_SUPPORT_CONCURRENT_FILL_H_
