#ifndef HOLDFAST_TESTS_EDGES_ODD_FRAME_CODE_H_
#define HOLDFAST_TESTS_EDGES_ODD_FRAME_CODE_H_

#include <cstddef>
#include <cstdint>

#include "holdfast/handle_table_verbs.h"

namespace holdfast {

using Look = void(char* aligned, char* dynamic, size_t bytes);

// Writes the value from a function with an over-aligned variable and one of
// `bytes` bytes, which look() gets before and after. Returns aligned[3].
int WriteInAnOddFrame(HandleTable<uint64_t>& table, Handle<uint64_t> handle,
                      size_t bytes, uint64_t value, Look* look);

}  // namespace holdfast

#endif  // HOLDFAST_TESTS_EDGES_ODD_FRAME_CODE_H_
