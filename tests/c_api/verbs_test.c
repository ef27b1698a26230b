/* Goal: each function of both kinds of tables does what c_api.h says, for
 * handles of 63, 53 and 32 bits and for values of 1 to 64 bytes.
 *
 * Method: one sequence of calls for each kind. The results of each call are
 * compared with what the header says. */

#include "tests/c_api/check.h"

static const uint32_t kBits[] = {63, 53, 32};
static const uint64_t kMostSlots[] = {1073741823, 2097152, 65536};
static const uint64_t kLives[] = {2147483647, 2147483647, 32767};
enum { kWidths = sizeof(kBits) / sizeof(kBits[0]) };

static hf_options Options(uint32_t bits, uint64_t max_slots) {
  hf_options options = HF_OPTIONS_INIT;
  options.handle_bits = bits;
  options.max_slots = max_slots;
  return options;
}

/* --- Comparisons ---------------------------------------------------------- */

static void TestComparisons(uint32_t bits) {
  const hf_options options = Options(bits, 10);
  hf_table* table = NULL;
  CHECK_OK(hf_table_create(&options, &table, NULL, 0));
  hf_handle handle = 0;
  CHECK_OK(hf_table_pin(table, 7, &handle));
  uint64_t expected = 6;
  uint64_t value = 0;
#if defined(__x86_64__) || defined(__aarch64__)
  CHECK_STATUS(hf_table_compare_exchange(table, handle, &expected, 8),
               HF_DIFFERENT);
  CHECK_EQUAL(expected, 7);
  CHECK_OK(hf_table_compare_exchange(table, handle, &expected, 8));
  CHECK_OK(hf_table_read(table, handle, &value));
  CHECK_EQUAL(value, 8);
  CHECK_STATUS(hf_table_unpin_if(table, handle, 7), HF_DIFFERENT);
  CHECK_OK(hf_table_unpin_if(table, handle, 8));
  CHECK_STATUS(hf_table_unpin_if(table, handle, 8), HF_NOT_LIVE);
  CHECK_STATUS(hf_table_compare_exchange(table, handle, &expected, 9),
               HF_NOT_LIVE);
  CHECK_EQUAL(expected, 7);
#else
  CHECK_STATUS(hf_table_compare_exchange(table, handle, &expected, 8),
               HF_UNSUPPORTED);
  CHECK_STATUS(hf_table_unpin_if(table, handle, 7), HF_UNSUPPORTED);
  CHECK_OK(hf_table_read(table, handle, &value));
  CHECK_EQUAL(value, 7);
#endif
  hf_table_destroy(table);
}

static void TestComparisonsOfBytes(uint32_t bits) {
  const hf_options options = Options(bits, 10);
  const unsigned char first[3] = {1, 2, 3};
  const unsigned char second[3] = {1, 2, 4};
  hf_bytes_table* table = NULL;
  CHECK_OK(hf_bytes_table_create(3, &options, &table, NULL, 0));
  hf_handle handle = 0;
  CHECK_OK(hf_bytes_table_pin(table, first, &handle));
  unsigned char expected[3] = {1, 2, 4};
  CHECK_STATUS(hf_bytes_table_compare_exchange(table, handle, expected, second),
               HF_DIFFERENT);
  CHECK(memcmp(expected, first, 3) == 0);
  CHECK_OK(hf_bytes_table_compare_exchange(table, handle, expected, second));
  CHECK_STATUS(hf_bytes_table_unpin_if(table, handle, first), HF_DIFFERENT);
  CHECK_OK(hf_bytes_table_unpin_if(table, handle, second));
  hf_bytes_table_destroy(table);

  const unsigned char large[9] = {0};
  unsigned char found[9] = {1};
  CHECK_OK(hf_bytes_table_create(9, &options, &table, NULL, 0));
  CHECK_OK(hf_bytes_table_pin(table, large, &handle));
  CHECK_STATUS(hf_bytes_table_compare_exchange(table, handle, found, large),
               HF_UNSUPPORTED);
  CHECK_STATUS(hf_bytes_table_unpin_if(table, handle, large), HF_UNSUPPORTED);
  CHECK(hf_bytes_table_contains(table, handle));
  hf_bytes_table_destroy(table);
}

