/* Goal: the functions refuse null pointers, options out of range or of another
 * version, and numbers that are no handles, as c_api.h says, and change
 * nothing.
 *
 * Method: each argument of each function is null once; then each option is
 * wrong once. */

#include "tests/c_api/check.h"

static int Visit(void* context, hf_handle handle, uint64_t value) {
  (void)context, (void)handle, (void)value;
  return 0;
}
static int Update(void* context, hf_handle handle, uint64_t* value) {
  (void)context, (void)handle, (void)value;
  return 0;
}
static int VisitBytes(void* context, hf_handle handle, const void* value) {
  (void)context, (void)handle, (void)value;
  return 0;
}
static int UpdateBytes(void* context, hf_handle handle, void* value) {
  (void)context, (void)handle, (void)value;
  return 0;
}

#define CHECK_INVALID(call) CHECK_STATUS(call, HF_INVALID_ARGUMENT)

static void TestNullTable(void) {
  hf_handle handle = 5;
  uint64_t value = 6;
  bool live = true;
  uint32_t index = 7;
  hf_diagnosis diagnosis = {HF_STATE_LIVE, 8};
  hf_stats stats = {.live = 9};
  char text[8] = "text";
  hf_walk* walk = (hf_walk*)&value;
  CHECK_INVALID(hf_table_pin(NULL, 1, &handle));
  CHECK_INVALID(hf_table_read(NULL, 1, &value));
  CHECK(!hf_table_contains(NULL, 1));
  CHECK_INVALID(hf_table_write(NULL, 1, 1));
  CHECK_INVALID(hf_table_exchange(NULL, 1, 1, &value));
  CHECK_INVALID(hf_table_compare_exchange(NULL, 1, &value, 1));
  CHECK_INVALID(hf_table_unpin_if(NULL, 1, 1));
  CHECK_INVALID(hf_table_unpin(NULL, 1));
  CHECK_INVALID(hf_table_take(NULL, 1, &value));
  CHECK_EQUAL(hf_table_pin_many(NULL, &value, 1, &handle), 0);
  CHECK_EQUAL(hf_table_read_many(NULL, &handle, 1, &value, &live), 0);
  CHECK_EQUAL(hf_table_unpin_many(NULL, &handle, 1), 0);
  CHECK_EQUAL(hf_table_unpin_all(NULL), 0);
  CHECK_EQUAL(hf_table_unpin_all_exclusive(NULL), 0);
  CHECK_INVALID(hf_table_for_each(NULL, Visit, NULL));
  CHECK_INVALID(hf_table_for_each_exclusive(NULL, Update, NULL));
  CHECK_INVALID(hf_walk_create(NULL, &walk));
  CHECK(walk == NULL);
  CHECK_INVALID(hf_walk_work(NULL, Visit, NULL));
  CHECK_INVALID(hf_walk_restart(NULL));
  hf_walk_destroy(NULL);
  CHECK_INVALID(hf_table_diagnose(NULL, 1, &diagnosis));
  CHECK_EQUAL(hf_table_describe(NULL, 1, NULL, 0), 0);
  CHECK_EQUAL(hf_table_describe(NULL, 1, text, sizeof(text)), 0);
  CHECK_TEXT(text, "");
  CHECK_INVALID(hf_table_get_stats(NULL, &stats, sizeof(stats)));
  CHECK_INVALID(hf_table_index_of(NULL, 1, &index));
  CHECK_EQUAL(hf_table_handle_at(NULL, 0), HF_NULL_HANDLE);
  CHECK_EQUAL(hf_table_index_limit(NULL), 0);
  hf_table_destroy(NULL);
  CHECK(handle == 5 && value == 6 && index == 7 && live);
  CHECK(diagnosis.state == HF_STATE_LIVE && diagnosis.lives_ended == 8);
  CHECK_EQUAL(stats.live, 9);
}

