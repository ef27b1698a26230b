/* -----------------------------------------------------------------------------
 * File: c_api.h
 * -----------------------------------------------------------------------------
 *
 * The C interface of holdfast, for C11 and later and for languages that can
 * call C. A table keeps values. Pinning a value returns a handle, which is a
 * number; with the handle, any thread may read, replace or unpin the value,
 * without locks. A handle is live until its value is unpinned, and stale from
 * then on: the table tells a stale handle from a live one for ever.
 * holdfast/handle_table.h describes tables in more detail.
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
 * There are two kinds of tables with the same functions: hf_table for 64-bit
 * values, and hf_bytes_table for values of 1 to 64 bytes, which are passed by
 * pointer.
 *
 * Null pointers: a function that returns an hf_status returns
 * HF_INVALID_ARGUMENT if a pointer is null, unless its comment says that the
 * argument is optional. It then leaves its other output arguments unchanged,
 * except that hf_*_create sets `*table` or `*walk` to NULL. Other functions do
 * nothing then, and return 0, false or the null handle. A pointer that is
 * neither null nor valid is undefined behaviour.
 *
 * Handles: any number may be passed as a handle. If it is not a live handle of
 * the table, the function returns HF_NOT_LIVE, changes nothing, and leaves its
 * output arguments unchanged; except that hf_*_contains, hf_*_diagnose and
 * hf_*_describe say what it is, and that hf_*_compare_exchange and
 * hf_*_unpin_if return HF_UNSUPPORTED, where they do, for any handle.
 *
 * Threads: any number of threads may be inside any functions at once, except
 * that a table must be created before, and destroyed after, all other calls on
 * it. hf_*_for_each_exclusive and the walks have further rules. No function
 * waits for another thread (but see Write in handle_table_verbs.h). Each
 * function has the progress guarantee of the C++ method of its name.
 *
 * Signals: a handler may call hf_*_read, hf_*_read_many and hf_*_contains,
 * whatever it interrupts, and no function that changes a table.
 *
 * Fork: parent and child each go on with their own copy of every table. Handles
 * issued before the fork are valid in both; handles issued later must not pass
 * between them.
 *
 * Exceptions: no function throws an exception of its own. An exception that a
 * callback throws leaves the function that called it, and ends the walk as if
 * the callback had stopped it. This is allowed if all functions between the
 * callback and the one that catches the exception are compiled with exceptions.
 * A callback may also leave by longjmp, with the same effect; but see
 * hf_walk_work. If a callback of hf_*_for_each_exclusive leaves in one of these
 * two ways, the value that it was shown stays as it was.
 */

#ifndef HOLDFAST_C_API_H_
#define HOLDFAST_C_API_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* HF_API marks the functions that a shared library exports. On Windows, define
 * HF_BUILD_DLL to build a shared library, and HF_USE_DLL to use one. */
#if defined(_WIN32) && defined(HF_BUILD_DLL)
#define HF_API __declspec(dllexport)
#elif defined(_WIN32) && defined(HF_USE_DLL)
#define HF_API __declspec(dllimport)
#elif defined(__GNUC__)
#define HF_API __attribute__((visibility("default")))
#else
#define HF_API
#endif

/* In C++, any unsigned int is a value of these enumerations, as in C with the
 * usual compilers: a library of a later version may return numbers that this
 * header does not name. */
#ifdef __cplusplus
#define HF_ENUM_BASE : unsigned
#else
#define HF_ENUM_BASE
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* Names one value of one table, from its pin to its unpin. Handles that a table
 * issues are odd and less than 2^handle_bits: positive as int64_t, too. */
typedef uint64_t hf_handle;

/* The null handle: no table ever issues it, and every table refuses it. */
#define HF_NULL_HANDLE UINT64_C(0)

/* --- Status --------------------------------------------------------------- */

typedef enum hf_status HF_ENUM_BASE {
  HF_OK = 0,
  HF_NOT_LIVE = 1, /* The handle is not live; hf_*_diagnose says why. */
  HF_FULL = 2,     /* No slot is left, or the system refuses memory for it. */
  HF_STOPPED = 3,  /* The callback has ended the walk. */
  HF_INVALID_ARGUMENT = 4,   /* A pointer is null, or an option out of range. */
  HF_RESOURCE_EXHAUSTED = 5, /* The system refuses memory for a new object. */
  HF_DIFFERENT = 6,          /* The value is not the expected one. */
  HF_UNSUPPORTED =
      7 /* Values of this size cannot be compared on this processor. */
} hf_status;

