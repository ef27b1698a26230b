// HOLDFAST_API marks what src/ defines and the headers use. The CMake build
// hides all else of the shared object (-fvisibility=hidden). It may be defined
// to be nothing, for a copy of the library that shows none of it. C may include
// this file, too.

#ifndef HOLDFAST_INTERNAL_EXPORT_H_
#define HOLDFAST_INTERNAL_EXPORT_H_

#ifndef HOLDFAST_API
#if defined(__GNUC__)
#define HOLDFAST_API __attribute__((visibility("default")))
#else
#define HOLDFAST_API
#endif
#endif

#endif  // HOLDFAST_INTERNAL_EXPORT_H_