static void TestNullBytesTable(void) {
  hf_handle handle = 5;
  uint64_t value = 6;
  bool live = true;
  uint32_t index = 7;
  hf_diagnosis diagnosis = {HF_STATE_LIVE, 8};
  hf_stats stats = {.live = 9};
  char text[8] = "text";
  hf_bytes_walk* walk = (hf_bytes_walk*)&value;
  CHECK_EQUAL(hf_bytes_table_value_bytes(NULL), 0);
  CHECK_INVALID(hf_bytes_table_pin(NULL, &value, &handle));
  CHECK_INVALID(hf_bytes_table_read(NULL, 1, &value));
  CHECK(!hf_bytes_table_contains(NULL, 1));
  CHECK_INVALID(hf_bytes_table_write(NULL, 1, &value));
  CHECK_INVALID(hf_bytes_table_exchange(NULL, 1, &value, &value));
  CHECK_INVALID(hf_bytes_table_compare_exchange(NULL, 1, &value, &value));
  CHECK_INVALID(hf_bytes_table_unpin_if(NULL, 1, &value));
  CHECK_INVALID(hf_bytes_table_unpin(NULL, 1));
  CHECK_INVALID(hf_bytes_table_take(NULL, 1, &value));
  CHECK_EQUAL(hf_bytes_table_pin_many(NULL, &value, 1, &handle), 0);
  CHECK_EQUAL(hf_bytes_table_read_many(NULL, &handle, 1, &value, &live), 0);
  CHECK_EQUAL(hf_bytes_table_unpin_many(NULL, &handle, 1), 0);
  CHECK_EQUAL(hf_bytes_table_unpin_all(NULL), 0);
  CHECK_EQUAL(hf_bytes_table_unpin_all_exclusive(NULL), 0);
  CHECK_INVALID(hf_bytes_table_for_each(NULL, VisitBytes, NULL));
  CHECK_INVALID(hf_bytes_table_for_each_exclusive(NULL, UpdateBytes, NULL));
  CHECK_INVALID(hf_bytes_walk_create(NULL, &walk));
  CHECK(walk == NULL);
  CHECK_INVALID(hf_bytes_walk_work(NULL, VisitBytes, NULL));
  CHECK_INVALID(hf_bytes_walk_restart(NULL));
  hf_bytes_walk_destroy(NULL);
  CHECK_INVALID(hf_bytes_table_diagnose(NULL, 1, &diagnosis));
  CHECK_EQUAL(hf_bytes_table_describe(NULL, 1, text, sizeof(text)), 0);
  CHECK_TEXT(text, "");
  CHECK_INVALID(hf_bytes_table_get_stats(NULL, &stats, sizeof(stats)));
  CHECK_INVALID(hf_bytes_table_index_of(NULL, 1, &index));
  CHECK_EQUAL(hf_bytes_table_handle_at(NULL, 0), HF_NULL_HANDLE);
  CHECK_EQUAL(hf_bytes_table_index_limit(NULL), 0);
  hf_bytes_table_destroy(NULL);
  CHECK(handle == 5 && value == 6 && index == 7 && live);
  CHECK(diagnosis.state == HF_STATE_LIVE && diagnosis.lives_ended == 8);
  CHECK_EQUAL(stats.live, 9);
}