/* --- Many at once --------------------------------------------------------- */

/* More than the library passes on at a time. */
enum { kMany = 300 };

static void TestMany(uint32_t bits) {
  const hf_options options = Options(bits, kMany - 1);
  hf_table* table = NULL;
  CHECK_OK(hf_table_create(&options, &table, NULL, 0));
  uint64_t values[kMany];
  hf_handle handles[kMany];
  uint64_t found[kMany];
  bool live[kMany];
  for (uint64_t i = 0; i < kMany; ++i) {
    values[i] = 1000 + i;
    handles[i] = HF_NULL_HANDLE;
    found[i] = 0;
  }
  CHECK_EQUAL(hf_table_pin_many(table, values, 0, handles), 0);
  CHECK_EQUAL(hf_table_pin_many(table, values, kMany, handles), kMany - 1);
  CHECK_EQUAL(handles[kMany - 1], HF_NULL_HANDLE);
  CHECK_OK(hf_table_unpin(table, handles[200]));
  CHECK_EQUAL(hf_table_read_many(table, handles, kMany, found, live),
              kMany - 2);
  for (size_t i = 0; i < kMany; ++i) {
    CHECK(live[i] == (i != 200 && i != kMany - 1));
    CHECK_EQUAL(found[i], live[i] ? values[i] : 0);
  }
  CHECK_EQUAL(hf_table_unpin_many(table, handles, kMany), kMany - 2);
  CHECK_EQUAL(hf_table_unpin_many(table, handles, kMany), 0);
  CHECK_EQUAL(hf_table_read_many(table, handles, kMany, found, live), 0);
  hf_table_destroy(table);
}

static void TestManyOfBytes(uint32_t bits, size_t value_bytes) {
  const hf_options options = Options(bits, kMany - 1);
  hf_bytes_table* table = NULL;
  CHECK_OK(hf_bytes_table_create(value_bytes, &options, &table, NULL, 0));
  static unsigned char values[kMany * 64];
  static unsigned char found[kMany * 64];
  hf_handle handles[kMany];
  bool live[kMany];
  memset(found, 0, sizeof(found));
  for (size_t i = 0; i < sizeof(values); ++i) {
    values[i] = (unsigned char)(i % 251 + 1);
  }
  for (size_t i = 0; i < kMany; ++i) handles[i] = HF_NULL_HANDLE;
  CHECK_EQUAL(hf_bytes_table_pin_many(table, values, kMany, handles),
              kMany - 1);
  CHECK_EQUAL(hf_bytes_table_read_many(table, handles, kMany, found, live),
              kMany - 1);
  CHECK(memcmp(found, values, (kMany - 1) * value_bytes) == 0);
  CHECK_EQUAL(found[(kMany - 1) * value_bytes], 0);
  CHECK(live[0] && !live[kMany - 1]);
  CHECK_EQUAL(hf_bytes_table_unpin_many(table, handles, kMany), kMany - 1);
  CHECK_EQUAL(hf_bytes_table_unpin_many(table, handles, kMany), 0);
  hf_bytes_table_destroy(table);
}

/* --- Names ---------------------------------------------------------------- */

