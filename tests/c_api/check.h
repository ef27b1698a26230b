/* Checks for tests in C. Each prints where it fails; main returns Failed(). */

#ifndef HOLDFAST_TESTS_C_API_CHECK_H_
#define HOLDFAST_TESTS_C_API_CHECK_H_

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "holdfast/c_api.h"

/* Only the main thread may check and count. */
static int check_failures = 0;
static int check_count = 0;

#define CHECK(condition) CheckIs((condition) ? 1 : 0, #condition, __LINE__)
#define CHECK_OK(call) CheckStatus((call), HF_OK, #call, __LINE__)
#define CHECK_STATUS(call, status) CheckStatus((call), status, #call, __LINE__)
#define CHECK_EQUAL(a, b) CheckEqual((a), (b), #a " == " #b, __LINE__)
#define CHECK_TEXT(text, expected) CheckText(text, expected, #text, __LINE__)

static inline void CheckIs(int is, const char* what, int line) {
  ++check_count;
  if (is) return;
  ++check_failures;
  printf("line %d: FAILED: %s\n", line, what);
}

static inline void CheckStatus(hf_status status, hf_status expected,
                               const char* what, int line) {
  CheckIs(status == expected, what, line);
  if (status != expected) printf("  is %s\n", hf_status_name(status));
}

static inline void CheckEqual(uint64_t a, uint64_t b, const char* what,
                              int line) {
  CheckIs(a == b, what, line);
  if (a != b) printf("  are %" PRIu64 " and %" PRIu64 "\n", a, b);
}

static inline void CheckText(const char* text, const char* expected,
                             const char* what, int line) {
  CheckIs(strcmp(text, expected) == 0, what, line);
  if (strcmp(text, expected) != 0) printf("  is \"%s\"\n", text);
}

/* Returns the exit status for main. A test that has checked nothing has failed.
 */
static inline int Failed(void) {
  printf("%d of %d checks failed\n", check_failures, check_count);
  return check_failures != 0 || check_count == 0;
}

#endif /* HOLDFAST_TESTS_C_API_CHECK_H_ */