/* Returns the constant's name, such as "HF_OK"; "unknown" for other numbers. */
HF_API const char* hf_status_name(hf_status status);

/* Returns a text for messages, such as "the handle is not live". */
HF_API const char* hf_status_text(hf_status status);

/* --- Why a handle is refused ---------------------------------------------- */

typedef enum hf_state HF_ENUM_BASE {
  HF_STATE_NULL = 0,         /* The null handle. */
  HF_STATE_FOREIGN = 1,      /* Not of this table: malformed or another's. */
  HF_STATE_NEVER_ISSUED = 2, /* In this table's range, not pinned yet. */
  HF_STATE_LIVE = 3,         /* Pinned. */
  HF_STATE_STALE = 4,        /* Unpinned; its slot can serve further lives. */
  HF_STATE_RETIRED = 5       /* Unpinned; its slot has served all its lives. */
} hf_state;

/* Returns "null", "foreign", "never issued", "live", "stale" or "retired";
 * "unknown" for other numbers. */
HF_API const char* hf_state_name(hf_state state);

/* Returns a text for messages. The text of hf_*_describe says more. */
HF_API const char* hf_state_text(hf_state state);

typedef struct hf_diagnosis {
  hf_state state;
  /* For stale and retired handles: how many lives of the slot (a life lasts
   * from a pin to its unpin) have ended since the handle was issued, including
   * its own; at least 1. Otherwise 0. */
  uint64_t lives_ended;
} hf_diagnosis;

/* --- Options -------------------------------------------------------------- */

/* The options of a new table. Initialize them by hf_options_init or
 * HF_OPTIONS_INIT, since later versions may have more members. */
typedef struct hf_options {
  /* sizeof(hf_options) when the caller was compiled. */
  uint32_t struct_bytes;

  /* Handles are less than 2^handle_bits: 63, 53 or 32. With 53, a handle passes
   * unchanged through a double, the only number type of JavaScript, Lua 5.1 and
   * LuaJIT; with 32, it fits into a uint32_t. The fewer bits, the fewer slots
   * and lives there are, and the more often a number that the table has not
   * issued is taken for a live handle (kHandleBits in traits.h says how often):
   *
   *   handle_bits   max_slots at most   lives of a slot, before it is retired
   *   63            1,073,741,823       2,147,483,647
   *   53                2,097,152       2,147,483,647
   *   32                   65,536              32,767
   */
  uint32_t handle_bits;

  /* How many values can be live at the same time: from 1 to the number in the
   * table above, which is also the default if it is less than HF_OPTIONS_INIT
   * says. The number costs address space, not memory. */
  uint64_t max_slots;

  /* How many free slots a thread may keep for itself: 0 to 4096. A small table
   * uses less. holdfast/options.h says more. */
  uint32_t thread_cache_slots;

  /* If has_key is 0, `key` is ignored and the table takes a random one.
   * Otherwise `key` is XORed into every handle; it must be even and less than
   * 2^handle_bits. With a given key, a program with one thread issues the same
   * handles each time it runs. Tables with the same key do not recognize each
   * other's handles as foreign. */
  uint32_t has_key;
  uint64_t key;
} hf_options;

/* The defaults: 63 bits, 2^24 slots, 256 free slots for a thread, and a random
 * key. */
#define HF_OPTIONS_INIT \
  { sizeof(hf_options), 63, 16777216, 256, 0, 0 }

/* Sets `*options` to the defaults. `options_bytes` is sizeof(hf_options). */
HF_API void hf_options_init(hf_options* options, size_t options_bytes);

/* --- Tables of 64-bit values: creation ------------------------------------ */

typedef struct hf_table hf_table;

/* Sets `*table` to an empty table. `options` is optional: null stands for the
 * defaults. Returns HF_INVALID_ARGUMENT if an option is out of range, or if the
 * options set a member that this version of the library does not know; and
 * HF_RESOURCE_EXHAUSTED if the system refuses memory.
 *
 * `message` is optional. It points to `message_bytes` bytes, which receive a
 * text that ends with a null character: after an error it names the option and
 * its range, or the limit of the system; otherwise it is empty. A text that is
 * too long is cut off; 512 bytes are always enough. */
HF_API hf_status hf_table_create(const hf_options* options, hf_table** table,
                                 char* message, size_t message_bytes);