static void TestNames(void) {
  CHECK_TEXT(hf_status_name(HF_OK), "HF_OK");
  CHECK_TEXT(hf_status_name(HF_NOT_LIVE), "HF_NOT_LIVE");
  CHECK_TEXT(hf_status_name(HF_FULL), "HF_FULL");
  CHECK_TEXT(hf_status_name(HF_STOPPED), "HF_STOPPED");
  CHECK_TEXT(hf_status_name(HF_INVALID_ARGUMENT), "HF_INVALID_ARGUMENT");
  CHECK_TEXT(hf_status_name(HF_RESOURCE_EXHAUSTED), "HF_RESOURCE_EXHAUSTED");
  CHECK_TEXT(hf_status_name(HF_DIFFERENT), "HF_DIFFERENT");
  CHECK_TEXT(hf_status_name(HF_UNSUPPORTED), "HF_UNSUPPORTED");
  CHECK_TEXT(hf_status_name((hf_status)8), "unknown");
  CHECK_TEXT(hf_status_text(HF_NOT_LIVE), "the handle is not live");
  CHECK_TEXT(hf_status_text((hf_status)8), "unknown");
  CHECK_TEXT(hf_state_name(HF_STATE_NULL), "null");
  CHECK_TEXT(hf_state_name(HF_STATE_FOREIGN), "foreign");
  CHECK_TEXT(hf_state_name(HF_STATE_NEVER_ISSUED), "never issued");
  CHECK_TEXT(hf_state_name(HF_STATE_LIVE), "live");
  CHECK_TEXT(hf_state_name(HF_STATE_STALE), "stale");
  CHECK_TEXT(hf_state_name(HF_STATE_RETIRED), "retired");
  CHECK_TEXT(hf_state_name((hf_state)6), "unknown");
  CHECK_TEXT(hf_state_text(HF_STATE_FOREIGN), "not a handle of this table");
  CHECK_TEXT(hf_state_text((hf_state)6), "unknown");
  /* No two of them have the same text. */
  for (int i = 0; i < 6; ++i) {
    for (int j = 0; j < i; ++j) {
      CHECK(strcmp(hf_status_text((hf_status)i),
                   hf_status_text((hf_status)j)) != 0);
      CHECK(strcmp(hf_state_text((hf_state)i), hf_state_text((hf_state)j)) !=
            0);
    }
  }
}

/* --- 64-bit values -------------------------------------------------------- */

static void TestValues(uint32_t bits) {
  const hf_options options = Options(bits, 1000);
  hf_table* table = NULL;
  CHECK_OK(hf_table_create(&options, &table, NULL, 0));
  hf_handle handle = 0;
  CHECK_OK(hf_table_pin(table, UINT64_MAX, &handle));
  CHECK(handle % 2 == 1);
  CHECK(handle >> bits == 0);
  CHECK(hf_table_contains(table, handle));

  uint64_t value = 1;
  CHECK_OK(hf_table_read(table, handle, &value));
  CHECK_EQUAL(value, UINT64_MAX);
  CHECK_OK(hf_table_write(table, handle, 7));
  CHECK_OK(hf_table_exchange(table, handle, 8, &value));
  CHECK_EQUAL(value, 7);
  CHECK_OK(hf_table_read(table, handle, &value));
  CHECK_EQUAL(value, 8);

  uint32_t index = 77;
  CHECK_OK(hf_table_index_of(table, handle, &index));
  CHECK(index < hf_table_index_limit(table));
  CHECK_EQUAL(hf_table_handle_at(table, index), handle);
  CHECK_EQUAL(hf_table_handle_at(table, UINT32_MAX), HF_NULL_HANDLE);

  value = 0;
  CHECK_OK(hf_table_take(table, handle, &value));
  CHECK_EQUAL(value, 8);
  CHECK(!hf_table_contains(table, handle));
  CHECK_EQUAL(hf_table_handle_at(table, index), HF_NULL_HANDLE);

  /* A stale handle is refused, and output arguments stay as they are. */
  value = 5;
  index = 78;
  CHECK_STATUS(hf_table_read(table, handle, &value), HF_NOT_LIVE);
  CHECK_STATUS(hf_table_write(table, handle, 9), HF_NOT_LIVE);
  CHECK_STATUS(hf_table_exchange(table, handle, 9, &value), HF_NOT_LIVE);
  CHECK_STATUS(hf_table_unpin(table, handle), HF_NOT_LIVE);
  CHECK_STATUS(hf_table_take(table, handle, &value), HF_NOT_LIVE);
  CHECK_STATUS(hf_table_index_of(table, handle, &index), HF_NOT_LIVE);
  CHECK_EQUAL(value, 5);
  CHECK_EQUAL(index, 78);

  hf_handle second = 0;
  CHECK_OK(hf_table_pin(table, 9, &second));
  CHECK(second != handle);
  CHECK_OK(hf_table_unpin(table, second));
  CHECK_STATUS(hf_table_unpin(table, second), HF_NOT_LIVE);
  for (uint64_t i = 0; i < 10; ++i) CHECK_OK(hf_table_pin(table, i, &handle));
  CHECK_EQUAL(hf_table_unpin_all(table), 10);
  CHECK_EQUAL(hf_table_unpin_all(table), 0);
  CHECK(!hf_table_contains(table, handle));
  CHECK_OK(hf_table_pin(table, 1, &handle));
  CHECK_EQUAL(hf_table_unpin_all_exclusive(table), 1);
  CHECK(!hf_table_contains(table, handle));
  hf_table_destroy(table);
}

