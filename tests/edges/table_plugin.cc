// A plug-in. PLUGINS in BUILD.bazel says how its copy of the library is hidden
// or shared.

#include "tests/edges/table_calls.h"

extern "C" __attribute__((visibility("default"))) void holdfast_table_calls(
    holdfast::TableCalls* calls) {
  *calls = holdfast::OwnTableCalls();
}
