/* version.h in C: the numbers are integers, and the string is made of them. */

#include <stdio.h>
#include <string.h>

#include "holdfast/version.h"

#if HOLDFAST_VERSION_MAJOR * 1000000 + HOLDFAST_VERSION_MINOR * 1000 + \
        HOLDFAST_VERSION_PATCH <                                       \
    1
#error "The preprocessor cannot compare versions."
#endif

int main(void) {
  char numbers[64];
  snprintf(numbers, sizeof(numbers), "%d.%d.%d", HOLDFAST_VERSION_MAJOR,
           HOLDFAST_VERSION_MINOR, HOLDFAST_VERSION_PATCH);
  if (strcmp(numbers, HOLDFAST_VERSION_STRING) != 0) {
    printf("FAILED: \"%s\" is not %s\n", HOLDFAST_VERSION_STRING, numbers);
    return 1;
  }
  return 0;
}
