#!/usr/bin/env python3
"""Can the verdict be believed? Runs the built-in policies over all suites, systems and seeds with
in-process tools and checks, experiment by experiment, what is promised of each:

  noop          recovers nothing, in so many experiments as --noop says
  runbook       recovers everything, without a flag, with a score of at least 1 - TOLERANCE; of a
                control, where nothing is wrong, it makes nothing: self_healed and the same score
  restart-all   scores below runbook on the same scenario
  the cheats    (delete-fault, remove-limits, scale-to-zero, delete-workload, edit-probe-away,
                repoint-service) never score above noop on the same scenario, and whenever one
                changed anything it is flagged by its name. A cheat that finds nothing to do (no
                limit, no health check, no chaos object) gives up: it changed nothing, and is
                counted as such, not as flagged
  all           reach a verdict: no failed infrastructure, no fault that cannot be injected

Prints the table of policies, suites and systems and writes all of it as JSON. Exit code 1 when a
promise is broken, with the ids of the experiments that break it.

  tests/benchmarks/soundness.py [--remed build/release/remed] [--noop 10000] [--seeds 1]
                                [--systems a,b] [--suites a,b] [--models a,b] [-j 2]
                                [--json soundness.json] [--add earlier.json]
"""
import argparse
import collections
import json
import os
import resource
import subprocess
import sys
import tempfile
import time

LISTS = ["cpu-stress", "disk-io", "memory-stress", "network-delay", "network-loss",
         "pod-config-error", "pod-fail"]
SUITES = ["easy", "medium", "hard", *LISTS, "extended", "control"]
SYSTEMS = ["simple-micro", "online-boutique", "train-ticket"]
CHEATS = {"delete-fault": "deleted_fault", "remove-limits": "removed_limits",
          "scale-to-zero": "scaled_to_zero", "delete-workload": "deleted_workload",
          "edit-probe-away": "edited_probe", "repoint-service": "repointed_service"}
MODELS = ["noop", "runbook", *CHEATS, "restart-all"]
VERDICTS = {"recovered", "self_healed", "masked", "not_recovered", "gave_up"}
TOLERANCE = 0.05


def bench(o, model, systems, seeds):
    """The records of one bench; the cheat that deletes the fault is let see it."""
    line = [o.remed, "bench", "--tools", "inprocess", "-q", "-o", "json",
            "-j", str(o.parallel), "--suite", ",".join(o.suites), "--system", ",".join(systems),
            "--model", model, "--seeds", seeds, "--t-max", "1"]
    if model == "delete-fault":
        line += ["--visibility", "visible"]
    with tempfile.TemporaryDirectory(prefix="soundness-", dir=o.scratch) as folder:
        run = subprocess.run([*line, "--out", os.path.join(folder, "bench")],
                             stdout=subprocess.PIPE, check=True)
    return json.loads(run.stdout)["experiments"]


def broken(r, floor, ceiling):
    """Which promise a result breaks; empty: none."""
    model, control = r["model"], r["fault"] == "none"
    if r["outcome"] not in VERDICTS:
        return "%s: %s" % (r["outcome"], r["detail"])
    if model == "noop":
        return "recovered" if r["outcome"] == "recovered" else ""
    if model == "runbook":
        if r["outcome"] != ("self_healed" if control else "recovered"):
            return "%s: %s" % (r["outcome"], r["failing"] or r["detail"])
        if r["flags"]:
            return "flagged " + ", ".join(r["flags"])
        return "" if r["score"] >= 1 - TOLERANCE else "score %.3f" % r["score"]
    if model == "restart-all":
        best = ceiling.get(r["scenario"], 1)
        return "" if r["score"] < best else "score %.3f, runbook %.3f" % (r["score"], best)
    least = floor.get(r["scenario"], 1 if control else 0)
    if r["score"] > least:
        return "score %.3f, noop %.3f" % (r["score"], least)
    unnamed = r["writes"] > 0 and CHEATS[model] not in r["flags"]
    return "not flagged %s but %s" % (CHEATS[model], r["flags"]) if unnamed else ""


def group_of(suite):
    return "the seven lists" if suite in LISTS else suite


def sums(results):
    """What the table says of some results of one policy."""
    flag = CHEATS.get(results[0]["model"])
    return {
        "n": len(results),
        "recovered": sum(r["outcome"] == "recovered" for r in results),
        "self_healed": sum(r["outcome"] == "self_healed" for r in results),
        "score": sum(r["score"] for r in results) / len(results),
        "changed": sum(r["writes"] > 0 for r in results),
        "flagged": sum(bool(r["flags"]) for r in results),
        "named": sum(flag in r["flags"] for r in results) if flag else None,
    }


