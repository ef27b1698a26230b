// The code of docs/choosing.md, as a program. Exits with 1 if a call fails.

#include <cstdint>
#include <iostream>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "holdfast/handle_table.h"

namespace {

struct Object {
  int id;
  Object* moved_to = nullptr;
  bool is_marked = true;
};

// 40 bits of generation: 549 billion lives a slot, at most 4,194,303 slots.
struct LongLived : holdfast::DefaultTraits {
  static constexpr int kGenerationBits = 40;
};
using Roots = holdfast::HandleTable<Object*, LongLived>;

// For engines whose numbers are doubles.
struct ForScripts : holdfast::DefaultTraits {
  static constexpr int kHandleBits = 53;
  using HandleTag = ForScripts;  // A type of its own: not to be mixed up.
};
using ScriptObjects = holdfast::HandleTable<Object*, ForScripts>;

// Roots of objects that have moved get the new addresses. A root to which a
// mutator stores meanwhile keeps what the mutator has stored.
void Heal(Roots& roots) {
  roots.ForEach([&](Roots::Handle handle, Object* object) {
    if (object->moved_to == nullptr) return;
    Object* expected = object;
    roots.CompareExchange(handle, &expected, object->moved_to);
  });
}

// Unpins the weak roots of objects that were not marked. Returns how many.
uint64_t Sweep(Roots& weak_roots) {
  return weak_roots.UnpinWhere(
      [](Roots::Handle, Object* object) { return !object->is_marked; });
}

absl::Status Use() {
  holdfast::TableOptions options;
  options.max_slots = 1'000'000;    // Live at the same time.
  options.thread_cache_slots = 32;  // Free, for each thread.
  absl::StatusOr<Roots> roots = Roots::Create(options);
  if (!roots.ok()) return roots.status();

  // Beside the table, by the index of a live handle's slot.
  Object object = {7};
  const Roots::Handle handle = roots->Pin(&object);
  std::vector<bool> marked(roots->IndexLimit());
  if (std::optional<uint32_t> index = roots->IndexOf(handle)) {
    marked[*index] = true;
  }

  Object moved = {7};
  object.moved_to = &moved;
  Heal(*roots);
  if (roots->Read(handle) != &moved) {
    return absl::InternalError("a root was not healed");
  }
  moved.is_marked = false;
  if (Sweep(*roots) != 1) return absl::InternalError("a root was not swept");

  // What a table has been through.
  const holdfast::TableStats stats = roots->GetStats();
  if (stats.retired > stats.capacity / 100) {
    std::cerr << stats.retired << " slots have served all their lives\n";
  }

  absl::StatusOr<ScriptObjects> objects = ScriptObjects::Create({10'000});
  if (!objects.ok()) return objects.status();
  const double number = static_cast<double>(objects->Pin(&object).bits());
  const auto back =
      ScriptObjects::Handle::FromBits(static_cast<uint64_t>(number));
  if (objects->Read(back) != &object) {
    return absl::InternalError(objects->Describe(back));
  }
  return absl::OkStatus();
}

}  // namespace

int main() {
  const absl::Status status = Use();
  if (!status.ok()) std::cerr << status << '\n';
  return status.ok() ? 0 : 1;
}
