#include "holdfast/internal/creation_error.h"

#include <cstdarg>
#include <cstdio>

namespace holdfast::internal {

CreationError MakeCreationError(CreationError::Code code, const char* format,
                                ...) noexcept {
  CreationError error;
  error.code = code;
  va_list arguments;
  va_start(arguments, format);
  std::vsnprintf(error.message, sizeof(error.message), format, arguments);
  va_end(arguments);
  return error;
}

}  // namespace holdfast::internal
