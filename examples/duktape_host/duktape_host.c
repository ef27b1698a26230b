/* usage: duktape_host MAIN.js WORKER.js
 *
 * Runs JavaScript in several threads, by Duktape: MAIN.js in one thread, and
 * WORKER.js in each of kWorkers others. Each thread has its own heap, and no
 * JavaScript object can pass from heap to heap. But the scripts share counters,
 * which belong to the host, and name them by handles. A handle has at most 53
 * bits, so it is a plain number in JavaScript, and scripts can send it to each
 * other. The scripts see:
 *
 *   host.worker               the script's number: 0 for MAIN.js
 *   host.workers              the number of workers
 *   host.create(start)        a new counter; returns its handle
 *   host.add(handle, n)       adds to a counter, and returns the sum
 *   host.close(handle)        ends a counter, and returns its last value
 *   host.isOpen(handle)
 *   host.send(worker, number)
 *   host.receive()            waits for a number, and returns it
 *
 * A function that is given a stale handle, or a number that is no handle,
 * throws a ReferenceError that says why. */

#include <duktape.h>
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "holdfast/c_api.h"
#include "mailbox.h"

enum { kWorkers = 3, kThreads = kWorkers + 1 };

/* A closed counter is not freed until the threads have ended, since another
 * thread may have read its address just before. (A host with a collector would
 * free it at the next collection.) */
typedef struct Counter {
  _Atomic(double) count;
  struct Counter* next; /* In the list of all counters, closed ones too. */
} Counter;

typedef struct Host {
  hf_table* table; /* The values are pointers to open counters. */
  _Atomic(Counter*) all;
  Mailbox boxes[kThreads];
} Host;

typedef struct Thread {
  pthread_t thread;
  int number;
  const char* script;
} Thread;

static Host host;

/* --- Functions that scripts call ------------------------------------------ */

/* A script may pass any number. One that cannot be a handle becomes the null
 * handle. */
static hf_handle ToHandle(duk_context* heap, duk_idx_t argument) {
  const double number = duk_require_number(heap, argument);
  const int is_whole =
      number >= 1 && number < 9007199254740992.0 && floor(number) == number;
  return is_whole ? (hf_handle)number : HF_NULL_HANDLE;
}

static duk_ret_t ThrowRefused(duk_context* heap, hf_handle handle) {
  char text[192];
  hf_table_describe(host.table, handle, text, sizeof(text));
  return duk_error(heap, DUK_ERR_REFERENCE_ERROR, "%s", text);
}

static duk_ret_t Create(duk_context* heap) {
  const double start = duk_require_number(heap, 0);
  Counter* const counter = malloc(sizeof(Counter));
  if (counter == NULL) return duk_generic_error(heap, "no memory is left");
  atomic_init(&counter->count, start);
  counter->next = atomic_load(&host.all);
  while (!atomic_compare_exchange_weak(&host.all, &counter->next, counter)) {
  }
  hf_handle handle;
  const hf_status status =
      hf_table_pin(host.table, (uint64_t)(uintptr_t)counter, &handle);
  if (status != HF_OK) {
    return duk_generic_error(heap, "%s", hf_status_text(status));
  }
  duk_push_number(heap, (double)handle);
  return 1;
}

static duk_ret_t Add(duk_context* heap) {
  const hf_handle handle = ToHandle(heap, 0);
  const double added = duk_require_number(heap, 1);
  uint64_t found;
  if (hf_table_read(host.table, handle, &found) != HF_OK) {
    return ThrowRefused(heap, handle);
  }
  Counter* const counter = (Counter*)(uintptr_t)found;
  double count = atomic_load(&counter->count);
  while (
      !atomic_compare_exchange_weak(&counter->count, &count, count + added)) {
  }
  duk_push_number(heap, count + added);
  return 1;
}

/* If several scripts close a counter at the same time, one of them succeeds. */
static duk_ret_t Close(duk_context* heap) {
  const hf_handle handle = ToHandle(heap, 0);
  uint64_t found;
  if (hf_table_take(host.table, handle, &found) != HF_OK) {
    return ThrowRefused(heap, handle);
  }
  const Counter* const counter = (const Counter*)(uintptr_t)found;
  duk_push_number(heap, atomic_load(&counter->count));
  return 1;
}