/* Destroys the table, which forgets all its values. No thread may be inside a
 * call on it. */
HF_API void hf_table_destroy(hf_table* table);

/* --- Verbs ---------------------------------------------------------------- */

/* Puts `value` into the table and sets `*handle` to its handle, which differs
 * from all handles that this table has returned before. If it returns HF_FULL,
 * `*handle` is the null handle. */
HF_API hf_status hf_table_pin(hf_table* table, uint64_t value,
                              hf_handle* handle);

/* Copies the value to `*value`. */
HF_API hf_status hf_table_read(const hf_table* table, hf_handle handle,
                               uint64_t* value);

/* Returns whether `handle` is live. */
HF_API bool hf_table_contains(const hf_table* table, hf_handle handle);

/* Replaces the value; the handle stays live. */
HF_API hf_status hf_table_write(hf_table* table, hf_handle handle,
                                uint64_t value);

/* As hf_table_write, and sets `*old` to the very value that was replaced. */
HF_API hf_status hf_table_exchange(hf_table* table, hf_handle handle,
                                   uint64_t value, uint64_t* old);

/* Replaces the value by `desired` if it is `*expected`. If it is another one,
 * sets `*expected` to that and returns HF_DIFFERENT. Returns HF_UNSUPPORTED,
 * and does nothing, where the processor has no compare-and-swap of 16 bytes:
 * x86-64 and AArch64 have one. */
HF_API hf_status hf_table_compare_exchange(hf_table* table, hf_handle handle,
                                           uint64_t* expected,
                                           uint64_t desired);

/* As hf_table_unpin, if the value is `expected`. If it is another one, returns
 * HF_DIFFERENT, and changes nothing. Returns HF_UNSUPPORTED where
 * hf_table_compare_exchange does. */
HF_API hf_status hf_table_unpin_if(hf_table* table, hf_handle handle,
                                   uint64_t expected);

/* Makes `handle` and all its copies stale. Of several racing calls exactly one
 * returns HF_OK, and the others return HF_NOT_LIVE. */
HF_API hf_status hf_table_unpin(hf_table* table, hf_handle handle);

/* As hf_table_unpin, and sets `*value` to the very value that the handle had at
 * its end. */
HF_API hf_status hf_table_take(hf_table* table, hf_handle handle,
                               uint64_t* value);

/* Pins values[0] to values[count - 1], in order, and stores their handles in
 * handles[0] and on. Returns how many it has pinned: fewer than all only if
 * hf_table_pin would now return HF_FULL. The other elements of `handles` stay
 * as they are. Takes several free slots at once. */
HF_API size_t hf_table_pin_many(hf_table* table, const uint64_t* values,
                                size_t count, hf_handle* handles);

/* For each i less than `count`, sets live[i] to whether handles[i] is live, and
 * if so, copies its value to values[i]. Returns how many are live. The values
 * are read one after the other, not at one moment. Prefetches slots, which pays
 * in tables that are larger than the processor's caches. */
HF_API size_t hf_table_read_many(const hf_table* table,
                                 const hf_handle* handles, size_t count,
                                 uint64_t* values, bool* live);

/* Unpins handles[0] to handles[count - 1], in order. Returns how many values it
 * has unpinned: the other handles were not live. */
HF_API size_t hf_table_unpin_many(hf_table* table, const hf_handle* handles,
                                  size_t count);

/* Unpins every value that was pinned before the call; a value that is pinned
 * meanwhile may be unpinned too. Returns how many values it has unpinned. */
HF_API uint64_t hf_table_unpin_all(hf_table* table);

/* As hf_table_unpin_all, but several times as fast, for a caller that has
 * stopped all other threads. Requires what hf_table_for_each_exclusive does. */
HF_API uint64_t hf_table_unpin_all_exclusive(hf_table* table);

/* --- Walks ---------------------------------------------------------------- */

/* A walk calls a function of this type for each value, with the `context` that
 * was passed to the walk, which may be null. The function returns 0 to go on,
 * and any other number to end the walk. It may use the table, and may unpin the
 * handle that it is shown. */
typedef int hf_visit(void* context, hf_handle handle, uint64_t value);

/* Calls `visit` for the values of the table, in no set order: exactly once for
 * a value that stays pinned throughout the call, and at most once for a value
 * that is pinned or unpinned meanwhile. Returns HF_STOPPED if `visit` has ended
 * the walk. */
