#!/usr/bin/env bash
# Prints the report of compilations.py. Fails if a case has failed.
set -euo pipefail
cat "$1"
if grep -q '^FAILED' "$1"; then exit 1; fi
grep -q '^passed' "$1"
