/* Goal: walks of both kinds of tables show each value once, end when the
 * callback ends them, and leave the rest to other calls. A callback may leave
 * by longjmp.
 *
 * Method: tables of known values, in one thread. Walks are ended at many
 * values, including the last one, and visits are counted. */

#include <setjmp.h>
#include <stdlib.h>

#include "tests/c_api/check.h"

enum { kValues = 2500 }; /* A parallel walk takes them in three runs. */

/* The visits of a walk, and when to leave it. */
typedef struct Visits {
  int times[kValues];
  int count;
  int leave_at; /* The visit at which the callback ends the walk; 0: none. */
  int jump;     /* Whether it ends it by longjmp. */
  jmp_buf to;
  size_t bytes; /* The size of a value, for tables of bytes. */
  hf_handle handles[kValues];
} Visits;

static void Reset(Visits* visits, int leave_at) {
  memset(visits->times, 0, sizeof(visits->times));
  visits->count = 0;
  visits->leave_at = leave_at;
  visits->jump = 0;
}

static int Note(Visits* visits, hf_handle handle, uint64_t value) {
  if (value >= kValues || handle != visits->handles[value]) {
    CheckIs(0, "the handle of that value", __LINE__);
    return 1;
  }
  ++visits->times[value];
  ++visits->count;
  if (visits->count != visits->leave_at) return 0;
  if (visits->jump) longjmp(visits->to, 1);
  return -7; /* Any number but 0 ends the walk. */
}

static int EachOnce(const Visits* visits) {
  for (int i = 0; i < kValues; ++i) {
    if (visits->times[i] != 1) return 0;
  }
  return visits->count == kValues;
}

static int NoneTwice(const Visits* visits) {
  for (int i = 0; i < kValues; ++i) {
    if (visits->times[i] > 1) return 0;
  }
  return 1;
}

static int Visit(void* context, hf_handle handle, uint64_t value) {
  return Note(context, handle, value);
}

static int Update(void* context, hf_handle handle, uint64_t* value) {
  const uint64_t number = *value % 10000;
  *value += 10000;
  return Note(context, handle, number);
}

/* Makes a value of `bytes` bytes, whose first two bytes (or the only one) are a
 * number. */
static void Encode(size_t bytes, uint64_t number, unsigned char* value) {
  memset(value, (int)(number % 251), bytes);
  value[0] = (unsigned char)number;
  if (bytes > 1) value[1] = (unsigned char)(number >> 8);
}

static uint64_t Decode(size_t bytes, const unsigned char* value) {
  const uint64_t number =
      bytes > 1 ? value[0] | (uint64_t)value[1] << 8 : value[0];
  int right = 1;
  for (size_t i = 2; i < bytes; ++i) right &= value[i] == number % 251;
  CHECK(right);
  return number;
}

static int VisitBytes(void* context, hf_handle handle, const void* value) {
  Visits* const visits = context;
  CHECK((uintptr_t)value % (visits->bytes <= 4 ? 4 : 8) == 0);
  return Note(visits, handle, Decode(visits->bytes, value));
}

static int UpdateBytes(void* context, hf_handle handle, void* value) {
  Visits* const visits = context;
  const uint64_t number = Decode(visits->bytes, value);
  Encode(visits->bytes, kValues - 1 - number, value);
  return Note(visits, handle, number);
}

static hf_table* Filled(uint32_t bits, Visits* visits) {
  hf_options options = HF_OPTIONS_INIT;
  options.handle_bits = bits;
  options.max_slots = 10000;
  hf_table* table = NULL;
  CHECK_OK(hf_table_create(&options, &table, NULL, 0));
  for (uint64_t i = 0; i < kValues; ++i) {
    CHECK_OK(hf_table_pin(table, i, &visits->handles[i]));
  }
  return table;
}

/* --- 64-bit values -------------------------------------------------------- */