HF_API hf_status hf_table_for_each(const hf_table* table, hf_visit* visit,
                                   void* context);

/* As hf_visit, but it may change the value, and it must not use the table. */
typedef int hf_update(void* context, hf_handle handle, uint64_t* value);

/* Calls `update` for every value and stores what it leaves in `*value`, also if
 * it then ends the walk. Requires that no other thread is inside a call, that
 * the last calls of the other threads happen before this call, and that this
 * call happens before their next ones. Returns HF_STOPPED if `update` has ended
 * the walk. */
HF_API hf_status hf_table_for_each_exclusive(hf_table* table, hf_update* update,
                                             void* context);

/* An hf_table_for_each by several threads together: one thread creates a walk,
 * and each thread calls hf_walk_work on it. Together they visit what one
 * hf_table_for_each would visit whose call lasts from the creation of the walk
 * to the last return of hf_walk_work. */
typedef struct hf_walk hf_walk;

/* Sets `*walk` to a new walk of the table, to be destroyed before the table.
 * Returns HF_RESOURCE_EXHAUSTED if the system refuses memory. */
HF_API hf_status hf_walk_create(const hf_table* table, hf_walk** walk);

/* Visits values until there are none left that no thread has begun with.
 * Returns HF_STOPPED if `visit` has ended this call; then other calls that are
 * still running, or the next call, visit what this one has left over. If
 * `visit` leaves by longjmp, the values of up to 1,024 slots are not visited at
 * all. Allocates no memory. */
HF_API hf_status hf_walk_work(hf_walk* walk, hf_visit* visit, void* context);

/* Begins the walk anew. Allocates no memory, so a collector may call it while
 * threads that it has stopped are inside malloc. Requires that no thread is
 * inside hf_walk_work, that all earlier calls of it happen before this call,
 * and that this call happens before all later ones. */
HF_API hf_status hf_walk_restart(hf_walk* walk);

/* Destroys the walk. No thread may be inside hf_walk_work. */
HF_API void hf_walk_destroy(hf_walk* walk);

/* --- Observers ------------------------------------------------------------ */

/* Sets `*diagnosis` to the reason why `handle` is refused, or to HF_STATE_LIVE.
 * The answer was true at some time during the call. It is for messages: it is
 * slower than hf_table_contains, and a handle of another table may be taken for
 * one of this table that is stale or was never issued. */
HF_API hf_status hf_table_diagnose(const hf_table* table, hf_handle handle,
                                   hf_diagnosis* diagnosis);

/* Writes what hf_table_diagnose finds to `text`, such as "Handle(0x...) is
 * stale: slot 17 has ended 3 lives since it was issued", and a null character.
 * Works like snprintf: it writes at most `bytes` bytes, `text` may be null, and
 * it returns the length of the whole text without the null character, which is
 * less than 192. If `table` is null, the text is empty. */
HF_API size_t hf_table_describe(const hf_table* table, hf_handle handle,
                                char* text, size_t bytes);

/* What a table holds: exact if no other thread changes the table meanwhile.
 * Later versions may have more members. */
typedef struct hf_stats {
  uint64_t live;       /* Values that are pinned. */
  uint64_t free;       /* Slots handed out before, but free now. */
  uint64_t cached;     /* Those of `free` that threads keep for themselves. */
  uint64_t retired;    /* Slots that have served all their lives. */
  uint64_t high_water; /* live + free + retired; as the index limit below. */
  uint64_t capacity;   /* max_slots as used. `retired` of it are lost. */

  /* The generation of a slot grows by 2 with each life. This is the largest one
   * of any slot, at most last_generation; the slot retires when that is over.
   */
  uint64_t oldest_generation;
  uint64_t last_generation;

  uint64_t thread_cache_slots; /* The number that the table uses. */
  uint64_t bytes_reserved;     /* Address space. */
  uint64_t bytes_touched;      /* The part of it that is in memory now; whole
                                * pages. 0 if the system does not tell. */
} hf_stats;

/* Sets `*stats`. `stats_bytes` is sizeof(hf_stats). Looks at every slot below
 * the index limit, and asks the system about every page of the table. */
HF_API hf_status hf_table_get_stats(const hf_table* table, hf_stats* stats,
                                    size_t stats_bytes);

/* Sets `*index` to the index of the slot of a live handle. The index stays the
 * same for the handle's life, and no other live handle has it; after that,
 * another handle may get it. Indexes are dense from 0 on, so arrays beside the
 * table can be indexed by them. */
