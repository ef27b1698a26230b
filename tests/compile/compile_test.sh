#!/usr/bin/env bash
# Prints what compilations.py has reported; fails if a case did.
set -euo pipefail
cat "$1"
! grep -q '^FAILED' "$1"
grep -q '^passed' "$1"
