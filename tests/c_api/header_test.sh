#!/usr/bin/env bash
# The header, and the tests in C, compile without a warning with gcc and with
# clang, where they are: as C11 and later; the header also as C++11 and later.
set -uo pipefail
warnings=(-Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wundef -Werror)
compilations=0
failed=0

# compile COMPILER OPTION-OR-FILE...
compile() {
  ((compilations += 1))
  if ! "$@" -fsyntax-only -I. -Iinclude; then
    echo "FAILED: $*"
    failed=1
  fi
}

for compiler in gcc clang; do
  type -P "$compiler" >/dev/null || continue
  for language in c11 c17; do
    compile "$compiler" -std=$language "${warnings[@]}" -Wstrict-prototypes -x c \
      -include include/holdfast/c_api.h /dev/null
    for test in tests/c_api/*.c; do
      compile "$compiler" -std=$language "${warnings[@]}" "$test"
    done
  done
  for language in c++11 c++17 c++20; do
    compile "$compiler" -std=$language "${warnings[@]}" -Wold-style-cast \
      -x c++ -include include/holdfast/c_api.h /dev/null
  done
done
echo "$compilations compilations"
((compilations > 0)) || failed=1
exit "$failed"
