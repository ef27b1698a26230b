// Why a table could not be made, as plain data: the C interface passes it on,
// and Create makes an absl::Status of it. So neither the library's own sources
// nor the verbs need Abseil's compiled parts.

#ifndef HOLDFAST_INTERNAL_CREATION_ERROR_H_
#define HOLDFAST_INTERNAL_CREATION_ERROR_H_

#include <cstring>

#include "holdfast/internal/export.h"

namespace holdfast::internal {

struct CreationError {
  enum class Code { kNone, kInvalidArgument, kResourceExhausted };

  // Errors that are none are passed on whenever a table is made. So these three
  // leave the rest of the message alone where there is none.
  CreationError() noexcept { message[0] = '\0'; }
  CreationError(const CreationError& other) noexcept { *this = other; }
  CreationError& operator=(const CreationError& other) noexcept {
    if (this == &other) return *this;
    code = other.code;
    message[0] = '\0';
    if (!ok()) {
      std::memcpy(message, other.message, std::strlen(other.message) + 1);
    }
    return *this;
  }

  bool ok() const { return code == Code::kNone; }

  Code code = Code::kNone;
  char message[512];  // For people. Cut off where it is longer.
};

// An error with a message as of printf.
#if defined(__GNUC__)
__attribute__((format(printf, 2, 3)))
#endif
HOLDFAST_API CreationError
MakeCreationError(CreationError::Code code, const char* format, ...) noexcept;

}  // namespace holdfast::internal

#endif  // HOLDFAST_INTERNAL_CREATION_ERROR_H_
