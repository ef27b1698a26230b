/* Goal: threads share tables of both kinds. No value is torn; exactly one of
 * several racing unpins succeeds; a thread that reads a value sees what was
 * written before the pin; and a walk by several threads shows each value once.
 *
 * Method: pthreads, with exactly known results. */

/* For pthread_barrier_t. */
#define _POSIX_C_SOURCE 200809L

#include <pthread.h>
#include <stdlib.h>

#include "tests/c_api/check.h"

enum { kThreads = 4, kRounds = 2000, kValues = 5000 };

/* The threads of a test share this. Each writes its own entry of `results`. */
typedef struct Shared {
  pthread_barrier_t barrier;
  hf_table* table;
  hf_bytes_table* bytes;
  hf_walk* walk;
  hf_bytes_walk* bytes_walk;
  hf_handle handles[kValues];
  uint64_t objects[kThreads];
  int times[kThreads][kValues];
  uint64_t results[kThreads];
} Shared;

typedef struct Thread {
  pthread_t thread;
  Shared* shared;
  unsigned number;
} Thread;

static void Barrier(Thread* self) {
  pthread_barrier_wait(&self->shared->barrier);
}

/* Runs `body` in kThreads threads, and returns the sum of their results. */
static uint64_t Run(Shared* shared, void* (*body)(void*)) {
  Thread threads[kThreads];
  pthread_barrier_init(&shared->barrier, NULL, kThreads);
  for (unsigned i = 0; i < kThreads; ++i) {
    shared->results[i] = 0;
    threads[i].shared = shared;
    threads[i].number = i;
    if (pthread_create(&threads[i].thread, NULL, body, &threads[i]) != 0) {
      abort();
    }
  }
  uint64_t sum = 0;
  for (unsigned i = 0; i < kThreads; ++i) {
    pthread_join(threads[i].thread, NULL);
    sum += shared->results[i];
  }
  pthread_barrier_destroy(&shared->barrier);
  return sum;
}

/* --- Racing unpins -------------------------------------------------------- */

static void* UnpinAllOfThem(void* arg) {
  Thread* const self = arg;
  Barrier(self);
  for (int i = 0; i < kValues; ++i) {
    self->shared->results[self->number] +=
        hf_table_unpin(self->shared->table, self->shared->handles[i]) == HF_OK;
  }
  return NULL;
}

static void TestUnpin(Shared* shared) {
  for (uint64_t i = 0; i < kValues; ++i) {
    CHECK_OK(hf_table_pin(shared->table, i, &shared->handles[i]));
  }
  CHECK_EQUAL(Run(shared, UnpinAllOfThem), kValues);
}

/* --- Objects that are handed on ------------------------------------------- */

/* Each thread writes to its object and pins the object's address. The others
 * read the address, and must see what was written. */
static void* HandOn(void* arg) {
  Thread* const self = arg;
  Shared* const shared = self->shared;
  uint64_t* const own = &shared->objects[self->number];
  uint64_t wrong = 0;
  for (uint64_t round = 1; round <= kRounds; ++round) {
    *own = round;
    wrong += hf_table_pin(shared->table, (uint64_t)(uintptr_t)own,
                          &shared->handles[self->number]) != HF_OK;
    Barrier(self);
    for (unsigned i = 0; i < kThreads; ++i) {
      uint64_t found = 0;
      if (hf_table_read(shared->table, shared->handles[i], &found) == HF_OK) {
        wrong += *(const uint64_t*)(uintptr_t)found != round;
      } else {
        ++wrong;
      }
    }
    Barrier(self);
    wrong +=
        hf_table_unpin(shared->table, shared->handles[self->number]) != HF_OK;
  }
  shared->results[self->number] = wrong;
  return NULL;
}

static void TestHandOn(Shared* shared) { CHECK_EQUAL(Run(shared, HandOn), 0); }

/* --- Values that all threads write ---------------------------------------- */

static int IsWhole(const uint64_t* value) {
  for (int i = 1; i < 8; ++i) {
    if (value[i] != value[0]) return 0;
  }
  return 1;
}

