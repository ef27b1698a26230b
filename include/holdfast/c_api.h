/* -----------------------------------------------------------------------------
 * File: c_api.h
 * -----------------------------------------------------------------------------
 *
 * holdfast from C (C11 and later) and whatever calls C: a table keeps values
 * for handles, which are numbers. Any thread may read, write or unpin through
 * a handle, without locks; a stale handle, whose value was unpinned, is told
 * apart from a live one for ever. holdfast/handle_table.h says more of it.
 *
 *   hf_table* table;
 *   if (hf_table_create(NULL, &table, NULL, 0) != HF_OK) abort();
 *   hf_handle handle;
 *   hf_table_pin(table, (uint64_t)(uintptr_t)object, &handle);
 *   uint64_t value;
 *   hf_table_read(table, handle, &value);   // HF_OK
 *   hf_table_unpin(table, handle);          // HF_OK
 *   hf_table_unpin(table, handle);          // HF_NOT_LIVE: nothing is done
 *   hf_table_destroy(table);
 *
 * Two kinds of tables have the same verbs: hf_table, of 64-bit values, and
 * hf_bytes_table, of values of 1 to 64 bytes, which are passed by pointer.
 *
 * Null pointers: a function that returns a status returns HF_INVALID_ARGUMENT
 * for one, unless it says that the argument is optional; what it was to fill
 * stays as it is, but that hf_*_create sets `*table` or `*walk` to NULL. Other
 * functions say what they return. A pointer that is neither null nor valid is
 * undefined behaviour; any number is good as a handle.
 *
 * Threads: any number of them may be inside any functions at once, except that
 * creation happens before, and destruction after, all use; hf_*_for_each_
 * exclusive and the walks say more. No function waits for another thread: the
 * progress of each is that of the method of its name in C++.
 *
 * Signals: a handler may call hf_*_read and hf_*_contains, whatever it
 * interrupts, and nothing that changes a table.
 *
 * Fork: parent and child each go on with a copy of every table. Handles of
 * before are valid in both; those made after must not pass between them.
 *
 * Exceptions: no function throws one of its own. One that a callback throws
 * leaves the function that called it, which has then ended as if the callback
 * had stopped the walk: allowed if all callers up to the one that catches it
 * are compiled for exceptions. A callback may leave by longjmp in the same way;
 * but see hf_walk_work. A callback of hf_*_for_each_exclusive that leaves in
 * one of these ways leaves the value that it was shown as it was.
 */

#ifndef HOLDFAST_C_API_H_
#define HOLDFAST_C_API_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* HF_API marks what a shared library exports. On Windows, define HF_BUILD_DLL
 * to build one, and HF_USE_DLL to use one. */
#if defined(_WIN32) && defined(HF_BUILD_DLL)
#define HF_API __declspec(dllexport)
#elif defined(_WIN32) && defined(HF_USE_DLL)
#define HF_API __declspec(dllimport)
#elif defined(__GNUC__)
#define HF_API __attribute__((visibility("default")))
#else
#define HF_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* Names one value of one table, from its pin to its unpin. Handles that a table
 * issues are odd and less than 2^handle_bits, so positive as int64_t too. */
typedef uint64_t hf_handle;

/* No table ever issues it, and every table refuses it. */
#define HF_NULL_HANDLE UINT64_C(0)

/* --- Status --------------------------------------------------------------- */

typedef enum hf_status {
  HF_OK = 0,
  HF_NOT_LIVE = 1, /* The handle: stale, null or foreign; see hf_*_diagnose. */
  HF_FULL = 2,     /* No slot is left, or the system refuses memory for it. */
  HF_STOPPED = 3,  /* The callback has ended the walk. */
  HF_INVALID_ARGUMENT = 4,  /* A null pointer, or an option out of range. */
  HF_RESOURCE_EXHAUSTED = 5 /* The system refuses memory for a new object. */
} hf_status;

/* "HF_OK" and so on; "unknown" for other numbers. */
HF_API const char* hf_status_name(hf_status status);

/* What the comments above say, for messages: "the handle is not live". */
HF_API const char* hf_status_text(hf_status status);

/* --- Why a handle is refused ---------------------------------------------- */

typedef enum hf_state {
  HF_STATE_NULL = 0,         /* The null handle. */
  HF_STATE_FOREIGN = 1,      /* Not of this table: malformed or another's. */
  HF_STATE_NEVER_ISSUED = 2, /* In this table's range, not pinned yet. */
  HF_STATE_LIVE = 3,
  HF_STATE_STALE = 4,  /* Unpinned; its slot goes on. */
  HF_STATE_RETIRED = 5 /* Unpinned; its slot has served all its lives. */
} hf_state;

