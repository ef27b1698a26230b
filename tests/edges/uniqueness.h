// Checks of a table whose threads have left calls halfway: no two handles share
// a slot or a cell. Slots and cells may be lost.

#ifndef HOLDFAST_TESTS_EDGES_UNIQUENESS_H_
#define HOLDFAST_TESTS_EDGES_UNIQUENESS_H_

#include <cstddef>
#include <cstdint>
#include <set>
#include <string>
#include <vector>

namespace holdfast {

// Writes a different value through each of `handles`, and reads all of them
// back. Returns what is wrong, or an empty string.
template <typename Table>
std::string SharedCells(Table& table,
                        const std::vector<typename Table::Handle>& handles) {
  using Value = typename Table::value_type;
  for (uint64_t pass = 0; pass < 2; ++pass) {
    for (size_t i = 0; i < handles.size(); ++i) {
      if (!table.Write(handles[i], Value::Make(i, i >> 12 ^ pass))) {
        return "a live handle is refused by Write; ";
      }
    }
    size_t wrong = 0;
    for (size_t i = 0; i < handles.size(); ++i) {
      const auto value = table.Read(handles[i]);
      if (!value || !(*value == Value::Make(i, i >> 12 ^ pass))) ++wrong;
    }
    if (wrong > 0) {
      return std::to_string(wrong) + " of " + std::to_string(handles.size()) +
             " handles do not read what was written to them last; ";
    }
  }
  return "";
}

// Fills the table up. Checks that at least `least` values are live then, that
// all handles differ, and that each reads what was written to it. Then unpins
// all. Returns what is wrong, or an empty string. Requires that no other thread
// is inside a call.
template <typename Table>
std::string UniquenessProblem(Table& table, uint64_t least) {
  using Handle = typename Table::Handle;
  using Value = typename Table::value_type;
  std::string problem;
  std::vector<Handle> handles;
  table.ForEach([&](Handle handle, const Value& value) {
    if (!value.IsWhole()) problem = "a torn value; ";
    handles.push_back(handle);
  });
  const uint64_t most = 2 * table.GetStats().capacity + handles.size();
  while (handles.size() < most) {
    const Handle handle = table.Pin(Value::Make(handles.size(), 0));
    if (!handle) break;
    handles.push_back(handle);
  }
  std::set<uint64_t> different;
  for (const Handle handle : handles) different.insert(handle.bits());
  if (different.size() != handles.size()) problem += "a handle came twice; ";
  if (handles.size() < least) {
    problem += "only " + std::to_string(handles.size()) + " values fit; ";
  }
  problem += SharedCells(table, handles);
  if (table.UnpinAll() != handles.size()) problem += "UnpinAll missed some; ";
  return problem;
}

}  // namespace holdfast

#endif  // HOLDFAST_TESTS_EDGES_UNIQUENESS_H_