static void TestForEach(uint32_t bits, Visits* visits) {
  hf_table* const table = Filled(bits, visits);
  for (int at = 1; at <= kValues; at += 17) {
    Reset(visits, at);
    CHECK_STATUS(hf_table_for_each(table, Visit, visits), HF_STOPPED);
    CHECK(visits->count == at);
    CHECK(NoneTwice(visits));
  }
  Reset(visits, 0);
  CHECK_OK(hf_table_for_each(table, Visit, visits));
  CHECK(EachOnce(visits));
  hf_table_destroy(table);
}

static void TestForEachExclusive(uint32_t bits, Visits* visits) {
  hf_table* const table = Filled(bits, visits);
  Reset(visits, 0);
  CHECK_OK(hf_table_for_each_exclusive(table, Update, visits));
  CHECK(EachOnce(visits));
  Reset(visits, 7);
  CHECK_STATUS(hf_table_for_each_exclusive(table, Update, visits), HF_STOPPED);
  CHECK(visits->count == 7);
  /* Values that were visited are changed, including the last; others are not.
   */
  for (uint64_t i = 0; i < kValues; ++i) {
    uint64_t value = 0;
    CHECK_OK(hf_table_read(table, visits->handles[i], &value));
    CHECK_EQUAL(value, i + (visits->times[i] ? 20000 : 10000));
  }
  hf_table_destroy(table);
}

static void TestWalk(uint32_t bits, Visits* visits) {
  hf_table* const table = Filled(bits, visits);
  hf_walk* walk = NULL;
  CHECK_OK(hf_walk_create(table, &walk));
  for (int at = 1; at <= kValues; at += 17) {
    Reset(visits, at);
    CHECK_STATUS(hf_walk_work(walk, Visit, visits), HF_STOPPED);
    CHECK(visits->count == at);
    CHECK_OK(hf_walk_work(walk, Visit, visits));
    CHECK(EachOnce(visits));
    CHECK_OK(hf_walk_work(walk, Visit, visits)); /* Nothing is left. */
    CHECK(EachOnce(visits));
    CHECK_OK(hf_walk_restart(walk));
  }
  /* A restarted walk visits all values, also those that were pinned since. */
  Reset(visits, 2);
  CHECK_OK(hf_table_unpin(table, visits->handles[5]));
  CHECK_OK(hf_table_pin(table, 5, &visits->handles[5]));
  CHECK_STATUS(hf_walk_work(walk, Visit, visits), HF_STOPPED);
  CHECK_OK(hf_walk_restart(walk));
  Reset(visits, 0);
  CHECK_OK(hf_walk_work(walk, Visit, visits));
  CHECK(EachOnce(visits));
  hf_walk_destroy(walk);
  hf_table_destroy(table);
}

/* --- Values of bytes ------------------------------------------------------ */

static void TestBytes(size_t bytes, uint32_t bits, Visits* visits) {
  hf_options options = HF_OPTIONS_INIT;
  options.handle_bits = bits;
  options.max_slots = 10000;
  hf_bytes_table* table = NULL;
  CHECK_OK(hf_bytes_table_create(bytes, &options, &table, NULL, 0));
  visits->bytes = bytes;
  const int values = bytes > 1 ? kValues : 256;
  unsigned char value[64];
  for (int i = 0; i < values; ++i) {
    Encode(bytes, (uint64_t)i, value);
    CHECK_OK(hf_bytes_table_pin(table, value, &visits->handles[i]));
  }

  Reset(visits, 0);
  CHECK_OK(hf_bytes_table_for_each(table, VisitBytes, visits));
  CHECK(visits->count == values && NoneTwice(visits));
  Reset(visits, 100);
  CHECK_STATUS(hf_bytes_table_for_each(table, VisitBytes, visits), HF_STOPPED);
  CHECK(visits->count == 100 && NoneTwice(visits));

  hf_bytes_walk* walk = NULL;
  CHECK_OK(hf_bytes_walk_create(table, &walk));
  Reset(visits, 100);
  CHECK_STATUS(hf_bytes_walk_work(walk, VisitBytes, visits), HF_STOPPED);
  CHECK_OK(hf_bytes_walk_work(walk, VisitBytes, visits));
  CHECK(visits->count == values && NoneTwice(visits));
  CHECK_OK(hf_bytes_walk_restart(walk));
  Reset(visits, 0);
  CHECK_OK(hf_bytes_walk_work(walk, VisitBytes, visits));
  CHECK(visits->count == values && NoneTwice(visits));
  hf_bytes_walk_destroy(walk);

  Reset(visits, 100);
  CHECK_STATUS(hf_bytes_table_for_each_exclusive(table, UpdateBytes, visits),
               HF_STOPPED);
  CHECK(visits->count == 100 && NoneTwice(visits));
  for (int i = 0; i < values; ++i) {
    unsigned char expected[64];
    Encode(bytes, (uint64_t)(visits->times[i] ? kValues - 1 - i : i), expected);
    CHECK_OK(hf_bytes_table_read(table, visits->handles[i], value));
    CHECK(memcmp(value, expected, bytes) == 0);
  }
  hf_bytes_table_destroy(table);
}

