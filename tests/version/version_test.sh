#!/usr/bin/env bash
# usage: version_test.sh [VERSION]
#
# Checks, from the top folder, that all of these state the same version:
# include/holdfast/version.h, MODULE.bazel, the bazel_dep in README.md, the first
# section of CHANGELOG.md, and, if it is given, VERSION, which is CMake's.
set -uo pipefail
failed=0

define() {
  sed -n "s/^#define HOLDFAST_VERSION_$1 //p" include/holdfast/version.h
}

# is WHAT VERSION
is() {
  if [[ $2 != "$version" ]]; then
    echo "FAILED: version.h says $version, $1 '$2'"
    failed=1
  fi
}

version=$(define MAJOR).$(define MINOR).$(define PATCH)
if [[ ! $version =~ ^[0-9]+\.[0-9]+\.[0-9]+$ ]]; then
  echo "FAILED: version.h says '$version'"
  failed=1
fi
is HOLDFAST_VERSION_STRING "$(define STRING | tr -d '"')"
is MODULE.bazel "$(sed -n '/^module(/,/^)/s/.*version = "\(.*\)".*/\1/p' MODULE.bazel)"
is README.md "$(sed -n 's/^bazel_dep(name = "holdfast", version = "\(.*\)")$/\1/p' README.md)"
is CHANGELOG.md "$(sed -n 's/^## \[\(.*\)\].*/\1/p' CHANGELOG.md | head -n 1)"
(($# == 0)) || is CMake "$1"
exit "$failed"
