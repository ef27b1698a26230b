/* The code of docs/other_languages.md, as a program: it keeps sessions in a
 * table, from C. It exits with 1 if a call does not do what the document says.
 */

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>

#include "holdfast/c_api.h"

typedef struct Session {
  uint64_t user;
  uint32_t hits;
} Session;

/* Ends the walk at the first session without hits. */
static int FindIdle(void* context, hf_handle handle, const void* value) {
  const Session* const session = value;
  if (session->hits != 0) return 0;
  *(hf_handle*)context = handle;
  return 1;
}

static int Use(hf_bytes_table* table) {
  Session session = {.user = 7, .hits = 0};
  hf_handle handle;
  if (hf_bytes_table_pin(table, &session, &handle) != HF_OK) return 1;

  /* The thread that serves a session is the only one to write to it. */
  ++session.hits;
  if (hf_bytes_table_write(table, handle, &session) != HF_OK) return 1;

  /* Any thread can read it, given the handle, which is a number. */
  Session seen = {0};
  if (hf_bytes_table_read(table, handle, &seen) == HF_OK) {
    printf("user %" PRIu64 ": %" PRIu32 " hits\n", seen.user, seen.hits);
  }

  hf_handle idle;
  if (hf_bytes_table_for_each(table, FindIdle, &idle) == HF_STOPPED) return 1;

  hf_bytes_table_unpin(table, handle); /* HF_OK */
  hf_bytes_table_unpin(table, handle); /* HF_NOT_LIVE: nothing is done */
  if (hf_bytes_table_read(table, handle, &seen) != HF_NOT_LIVE) return 1;
  char why[192];
  hf_bytes_table_describe(table, handle, why, sizeof(why));
  puts(why); /* Handle(0x...) is stale: slot 0 has ended 1 life since ... */
  return seen.hits != 1;
}

int main(void) {
  hf_options options = HF_OPTIONS_INIT;
  options.max_slots = 1000000; /* Address space: memory comes as it is used. */
  hf_bytes_table* table;
  char message[512];
  if (hf_bytes_table_create(sizeof(Session), &options, &table, message,
                            sizeof(message)) != HF_OK) {
    fprintf(stderr, "%s\n", message);
    return 1;
  }
  const int wrong = Use(table);
  hf_bytes_table_destroy(table);
  return wrong;
}
