#!/bin/bash
# Load on the served API, by wrk (https://github.com/wg/wrk) and a small watch client.
#
#   tests/benchmarks/api_load.sh [REMED]            each operation for SECONDS (10)
#   tests/benchmarks/api_load.sh soak [REMED]       MINUTES (10) of all at once with WATCHERS (1000)
#
# Prints requests per CPU-second of the server (wall figures depend on what else the machine does),
# p50 and p99, and beside them what a kube-apiserver 1.36.2 with etcd 3.5 reached on 2 shared cores.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
mode=load
if [ "${1:-}" = soak ]; then mode=soak && shift; fi
remed=${1:-$here/../../build/release/remed}
for need in wrk python3; do
  command -v $need >/dev/null || { echo "$need is missing: apt-get install wrk python3" >&2; exit 2; }
done
[ -x "$remed" ] || { echo "$remed is missing: cmake --build --preset release --target remed" >&2; exit 2; }
ulimit -n 4096 2>/dev/null || true

work=$(mktemp -d)
"$remed" cluster up --kubeconfig-out "$work/kubeconfig" >"$work/out" 2>"$work/err" &
server=$!
trap 'kill -INT $server 2>/dev/null; wait $server 2>/dev/null || true; rm -rf "$work"' EXIT
for _ in $(seq 300); do [ -s "$work/out" ] && break; sleep 0.1; done
url=$(sed -n 's/^ *server: //p' "$work/kubeconfig")
export REMED_TOKEN=$(sed -n 's/^ *token: //p' "$work/kubeconfig")
python3 "$here/load/objects.py" "$url" "$REMED_TOKEN"

cpu_ms() { awk -v hz="$(getconf CLK_TCK)" '{sub(/.*\) /, ""); print ($12 + $13) * 1000 / hz}' /proc/$server/stat; }
rss_mib() { awk '/VmRSS/ {print $2 / 1024}' /proc/$server/status; }
now() { date +%s.%N; }
# Requests that a client left behind are worked off before the next measurement.
settle() {
  local last=-1
  until [ "$(cpu_ms)" = "$last" ]; do last=$(cpu_ms) && sleep 0.5; done
}

# measure NAME OPERATION CONNECTIONS REFERENCE
measure() {
  local before after result
  settle
  before=$(cpu_ms)
  result=$(wrk -t 1 -c "$3" --timeout 30s -d "${SECONDS_EACH:-10}s" -s "$here/load/requests.lua" "$url" -- "$2" |
    sed -n 's/^RESULT //p')
  after=$(cpu_ms)
  echo "$result $before $after" | awk -v name="$1" -v c="$3" -v reference="$4" '{
    cpu = $6 - $5
    printf "%-22s %3d conns  %8.0f req/CPU-s  %7.3f ms CPU/req  p50 %7.2f ms  p99 %8.2f ms  errors %d  | %s\n",
      name, c, $1 * 1000 / cpu, cpu / $1, $2, $3, $4, reference }'
}

# watch WATCHERS SECONDS: writers and watchers at once
watch() {
  local before after start end writes events
  python3 "$here/load/watchers.py" "$url" "$REMED_TOKEN" "$1" "$2" >"$work/events" &
  local clients=$!
  sleep 2
  before=$(cpu_ms) start=$(now)
  writes=$(wrk -t 1 -c 4 -d "$(($2 - 4))s" -s "$here/load/requests.lua" "$url" -- touch |
    sed -n 's/^RESULT //p')
  after=$(cpu_ms) end=$(now)
  wait $clients
  events=$(cat "$work/events")
  echo "$writes $before $after $start $end $events" | awk -v n="$1" -v reference="$3" '{
    cpu = ($6 - $5) / 1000; wall = $8 - $7
    printf "%-22s %8.0f events/CPU-s  %8.0f events/s  %6.0f writes/s  write p50 %7.2f ms  p99 %8.2f ms  ended %d  | %s\n",
      n " watchers", $9 / cpu, $9 / wall, $1 / wall, $2, $3, $10, reference }'
}

load() {
  echo "operation | a real kube-apiserver + etcd"
  measure "GET pod" get 1 "1.0-2.3 ms CPU/req, p50 1.5 ms, p99 17 ms"
  measure "GET pod" get 16 "1.0-2.3 ms CPU/req, p50 8.6 ms, p99 35 ms"
  measure "LIST 500 pods" list 1 "41-49 ms CPU/req, p50 38 ms, p99 99 ms"
  measure "LIST 500 pods" list 16 "41-49 ms CPU/req, p50 395 ms, p99 890 ms"
  measure "LIST 20 of 500" list_label 16 "3.6-6.3 ms CPU/req, p50 40 ms, p99 122 ms"
  measure "LIST 500 as Table" list_table 16 "26-48 ms CPU/req, p50 212 ms, p99 752 ms"
  measure "PATCH deployment" patch 1 "3.0-6.1 ms CPU/req, p50 3.6 ms, p99 14 ms"
  measure "PATCH deployment" patch 16 "3.0-6.1 ms CPU/req, p50 22 ms, p99 94 ms"
  watch 1 "$((${SECONDS_EACH:-10} + 4))" "388 events/s, p50 9.5 ms, p99 28 ms"
  watch 100 "$((${SECONDS_EACH:-10} + 4))" "24,400-41,100 events/s, p50 17-52 ms, p99 53-223 ms"
  measure "CREATE configmap" create 1 "1.2-4.3 ms CPU/req, p50 2.0 ms, p99 8 ms"
  measure "CREATE configmap" create 16 "1.2-4.3 ms CPU/req, p50 10 ms, p99 39 ms"
  echo "resident at the end: $(rss_mib) MiB (a real one: 400-607 MiB)"
}

soak() {
  local minutes=${MINUTES:-10} watchers=${WATCHERS:-1000}
  python3 "$here/load/watchers.py" "$url" "$REMED_TOKEN" "$watchers" $((minutes * 60 + 5)) >"$work/events" &
  sleep 5
  wrk -t 1 -c 16 -d "${minutes}m" -s "$here/load/requests.lua" "$url" -- soak >"$work/wrk" &
  local load=$!
  while kill -0 $load 2>/dev/null; do
    rss_mib >>"$work/rss"
    echo "$(date +%T) resident $(tail -n 1 "$work/rss") MiB, CPU $(cpu_ms) ms"
    sleep "${SAMPLE:-20}"
  done
  wait $load; sleep 6
  echo "requests p50 p99 errors: $(sed -n 's/^RESULT //p' "$work/wrk"); events, ended watches: $(cat "$work/events")"
  # The first fifth fills what is bounded: histories, kept texts, buffers.
  awk '{all[NR] = $1} END {at = int(NR / 5) + 1; for (i = at; i <= NR; ++i) if (all[i] > most) most = all[i]
    printf "resident after a fifth %.0f MiB, at the end %.0f MiB, most %.0f MiB\n", all[at], all[NR], most}' "$work/rss"
}

$mode