/* Each argument but the table is null once. */
static void TestNullArguments(void) {
  hf_table* table = NULL;
  CHECK_OK(hf_table_create(NULL, &table, NULL, 0));
  hf_handle handle = 0;
  uint64_t some = 0;
  bool live = false;
  CHECK_OK(hf_table_pin(table, 1, &handle));
  CHECK_INVALID(hf_table_pin(table, 1, NULL));
  CHECK_INVALID(hf_table_read(table, handle, NULL));
  CHECK_INVALID(hf_table_exchange(table, handle, 2, NULL));
  CHECK_INVALID(hf_table_compare_exchange(table, handle, NULL, 2));
  CHECK_INVALID(hf_table_take(table, handle, NULL));
  CHECK_EQUAL(hf_table_pin_many(table, NULL, 1, &handle), 0);
  CHECK_EQUAL(hf_table_pin_many(table, &some, 1, NULL), 0);
  CHECK_EQUAL(hf_table_read_many(table, NULL, 1, &some, &live), 0);
  CHECK_EQUAL(hf_table_read_many(table, &handle, 1, NULL, &live), 0);
  CHECK_EQUAL(hf_table_read_many(table, &handle, 1, &some, NULL), 0);
  CHECK_EQUAL(hf_table_unpin_many(table, NULL, 1), 0);
  CHECK_INVALID(hf_table_for_each(table, NULL, NULL));
  CHECK_INVALID(hf_table_for_each_exclusive(table, NULL, NULL));
  CHECK_INVALID(hf_walk_create(table, NULL));
  hf_walk* walk = NULL;
  CHECK_OK(hf_walk_create(table, &walk));
  CHECK_INVALID(hf_walk_work(walk, NULL, NULL));
  hf_walk_destroy(walk);
  CHECK_INVALID(hf_table_diagnose(table, handle, NULL));
  CHECK(hf_table_describe(table, handle, NULL, 100) > 0);
  CHECK_INVALID(hf_table_get_stats(table, NULL, sizeof(hf_stats)));
  CHECK_INVALID(hf_table_index_of(table, handle, NULL));
  uint64_t value = 0;
  CHECK_OK(hf_table_read(table, handle, &value));
  CHECK_EQUAL(value, 1);
  CHECK_EQUAL(hf_table_unpin_all(table), 1);
  hf_table_destroy(table);
}

static void TestNullArgumentsOfBytes(void) {
  hf_bytes_table* table = NULL;
  CHECK_OK(hf_bytes_table_create(8, NULL, &table, NULL, 0));
  hf_handle handle = 0;
  uint64_t some = 0;
  bool live = false;
  uint64_t value = 1;
  CHECK_OK(hf_bytes_table_pin(table, &value, &handle));
  CHECK_INVALID(hf_bytes_table_pin(table, &value, NULL));
  CHECK_INVALID(hf_bytes_table_pin(table, NULL, &handle));
  CHECK_INVALID(hf_bytes_table_read(table, handle, NULL));
  CHECK_INVALID(hf_bytes_table_write(table, handle, NULL));
  CHECK_INVALID(hf_bytes_table_exchange(table, handle, &value, NULL));
  CHECK_INVALID(hf_bytes_table_exchange(table, handle, NULL, &value));
  CHECK_INVALID(hf_bytes_table_compare_exchange(table, handle, &value, NULL));
  CHECK_INVALID(hf_bytes_table_compare_exchange(table, handle, NULL, &value));
  CHECK_INVALID(hf_bytes_table_unpin_if(table, handle, NULL));
  CHECK_INVALID(hf_bytes_table_take(table, handle, NULL));
  CHECK_EQUAL(hf_bytes_table_pin_many(table, NULL, 1, &handle), 0);
  CHECK_EQUAL(hf_bytes_table_pin_many(table, &some, 1, NULL), 0);
  CHECK_EQUAL(hf_bytes_table_read_many(table, NULL, 1, &some, &live), 0);
  CHECK_EQUAL(hf_bytes_table_read_many(table, &handle, 1, NULL, &live), 0);
  CHECK_EQUAL(hf_bytes_table_read_many(table, &handle, 1, &some, NULL), 0);
  CHECK_EQUAL(hf_bytes_table_unpin_many(table, NULL, 1), 0);
  CHECK_INVALID(hf_bytes_table_for_each(table, NULL, NULL));
  CHECK_INVALID(hf_bytes_table_for_each_exclusive(table, NULL, NULL));
  CHECK_INVALID(hf_bytes_walk_create(table, NULL));
  hf_bytes_walk* walk = NULL;
  CHECK_OK(hf_bytes_walk_create(table, &walk));
  CHECK_INVALID(hf_bytes_walk_work(walk, NULL, NULL));
  hf_bytes_walk_destroy(walk);
  CHECK_INVALID(hf_bytes_table_diagnose(table, handle, NULL));
  CHECK_INVALID(hf_bytes_table_get_stats(table, NULL, sizeof(hf_stats)));
  CHECK_INVALID(hf_bytes_table_index_of(table, handle, NULL));
  value = 0;
  CHECK_OK(hf_bytes_table_read(table, handle, &value));
  CHECK_EQUAL(value, 1);
  CHECK_EQUAL(hf_bytes_table_unpin_all(table), 1);
  hf_bytes_table_destroy(table);
}