static duk_ret_t IsOpen(duk_context* heap) {
  duk_push_boolean(heap, hf_table_contains(host.table, ToHandle(heap, 0)));
  return 1;
}

static duk_ret_t Send(duk_context* heap) {
  const int to = duk_require_int(heap, 0);
  const double number = duk_require_number(heap, 1);
  if (to < 0 || to >= kThreads) return duk_range_error(heap, "no such worker");
  MailboxSend(&host.boxes[to], number);
  return 0;
}

static duk_ret_t Receive(duk_context* heap) {
  duk_get_global_string(heap, "host");
  duk_get_prop_string(heap, -1, "worker");
  duk_push_number(heap, MailboxReceive(&host.boxes[duk_get_int(heap, -1)]));
  return 1;
}

static duk_ret_t Print(duk_context* heap) {
  printf("%s\n", duk_safe_to_string(heap, 0));
  return 0;
}

static const duk_function_list_entry kFunctions[] = {
    {"create", Create, 1}, {"add", Add, 2},   {"close", Close, 1},
    {"isOpen", IsOpen, 1}, {"send", Send, 2}, {"receive", Receive, 0},
    {NULL, NULL, 0},
};

/* --- Threads -------------------------------------------------------------- */

/* Pushes the text of the file onto Duktape's stack. */
static void PushFile(duk_context* heap, const char* path) {
  char text[4096];
  FILE* const file = fopen(path, "rb");
  if (file == NULL) {
    perror(path);
    exit(1);
  }
  duk_push_string(heap, "");
  for (size_t length; (length = fread(text, 1, sizeof(text), file)) > 0;) {
    duk_push_lstring(heap, text, length);
    duk_concat(heap, 2);
  }
  fclose(file);
}

static void* Run(void* arg) {
  Thread* const self = arg;
  duk_context* const heap = duk_create_heap_default();
  if (heap == NULL) abort();
  duk_push_object(heap);
  duk_put_function_list(heap, -1, kFunctions);
  duk_push_int(heap, self->number);
  duk_put_prop_string(heap, -2, "worker");
  duk_push_int(heap, kWorkers);
  duk_put_prop_string(heap, -2, "workers");
  duk_put_global_string(heap, "host");
  duk_push_c_function(heap, Print, 1);
  duk_put_global_string(heap, "print");

  PushFile(heap, self->script);
  duk_push_string(heap, self->script);
  if (duk_pcompile(heap, 0) != 0 || duk_pcall(heap, 0) != 0) {
    fprintf(stderr, "%s: %s\n", self->script, duk_safe_to_stacktrace(heap, -1));
    exit(1); /* Other threads may be waiting for numbers of this one. */
  }
  duk_destroy_heap(heap);
  return NULL;
}

static int CountOne(void* context, hf_handle handle, uint64_t counter) {
  (void)handle, (void)counter;
  ++*(int*)context;
  return 0;
}

int main(int argc, char** argv) {
  if (argc != 3) {
    fprintf(stderr, "usage: duktape_host MAIN.js WORKER.js\n");
    return 2;
  }
  hf_options options = HF_OPTIONS_INIT;
  options.handle_bits = 53;
  options.max_slots = 100000;
  char message[512];
  if (hf_table_create(&options, &host.table, message, sizeof(message)) !=
      HF_OK) {
    fprintf(stderr, "%s\n", message);
    return 1;
  }
  Thread threads[kThreads];
  for (int i = 0; i < kThreads; ++i) MailboxInit(&host.boxes[i]);
  for (int i = 0; i < kThreads; ++i) {
    threads[i].number = i;
    threads[i].script = argv[i == 0 ? 1 : 2];
    if (pthread_create(&threads[i].thread, NULL, Run, &threads[i]) != 0) {
      perror("pthread_create");
      return 1;
    }
  }
  for (int i = 0; i < kThreads; ++i) pthread_join(threads[i].thread, NULL);

  int open = 0;
  hf_table_for_each(host.table, CountOne, &open);
  printf("counters open at the end: %d\n", open);
  hf_table_destroy(host.table);
  for (int i = 0; i < kThreads; ++i) MailboxDestroy(&host.boxes[i]);
  for (Counter* counter = atomic_load(&host.all); counter != NULL;) {
    Counter* const next = counter->next;
    free(counter);
    counter = next;
  }
  return 0;
}
