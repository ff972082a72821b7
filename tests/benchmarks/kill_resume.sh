#!/bin/bash
# Kills a bench with SIGKILL at random moments and resumes it, again and again: nothing that had
# finished is run twice, nothing is lost, and the report is that of a bench nobody disturbed.
#
#   tests/benchmarks/kill_resume.sh [REMED]
#
# KILLS (100) kills are spread over as many benches as that takes; SEED (1) picks the moments.
# Further arguments of the bench: BENCH ("--suite hard --seeds 1..3 --t-max 2 --model runbook,noop").
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
remed=${1:-$here/../../build/release/remed}
[ -x "$remed" ] || { echo "$remed is missing: cmake --build --preset release --target remed" >&2; exit 2; }
kills=${KILLS:-100}
read -r -a bench <<<"${BENCH:---suite hard --seeds 1..3 --t-max 2 --model runbook,noop}"
bench+=(--tools inprocess -q -j "${JOBS:-8}")
RANDOM=${SEED:-1}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# What must be equal: all that is reported but when the bench was begun and what was put aside.
facts() {
  "$remed" report --rebuild -o json "$1" | python3 -c '
import json, sys
doc = json.load(sys.stdin)
for bench in doc["benches"]:
    del bench["begun"], bench["folder"]
json.dump(doc, sys.stdout, sort_keys=True)'
}
# "ID inode" of the log of every finished experiment.
finished() {
  python3 - "$1" <<'PY'
import os, sys
for name in sorted(os.listdir(sys.argv[1])):
    log = os.path.join(sys.argv[1], name, "events.jsonl")
    if not os.path.exists(log): continue
    lines = open(log, "rb").read().split(b"\n")
    if any(b'"type":"episode_result"' in line and line.endswith(b"}") for line in lines[:-1]):
        print(name, os.stat(log).st_ino, os.stat(log).st_mtime_ns)
PY
}

start=$(date +%s.%N)
"$remed" bench "${bench[@]}" --out "$work/undisturbed" >/dev/null
took=$(awk -v a="$start" -v b="$(date +%s.%N)" 'BEGIN {print b - a}')
facts "$work/undisturbed" >"$work/wanted"
planned=$(find "$work/undisturbed" -maxdepth 2 -name events.jsonl | wc -l)
echo "undisturbed: $planned experiments in $took s"

done_kills=0 benches=0 twice=0 aside=0
while [ "$done_kills" -lt "$kills" ]; do
  benches=$((benches + 1))
  folder=$work/killed-$benches
  how=(--out "$folder")
  : >"$work/before"
  while :; do
    "$remed" bench "${bench[@]}" "${how[@]}" >/dev/null 2>"$work/err" &
    pid=$!
    # Anywhere from the first moment to a fifth of the whole bench.
    pause=$(awk -v r="$RANDOM" -v t="$took" 'BEGIN {print r / 32768 * t / 5 + 0.01}')
    code=0 ended=0
    if [ "$done_kills" -lt "$kills" ]; then
      sleep "$pause"
      kill -9 "$pid" 2>/dev/null || true
    fi
    wait "$pid" 2>/dev/null || code=$?
    case $code in
      137) done_kills=$((done_kills + 1)) ;;
      0) ended=1 ;;
      *) cat "$work/err" >&2; exit 1 ;;
    esac
    finished "$folder" >"$work/after" 2>/dev/null || : >"$work/after"
    # Whoever was finished before is still there, in the very same file.
    lost=$(comm -23 "$work/before" "$work/after" | wc -l)
    twice=$((twice + lost))
    mv "$work/after" "$work/before"
    [ "$ended" = 1 ] && break
    if [ -f "$folder/manifest.json" ]; then how=(--resume "$folder"); fi
  done
  facts "$folder" >"$work/got"
  cmp -s "$work/wanted" "$work/got" || { echo "bench $benches: another report than undisturbed" >&2; exit 1; }
  more=$(find "$folder/attempts" -name events.jsonl 2>/dev/null | wc -l)
  aside=$((aside + more))
  rm -rf "$folder"
done
[ "$twice" = 0 ] || { echo "$twice finished experiments were run again" >&2; exit 1; }
echo "$done_kills kills over $benches benches of $planned experiments: all reports equal, 0 finished" \
  "experiments lost or run again, $aside unfinished attempts kept aside"
