#!/usr/bin/env bash
# usage: symbols_test.sh LIBRARY HEADER
#
# Checks that the shared library exports the functions of the header, its thread-local
# variable and nothing else, and that it needs only the C++ runtime and the C library.
set -uo pipefail
library=$1
header=$2
failed=0

exported=$(nm --dynamic --defined-only "$library" | awk '{ print $3 }' |
  sed 's/@.*//' | sort)
declared=$({
  grep -oE '\bhf_\w+\(' <<<"$(grep -v '^ \*' "$header" |
    sed -e 's/typedef.*//')" | tr -d '('
  echo holdfast_thread_token
} | sort -u)
if (($(wc -l <<<"$declared") < 50)); then
  echo "FAILED: found too few declarations: $declared"
  failed=1
fi
if [[ $exported != "$declared" ]]; then
  echo "FAILED: '<' is exported, '>' is declared:"
  diff <(echo "$exported") <(echo "$declared")
  failed=1
fi

needed=$(readelf --dynamic --wide "$library" |
  sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p')
while IFS= read -r name; do
  case $name in
    libstdc++.so.* | libgcc_s.so.* | libc.so.* | libm.so.* | ld-linux*) ;;
    libpthread.so.*) ;; # Before glibc 2.34.
    *)
      echo "FAILED: needs $name"
      failed=1
      ;;
  esac
done <<<"$needed"
if [[ $needed != *libc.so* ]]; then
  echo "FAILED: readelf finds no libraries that are needed: $needed"
  failed=1
fi

# What it takes from outside has a version of these, or is optional.
outside=$(nm --dynamic --undefined-only "$library" |
  awk '$1 == "U" && $2 !~ /@(GLIBC|GLIBCXX|CXXABI|GCC)_/ { print $2 }')
if [[ $outside ]]; then
  echo "FAILED: undefined: $outside"
  failed=1
fi
exit "$failed"