/* --- Callbacks that leave by longjmp -------------------------------------- */

static void TestJumps(Visits* visits) {
  hf_table* const table = Filled(63, visits);
  Reset(visits, 1200);
  visits->jump = 1;
  if (setjmp(visits->to) == 0) {
    (void)hf_table_for_each(table, Visit, visits);
    CheckIs(0, "it jumps", __LINE__);
  }
  CHECK(visits->count == 1200 && NoneTwice(visits));

  /* The last value that was shown stays as it was; those before are changed. */
  Reset(visits, 1200);
  visits->jump = 1;
  if (setjmp(visits->to) == 0) {
    (void)hf_table_for_each_exclusive(table, Update, visits);
    CheckIs(0, "it jumps", __LINE__);
  }
  int changed = 0;
  for (uint64_t i = 0; i < kValues; ++i) {
    uint64_t value = 0;
    CHECK_OK(hf_table_read(table, visits->handles[i], &value));
    CHECK(value == i || (value == i + 10000 && visits->times[i] == 1));
    changed += value != i;
    CHECK_OK(hf_table_write(table, visits->handles[i], i));
  }
  CHECK(changed == 1199);

  /* The walk does not visit the slots that the call had taken: at most 1,024.
   */
  hf_walk* walk = NULL;
  CHECK_OK(hf_walk_create(table, &walk));
  Reset(visits, 10);
  visits->jump = 1;
  if (setjmp(visits->to) == 0) {
    (void)hf_walk_work(walk, Visit, visits);
    CheckIs(0, "it jumps", __LINE__);
  }
  CHECK_OK(hf_walk_work(walk, Visit, visits));
  CHECK(NoneTwice(visits));
  CHECK(visits->count >= kValues - 1024 && visits->count < kValues);
  CHECK_OK(hf_walk_restart(walk));
  Reset(visits, 0);
  CHECK_OK(hf_walk_work(walk, Visit, visits));
  CHECK(EachOnce(visits));
  hf_walk_destroy(walk);

  Reset(visits, 0);
  CHECK_OK(hf_table_for_each(table, Visit, visits));
  CHECK(EachOnce(visits));
  CHECK_EQUAL(hf_table_unpin_all(table), kValues);
  hf_table_destroy(table);
}

/* A callback may use the table. */
static int UnpinIt(void* context, hf_handle handle, uint64_t value) {
  (void)value;
  return hf_table_unpin(context, handle) != HF_OK;
}

static void TestUseMeanwhile(Visits* visits) {
  hf_table* const table = Filled(53, visits);
  CHECK_OK(hf_table_for_each(table, UnpinIt, table));
  CHECK_EQUAL(hf_table_unpin_all(table), 0);
  hf_table_destroy(table);
}

int main(void) {
  Visits* const visits = calloc(1, sizeof(Visits));
  if (visits == NULL) return 1;
  static const uint32_t kBits[] = {63, 53, 32};
  for (size_t i = 0; i < 3; ++i) {
    TestForEach(kBits[i], visits);
    TestForEachExclusive(kBits[i], visits);
    TestWalk(kBits[i], visits);
    for (size_t bytes = 1; bytes <= 64; ++bytes) {
      TestBytes(bytes, kBits[i], visits);
    }
  }
  TestJumps(visits);
  TestUseMeanwhile(visits);
  free(visits);
  return Failed();
}