/* --- Values of bytes ------------------------------------------------------ */

/* A pattern of bytes, between two bytes that must stay as they are. */
typedef struct Bytes {
  unsigned char before;
  unsigned char value[64]; /* At an odd address. */
  unsigned char after;
} Bytes;

static Bytes Pattern(size_t bytes, unsigned seed) {
  Bytes out;
  memset(&out, 0xEE, sizeof(out));
  for (size_t i = 0; i < bytes; ++i) {
    out.value[i] = (unsigned char)(seed * 31 + i * 7);
  }
  return out;
}

static int Same(const Bytes* a, const Bytes* b) {
  return memcmp(a, b, sizeof(*a)) == 0;
}

static void TestBytes(size_t bytes, uint32_t bits) {
  const hf_options options = Options(bits, 1000);
  hf_bytes_table* table = NULL;
  CHECK_OK(hf_bytes_table_create(bytes, &options, &table, NULL, 0));
  CHECK_EQUAL(hf_bytes_table_value_bytes(table), bytes);
  const Bytes empty = Pattern(0, 0);
  const Bytes first = Pattern(bytes, 1);
  const Bytes second = Pattern(bytes, 2);
  const Bytes third = Pattern(bytes, 3);
  hf_handle handle = 0;
  CHECK_OK(hf_bytes_table_pin(table, first.value, &handle));
  CHECK(handle % 2 == 1);
  CHECK(handle >> bits == 0);
  CHECK(hf_bytes_table_contains(table, handle));

  Bytes found = empty;
  CHECK_OK(hf_bytes_table_read(table, handle, found.value));
  CHECK(Same(&found, &first));
  CHECK_OK(hf_bytes_table_write(table, handle, second.value));
  found = empty;
  CHECK_OK(hf_bytes_table_exchange(table, handle, third.value, found.value));
  CHECK(Same(&found, &second));
  found = first; /* Both arguments may point to the same bytes. */
  CHECK_OK(hf_bytes_table_exchange(table, handle, found.value, found.value));
  CHECK(Same(&found, &third));

  uint32_t index = 77;
  CHECK_OK(hf_bytes_table_index_of(table, handle, &index));
  CHECK(index < hf_bytes_table_index_limit(table));
  CHECK_EQUAL(hf_bytes_table_handle_at(table, index), handle);

  found = empty;
  CHECK_OK(hf_bytes_table_take(table, handle, found.value));
  CHECK(Same(&found, &first));
  CHECK(!hf_bytes_table_contains(table, handle));
  CHECK_EQUAL(hf_bytes_table_handle_at(table, index), HF_NULL_HANDLE);

  found = empty;
  index = 78;
  CHECK_STATUS(hf_bytes_table_read(table, handle, found.value), HF_NOT_LIVE);
  CHECK_STATUS(hf_bytes_table_write(table, handle, first.value), HF_NOT_LIVE);
  CHECK_STATUS(hf_bytes_table_exchange(table, handle, first.value, found.value),
               HF_NOT_LIVE);
  CHECK_STATUS(hf_bytes_table_unpin(table, handle), HF_NOT_LIVE);
  CHECK_STATUS(hf_bytes_table_take(table, handle, found.value), HF_NOT_LIVE);
  CHECK_STATUS(hf_bytes_table_index_of(table, handle, &index), HF_NOT_LIVE);
  CHECK(Same(&found, &empty));
  CHECK_EQUAL(index, 78);

  for (int i = 0; i < 10; ++i) {
    CHECK_OK(hf_bytes_table_pin(table, first.value, &handle));
  }
  CHECK_OK(hf_bytes_table_unpin(table, handle));
  CHECK_STATUS(hf_bytes_table_unpin(table, handle), HF_NOT_LIVE);
  CHECK_EQUAL(hf_bytes_table_unpin_all(table), 9);
  CHECK_OK(hf_bytes_table_pin(table, first.value, &handle));
  CHECK_EQUAL(hf_bytes_table_unpin_all_exclusive(table), 1);
  CHECK(!hf_bytes_table_contains(table, handle));
  hf_bytes_table_destroy(table);
}

