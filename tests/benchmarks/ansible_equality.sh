#!/bin/sh
# Runs the thirty playbooks of tests/e2e/playbooks through the Ansible host process and through the
# plain command, each on a fresh fork of one booted cluster, and compares standard output, standard
# error, exit code and per-task JSON. Prints the CPU of both, of the whole process tree below the
# sandbox, for each; 01, 02 and 03 have five tasks.
#
# tests/benchmarks/ansible_equality.sh [PART-OF-A-NAME]       BUILD=build/release
set -eu
cd "$(dirname "$0")/../.."
build=${BUILD:-build/release}
[ -x "$build/test_e2e" ] || { echo "no $build/test_e2e: cmake --build --preset release" >&2; exit 1; }
[ $# -eq 0 ] || export REMED_PLAYBOOKS="$1"
exec "$build/test_e2e" --no-skip -tc='*agree on all thirty*'
