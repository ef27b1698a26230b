// The functions of c_api.h that take a table or a walk: each checks its
// arguments for null pointers, and calls the virtual function that does the
// work (c_api_tables.h).

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "c_api_tables.h"
#include "holdfast/c_api.h"
#include "holdfast/diagnosis.h"
#include "holdfast/options.h"

namespace {

using holdfast::internal::CTable;

template <typename... Pointers>
bool IsAnyNull(const Pointers*... pointers) {
  return (... || (pointers == nullptr));
}

template <typename Table, typename Walk>
hf_status CreateWalk(const Table* table, Walk** walk) {
  if (walk == nullptr) return HF_INVALID_ARGUMENT;
  *walk = table != nullptr ? table->NewWalk() : nullptr;
  if (*walk != nullptr) return HF_OK;
  return table != nullptr ? HF_RESOURCE_EXHAUSTED : HF_INVALID_ARGUMENT;
}

template <typename Walk>
hf_status Restart(Walk* walk) {
  if (walk == nullptr) return HF_INVALID_ARGUMENT;
  walk->Restart();
  return HF_OK;
}

hf_status Diagnose(const CTable* table, hf_handle handle,
                   hf_diagnosis* diagnosis) {
  if (IsAnyNull(table, diagnosis)) return HF_INVALID_ARGUMENT;
  const holdfast::Diagnosis found = table->Diagnose(handle);
  *diagnosis = {static_cast<hf_state>(found.state), found.lives_ended};
  return HF_OK;
}

size_t Describe(const CTable* table, hf_handle handle, char* text,
                size_t bytes) {
  if (table == nullptr) return holdfast::internal::CopyText("", text, bytes);
  return holdfast::internal::CopyText(table->ToText(handle).text, text, bytes);
}

hf_status GetStats(const CTable* table, hf_stats* stats, size_t stats_bytes) {
  if (IsAnyNull(table, stats)) return HF_INVALID_ARGUMENT;
  const holdfast::TableStats found = table->GetStats();
  const hf_stats all = {found.live,
                        found.free,
                        found.cached,
                        found.retired,
                        found.high_water,
                        found.capacity,
                        found.oldest_generation,
                        found.last_generation,
                        found.thread_cache_slots,
                        found.bytes_reserved,
                        found.bytes_touched};
  const size_t known = std::min(stats_bytes, sizeof(all));
  std::memcpy(stats, &all, known);
  // Members of a later version are zero.
  std::memset(reinterpret_cast<unsigned char*>(stats) + known, 0,
              stats_bytes - known);
  return HF_OK;
}

}  // namespace

// --- 64-bit values -----------------------------------------------------------

void hf_table_destroy(hf_table* table) { delete table; }

hf_status hf_table_pin(hf_table* table, uint64_t value, hf_handle* handle) {
  return IsAnyNull(table, handle) ? HF_INVALID_ARGUMENT
                                  : table->Pin(value, handle);
}

hf_status hf_table_read(const hf_table* table, hf_handle handle,
                        uint64_t* value) {
  return IsAnyNull(table, value) ? HF_INVALID_ARGUMENT
                                 : table->Read(handle, value);
}

bool hf_table_contains(const hf_table* table, hf_handle handle) {
  return table != nullptr && table->Contains(handle);
}

hf_status hf_table_write(hf_table* table, hf_handle handle, uint64_t value) {
  return IsAnyNull(table) ? HF_INVALID_ARGUMENT : table->Write(handle, value);
}

hf_status hf_table_exchange(hf_table* table, hf_handle handle, uint64_t value,
                            uint64_t* old) {
  return IsAnyNull(table, old) ? HF_INVALID_ARGUMENT
                               : table->Exchange(handle, value, old);
}

hf_status hf_table_compare_exchange(hf_table* table, hf_handle handle,
                                    uint64_t* expected, uint64_t desired) {
  return IsAnyNull(table, expected)
             ? HF_INVALID_ARGUMENT
             : table->CompareExchange(handle, expected, desired);
}

hf_status hf_table_unpin_if(hf_table* table, hf_handle handle,
                            uint64_t expected) {
  return IsAnyNull(table) ? HF_INVALID_ARGUMENT
                          : table->UnpinIf(handle, expected);
}

size_t hf_table_pin_many(hf_table* table, const uint64_t* values, size_t count,
                         hf_handle* handles) {
  return IsAnyNull(table, values, handles)
             ? 0
             : table->PinMany(values, count, handles);
}

