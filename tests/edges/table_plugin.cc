// One plug-in. How its copy of the library is hidden or shared is in
// BUILD.bazel: see PLUGINS.

#include "tests/edges/table_calls.h"

extern "C" __attribute__((visibility("default"))) void holdfast_table_calls(
    holdfast::TableCalls* calls) {
  *calls = holdfast::OwnTableCalls();
}