/* "null", "foreign", "never issued", "live", "stale" or "retired"; "unknown"
 * for other numbers. */
HF_API const char* hf_state_name(hf_state state);

/* What the comments above say, for messages. hf_*_describe tells more. */
HF_API const char* hf_state_text(hf_state state);

typedef struct hf_diagnosis {
  hf_state state;
  /* Of stale and retired: lives of the slot that have ended since the handle
   * was issued, its own included; so at least 1. Else 0. */
  uint64_t lives_ended;
} hf_diagnosis;

/* --- Options -------------------------------------------------------------- */

/* What a table is created with. It is to be initialized by hf_options_init or
 * HF_OPTIONS_INIT, as later versions may have more members. */
typedef struct hf_options {
  /* sizeof(hf_options), as the caller was compiled. */
  uint32_t struct_bytes;

  /* Handles are less than 2^handle_bits: 63, 53 or 32. With 53, one survives a
   * double, the only number of JavaScript, Lua 5.1 and LuaJIT; with 32, it fits
   * a uint32_t. The fewer bits, the fewer slots and lives there are, and the
   * worse a handle that comes from elsewhere is recognized (traits.h says how
   * well):
   *
   *   handle_bits   max_slots at most   lives of a slot, before it is retired
   *   63            1,073,741,823       2,147,483,647
   *   53                2,097,152       2,147,483,647
   *   32                   65,536              32,767
   */
  uint32_t handle_bits;

  /* Values that can be live at the same time, from 1 to the number above. The
   * default becomes that if it is less. This is address space, not memory. */
  uint64_t max_slots;

  /* Free slots that a thread may keep for itself, 0 to 126. A table uses
   * max_slots / 16 if that is less. holdfast/options.h tells more. */
  uint32_t thread_cache_slots;

  /* Whether `key` counts: 0, or else; then it is what is XORed into every
   * handle, even and less than 2^handle_bits. It is random otherwise. With a
   * key of one's own, a program that does the same in one thread issues the
   * same handles; tables with the same key do not tell each other's apart. */
  uint32_t has_key;
  uint64_t key;
} hf_options;

/* 63 bits, 2^24 slots, 64 free slots for a thread, a random key. */
#define HF_OPTIONS_INIT \
  { sizeof(hf_options), 63, 16777216, 64, 0, 0 }

/* The same; `options_bytes` is sizeof(hf_options). Does nothing to null. */
HF_API void hf_options_init(hf_options* options, size_t options_bytes);

/* --- Tables of 64-bit values: creation ------------------------------------ */

typedef struct hf_table hf_table;

/* Sets `*table` to an empty table. `options` is optional: null for the
 * defaults. HF_INVALID_ARGUMENT: an option is out of range, or is of a later
 * version and not zero. HF_RESOURCE_EXHAUSTED: the system refuses memory.
 *
 * `message` is optional: `message_bytes` bytes for a text, with its end, that
 * names the option and its range, or the limit of the system; cut off if it is
 * longer (512 bytes are enough), and empty without an error. */
HF_API hf_status hf_table_create(const hf_options* options, hf_table** table,
                                 char* message, size_t message_bytes);

/* Forgets all values. No thread may be inside a call. Does nothing to null. */
HF_API void hf_table_destroy(hf_table* table);

/* --- Verbs ---------------------------------------------------------------- */

/* Keeps `value`, and sets `*handle` to a handle for it, unlike all that this
 * table has returned before. HF_FULL: `*handle` is then the null handle. */
HF_API hf_status hf_table_pin(hf_table* table, uint64_t value,
                              hf_handle* handle);

/* Copies the value to `*value`. HF_NOT_LIVE: `*value` stays as it is. */
HF_API hf_status hf_table_read(const hf_table* table, hf_handle handle,
                               uint64_t* value);

/* Whether `handle` is live. False without a table. */
HF_API bool hf_table_contains(const hf_table* table, hf_handle handle);

/* Replaces the value; the handle stays the same. HF_NOT_LIVE. */
HF_API hf_status hf_table_write(hf_table* table, hf_handle handle,
                                uint64_t value);

/* As write, and sets `*old` to the very value that is replaced. HF_NOT_LIVE:
 * `*old` stays as it is. */
HF_API hf_status hf_table_exchange(hf_table* table, hf_handle handle,
                                   uint64_t value, uint64_t* old);

/* Ends the life of `handle` and of its copies. HF_NOT_LIVE: of racing calls,
 * all but one. */
