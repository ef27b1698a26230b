// A table of VALUE, which the command line defines, and types of values that a
// table must refuse. See cases.txt.

#include <memory>
#include <string>

#include "holdfast/handle_table.h"
#include "holdfast/object_table.h"

using Const = const int;
using Volatile = volatile int;
using Array = int[4];
using Function = int();
using Unique = std::unique_ptr<int>;

struct MoveOnly {
  MoveOnly(const MoveOnly&) = delete;
  MoveOnly(MoveOnly&&) = default;
  int value;
};

struct CopiesExplicitly {
  explicit CopiesExplicitly(const CopiesExplicitly&) = default;
  int value;
};

struct CopiesFromVariables {
  CopiesFromVariables(CopiesFromVariables&) = default;
  int value;
};

struct NotAssignable {
  const int value;
};

struct Large {
  char bytes[65];
};

struct Incomplete;

struct Throws {
  ~Throws() noexcept(false) {}
};

#ifdef OBJECTS
using Table = holdfast::ObjectTable<VALUE>;
#else
using Table = holdfast::HandleTable<VALUE>;
#endif

auto Create() { return Table::Create(); }

#ifdef READ_INTO
bool Read(const Table& table, Table::Handle handle, VALUE* value) {
  return table.Read(handle, value);
}
#endif