/* --- Diagnoses and figures ------------------------------------------------ */

static hf_diagnosis Diagnose(const hf_table* table, hf_handle handle) {
  hf_diagnosis diagnosis = {HF_STATE_NULL, 99};
  CHECK_OK(hf_table_diagnose(table, handle, &diagnosis));
  return diagnosis;
}

static void TestDiagnoses(void) {
  /* With a key of 0, a handle is {slot index, generation}. */
  hf_options options = Options(63, 100);
  options.has_key = 1;
  hf_table* table = NULL;
  CHECK_OK(hf_table_create(&options, &table, NULL, 0));
  hf_handle handle = 0;
  CHECK_OK(hf_table_pin(table, 1, &handle));
  CHECK_EQUAL(handle, 1);
  CHECK_EQUAL(Diagnose(table, handle).state, HF_STATE_LIVE);
  CHECK_EQUAL(Diagnose(table, handle).lives_ended, 0);
  CHECK_EQUAL(Diagnose(table, HF_NULL_HANDLE).state, HF_STATE_NULL);
  CHECK_EQUAL(Diagnose(table, handle + 2).state, HF_STATE_NEVER_ISSUED);
  CHECK_EQUAL(Diagnose(table, handle + 1).state, HF_STATE_FOREIGN);
  CHECK_OK(hf_table_unpin(table, handle));
  CHECK_EQUAL(Diagnose(table, handle).state, HF_STATE_STALE);
  CHECK_EQUAL(Diagnose(table, handle).lives_ended, 1);
  hf_handle second = 0;
  CHECK_OK(hf_table_pin(table, 1, &second));
  CHECK_EQUAL(second, 3);
  CHECK_OK(hf_table_unpin(table, second));
  CHECK_EQUAL(Diagnose(table, handle).lives_ended, 2);

  static const char expected[] =
      "Handle(0x0000000000000001) is stale: slot 0 has ended 2 lives since it "
      "was issued";
  char text[192];
  CHECK_EQUAL(hf_table_describe(table, handle, text, sizeof(text)),
              sizeof(expected) - 1);
  CHECK_TEXT(text, expected);
  CHECK_EQUAL(hf_table_describe(table, handle, text, 10), sizeof(expected) - 1);
  CHECK_TEXT(text, "Handle(0x");
  CHECK_EQUAL(hf_table_describe(table, handle, NULL, 0), sizeof(expected) - 1);
  hf_table_destroy(table);

  hf_bytes_table* bytes = NULL;
  CHECK_OK(hf_bytes_table_create(5, &options, &bytes, NULL, 0));
  CHECK_OK(hf_bytes_table_pin(bytes, "five", &handle));
  CHECK_OK(hf_bytes_table_unpin(bytes, handle));
  hf_diagnosis diagnosis = {HF_STATE_NULL, 0};
  CHECK_OK(hf_bytes_table_diagnose(bytes, handle, &diagnosis));
  CHECK_EQUAL(diagnosis.state, HF_STATE_STALE);
  CHECK_EQUAL(diagnosis.lives_ended, 1);
  hf_bytes_table_describe(bytes, handle, text, sizeof(text));
  CHECK_TEXT(text,
             "Handle(0x0000000000000001) is stale: slot 0 has ended 1 life "
             "since it was issued");
  hf_bytes_table_destroy(bytes);
}

