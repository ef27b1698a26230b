// In a file of its own, so that the compiler knows nothing of look().

#include "tests/edges/odd_frame_code.h"

#include <alloca.h>

#include <cstddef>
#include <cstdint>

#include "holdfast/handle_table_verbs.h"

namespace holdfast {

int WriteInAnOddFrame(HandleTable<uint64_t>& table, Handle<uint64_t> handle,
                      size_t bytes, uint64_t value, Look* look) {
  alignas(64) char aligned[64];
  char* const dynamic = static_cast<char*>(alloca(bytes));
  look(aligned, dynamic, bytes);
  table.Write(handle, value);
  look(aligned, dynamic, bytes);
  return aligned[3];
}

}  // namespace holdfast