/* Both kinds of tables must refuse `options`, with a message that contains
 * `words`. */
static void CheckRefused(const hf_options* options, const char* words) {
  char message[512] = "";
  hf_table* table = (hf_table*)message;
  CHECK_INVALID(hf_table_create(options, &table, message, sizeof(message)));
  CHECK(table == NULL);
  CHECK(strstr(message, words) != NULL);
  CHECK_INVALID(hf_table_create(options, &table, NULL, 0));
  /* The message is cut off, and ends with a null character. */
  char cut[9] = "12345678";
  CHECK_INVALID(hf_table_create(options, &table, cut, 8));
  CHECK(strlen(cut) == 7 && strncmp(cut, message, 7) == 0);

  hf_bytes_table* bytes = (hf_bytes_table*)message;
  message[0] = '\0';
  CHECK_INVALID(
      hf_bytes_table_create(8, options, &bytes, message, sizeof(message)));
  CHECK(bytes == NULL);
  CHECK(strstr(message, words) != NULL);
}

static void TestOptions(void) {
  static const hf_options kDefault = HF_OPTIONS_INIT;
  hf_options options = kDefault;
  options.max_slots = 0;
  CheckRefused(&options, "max_slots is 0, must be between 1 and 1073741823");
  options = kDefault;
  options.max_slots = UINT64_MAX;
  CheckRefused(&options, "max_slots is 18446744073709551615");
  options = kDefault;
  options.thread_cache_slots = 4097;
  CheckRefused(&options,
               "thread_cache_slots is 4097, must be between 0 and 4096");
  options = kDefault;
  options.has_key = 1;
  options.key = 3;
  CheckRefused(&options, "key is 3, must be even");
  static const uint32_t kNoBits[] = {0, 1, 31, 33, 52, 54, 62, 64, UINT32_MAX};
  for (size_t i = 0; i < sizeof(kNoBits) / sizeof(kNoBits[0]); ++i) {
    options = kDefault;
    options.handle_bits = kNoBits[i];
    CheckRefused(&options, "handle_bits is ");
  }
  for (uint32_t bytes = 0; bytes < sizeof(hf_options); ++bytes) {
    options = kDefault;
    options.struct_bytes = bytes;
    CheckRefused(&options, "struct_bytes is ");
  }
  options.struct_bytes = UINT32_MAX;
  CheckRefused(&options, "struct_bytes is 4294967295, must be between 32 and");
}