/* When a slot has served all its lives, it is retired and lost. */
static void TestRetiring(void) {
  hf_options options = Options(32, 1);
  options.thread_cache_slots = 0;
  hf_table* table = NULL;
  CHECK_OK(hf_table_create(&options, &table, NULL, 0));
  hf_handle first = 0;
  hf_handle handle = 0;
  uint64_t lives = 0;
  while (lives < 100000 && hf_table_pin(table, 1, &handle) == HF_OK) {
    if (lives++ == 0) first = handle;
    CHECK_OK(hf_table_unpin(table, handle));
  }
  CHECK_EQUAL(lives, 32767);
  CHECK_EQUAL(handle, HF_NULL_HANDLE);
  CHECK_EQUAL(Diagnose(table, first).state, HF_STATE_RETIRED);
  CHECK_EQUAL(Diagnose(table, first).lives_ended, 32767);
  hf_stats stats;
  CHECK_OK(hf_table_get_stats(table, &stats, sizeof(stats)));
  CHECK_EQUAL(stats.retired, 1);
  CHECK_EQUAL(stats.oldest_generation, stats.last_generation);
  hf_table_destroy(table);
}

static void CheckStats(const hf_stats* stats, uint64_t live) {
  CHECK_EQUAL(stats->live, live);
  CHECK_EQUAL(stats->free, stats->high_water - live);
  CHECK_EQUAL(stats->retired, 0);
  CHECK(stats->cached <= stats->free);
  CHECK(stats->high_water >= live);
  CHECK_EQUAL(stats->capacity, 1600);
  CHECK_EQUAL(stats->oldest_generation, 1);
  CHECK_EQUAL(stats->last_generation, 4294967293);
  CHECK_EQUAL(stats->thread_cache_slots, 48);
  CHECK(stats->bytes_touched > 0);
  CHECK(stats->bytes_touched <= stats->bytes_reserved);
}

static void TestStats(void) {
  hf_options options = Options(53, 1600);
  options.thread_cache_slots = 60;
  hf_table* table = NULL;
  hf_bytes_table* bytes = NULL;
  CHECK_OK(hf_table_create(&options, &table, NULL, 0));
  CHECK_OK(hf_bytes_table_create(24, &options, &bytes, NULL, 0));
  const Bytes value = Pattern(24, 1);
  for (uint64_t i = 0; i < 100; ++i) {
    hf_handle handle = 0;
    CHECK_OK(hf_table_pin(table, i, &handle));
    CHECK_OK(hf_bytes_table_pin(bytes, value.value, &handle));
  }
  /* A caller of a later version passes a larger size, and a caller of an
   * earlier version a smaller one. */
  struct {
    hf_stats known;
    uint64_t later[2];
  } stats;
  memset(&stats, 0xEE, sizeof(stats));
  CHECK_OK(hf_table_get_stats(table, &stats.known, sizeof(stats)));
  CheckStats(&stats.known, 100);
  CHECK_EQUAL(stats.later[0], 0);
  CHECK_EQUAL(stats.later[1], 0);
  memset(&stats, 0xEE, sizeof(stats));
  CHECK_OK(hf_bytes_table_get_stats(bytes, &stats.known, sizeof(hf_stats)));
  CheckStats(&stats.known, 100);
  CHECK_EQUAL(stats.later[0], 0xEEEEEEEEEEEEEEEE);
  memset(&stats, 0xEE, sizeof(stats));
  CHECK_OK(hf_table_get_stats(table, &stats.known, sizeof(uint64_t)));
  CHECK_EQUAL(stats.known.live, 100);
  CHECK_EQUAL(stats.known.free, 0xEEEEEEEEEEEEEEEE);
  hf_table_destroy(table);
  hf_bytes_table_destroy(bytes);
}