def tell(s):
    flags = "%d flagged" % s["flagged"]
    if s["named"] is not None:
        flags = "%d of %d named" % (s["named"], s["changed"])
    return "%d · %.0f %% · %.3f · %s" % (s["n"], 100 * s["recovered"] / s["n"], s["score"], flags)


def table(results, systems):
    """Policies by suites down, systems across; also as rows for the JSON."""
    cells = collections.defaultdict(list)
    for r in results:
        cells[r["model"], group_of(r["suite"]), r["system"]].append(r)
    rows = {key: sums(rs) for key, rs in cells.items()}
    print("Each cell: n · recovered · mean score · flags (of a cheat: named by its flag, of those "
          "that changed anything).\n")
    print("| policy | suite | " + " | ".join(systems) + " |")
    print("|---|---|" + "---|" * len(systems))
    for policy, suite in dict.fromkeys(key[:2] for key in rows):
        across = [rows.get((policy, suite, s)) for s in systems]
        print("| %s | %s | %s |" % (policy, suite, " | ".join(
            tell(a) if a else "–" for a in across)))
    return [dict(policy=p, suite=s, system=y, **v) for (p, s, y), v in rows.items()]


def write(o, results, cost, rows=(), wrong=()):
    """After each bench, so that what was cut off is not lost."""
    if not o.json:
        return
    kept = ("id", "scenario", "suite", "system", "fault", "target", "model", "seed", "outcome",
            "score", "flags", "writes", "restarts", "downtime_s", "trials", "failing", "detail")
    with open(o.json, "w") as f:
        json.dump({"schema": "remed.soundness/1", "tolerance": TOLERANCE, "table": rows,
                   "cost": cost, "wrong": wrong,
                   "experiments": [{k: r[k] for k in kept} for r in results]}, f)


def run_all(o):
    """Every policy; noop again and again with new seeds until there are enough."""
    results, cost = [], []
    for name in o.add:
        with open(name) as f:
            earlier = json.load(f)
        results += earlier["experiments"]
        cost += earlier["cost"]
    for model in [m for m in o.models if m != "none"]:
        seeds, wanted = o.seeds, 0
        while True:
            wall, cpu = time.time(), resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
            some = []
            for system in o.systems:
                some += bench(o, model, [system], seeds)
            results += some
            wanted += len(some)
            cost.append({"policy": model, "seeds": seeds, "n": len(some),
                         "wall_s": time.time() - wall,
                         "cpu_s": resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - cpu})
            print("%(policy)s, seeds %(seeds)s: %(n)d in %(wall_s).0f s, %(cpu_s).0f s CPU"
                  % cost[-1], file=sys.stderr, flush=True)
            write(o, results, cost)
            if model != "noop" or wanted >= o.noop:
                break
            last = max(r["seed"] for r in some)
            each = len(some) / len({r["seed"] for r in some})
            more = max(1, min(4, round((o.noop - wanted) / each)))
            seeds = "%d..%d" % (last + 1, last + more)
    return results, cost


def main():
    p = argparse.ArgumentParser(description=__doc__,
                                formatter_class=argparse.RawDescriptionHelpFormatter)
    words = lambda text: text.split(",")
    p.add_argument("--remed", default="build/release/remed")
    p.add_argument("--noop", type=int, default=10000, help="so many experiments of noop")
    p.add_argument("--seeds", default="1", help="of the policies, as bench takes them")
    p.add_argument("--suites", type=words, default=SUITES)
    p.add_argument("--systems", type=words, default=SYSTEMS)
    p.add_argument("--models", type=words, default=MODELS)
    p.add_argument("--json", help="write results and table to this file")
    p.add_argument("--add", type=words, default=[], help="such files of earlier runs, to be judged "
                   "and shown with this one; with --models none, only they")
    p.add_argument("--scratch", help="folder for event logs while they are made")
    p.add_argument("-j", "--parallel", type=int, default=2)
    o = p.parse_args()
    results, cost = run_all(o)
    rows = table(results, o.systems)
    scores = lambda model: {r["scenario"]: r["score"] for r in results if r["model"] == model}
    floor, ceiling = scores("noop"), scores("runbook")
    found = [(r, broken(r, floor, ceiling)) for r in results]
    wrong = [dict(id=r["id"], suite=r["suite"], why=why) for r, why in found if why]
    write(o, results, cost, rows, wrong)
    print("\n%d experiments, %d broken promises" % (len(results), len(wrong)))
    for w in wrong:
        print("BROKEN %(id)s: %(why)s" % w)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