HF_API hf_status hf_table_unpin(hf_table* table, hf_handle handle);

/* As unpin, and sets `*value` to the very value that the handle had at its
 * end. HF_NOT_LIVE: `*value` stays as it is. */
HF_API hf_status hf_table_take(hf_table* table, hf_handle handle,
                               uint64_t* value);

/* Unpins everything that was pinned before the call, and returns how many that
 * were. 0 without a table. */
HF_API uint64_t hf_table_unpin_all(hf_table* table);

/* --- Walks ---------------------------------------------------------------- */

/* What walks call, with the `context` that they were given. It returns 0, or
 * anything else to end the walk. It may use the table, and unpin what it is
 * shown. */
typedef int hf_visit(void* context, hf_handle handle, uint64_t value);

/* Calls `visit` for the values of the table, in no set order: each that is
 * pinned throughout the call once, one that is pinned or unpinned meanwhile at
 * most once. HF_STOPPED if `visit` has ended the walk. */
HF_API hf_status hf_table_for_each(const hf_table* table, hf_visit* visit,
                                   void* context);

/* As hf_visit, of a value that it may change; it must not use the table. */
typedef int hf_update(void* context, hf_handle handle, uint64_t* value);

/* Calls `update` for every value and keeps what that leaves in it, also where
 * it ends the walk. Requires that no other thread is inside a call, that their
 * last calls happen before this one, and this one before their next. */
HF_API hf_status hf_table_for_each_exclusive(hf_table* table, hf_update* update,
                                             void* context);

/* hf_table_for_each by several threads together: one creates a walk, each works
 * on it. All of them together visit what one hf_table_for_each would, whose
 * call spans from the creation to the last return. */
typedef struct hf_walk hf_walk;

/* Begins a walk. HF_RESOURCE_EXHAUSTED. It must be destroyed before its table.
 */
HF_API hf_status hf_walk_create(const hf_table* table, hf_walk** walk);

/* Visits values until no thread has any left to begin with. HF_STOPPED if
 * `visit` has ended this call; what it leaves over is visited by calls that are
 * still running, or by the next one. If `visit` leaves by longjmp, up to 1,024
 * slots are visited by nobody. Allocates nothing. */
HF_API hf_status hf_walk_work(hf_walk* walk, hf_visit* visit, void* context);

/* Begins a new walk in place of the old one, and allocates nothing: threads
 * that a collector has stopped may be inside malloc. Requires that no thread is
 * inside hf_walk_work, that their last calls happen before this one, and this
 * one before their next. */
HF_API hf_status hf_walk_restart(hf_walk* walk);

/* No thread may be inside hf_walk_work. Does nothing to null. */
HF_API void hf_walk_destroy(hf_walk* walk);

/* --- Observers ------------------------------------------------------------ */

/* Why `handle` is refused, or HF_STATE_LIVE; true at some time during the call.
 * For messages: slower than contains, and it cannot see everything. A foreign
 * handle can look like one that is stale or was never issued. */
HF_API hf_status hf_table_diagnose(const hf_table* table, hf_handle handle,
                                   hf_diagnosis* diagnosis);

/* What diagnose finds, as a text with its end: "Handle(0x...) is stale: slot 17
 * has ended 3 lives since it was issued". As snprintf: at most `bytes` bytes
 * are written, `text` may be null if that is 0, and the length of the whole
 * text is returned, without its end: less than 192. 0 and an empty text without
 * a table. */
HF_API size_t hf_table_describe(const hf_table* table, hf_handle handle,
                                char* text, size_t bytes);

/* What tables tell of themselves: exact if no other thread works on the table
 * meanwhile. Later versions may have more members. */
typedef struct hf_stats {
  uint64_t live;       /* Values pinned. */
  uint64_t free;       /* Other slots in use, `cached` included. */
  uint64_t cached;     /* Free slots that threads keep for themselves. */
  uint64_t retired;    /* Slots whose lives have run out: capacity lost. */
  uint64_t high_water; /* Slots ever handed out, by batches. */
  uint64_t capacity;   /* max_slots, as used. */

  /* The largest generation of any slot. It grows by 2 with each life; at the
   * end of the last generation a slot is retired. */
  uint64_t oldest_generation;
  uint64_t last_generation;

  uint64_t thread_cache_slots; /* As used. */
  uint64_t bytes_reserved;     /* Address space. */
  uint64_t bytes_touched;      /* Of these, in memory now, in whole pages. */
} hf_stats;

/* `stats_bytes` is sizeof(hf_stats). Walks the whole table, and asks the system
 * about all of its pages. */
