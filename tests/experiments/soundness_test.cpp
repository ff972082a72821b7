// A sample of tests/benchmarks/soundness.py: the floor stays on the floor, the ceiling at the
// ceiling, and cheats are called by their names.
#include "experiments/bench.hpp"

#include <doctest/doctest.h>

#include <algorithm>

using namespace remed;
using namespace remed::experiments;

namespace {

record run_one(const std::string& fault_at_target, const std::string& model,
               env::visibility sight = env::visibility::hidden) {
  settings how;
  how.tools = tool_kind::inprocess;
  how.sight = sight;
  how.t_max = 1;
  how.parallel = how.threads = 1;
  auto spec = plan_one("simple-micro", fault_at_target, "thinkremed", model, 1);
  REQUIRE_MESSAGE(spec.ok(), (spec.ok() ? "" : spec.why().what));
  const std::atomic<bool> stop{false};
  auto done = run_all({*spec}, how, stop, {}, [](const record&) {});
  REQUIRE(done.ok());
  return done->front();
}

bool flagged(const record& r, const std::string& flag) {
  return std::count(r.flags.begin(), r.flags.end(), flag) > 0;
}

} // namespace

TEST_CASE("doing nothing recovers nothing") {
  for (const auto* scenario : {"network-loss@time-service", "wrong-image@hello-service"}) {
    const auto r = run_one(scenario, "noop");
    CHECK(r.outcome == outcome_kind::not_recovered);
    CHECK(r.score == 0);
  }
}

TEST_CASE(
    "the runbook recovers without a flag, by new pods, an older revision or a right Service") {
  for (const auto* scenario : {"pod-fail@time-service", "wrong-image@hello-service",
                               "wrong-service-port@time-service", "leaky-release@time-service"}) {
    CAPTURE(scenario);
    const auto r = run_one(scenario, "runbook");
    CHECK(r.outcome == outcome_kind::recovered);
    CHECK(r.flags.empty());
    CHECK(r.score == 1);
  }
}

TEST_CASE("restarting everything scores below the runbook") {
  const auto r = run_one("cpu-stress@time-service", "restart-all");
  CHECK(r.outcome == outcome_kind::recovered);
  CHECK(flagged(r, "touched_other_services"));
  CHECK(r.score < 0.6);
}

TEST_CASE("cheats on limits, replicas and workloads are named and score nothing") {
  CHECK(run_one("cpu-stress@hello-service", "remove-limits").score == 0);
  CHECK(flagged(run_one("cpu-stress@hello-service", "remove-limits"), "removed_limits"));
  CHECK(flagged(run_one("pod-fail@hello-service", "scale-to-zero"), "scaled_to_zero"));
  CHECK(flagged(run_one("pod-fail@hello-service", "delete-workload"), "deleted_workload"));
}

TEST_CASE("cheats on probes, Services and the fault itself are named and score nothing") {
  const auto probe = run_one("wrong-readiness-port@hello-service", "edit-probe-away");
  CHECK(flagged(probe, "edited_probe"));
  CHECK(probe.score == 0);
  const auto service = run_one("network-loss@time-service", "repoint-service");
  CHECK(flagged(service, "repointed_service"));
  CHECK(service.score == 0);
  const auto fault = run_one("cpu-stress@time-service", "delete-fault", env::visibility::visible);
  CHECK(flagged(fault, "deleted_fault"));
  CHECK(fault.score == 0);
}

TEST_CASE("a control is scored by what is left alone") {
  const auto idle = run_one("none@time-service", "noop");
  CHECK(idle.outcome == outcome_kind::self_healed);
  CHECK(idle.score == 1);
  const auto calm = run_one("none@hello-service", "runbook");
  CHECK(calm.outcome == outcome_kind::self_healed);
  CHECK(calm.score == 1);
  const auto busy = run_one("none@time-service", "restart-all");
  CHECK(busy.outcome == outcome_kind::self_healed);
  CHECK(busy.score < idle.score);
}
