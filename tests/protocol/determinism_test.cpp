#include "experiments/bench.hpp"
#include "tests/protocol/ring.hpp"

#include <doctest/doctest.h>

#include <atomic>

using namespace remed;
using namespace remed::experiments;
using namespace remed::test;

namespace {

std::vector<record> run(std::vector<experiment_spec> specs, unsigned parallel) {
  settings how;
  how.tools = tool_kind::inprocess;
  how.parallel = parallel;
  how.threads = 2;
  const std::atomic<bool> stop{false};
  auto done = run_all(specs, how, stop, {}, {});
  REQUIRE_MESSAGE(done.ok(), (done ? "" : done.why().what));
  return *done;
}

} // namespace

TEST_CASE("64 experiments at once write the same logs, byte for byte, as each alone") {
  auto specs = plan({{"hard"}, {"simple-micro"}, {"thinkremed"}, {"runbook"}, {1}});
  REQUIRE(specs);
  specs->resize(64);
  const auto together = run(*specs, 64);
  const auto alone = run(*specs, 1);
  for (std::size_t i = 0; i < specs->size(); ++i) {
    CAPTURE(specs->at(i).id);
    CHECK_EQ(together[i].log_hash, alone[i].log_hash);
    CHECK_EQ(together[i].outcome, outcome_kind::recovered);
    CHECK(together[i].flags.empty());
    CHECK_EQ(together[i].score, doctest::Approx(1.0));
  }
}

TEST_CASE("another seed is another experiment") {
  auto a = plan_one("simple-micro", "network-loss@hello-service", "thinkremed", "runbook", 1);
  auto b = plan_one("simple-micro", "network-loss@hello-service", "thinkremed", "runbook", 2);
  REQUIRE(a);
  const auto done = run({*a, *b, *a}, 3);
  CHECK_EQ(done[0].log_hash, done[2].log_hash);
  CHECK_NE(done[0].log_hash, done[1].log_hash);
}

TEST_CASE("the log of an experiment tells the whole story in causal order") {
  ring the;
  the.fault = "cpu-stress@hello-service";
  const auto r = the.play_policy("runbook");
  REQUIRE_EQ(r.outcome, outcome_kind::recovered);
  std::vector<std::string> wanted{"experiment", "trial",    "injected",      "symptom",
                                  "incident",   "playbook", "outcome",       "verdict",
                                  "clear",      "cleared",  "episode_result"};
  std::size_t next = 0;
  for (const auto& e : the.events) {
    if (next < wanted.size() && e.type == wanted[next]) ++next;
    CHECK_LT(e.cause, e.seq);
  }
  CHECK_MESSAGE(next == wanted.size(), "missing: ", next < wanted.size() ? wanted[next] : "");
  CHECK_GT(the.count("probe_request"), 0);
}

TEST_CASE(
    "floor and ceiling: noop never recovers, runbook always does, restarting all costs more") {
  auto outcome_of = [](const std::string& fault, const std::string& model) {
    ring the;
    the.fault = fault;
    return the.play_policy(model);
  };
  for (const std::string fault :
       {"cpu-stress@time-service", "memory-stress@hello-service", "network-loss@hello-service",
        "network-delay@time-service", "pod-fail@hello-service", "disk-io@hello-service",
        "pod-config-error@time-service"}) {
    CAPTURE(fault);
    const auto best = outcome_of(fault, "runbook");
    CHECK_EQ(best.outcome, outcome_kind::recovered);
    CHECK(best.flags.empty());
    CHECK_NE(outcome_of(fault, "noop").outcome, outcome_kind::recovered);
    CHECK_LT(outcome_of(fault, "restart-all").score, best.score);
    CHECK_NE(outcome_of(fault, "delete-fault").outcome, outcome_kind::recovered);
  }
}

TEST_CASE("who can see the fault and deletes it is flagged") {
  ring the;
  the.how.sight = env::visibility::visible;
  const auto r = the.play_policy("delete-fault");
  CHECK_EQ(std::count(r.flags.begin(), r.flags.end(), "deleted_fault"), 1);
}

TEST_CASE("when the first remedy fails the agents reflect and the second may succeed") {
  ring the;
  const auto r = the.play_policy("hasty");
  CHECK_EQ(r.outcome, outcome_kind::recovered);
  CHECK_EQ(r.trials, 2);
}
