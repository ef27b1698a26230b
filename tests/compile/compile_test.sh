#!/usr/bin/env bash
# Prints what compilations.py has reported; fails if a case did.
set -euo pipefail
cat "$1"
if grep -q '^FAILED' "$1"; then exit 1; fi
grep -q '^passed' "$1"
