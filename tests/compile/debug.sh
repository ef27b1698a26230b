#!/usr/bin/env bash
# Runs PROGRAM, which is debugged.cc, in gdb with SCRIPT, which is
# tools/gdb/holdfast.py, and checks that gdb prints the right values.
#
# usage: debug.sh SCRIPT PROGRAM
#
# Exits with 77 if the system does not let a process trace another one.
set -euo pipefail
script=$1
program=$2

questions=(
  'print *live'
  'print *stale'
  'print *session'
  'print numbers'
  'print *sessions'
  'print bytes'
  'print moved_from'
  'print $holdfast(numbers, *live)'
  'print $holdfast(numbers, *stale)'
  'print $holdfast(&numbers, live->bits_)'
  'print $holdfast(numbers, 0)'
  'print $holdfast(numbers, 0x200001002)'
  'print $holdfast(numbers, 0x900001001)'
  'print $holdfast(sessions, *session)'
  'print $holdfast(sessions, *session).user'
  'print $holdfast(bytes, 1)'
)
expected='$1 = Handle(0x0000000200001001)
$2 = Handle(0x0000000100001001)
$3 = Handle(0x0000000000004001)
$4 = HandleTable with 2 live of 4 slots used = {[Handle(0x0000000000001001)] = 70, [Handle(0x0000000200001001)] = 9}
$5 = HandleTable with 1 live of 2 slots used = {[Handle(0x0000000000004001)] = {user = 42, balance = 3.5}}
$6 = HandleTable with 1 live of 2 slots used = {[Handle(0x0000000000000001)] = -5}
$7 = HandleTable with 0 live of 0 slots used
$8 = 9
$9 = "stale: slot 1 has ended 1 lives since"
$10 = 9
$11 = "null: the null handle"
$12 = "foreign: not a handle of this table"
$13 = "never issued: slot 9 has not come to that life"
$14 = {user = 42, balance = 3.5}
$15 = 42
$16 = -5'

commands=(-ex 'set width 0' -ex 'set print address off'
  -ex 'set debuginfod enabled off' -ex "source $script" -ex 'break Stop' -ex run)
for question in "${questions[@]}"; do commands+=(-ex "$question"); done
got=$(gdb -nx -batch "${commands[@]}" "$program" 2>&1)
if grep -q 'Could not trace the inferior process' <<<"$got"; then exit 77; fi
diff <(echo "$expected") <(grep '^\$' <<<"$got") || { echo "$got"; exit 1; }
