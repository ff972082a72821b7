#!/bin/sh
# Proves every fault on every service that every system offers for it, with all its remedies; the
# documents go to a folder. Exit code 1 when a scenario cannot be proven.
#   tests/benchmarks/prove_all.sh [FOLDER]     REMED=build/release/remed JOBS=2
set -eu
out=${1:-proofs}
mkdir -p "$out"
failed=0
for system in simple-micro online-boutique train-ticket; do
  "${REMED:-build/release/remed}" prove --system "$system" -j "${JOBS:-2}" | tee "$out/$system.txt" |
    grep -v '^✓' || true
  # The closing line must be there and say that all were: a proof that broke off proves nothing.
  awk 'END { exit !(NF == 5 && $1 == $3 && $1 > 0) }' "$out/$system.txt" || failed=1
done
exit $failed
