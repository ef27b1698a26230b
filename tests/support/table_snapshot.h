// Everything that a table tells about itself, to be compared before and after a
// call that must change nothing.

#ifndef HOLDFAST_TESTS_SUPPORT_TABLE_SNAPSHOT_H_
#define HOLDFAST_TESTS_SUPPORT_TABLE_SNAPSHOT_H_

#include <cstdint>
#include <string>
#include <unordered_map>

#include "absl/strings/str_cat.h"
#include "holdfast/handle_table.h"

namespace holdfast {

// The values of a table, by the bits of their handles. `twice` is empty unless
// a handle was visited more than once.
template <typename T>
struct TableContents {
  std::unordered_map<uint64_t, T> values;
  std::string twice;

  void Add(Handle<T> handle, const T& value) {
    if (!values.emplace(handle.bits(), value).second) {
      absl::StrAppend(&twice, absl::Hex(handle.bits()), " ");
    }
  }

  friend bool operator==(const TableContents& a, const TableContents& b) {
    return a.values == b.values && a.twice == b.twice;
  }
};

template <typename Table>
TableContents<typename Table::value_type> ContentsOf(const Table& table) {
  using T = typename Table::value_type;
  TableContents<T> contents;
  table.ForEach(
      [&](Handle<T> handle, const T& value) { contents.Add(handle, value); });
  return contents;
}

// All statistics but bytes_touched, which merely reading a slot may increase.
inline std::string Summary(const TableStats& stats) {
  return absl::StrCat(
      "live ", stats.live, " free ", stats.free, " cached ", stats.cached,
      " retired ", stats.retired, " high_water ", stats.high_water,
      " capacity ", stats.capacity, " oldest ", stats.oldest_generation,
      " last ", stats.last_generation, " cache ", stats.thread_cache_slots,
      " reserved ", stats.bytes_reserved);
}

}  // namespace holdfast

#endif  // HOLDFAST_TESTS_SUPPORT_TABLE_SNAPSHOT_H_