/* Exchanges conserve the values: each value that is put in comes out once. */
static void* WriteAll(void* arg) {
  Thread* const self = arg;
  Shared* const shared = self->shared;
  uint64_t wrong = 0;
  Barrier(self);
  for (uint64_t round = 0; round < kRounds; ++round) {
    uint64_t value[8];
    uint64_t old[8] = {0};
    const uint64_t number = round * kThreads + self->number;
    for (int i = 0; i < 8; ++i) value[i] = number;
    wrong += hf_bytes_table_exchange(shared->bytes, shared->handles[0], value,
                                     old) != HF_OK;
    wrong += !IsWhole(old);
    wrong +=
        hf_bytes_table_read(shared->bytes, shared->handles[0], old) != HF_OK;
    wrong += !IsWhole(old);
    wrong +=
        hf_bytes_table_write(shared->bytes, shared->handles[1], value) != HF_OK;
    wrong +=
        hf_bytes_table_read(shared->bytes, shared->handles[1], old) != HF_OK;
    wrong += !IsWhole(old);
  }
  shared->results[self->number] = wrong;
  return NULL;
}

static void TestWrites(Shared* shared) {
  const uint64_t value[8] = {0};
  CHECK_OK(hf_bytes_table_pin(shared->bytes, value, &shared->handles[0]));
  CHECK_OK(hf_bytes_table_pin(shared->bytes, value, &shared->handles[1]));
  CHECK_EQUAL(Run(shared, WriteAll), 0);
  CHECK_EQUAL(hf_bytes_table_unpin_all(shared->bytes), 2);
}

/* --- A walk by several threads -------------------------------------------- */

/* Every hundredth value ends the call; then the thread calls hf_walk_work
 * again.
 */
static int Visit(void* context, hf_handle handle, uint64_t value) {
  Thread* const self = context;
  if (value < kValues && self->shared->handles[value] == handle) {
    ++self->shared->times[self->number][value];
  }
  return value % 100 == 0;
}

static int VisitBytes(void* context, hf_handle handle, const void* value) {
  return Visit(context, handle, *(const uint64_t*)value);
}

static void* Work(void* arg) {
  Thread* const self = arg;
  Barrier(self);
  while (hf_walk_work(self->shared->walk, Visit, self) == HF_STOPPED) {
  }
  return NULL;
}

static void* WorkBytes(void* arg) {
  Thread* const self = arg;
  Barrier(self);
  while (hf_bytes_walk_work(self->shared->bytes_walk, VisitBytes, self) ==
         HF_STOPPED) {
  }
  return NULL;
}

static void CheckEachOnce(Shared* shared) {
  for (int i = 0; i < kValues; ++i) {
    int times = 0;
    for (int j = 0; j < kThreads; ++j) times += shared->times[j][i];
    CHECK(times == 1);
  }
  memset(shared->times, 0, sizeof(shared->times));
}

static void TestWalks(Shared* shared) {
  for (uint64_t i = 0; i < kValues; ++i) {
    CHECK_OK(hf_table_pin(shared->table, i, &shared->handles[i]));
  }
  CHECK_OK(hf_walk_create(shared->table, &shared->walk));
  for (int round = 0; round < 20; ++round) {
    Run(shared, Work);
    CheckEachOnce(shared);
    CHECK_OK(hf_walk_restart(shared->walk));
  }
  hf_walk_destroy(shared->walk);
  CHECK_EQUAL(hf_table_unpin_all(shared->table), kValues);

  for (uint64_t i = 0; i < kValues; ++i) {
    const uint64_t value[8] = {i};
    CHECK_OK(hf_bytes_table_pin(shared->bytes, value, &shared->handles[i]));
  }
  CHECK_OK(hf_bytes_walk_create(shared->bytes, &shared->bytes_walk));
  for (int round = 0; round < 20; ++round) {
    Run(shared, WorkBytes);
    CheckEachOnce(shared);
    CHECK_OK(hf_bytes_walk_restart(shared->bytes_walk));
  }
  hf_bytes_walk_destroy(shared->bytes_walk);
  CHECK_EQUAL(hf_bytes_table_unpin_all(shared->bytes), kValues);
}

int main(void) {
  Shared* const shared = calloc(1, sizeof(Shared));
  if (shared == NULL) return 1;
  static const uint32_t kBits[] = {63, 53, 32};
  for (size_t i = 0; i < 3; ++i) {
    hf_options options = HF_OPTIONS_INIT;
    options.handle_bits = kBits[i];
    options.max_slots = 2 * kValues;
    CHECK_OK(hf_table_create(&options, &shared->table, NULL, 0));
    CHECK_OK(hf_bytes_table_create(64, &options, &shared->bytes, NULL, 0));
    TestUnpin(shared);
    TestHandOn(shared);
    TestWrites(shared);
    TestWalks(shared);
    hf_table_destroy(shared->table);
    hf_bytes_table_destroy(shared->bytes);
  }
  free(shared);
  return Failed();
}
