// Each public header includes this one before all else, so that below C++17 a
// compiler says why, in one sentence, and no more.

#ifndef HOLDFAST_INTERNAL_CPP17_H_
#define HOLDFAST_INTERNAL_CPP17_H_

// MSVC tells the language by _MSVC_LANG; its __cplusplus stays at C++98 unless
// an option says otherwise.
#if defined(_MSVC_LANG) ? _MSVC_LANG < 201703L : __cplusplus < 201703L
#error "holdfast needs C++17 or later: -std=c++17 (Bazel: --cxxopt=-std=c++17)"
// g++ and clang go on after an #error. They stop at a file that is missing.
#include "see the #error above"
#endif

#endif  // HOLDFAST_INTERNAL_CPP17_H_
