// The value type of the host's table: the objects that scripts pin.

#ifndef HOLDFAST_EXAMPLES_SCRIPT_HOST_HOST_OBJECT_H_
#define HOLDFAST_EXAMPLES_SCRIPT_HOST_HOST_OBJECT_H_

#include <cstdint>
#include <cstring>

#include "holdfast/handle_table.h"

namespace script_host {

// The kinds of objects, by the names that scripts use. Ends with null.
inline constexpr const char* kKindNames[] = {"session", "message", "object",
                                             nullptr};

// An object has four words. If a reader saw only half of a write, the checksum
// would be wrong.
struct HostObject {
  double value;       // What scripts read and write.
  uint64_t serial;    // Different for each object of this run.
  uint32_t script;    // The script that pinned it: an index of Host::scripts.
  uint32_t kind;      // An index of kKindNames.
  uint64_t checksum;  // Of the other members.
};

using ObjectTable = holdfast::HandleTable<HostObject>;
using Handle = ObjectTable::Handle;

inline uint64_t Checksum(const HostObject& object) {
  uint64_t value_bits;
  std::memcpy(&value_bits, &object.value, sizeof(value_bits));
  uint64_t sum = 0;
  for (const uint64_t word : {value_bits, object.serial,
                              uint64_t{object.script}, uint64_t{object.kind}}) {
    sum = (sum ^ word) * 0x9E3779B97F4A7C15u;
    sum ^= sum >> 32;
  }
  return sum;
}

// Returns the object with another value and the checksum for it.
inline HostObject WithValue(HostObject object, double value) {
  object.value = value;
  object.checksum = Checksum(object);
  return object;
}

inline bool IsWhole(const HostObject& object) {
  return object.checksum == Checksum(object);
}

}  // namespace script_host

#endif  // HOLDFAST_EXAMPLES_SCRIPT_HOST_HOST_OBJECT_H_
