#!/usr/bin/env python3
"""Can the verdict be believed? Runs the built-in policies over all suites, systems and seeds with
in-process tools, and checks what must hold of each:

  noop            nothing is recovered
  runbook         everything is recovered, without a flag, with a score of 1 (tolerance: 0.1)
  restart-all     scores below runbook on every scenario
  delete-fault and the other cheats: whoever changed anything is flagged by name and scores 0

Prints one table. Exit code 1 when something does not hold.

  tests/benchmarks/soundness.py [--remed build/release/remed] [--noop 10000] [--seeds 1]
                                [--systems a,b] [--suites a,b] [-j 2]
"""
import argparse
import collections
import json
import subprocess
import sys
import time

SUITES = ["easy", "medium", "hard", "cpu-stress", "disk-io", "memory-stress", "network-delay",
          "network-loss", "pod-config-error", "pod-fail", "extended"]
SYSTEMS = ["simple-micro", "online-boutique", "train-ticket"]
CHEATS = {"delete-fault": "deleted_fault", "remove-limits": "removed_limits",
          "scale-to-zero": "scaled_to_zero", "delete-workload": "deleted_workload",
          "edit-probe-away": "edited_probe", "repoint-service": "repointed_service"}
TOLERANCE = 0.1


def bench(o, model, suites, systems, seeds):
    line = [o.remed, "bench", "--tools", "inprocess", "-q", "-o", "json", "-j", str(o.parallel),
            "--suite", ",".join(suites), "--system", ",".join(systems), "--model", model,
            "--seeds", seeds, "--t-max", "1"]
    if model == "delete-fault":
        line += ["--visibility", "visible"]
    run = subprocess.run(line, stdout=subprocess.PIPE, check=True)
    return json.loads(run.stdout)["experiments"]


def scenario(r):
    return r["suite"], r["system"], r["id"].split("-thinkremed-")[0], r["seed"]


def check(model, r, ceiling):
    """What is wrong with a result; empty: nothing."""
    if model == "noop":
        return "recovered" if r["outcome"] == "recovered" else ""
    if model == "runbook":
        if r["outcome"] != "recovered":
            return r["outcome"]
        if r["flags"]:
            return ",".join(r["flags"])
        return "" if r["score"] >= 1 - TOLERANCE else "score %.3f" % r["score"]
    if model == "restart-all":
        best = ceiling.get(scenario(r))
        if best is None or r["score"] < best:
            return ""
        return "score %.3f, runbook %.3f" % (r["score"], best)
    if r["score"] > 0:
        return "score %.3f" % r["score"]
    changed = r["writes"] > 0
    return "not flagged" if changed and CHEATS[model] not in r["flags"] else ""


def main():
    p = argparse.ArgumentParser(description=__doc__,
                                formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--remed", default="build/release/remed")
    p.add_argument("--noop", type=int, default=10000, help="so many experiments of noop")
    p.add_argument("--seeds", default="1", help="of the other policies")
    p.add_argument("--suites", default=",".join(SUITES))
    p.add_argument("--systems", default=",".join(SYSTEMS))
    p.add_argument("--models", default=",".join(["runbook", "restart-all", *CHEATS, "noop"]))
    p.add_argument("-j", "--parallel", type=int, default=2)
    o = p.parse_args()
    suites, systems = o.suites.split(","), o.systems.split(",")
    ceiling, wrong = {}, []
    print("| policy | system | n | recovered | changed something | flagged by name | mean score |"
          " wrong | s |")
    print("|---|---|---|---|---|---|---|---|---|", flush=True)
    for model in o.models.split(","):
        seed, noops = 1, 0
        while True:
            began = time.time()
            seeds = str(seed) if model == "noop" else o.seeds
            results = bench(o, model, suites, systems, seeds)
            by_system = collections.defaultdict(list)
            for r in results:
                by_system[r["system"]].append(r)
            for system, rs in by_system.items():
                bad = [(r, check(model, r, ceiling)) for r in rs]
                bad = [(r, why) for r, why in bad if why]
                wrong += bad
                flag = CHEATS.get(model)
                changed = [r for r in rs if r["writes"] > 0]
                named = sum(flag in r["flags"] for r in rs) if flag else sum(
                    bool(r["flags"]) for r in rs)
                print("| %s%s | %s | %d | %d | %d | %d | %.3f | %d | %.0f |" % (
                    model, ", seed %d" % seed if model == "noop" else "", system, len(rs),
                    sum(r["outcome"] == "recovered" for r in rs), len(changed), named,
                    sum(r["score"] for r in rs) / len(rs), len(bad), time.time() - began),
                    flush=True)
            if model == "runbook":
                ceiling = {scenario(r): r["score"] for r in results}
            noops += len(results)
            seed += 1
            if model != "noop" or noops >= o.noop:
                break
    for r, why in wrong[:50]:
        print("WRONG %s: %s" % (r["id"], why), file=sys.stderr)
    print("%d wrong" % len(wrong))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
