// The operations of a table as pointers to functions of one copy of the
// library, so that code with another copy can call them. Each plug-in and each
// host has one such TableCalls.

#ifndef HOLDFAST_TESTS_EDGES_TABLE_CALLS_H_
#define HOLDFAST_TESTS_EDGES_TABLE_CALLS_H_

#include <cstdint>

#include "holdfast/handle_table.h"

namespace holdfast {

// A value that can be checked for being torn.
struct Twins {
  static Twins Of(uint64_t number) { return {number, ~number}; }
  bool IsWhole() const { return second == ~first; }

  uint64_t first;
  uint64_t second;
};

struct TableCalls {
  using Table = HandleTable<Twins>;
  using Visit = void (*)(void* visitor, uint64_t handle, const Twins* value);

  // Returns null if the table cannot be created.
  Table* (*create)(uint64_t max_slots, uint32_t thread_cache_slots);
  void (*destroy)(Table*);

  uint64_t (*pin)(Table*, uint64_t number);
  // These return false if the handle is refused, or if the value is torn.
  bool (*read)(const Table*, uint64_t handle, uint64_t* number);
  bool (*contains)(const Table*, uint64_t handle);
  bool (*write)(Table*, uint64_t handle, uint64_t number);
  bool (*exchange)(Table*, uint64_t handle, uint64_t number, uint64_t* old);
  bool (*take)(Table*, uint64_t handle, uint64_t* number);
  bool (*unpin)(Table*, uint64_t handle);
  uint64_t (*unpin_all)(Table*);
  void (*for_each)(const Table*, Visit, void* visitor);
  uint64_t (*live)(const Table*);
};

// Static, so that the linker cannot replace it by that of another copy.
static TableCalls OwnTableCalls() {
  using Table = TableCalls::Table;
  using Handle = Table::Handle;
  TableCalls calls;
  calls.create = [](uint64_t max_slots, uint32_t cache) -> Table* {
    TableOptions options;
    options.max_slots = max_slots;
    options.thread_cache_slots = cache;
    auto table = Table::Create(options);
    return table.ok() ? new Table(*std::move(table)) : nullptr;
  };
  calls.destroy = [](Table* table) { delete table; };
  calls.pin = [](Table* table, uint64_t number) {
    return table->Pin(Twins::Of(number)).bits();
  };
  calls.read = [](const Table* table, uint64_t handle, uint64_t* number) {
    const auto value = table->Read(Handle::FromBits(handle));
    if (value) *number = value->first;
    return value && value->IsWhole();
  };
  calls.contains = [](const Table* table, uint64_t handle) {
    return table->Contains(Handle::FromBits(handle));
  };
  calls.write = [](Table* table, uint64_t handle, uint64_t number) {
    return table->Write(Handle::FromBits(handle), Twins::Of(number));
  };
  calls.exchange = [](Table* table, uint64_t handle, uint64_t number,
                      uint64_t* old) {
    const auto value =
        table->Exchange(Handle::FromBits(handle), Twins::Of(number));
    if (value) *old = value->first;
    return value && value->IsWhole();
  };
  calls.take = [](Table* table, uint64_t handle, uint64_t* number) {
    const auto value = table->Take(Handle::FromBits(handle));
    if (value) *number = value->first;
    return value && value->IsWhole();
  };
  calls.unpin = [](Table* table, uint64_t handle) {
    return table->Unpin(Handle::FromBits(handle));
  };
  calls.unpin_all = [](Table* table) { return table->UnpinAll(); };
  calls.for_each = [](const Table* table, TableCalls::Visit visit,
                      void* visitor) {
    table->ForEach([&](Handle handle, const Twins& value) {
      visit(visitor, handle.bits(), &value);
    });
  };
  calls.live = [](const Table* table) { return table->GetStats().live; };
  return calls;
}

}  // namespace holdfast

#endif  // HOLDFAST_TESTS_EDGES_TABLE_CALLS_H_