/* The caller uses a later version, whose options have more members. */
static void TestLaterOptions(void) {
  struct {
    hf_options known;
    unsigned char later[8];
  } options = {HF_OPTIONS_INIT, {0}};
  options.known.struct_bytes = sizeof(options);
  options.known.max_slots = 1234;
  hf_table* table = NULL;
  CHECK_OK(hf_table_create(&options.known, &table, NULL, 0));
  hf_stats stats;
  CHECK_OK(hf_table_get_stats(table, &stats, sizeof(stats)));
  CHECK_EQUAL(stats.capacity, 1234);
  hf_table_destroy(table);
  options.later[7] = 1;
  CheckRefused(&options.known, "at byte 39");

  memset(&options, 0xEE, sizeof(options));
  hf_options_init(&options.known, sizeof(options));
  CHECK_EQUAL(options.known.struct_bytes, sizeof(options));
  CHECK_EQUAL(options.known.handle_bits, 63);
  CHECK_EQUAL(options.known.max_slots, 16777216);
  CHECK_EQUAL(options.known.thread_cache_slots, 256);
  CHECK_EQUAL(options.known.has_key, 0);
  CHECK_EQUAL(options.known.key, 0);
  for (int i = 0; i < 8; ++i) CHECK_EQUAL(options.later[i], 0);
  memset(&options, 0xEE, sizeof(options));
  hf_options_init(&options.known, sizeof(uint32_t));
  CHECK_EQUAL(options.known.struct_bytes, sizeof(uint32_t));
  CHECK_EQUAL(options.known.handle_bits, 0xEEEEEEEE);
  hf_options_init(NULL, sizeof(hf_options));
}

static void TestCreation(void) {
  char message[512] = "";
  CHECK_INVALID(hf_table_create(NULL, NULL, message, sizeof(message)));
  CHECK_TEXT(message, "table is null");
  static const size_t kNoBytes[] = {0, 65, 128, SIZE_MAX};
  for (size_t i = 0; i < sizeof(kNoBytes) / sizeof(kNoBytes[0]); ++i) {
    hf_bytes_table* table = (hf_bytes_table*)message;
    CHECK_INVALID(hf_bytes_table_create(kNoBytes[i], NULL, &table, message,
                                        sizeof(message)));
    CHECK(table == NULL);
    CHECK(strstr(message, "value_bytes is ") != NULL);
  }
  CHECK_INVALID(hf_bytes_table_create(8, NULL, NULL, NULL, 0));
}

/* Every function refuses numbers that are no handles, and the one value stays
 * as it is. */
static void TestNumbers(uint32_t bits) {
  hf_options options = HF_OPTIONS_INIT;
  options.handle_bits = bits;
  options.max_slots = 10;
  hf_table* table = NULL;
  CHECK_OK(hf_table_create(&options, &table, NULL, 0));
  hf_handle handle = 0;
  CHECK_OK(hf_table_pin(table, 42, &handle));
  uint64_t random = 1;
  for (int i = 0; i < 2000; ++i) {
    random = random * 6364136223846793005u + 1442695040888963407u;
    hf_handle bad = i < 64 ? handle ^ (UINT64_C(1) << i) : random;
    if (i == 64) bad = HF_NULL_HANDLE;
    if (i == 65) bad = UINT64_MAX;
    /* It is too unlikely that a random number of 64 bits is the handle. */
    uint64_t value = 5;
    CHECK(!hf_table_contains(table, bad));
    CHECK_STATUS(hf_table_read(table, bad, &value), HF_NOT_LIVE);
    CHECK_STATUS(hf_table_write(table, bad, 1), HF_NOT_LIVE);
    CHECK_STATUS(hf_table_exchange(table, bad, 1, &value), HF_NOT_LIVE);
    CHECK_STATUS(hf_table_unpin(table, bad), HF_NOT_LIVE);
    CHECK_STATUS(hf_table_take(table, bad, &value), HF_NOT_LIVE);
    hf_diagnosis diagnosis = {HF_STATE_LIVE, 0};
    CHECK_OK(hf_table_diagnose(table, bad, &diagnosis));
    CHECK(diagnosis.state != HF_STATE_LIVE);
    CHECK_EQUAL(value, 5);
  }
  uint64_t value = 0;
  CHECK_OK(hf_table_take(table, handle, &value));
  CHECK_EQUAL(value, 42);
  hf_table_destroy(table);
}

int main(void) {
  TestNullTable();
  TestNullBytesTable();
  TestNullArguments();
  TestNullArgumentsOfBytes();
  TestOptions();
  TestLaterOptions();
  TestCreation();
  TestNumbers(63);
  TestNumbers(53);
  TestNumbers(32);
  return Failed();
}
