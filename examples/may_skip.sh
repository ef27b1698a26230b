#!/usr/bin/env bash
# usage: may_skip.sh PROGRAM [ARGUMENT]...
#
# Runs a program. If it exits with 77, because something that it needs is not
# installed, that does not count as a failure of the test.
set -uo pipefail
program=$1
shift
"./$program" "$@"
status=$?
((status == 77)) && status=0
exit "$status"