HF_API hf_status hf_table_index_of(const hf_table* table, hf_handle handle,
                                   uint32_t* index);

/* Returns the live handle whose slot has that index, or the null handle. */
HF_API hf_handle hf_table_handle_at(const hf_table* table, uint32_t index);

/* Returns the index limit: a number that is more than the index of every handle
 * issued so far. It grows by several slots at a time, and never falls. */
HF_API uint64_t hf_table_index_limit(const hf_table* table);

/* --- Tables of values of 1 to 64 bytes ------------------------------------ */

/* These are like the functions of hf_table, but pass a value by a pointer to
 * value_bytes bytes, with the value_bytes of hf_bytes_table_create. The bytes
 * are copied, and may have any alignment. The value that a callback is shown is
 * aligned for types of up to 8 bytes. In a table, value_bytes are rounded up to
 * 4, 8, 16, 24, 32, 48 or 64. */
typedef struct hf_bytes_table hf_bytes_table;
typedef struct hf_bytes_walk hf_bytes_walk;
typedef int hf_bytes_visit(void* context, hf_handle handle, const void* value);
typedef int hf_bytes_update(void* context, hf_handle handle, void* value);

/* As hf_table_create. `value_bytes` is 1 to 64. */
HF_API hf_status hf_bytes_table_create(size_t value_bytes,
                                       const hf_options* options,
                                       hf_bytes_table** table, char* message,
                                       size_t message_bytes);
HF_API void hf_bytes_table_destroy(hf_bytes_table* table);

/* Returns the value_bytes that the table was created with. */
HF_API size_t hf_bytes_table_value_bytes(const hf_bytes_table* table);

HF_API hf_status hf_bytes_table_pin(hf_bytes_table* table, const void* value,
                                    hf_handle* handle);
HF_API hf_status hf_bytes_table_read(const hf_bytes_table* table,
                                     hf_handle handle, void* value);
HF_API bool hf_bytes_table_contains(const hf_bytes_table* table,
                                    hf_handle handle);
HF_API hf_status hf_bytes_table_write(hf_bytes_table* table, hf_handle handle,
                                      const void* value);
/* `value` and `old` may point to the same bytes. */
HF_API hf_status hf_bytes_table_exchange(hf_bytes_table* table,
                                         hf_handle handle, const void* value,
                                         void* old);
/* These two return HF_UNSUPPORTED for values of more than 8 bytes and, where
 * hf_table_compare_exchange does, of more than 4. */
HF_API hf_status hf_bytes_table_compare_exchange(hf_bytes_table* table,
                                                 hf_handle handle,
                                                 void* expected,
                                                 const void* desired);
HF_API hf_status hf_bytes_table_unpin_if(hf_bytes_table* table,
                                         hf_handle handle,
                                         const void* expected);

HF_API hf_status hf_bytes_table_unpin(hf_bytes_table* table, hf_handle handle);
HF_API hf_status hf_bytes_table_take(hf_bytes_table* table, hf_handle handle,
                                     void* value);
/* pin_many and read_many pass count * value_bytes bytes: one value directly
 * after the other. */
HF_API size_t hf_bytes_table_pin_many(hf_bytes_table* table, const void* values,
                                      size_t count, hf_handle* handles);
HF_API size_t hf_bytes_table_read_many(const hf_bytes_table* table,
                                       const hf_handle* handles, size_t count,
                                       void* values, bool* live);
HF_API size_t hf_bytes_table_unpin_many(hf_bytes_table* table,
                                        const hf_handle* handles, size_t count);
HF_API uint64_t hf_bytes_table_unpin_all(hf_bytes_table* table);
HF_API uint64_t hf_bytes_table_unpin_all_exclusive(hf_bytes_table* table);

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

/* --- What is kept of tables that are gone --------------------------------- */

/* The library keeps the cleared memory of small tables that were destroyed, for
 * tables to come: holdfast/reservations.h. Gives all of it back to the system,
 * and returns how many bytes of address space that was. */
HF_API size_t hf_release_kept_reservations(void);

/* As hf_release_kept_reservations, and keeps nothing from now on. */
HF_API size_t hf_stop_keeping_reservations(void);

#undef HF_ENUM_BASE

#ifdef __cplusplus
} /* extern "C" */
#endif

#endif /* HOLDFAST_C_API_H_ */