size_t hf_table_read_many(const hf_table* table, const hf_handle* handles,
                          size_t count, uint64_t* values, bool* live) {
  return IsAnyNull(table, handles, values, live)
             ? 0
             : table->ReadMany(handles, count, values, live);
}

size_t hf_table_unpin_many(hf_table* table, const hf_handle* handles,
                           size_t count) {
  return IsAnyNull(table, handles) ? 0 : table->UnpinMany(handles, count);
}

hf_status hf_table_unpin(hf_table* table, hf_handle handle) {
  return IsAnyNull(table) ? HF_INVALID_ARGUMENT : table->Unpin(handle);
}

hf_status hf_table_take(hf_table* table, hf_handle handle, uint64_t* value) {
  return IsAnyNull(table, value) ? HF_INVALID_ARGUMENT
                                 : table->Take(handle, value);
}

uint64_t hf_table_unpin_all(hf_table* table) {
  return table != nullptr ? table->UnpinAll() : 0;
}

uint64_t hf_table_unpin_all_exclusive(hf_table* table) {
  return table != nullptr ? table->UnpinAllExclusive() : 0;
}

hf_status hf_table_for_each(const hf_table* table, hf_visit* visit,
                            void* context) {
  if (table == nullptr || visit == nullptr) return HF_INVALID_ARGUMENT;
  return table->ForEach(visit, context);
}

hf_status hf_table_for_each_exclusive(hf_table* table, hf_update* update,
                                      void* context) {
  if (table == nullptr || update == nullptr) return HF_INVALID_ARGUMENT;
  return table->ForEachExclusive(update, context);
}

hf_status hf_walk_create(const hf_table* table, hf_walk** walk) {
  return CreateWalk(table, walk);
}

hf_status hf_walk_work(hf_walk* walk, hf_visit* visit, void* context) {
  if (walk == nullptr || visit == nullptr) return HF_INVALID_ARGUMENT;
  return walk->Work(visit, context);
}

hf_status hf_walk_restart(hf_walk* walk) { return Restart(walk); }

void hf_walk_destroy(hf_walk* walk) { delete walk; }

hf_status hf_table_diagnose(const hf_table* table, hf_handle handle,
                            hf_diagnosis* diagnosis) {
  return Diagnose(table, handle, diagnosis);
}

size_t hf_table_describe(const hf_table* table, hf_handle handle, char* text,
                         size_t bytes) {
  return Describe(table, handle, text, bytes);
}

hf_status hf_table_get_stats(const hf_table* table, hf_stats* stats,
                             size_t stats_bytes) {
  return GetStats(table, stats, stats_bytes);
}

hf_status hf_table_index_of(const hf_table* table, hf_handle handle,
                            uint32_t* index) {
  return IsAnyNull(table, index) ? HF_INVALID_ARGUMENT
                                 : table->IndexOf(handle, index);
}

hf_handle hf_table_handle_at(const hf_table* table, uint32_t index) {
  return table != nullptr ? table->HandleAt(index) : HF_NULL_HANDLE;
}

uint64_t hf_table_index_limit(const hf_table* table) {
  return table != nullptr ? table->IndexLimit() : 0;
}

// --- Values of 1 to 64 bytes -------------------------------------------------

void hf_bytes_table_destroy(hf_bytes_table* table) { delete table; }

hf_status hf_bytes_table_pin(hf_bytes_table* table, const void* value,
                             hf_handle* handle) {
  return IsAnyNull(table, value, handle) ? HF_INVALID_ARGUMENT
                                         : table->Pin(value, handle);
}

hf_status hf_bytes_table_read(const hf_bytes_table* table, hf_handle handle,
                              void* value) {
  return IsAnyNull(table, value) ? HF_INVALID_ARGUMENT
                                 : table->Read(handle, value);
}

bool hf_bytes_table_contains(const hf_bytes_table* table, hf_handle handle) {
  return table != nullptr && table->Contains(handle);
}

hf_status hf_bytes_table_write(hf_bytes_table* table, hf_handle handle,
                               const void* value) {
  return IsAnyNull(table, value) ? HF_INVALID_ARGUMENT
                                 : table->Write(handle, value);
}

hf_status hf_bytes_table_exchange(hf_bytes_table* table, hf_handle handle,
                                  const void* value, void* old) {
  return IsAnyNull(table, value, old) ? HF_INVALID_ARGUMENT
                                      : table->Exchange(handle, value, old);
}

