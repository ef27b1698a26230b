/* A mailbox: numbers that threads send to one thread, which receives them in
 * order. */

#ifndef HOLDFAST_EXAMPLES_DUKTAPE_HOST_MAILBOX_H_
#define HOLDFAST_EXAMPLES_DUKTAPE_HOST_MAILBOX_H_

#include <pthread.h>
#include <stdlib.h>

typedef struct Mailbox {
  pthread_mutex_t mutex;
  pthread_cond_t arrived;
  double* numbers; /* Those in [first, end) are not received yet. */
  size_t first;
  size_t end;
  size_t capacity;
} Mailbox;

static inline void MailboxInit(Mailbox* box) {
  pthread_mutex_init(&box->mutex, NULL);
  pthread_cond_init(&box->arrived, NULL);
  box->numbers = NULL;
  box->first = box->end = box->capacity = 0;
}

static inline void MailboxDestroy(Mailbox* box) {
  free(box->numbers);
  pthread_cond_destroy(&box->arrived);
  pthread_mutex_destroy(&box->mutex);
}

static inline void MailboxSend(Mailbox* box, double number) {
  pthread_mutex_lock(&box->mutex);
  if (box->end == box->capacity) {
    box->capacity = 2 * box->capacity + 64;
    box->numbers = realloc(box->numbers, box->capacity * sizeof(double));
    if (box->numbers == NULL) abort();
  }
  box->numbers[box->end++] = number;
  pthread_cond_signal(&box->arrived);
  pthread_mutex_unlock(&box->mutex);
}

/* Waits for a number, and returns it. */
static inline double MailboxReceive(Mailbox* box) {
  pthread_mutex_lock(&box->mutex);
  while (box->first == box->end) {
    pthread_cond_wait(&box->arrived, &box->mutex);
  }
  const double number = box->numbers[box->first++];
  if (box->first == box->end) box->first = box->end = 0;
  pthread_mutex_unlock(&box->mutex);
  return number;
}

#endif /* HOLDFAST_EXAMPLES_DUKTAPE_HOST_MAILBOX_H_ */