/* --- Options -------------------------------------------------------------- */

/* A table takes max_slots values, and no more. */
static void TestFull(uint32_t bits) {
  hf_options options = Options(bits, 100);
  hf_table* table = NULL;
  CHECK_OK(hf_table_create(&options, &table, NULL, 0));
  hf_handle handle = 0;
  for (uint64_t i = 0; i < 100; ++i) CHECK_OK(hf_table_pin(table, i, &handle));
  hf_handle none = 1;
  CHECK_STATUS(hf_table_pin(table, 1, &none), HF_FULL);
  CHECK_EQUAL(none, HF_NULL_HANDLE);
  CHECK_OK(hf_table_unpin(table, handle));
  CHECK_OK(hf_table_pin(table, 1, &handle));
  hf_table_destroy(table);

  hf_bytes_table* bytes = NULL;
  CHECK_OK(hf_bytes_table_create(1, &options, &bytes, NULL, 0));
  for (int i = 0; i < 100; ++i) {
    CHECK_OK(hf_bytes_table_pin(bytes, "x", &handle));
  }
  none = 1;
  CHECK_STATUS(hf_bytes_table_pin(bytes, "x", &none), HF_FULL);
  CHECK_EQUAL(none, HF_NULL_HANDLE);
  hf_bytes_table_destroy(bytes);
}

/* Uses every slot of a table of 32 bits, with a key that has all bits set. */
static void TestEveryHandleOf32Bits(void) {
  hf_options options = Options(32, 65536);
  options.thread_cache_slots = 0;
  options.has_key = 1;
  options.key = 0xFFFFFFFE;
  hf_table* table = NULL;
  CHECK_OK(hf_table_create(&options, &table, NULL, 0));
  hf_handle handle = 0;
  uint64_t most = 0;
  uint64_t pinned = 0;
  while (hf_table_pin(table, pinned, &handle) == HF_OK) {
    ++pinned;
    if (handle > most) most = handle;
    uint64_t value = 0;
    CHECK_OK(hf_table_read(table, handle, &value));
    CHECK_EQUAL(value, pinned - 1);
  }
  CHECK_EQUAL(pinned, 65536);
  CHECK(most <= UINT32_MAX);
  CHECK(most > UINT32_MAX / 2);
  hf_table_destroy(table);
}

static void TestKeys(void) {
  static const uint64_t key = 0x123456789A;
  hf_options options = Options(53, 10);
  options.has_key = 1;
  options.key = key;
  hf_table* table = NULL;
  hf_handle handle = 0;
  CHECK_OK(hf_table_create(&options, &table, NULL, 0));
  CHECK_OK(hf_table_pin(table, 1, &handle));
  CHECK_EQUAL(handle, key ^ 1);
  hf_table_destroy(table);

  /* Without has_key, `key` is ignored: two tables refuse each other's handles.
   */
  options.has_key = 0;
  hf_table* other = NULL;
  CHECK_OK(hf_table_create(&options, &table, NULL, 0));
  CHECK_OK(hf_table_create(&options, &other, NULL, 0));
  CHECK_OK(hf_table_pin(table, 1, &handle));
  CHECK(!hf_table_contains(other, handle));
  CHECK(handle != (key ^ 1));
  hf_table_destroy(table);
  hf_table_destroy(other);
}

