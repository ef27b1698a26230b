// -----------------------------------------------------------------------------
// File: version.h
// -----------------------------------------------------------------------------
//
// The version of the library whose headers are included, for the preprocessor
// of C++ and of C. Until 1.0.0 a new MINOR may break source code, and a new
// PATCH does not.
//
// CMakeLists.txt reads the version here. MODULE.bazel has it once more, and
// tests/version holds the two together.

#ifndef HOLDFAST_VERSION_H_
#define HOLDFAST_VERSION_H_

#define HOLDFAST_VERSION_MAJOR 0
#define HOLDFAST_VERSION_MINOR 1
#define HOLDFAST_VERSION_PATCH 0

// "MAJOR.MINOR.PATCH"
#define HOLDFAST_VERSION_STRING "0.1.0"

#endif  // HOLDFAST_VERSION_H_
