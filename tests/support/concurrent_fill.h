// Counts what a table has left by using it up.

#ifndef HOLDFAST_TESTS_SUPPORT_CONCURRENT_FILL_H_
#define HOLDFAST_TESTS_SUPPORT_CONCURRENT_FILL_H_

#include <cstdint>

namespace holdfast {

// Pins until `table` refuses and returns how often it did not: more than its
// capacity, but not endlessly, if it hands slots out twice.
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