static void TestLimits(void) {
  for (int i = 0; i < kWidths; ++i) {
    hf_options options = Options(kBits[i], kMostSlots[i] + 1);
    hf_table* table = NULL;
    char message[512];
    char limit[64];
    CHECK_STATUS(hf_table_create(&options, &table, message, sizeof(message)),
                 HF_INVALID_ARGUMENT);
    snprintf(limit, sizeof(limit), "between 1 and %" PRIu64, kMostSlots[i]);
    CHECK(strstr(message, limit) != NULL);
    options.max_slots = 10;
    options.has_key = 1;
    options.key = UINT64_C(1) << kBits[i];
    CHECK_STATUS(hf_table_create(&options, &table, message, sizeof(message)),
                 HF_INVALID_ARGUMENT);
    CHECK(strstr(message, "key") != NULL);
    options.key = (UINT64_C(1) << kBits[i]) - 2;
    CHECK_OK(hf_table_create(&options, &table, message, sizeof(message)));
    CHECK_TEXT(message, "");
    hf_handle handle = 0;
    CHECK_OK(hf_table_pin(table, 1, &handle));
    CHECK_EQUAL(handle, options.key ^ 1);
    hf_stats stats;
    CHECK_OK(hf_table_get_stats(table, &stats, sizeof(stats)));
    CHECK_EQUAL((stats.last_generation + 1) / 2, kLives[i]);
    hf_table_destroy(table);
  }
}

/* The default options are valid for handles of all sizes. */
static void TestDefaults(void) {
  for (int i = 0; i < kWidths; ++i) {
    hf_options options;
    hf_options_init(&options, sizeof(options));
    options.handle_bits = kBits[i];
    hf_table* table = NULL;
    CHECK_OK(hf_table_create(&options, &table, NULL, 0));
    hf_stats stats;
    CHECK_OK(hf_table_get_stats(table, &stats, sizeof(stats)));
    CHECK_EQUAL(stats.capacity,
                kMostSlots[i] < 16777216 ? kMostSlots[i] : 16777216);
    /* Only with so many indexes can the table make up for large caches. */
    const int is_large = sizeof(void*) >= 8 && kMostSlots[i] > 33554432;
    CHECK_EQUAL(stats.thread_cache_slots, (is_large ? 235 : 64));
    hf_table_destroy(table);
  }
  hf_bytes_table* bytes = NULL;
  CHECK_OK(hf_bytes_table_create(64, NULL, &bytes, NULL, 0));
  hf_stats stats;
  CHECK_OK(hf_bytes_table_get_stats(bytes, &stats, sizeof(stats)));
  CHECK_EQUAL(stats.capacity, 16777216);
  hf_bytes_table_destroy(bytes);
}

static void TestKeptReservations(void) {
  hf_options options = Options(63, 100);
  hf_table* table = NULL;
  hf_release_kept_reservations();
  CHECK_OK(hf_table_create(&options, &table, NULL, 0));
  CHECK(hf_release_kept_reservations() == 0);
  hf_stats stats;
  CHECK_OK(hf_table_get_stats(table, &stats, sizeof(stats)));
  hf_table_destroy(table);
  /* Nothing is kept in a program with a sanitizer. */
  const size_t kept = hf_release_kept_reservations();
  CHECK(kept == 0 || kept == stats.bytes_reserved);
  CHECK_OK(hf_table_create(&options, &table, NULL, 0));
  hf_stop_keeping_reservations();
  hf_table_destroy(table);
  CHECK(hf_release_kept_reservations() == 0);
}

int main(void) {
  TestNames();
  for (int i = 0; i < kWidths; ++i) {
    TestValues(kBits[i]);
    TestFull(kBits[i]);
    TestComparisons(kBits[i]);
    TestComparisonsOfBytes(kBits[i]);
    TestMany(kBits[i]);
    for (size_t bytes = 1; bytes <= 64; bytes += 7) {
      TestManyOfBytes(kBits[i], bytes);
    }
    for (size_t bytes = 1; bytes <= 64; ++bytes) TestBytes(bytes, kBits[i]);
  }
  TestDiagnoses();
  TestRetiring();
  TestStats();
  TestEveryHandleOf32Bits();
  TestKeys();
  TestLimits();
  TestDefaults();
  TestKeptReservations();
  return Failed();
}
