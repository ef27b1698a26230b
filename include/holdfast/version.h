// -----------------------------------------------------------------------------
// File: version.h
// -----------------------------------------------------------------------------
//
// The version of the library whose headers are included, as macros for C++ and
// C. Until 1.0.0, a new MINOR version may break source code and the binary
// interface; a new PATCH version breaks neither.
//
// CMakeLists.txt reads the version from this file. MODULE.bazel states it
// again, and a test in tests/version checks that both are the same.

#ifndef HOLDFAST_VERSION_H_
#define HOLDFAST_VERSION_H_

#define HOLDFAST_VERSION_MAJOR 0
#define HOLDFAST_VERSION_MINOR 1
#define HOLDFAST_VERSION_PATCH 0

// "MAJOR.MINOR.PATCH"
#define HOLDFAST_VERSION_STRING "0.1.0"

#endif  // HOLDFAST_VERSION_H_
