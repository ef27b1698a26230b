#!/usr/bin/env bash
# Fuzzes from the kept corpus, in a copy of it, for about 20 seconds:
#
#   fuzz_smoke.sh FUZZER CORPUS
#
# Fails if the fuzzer finds anything, or has done next to nothing. The seed and
# the number of runs are set; a busy machine takes longer, and makes fewer only
# when time is up.
set -euo pipefail

fuzzer=$PWD/$1
corpus=$PWD/$2
min_inputs=20
min_runs=500

work=${TEST_TMPDIR:-$(mktemp -d)}/fuzz
mkdir -p "$work/inputs" "$work/artifacts"
cp -L "$corpus"/* "$work/inputs/"
loaded=$(find "$work/inputs" -type f | wc -l)

status=0
"$fuzzer" -seed=20230603 -runs=2500 -max_total_time=150 -max_len=300 \
  -print_final_stats=1 -artifact_prefix="$work/artifacts/" "$work/inputs" \
  >"$work/log" 2>&1 ||
  status=$?
runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$work/log")
echo "fuzz: $loaded inputs loaded, ${runs:-0} units executed," \
  "$(find "$work/inputs" -type f | wc -l) inputs at the end"

if ((status != 0)); then
  grep -vE '^#[0-9]' "$work/log" | tail -60
  for input in "$work"/artifacts/*; do
    echo "input, base64: $(base64 -w0 "$input")"
  done
  exit 1
fi
if ((loaded < min_inputs || ${runs:-0} < min_runs)); then
  echo "fuzz: too little: expected at least $min_inputs inputs, $min_runs runs"
  exit 1
fi
