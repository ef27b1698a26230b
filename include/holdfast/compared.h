// -----------------------------------------------------------------------------
// File: compared.h
// -----------------------------------------------------------------------------
//
// The result of CompareExchange and UnpinIf.

#ifndef HOLDFAST_COMPARED_H_
#define HOLDFAST_COMPARED_H_

#include "holdfast/internal/cpp17.h"
// Before C++17, compilation ends there with an error that says why.

namespace holdfast {

enum class Compared {
  kEqual,      // The value was the expected one, and the call was carried out.
  kDifferent,  // The value was another one. Nothing was changed.
  kStale,      // The handle is not live. Nothing was changed.
};

}  // namespace holdfast

#endif  // HOLDFAST_COMPARED_H_