hf_status hf_bytes_table_compare_exchange(hf_bytes_table* table,
                                          hf_handle handle, void* expected,
                                          const void* desired) {
  return IsAnyNull(table, expected, desired)
             ? HF_INVALID_ARGUMENT
             : table->CompareExchange(handle, expected, desired);
}

hf_status hf_bytes_table_unpin_if(hf_bytes_table* table, hf_handle handle,
                                  const void* expected) {
  return IsAnyNull(table, expected) ? HF_INVALID_ARGUMENT
                                    : table->UnpinIf(handle, expected);
}

size_t hf_bytes_table_pin_many(hf_bytes_table* table, const void* values,
                               size_t count, hf_handle* handles) {
  return IsAnyNull(table, values, handles)
             ? 0
             : table->PinMany(values, count, handles);
}

size_t hf_bytes_table_read_many(const hf_bytes_table* table,
                                const hf_handle* handles, size_t count,
                                void* values, bool* live) {
  return IsAnyNull(table, handles, values, live)
             ? 0
             : table->ReadMany(handles, count, values, live);
}

size_t hf_bytes_table_unpin_many(hf_bytes_table* table,
                                 const hf_handle* handles, size_t count) {
  return IsAnyNull(table, handles) ? 0 : table->UnpinMany(handles, count);
}

hf_status hf_bytes_table_unpin(hf_bytes_table* table, hf_handle handle) {
  return IsAnyNull(table) ? HF_INVALID_ARGUMENT : table->Unpin(handle);
}

hf_status hf_bytes_table_take(hf_bytes_table* table, hf_handle handle,
                              void* value) {
  return IsAnyNull(table, value) ? HF_INVALID_ARGUMENT
                                 : table->Take(handle, value);
}

uint64_t hf_bytes_table_unpin_all(hf_bytes_table* table) {
  return table != nullptr ? table->UnpinAll() : 0;
}

uint64_t hf_bytes_table_unpin_all_exclusive(hf_bytes_table* table) {
  return table != nullptr ? table->UnpinAllExclusive() : 0;
}

hf_status hf_bytes_table_for_each(const hf_bytes_table* table,
                                  hf_bytes_visit* visit, void* context) {
  if (table == nullptr || visit == nullptr) return HF_INVALID_ARGUMENT;
  return table->ForEach(visit, context);
}

hf_status hf_bytes_table_for_each_exclusive(hf_bytes_table* table,
                                            hf_bytes_update* update,
                                            void* context) {
  if (table == nullptr || update == nullptr) return HF_INVALID_ARGUMENT;
  return table->ForEachExclusive(update, context);
}

hf_status hf_bytes_walk_create(const hf_bytes_table* table,
                               hf_bytes_walk** walk) {
  return CreateWalk(table, walk);
}

hf_status hf_bytes_walk_work(hf_bytes_walk* walk, hf_bytes_visit* visit,
                             void* context) {
  if (walk == nullptr || visit == nullptr) return HF_INVALID_ARGUMENT;
  return walk->Work(visit, context);
}

hf_status hf_bytes_walk_restart(hf_bytes_walk* walk) { return Restart(walk); }

void hf_bytes_walk_destroy(hf_bytes_walk* walk) { delete walk; }

hf_status hf_bytes_table_diagnose(const hf_bytes_table* table, hf_handle handle,
                                  hf_diagnosis* diagnosis) {
  return Diagnose(table, handle, diagnosis);
}

size_t hf_bytes_table_describe(const hf_bytes_table* table, hf_handle handle,
                               char* text, size_t bytes) {
  return Describe(table, handle, text, bytes);
}

hf_status hf_bytes_table_get_stats(const hf_bytes_table* table, hf_stats* stats,
                                   size_t stats_bytes) {
  return GetStats(table, stats, stats_bytes);
}

hf_status hf_bytes_table_index_of(const hf_bytes_table* table, hf_handle handle,
                                  uint32_t* index) {
  return IsAnyNull(table, index) ? HF_INVALID_ARGUMENT
                                 : table->IndexOf(handle, index);
}

hf_handle hf_bytes_table_handle_at(const hf_bytes_table* table,
                                   uint32_t index) {
  return table != nullptr ? table->HandleAt(index) : HF_NULL_HANDLE;
}

uint64_t hf_bytes_table_index_limit(const hf_bytes_table* table) {
  return table != nullptr ? table->IndexLimit() : 0;
}
