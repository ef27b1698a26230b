#!/usr/bin/env bash
# usage: may_skip.sh PROGRAM [ARGUMENT]...
#
# Runs a program that exits with 77 where it lacks something, which is no failure
# of a test.
set -uo pipefail
program=$1
shift
"./$program" "$@"
status=$?
((status == 77)) && status=0
exit "$status"