HF_API hf_status hf_table_get_stats(const hf_table* table, hf_stats* stats,
                                    size_t stats_bytes);

/* Sets `*index` to the index of the slot of a live handle: that of no other
 * live one, the same for all its life, another handle's after that. Indexes are
 * dense from 0 on, so arrays beside the table can be indexed by them.
 * HF_NOT_LIVE: `*index` stays as it is. */
HF_API hf_status hf_table_index_of(const hf_table* table, hf_handle handle,
                                   uint32_t* index);

/* The live handle whose slot has that index; the null handle if there is none,
 * or no table. */
HF_API hf_handle hf_table_handle_at(const hf_table* table, uint32_t index);

/* More than the index of any handle that was issued so far: it grows by whole
 * batches, and never falls. 0 without a table. */
HF_API uint64_t hf_table_index_limit(const hf_table* table);

/* --- Tables of values of 1 to 64 bytes ------------------------------------ */

/* As the functions of hf_table, with values passed by pointers to as many bytes
 * as the table was created for: these are copied, and need no alignment. What
 * callbacks are shown is aligned for types of up to 8 bytes. Values of
 * different lengths may take the same memory in a table: lengths are rounded up
 * to 4, 8, 16, 24, 32, 48 or 64. */
typedef struct hf_bytes_table hf_bytes_table;
typedef struct hf_bytes_walk hf_bytes_walk;
typedef int hf_bytes_visit(void* context, hf_handle handle, const void* value);
typedef int hf_bytes_update(void* context, hf_handle handle, void* value);

/* `value_bytes` is 1 to 64. */
HF_API hf_status hf_bytes_table_create(size_t value_bytes,
                                       const hf_options* options,
                                       hf_bytes_table** table, char* message,
                                       size_t message_bytes);
HF_API void hf_bytes_table_destroy(hf_bytes_table* table);

/* What the table was created with. 0 without a table. */
HF_API size_t hf_bytes_table_value_bytes(const hf_bytes_table* table);

HF_API hf_status hf_bytes_table_pin(hf_bytes_table* table, const void* value,
                                    hf_handle* handle);
HF_API hf_status hf_bytes_table_read(const hf_bytes_table* table,
                                     hf_handle handle, void* value);
HF_API bool hf_bytes_table_contains(const hf_bytes_table* table,
                                    hf_handle handle);
HF_API hf_status hf_bytes_table_write(hf_bytes_table* table, hf_handle handle,
                                      const void* value);
/* `value` and `old` may be the same. */
HF_API hf_status hf_bytes_table_exchange(hf_bytes_table* table,
                                         hf_handle handle, const void* value,
                                         void* old);
HF_API hf_status hf_bytes_table_unpin(hf_bytes_table* table, hf_handle handle);
HF_API hf_status hf_bytes_table_take(hf_bytes_table* table, hf_handle handle,
                                     void* value);
HF_API uint64_t hf_bytes_table_unpin_all(hf_bytes_table* table);

HF_API hf_status hf_bytes_table_for_each(const hf_bytes_table* table,
                                         hf_bytes_visit* visit, void* context);
HF_API hf_status hf_bytes_table_for_each_exclusive(hf_bytes_table* table,
                                                   hf_bytes_update* update,
                                                   void* context);
HF_API hf_status hf_bytes_walk_create(const hf_bytes_table* table,
                                      hf_bytes_walk** walk);
HF_API hf_status hf_bytes_walk_work(hf_bytes_walk* walk, hf_bytes_visit* visit,
                                    void* context);
HF_API hf_status hf_bytes_walk_restart(hf_bytes_walk* walk);
HF_API void hf_bytes_walk_destroy(hf_bytes_walk* walk);

HF_API hf_status hf_bytes_table_diagnose(const hf_bytes_table* table,
                                         hf_handle handle,
                                         hf_diagnosis* diagnosis);
HF_API size_t hf_bytes_table_describe(const hf_bytes_table* table,
                                      hf_handle handle, char* text,
                                      size_t bytes);
HF_API hf_status hf_bytes_table_get_stats(const hf_bytes_table* table,
                                          hf_stats* stats, size_t stats_bytes);
HF_API hf_status hf_bytes_table_index_of(const hf_bytes_table* table,
                                         hf_handle handle, uint32_t* index);
HF_API hf_handle hf_bytes_table_handle_at(const hf_bytes_table* table,
                                          uint32_t index);
HF_API uint64_t hf_bytes_table_index_limit(const hf_bytes_table* table);

#ifdef __cplusplus
} /* extern "C" */
#endif

#endif /* HOLDFAST_C_API_H_ */
