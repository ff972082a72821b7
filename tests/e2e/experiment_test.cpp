#include "experiments/bench.hpp"
#include "experiments/trace_replay.hpp"
#include "runtime/event_log.hpp"
#include "tests/e2e/support.hpp"

#include <algorithm>
#include <atomic>

using namespace remed;
using namespace remed::experiments;
using namespace remed::test;

namespace {

std::vector<record> run(const std::vector<std::string>& faults, const std::string& model,
                        settings how) {
  std::vector<experiment_spec> specs;
  for (const auto& fault : faults) {
    auto spec = plan_one("simple-micro", fault, "thinkremed", model, 1);
    REQUIRE_MESSAGE(spec.ok(), (spec ? "" : spec.why().what));
    specs.push_back(*spec);
  }
  const std::atomic<bool> stop{false};
  auto done = run_all(specs, how, stop, {}, {});
  REQUIRE_MESSAGE(done.ok(), (done ? "" : done.why().what));
  return *done;
}

const std::vector<std::string> all_seven{
    "cpu-stress@hello-service",      "memory-stress@time-service", "network-loss@hello-service",
    "network-delay@time-service",    "pod-fail@hello-service",     "disk-io@time-service",
    "pod-config-error@hello-service"};

} // namespace

TEST_CASE("the runbook repairs all seven faults with real kubectl and Ansible, unflagged") {
  settings how;
  for (const auto& r : run(all_seven, "runbook", how)) {
    CAPTURE(r.id);
    CAPTURE(r.detail);
    CHECK_EQ(r.outcome, outcome_kind::recovered);
    CHECK(r.flags.empty());
    CHECK(r.clean);
    CHECK_EQ(r.score, doctest::Approx(1.0));
    CHECK_GT(r.cpu_s.value("playbook", 0.0), 0.0);
  }
}

TEST_CASE("the log of a real experiment holds kubectl's and Ansible's own words") {
  scratch_folder folder;
  settings how;
  how.out = folder.path;
  const auto done = run({"cpu-stress@hello-service"}, "runbook", how);
  const auto events = read_events(folder.path / done[0].id / "events.jsonl");
  REQUIRE(events);
  bool kubectl_spoke = false, ansible_spoke = false, usage_kept = false;
  for (const auto& e : *events) {
    const auto text = dump(e.body);
    kubectl_spoke |= e.kind == "tool.end" && e.type == "command" && holds(text, "CPU(cores)");
    ansible_spoke |= e.kind == "tool.end" && e.type == "playbook" && holds(text, "PLAY RECAP");
    usage_kept |= e.kind == "model.reply" && e.body.contains("usage");
    CHECK_FALSE(holds(text, "eyJ"));
  }
  CHECK(kubectl_spoke);
  CHECK(ansible_spoke);
  CHECK(usage_kept);
  CHECK(std::filesystem::exists(folder.path / done[0].id / "result.json"));

  // Its roles run again without a tool, and say the same.
  const auto recorded = read_recording(folder.path / done[0].id);
  REQUIRE(recorded);
  auto second = replay(*recorded);
  REQUIRE_MESSAGE(second.ok(), (second ? "" : second.why().what));
  CHECK_MESSAGE(!second->against.first,
                (second->against.first ? describe(*second->against.first) : ""));
  CHECK_GT(second->against.same, 20);
  auto changed = *recorded;
  for (auto& e : changed.events) {
    if (e.kind == "tool.end" && e.type == "command") e.body["output"] = "nothing to see";
  }
  CHECK(replay(changed)->against.first);
}

TEST_CASE("with real tools too: noop never recovers, who deletes the visible fault is flagged") {
  settings how;
  how.t_max = 1;
  CHECK_NE(run({"network-loss@hello-service"}, "noop", how)[0].outcome, outcome_kind::recovered);
  how.sight = env::visibility::visible;
  const auto cheat = run({"cpu-stress@hello-service"}, "delete-fault", how)[0];
  CHECK_EQ(std::count(cheat.flags.begin(), cheat.flags.end(), "deleted_fault"), 1);
}

TEST_CASE("the plain ansible-playbook command gives the same outcome as the host process") {
  settings how;
  how.ansible = tools::ansible_backend::command;
  const auto r = run({"cpu-stress@hello-service"}, "runbook", how)[0];
  CHECK_EQ(r.outcome, outcome_kind::recovered);
  CHECK_EQ(r.score, doctest::Approx(1.0));
}
