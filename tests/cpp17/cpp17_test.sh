#!/usr/bin/env bash
# usage: cpp17_test.sh COMPILER HEADER...
#
# Below C++17 each public header fails by one #error that says so: before any
# other header (none but this project's can be found here), and with no more
# after it than the compiler's stop.
set -uo pipefail
compiler=$1
shift
failed=0

# compile OPTION-OR-FILE...: as C++, whatever the compiler is called.
compile() {
  "$compiler" -x c++ -nostdinc -fsyntax-only -Iinclude "$@" 2>&1
}

# refuses OPTION-OR-FILE...
refuses() {
  local said errors
  if ! said=$(compile "$@"); then
    mapfile -t errors < <(grep 'error:' <<<"$said")
    if ((${#errors[@]} == 2)) &&
      [[ ${errors[0]} == *'holdfast needs C++17 or later'* ]] &&
      [[ ${errors[1]} == *'see the #error above'* ]]; then
      return
    fi
  fi
  echo "FAILED: one clear #error from $*; got:"
  head -n 20 <<<"${said:-silence}"
  failed=1
}

# accepts OPTION-OR-FILE...
accepts() {
  local said
  if ! said=$(compile "$@") || [[ $said ]]; then
    echo "FAILED: silence from $*; got: $said"
    failed=1
  fi
}

if (($# == 0)); then
  echo 'FAILED: no header to look at'
  exit 1
fi
for header in "$@"; do
  for language in c++11 c++14; do
    refuses -std=$language "$header"
  done
done

check=include/holdfast/internal/cpp17.h
for language in c++17 c++20; do
  accepts -Wall -Wextra -Wundef -pedantic -std=$language -include "$check" /dev/null
done
# As MSVC has it: its __cplusplus says C++98 whatever the language is.
accepts -std=c++98 -D_MSVC_LANG=201703L -include "$check" /dev/null
refuses -std=c++98 -D_MSVC_LANG=201402L -include "$check" /dev/null

exit $failed
