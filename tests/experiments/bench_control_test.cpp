#include "experiments/bench/control.hpp"
#include "experiments/bench/desk.hpp"
#include "experiments/bench/lock.hpp"
#include "experiments/bench/manifest.hpp"
#include "experiments/bench/progress.hpp"
#include "runtime/purse.hpp"
#include "tests/support/scratch.hpp"

#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>

using namespace remed;
using namespace remed::experiments;
using remed::test::scratch_folder;

namespace {

std::vector<experiment_spec> two_suites() {
  std::vector<experiment_spec> specs;
  for (const auto* suite : {"a", "a", "b"}) {
    experiment_spec spec;
    spec.suite = suite;
    spec.id = "x" + std::to_string(specs.size());
    spec.model = specs.size() == 2 ? "llm" : "noop";
    specs.push_back(spec);
  }
  return specs;
}

record ended(const experiment_spec& spec, outcome_kind how) {
  episode_result r;
  r.outcome = how;
  return make_record(spec, r);
}

bool tells(const std::vector<std::string>& lines, const std::string& part) {
  for (const auto& line : lines) {
    if (line.find(part) != std::string::npos) return true;
  }
  return false;
}

result<bench_manifest> small_bench(bench_conditions how = {}) {
  return make_manifest({{"easy"}, {"simple-micro"}, {"thinkremed"}, {"noop"}, {1}}, how);
}

} // namespace

TEST_CASE("a bench has one writer, and the refusal names the holder and the way out") {
  scratch_folder folder;
  auto first = bench_lock::take(folder.path);
  REQUIRE(first);
  CHECK(bench_lock::is_held(folder.path));
  const auto second = bench_lock::take(folder.path);
  REQUIRE_FALSE(second);
  CHECK_NE(second.why().what.find("process " + std::to_string(::getpid())), std::string::npos);
  CHECK_NE(second.why().what.find("remed bench cancel"), std::string::npos);
  { const auto dropped = std::move(*first); }
  CHECK_FALSE(bench_lock::is_held(folder.path));
  CHECK(bench_lock::take(folder.path));
}

TEST_CASE("the lock of a writer that was killed is free") {
  scratch_folder folder;
  int ready[2];
  REQUIRE_EQ(::pipe(ready), 0);
  const auto child = ::fork();
  if (child == 0) {
    const auto mine = bench_lock::take(folder.path);
    (void)!::write(ready[1], mine ? "y" : "n", 1);
    ::pause();
    ::_exit(0);
  }
  char answer = 0;
  REQUIRE_EQ(::read(ready[0], &answer, 1), 1);
  CHECK_EQ(answer, 'y');
  CHECK_FALSE(bench_lock::take(folder.path));
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  CHECK(bench_lock::take(folder.path));
  ::close(ready[0]);
  ::close(ready[1]);
}

TEST_CASE("orders reach the running bench once, and those from before do not") {
  scratch_folder folder;
  REQUIRE(order_cancel(folder.path, "old"));
  bench_control control(folder.path);
  CHECK(control.look().empty());
  REQUIRE(order_cancel(folder.path, "a"));
  REQUIRE(order_cancel(folder.path, ""));
  std::ofstream(folder.path / "control", std::ios::app) << "{\"cancel\": \"to"; // still writing
  CHECK(control.look() == std::vector<std::string>{"a", ""});
  CHECK(control.look().empty());
  std::ofstream(folder.path / "control", std::ios::app) << "rn\"}\nnonsense\n";
  CHECK(control.look() == std::vector<std::string>{"torn"});
}

TEST_CASE("the desk hands out what is neither cancelled nor refused, and counts") {
  const auto specs = two_suites();
  std::vector<std::string> told;
  desk d(specs, [&](const record& r) { told.push_back(r.id); });
  d.refuse = [](const experiment_spec& spec) -> std::optional<desk::refusal> {
    if (spec.model != "llm") return std::nullopt;
    return desk::refusal{outcome_kind::budget_exhausted, "money"};
  };
  REQUIRE_EQ(d.take(), 0);
  CHECK_EQ(d.counts().running, 1);
  CHECK(d.cancel("x1", "on request"));
  CHECK_FALSE(d.cancel("x9", "on request"));
  CHECK_FALSE(d.take());
  CHECK(d.nothing_left());
  d.put(0, ended(specs[0], outcome_kind::recovered));
  CHECK(told == std::vector<std::string>{"x0"}); // nothing to tell of what never ran
  CHECK_EQ(d.counts().done, 3);
  CHECK_EQ(d.counts().recovered, 1);
  CHECK_EQ(d.counts().not_judged, 2);
  const auto all = d.take_results();
  CHECK_EQ(all[1].outcome, outcome_kind::cancelled);
  CHECK_EQ(all[1].detail, "on request");
  CHECK_EQ(all[2].outcome, outcome_kind::budget_exhausted);
}

TEST_CASE("a suite is cancelled by itself, running or not, and running ones are told why") {
  const auto specs = two_suites();
  desk d(specs, {});
  REQUIRE_EQ(d.take(), 0);
  const auto before = d.orders();
  d.cancel_all("deadline", "a");
  CHECK_NE(d.orders(), before);
  CHECK_EQ(*d.ordered_to_end(0), "deadline");
  CHECK_EQ(d.take(), 2); // the other suite goes on
  CHECK_FALSE(d.ordered_to_end(2));
}

TEST_CASE("while too many stand in line for a process no new world is started") {
  const auto specs = two_suites();
  desk d(specs, {});
  bool busy = true;
  d.hold_back = [&] { return busy; };
  CHECK_FALSE(d.take());
  CHECK_FALSE(d.nothing_left());
  busy = false;
  CHECK_EQ(d.take(), 0);
}

TEST_CASE("the money of a bench is shared, calls under way count as the dearest so far") {
  auto money = std::make_shared<purse>(1.0, 0.5);
  auto first = purse::begin_call(money), second = purse::begin_call(money);
  REQUIRE(first);
  REQUIRE(second); // nobody knows yet what a call costs
  money->spend(0.2);
  first.reset();
  CHECK_EQ(money->spent(), doctest::Approx(0.7));
  CHECK_FALSE(purse::begin_call(money)); // 0.7, 0.2 under way, 0.2 for this one
  second.reset();
  CHECK(purse::begin_call(money));
  money->spend(-1); // unknown
  money->spend(0.2);
  CHECK(money->empty()); // 0.9 and a call of 0.2
  CHECK_FALSE(purse::begin_call(money));
}

TEST_CASE("a bench is the same only with the same plan, conditions, files and versions") {
  const auto then = small_bench();
  REQUIRE_MESSAGE(then.ok(), (then ? "" : then.why().what));
  CHECK(differences(*then, *small_bench()).empty());
  bench_conditions other;
  other.t_max = 2;
  CHECK(tells(differences(*then, *small_bench(other)), "t_max: 0 in the manifest, now 2"));
  auto now = *then;
  now.request.models = {"runbook"};
  CHECK(tells(differences(*then, now), "models: noop in the manifest, now runbook"));
  now = *then;
  now.files["configs/methods/thinkremed.yaml"] = "other";
  CHECK(tells(differences(*then, now), "configs/methods/thinkremed.yaml has changed"));
  now = *then;
  now.version = "9";
  CHECK(tells(differences(*then, now), "version: remed"));
  now = *then;
  now.plan[3].target = "nobody";
  now.plan[3].id = "other";
  CHECK(tells(differences(*then, now), "experiment 4 is"));
}

TEST_CASE("a manifest survives its file, and notes all that results rest on") {
  scratch_folder folder;
  const auto m = small_bench();
  REQUIRE(save_manifest(folder.path, *m));
  CHECK(holds_bench(folder.path));
  const auto again = load_manifest(folder.path);
  REQUIRE(again);
  CHECK_EQ(json(*again), json(*m));
  for (const auto* name : {"experiments/suites/easy.yaml", "environments/systems/simple-micro",
                           "configs/methods/thinkremed.yaml", "chaos/faults/cpu-stress.yaml",
                           "configs/prompts", "configs/verification.yaml"}) {
    CHECK_MESSAGE(m->files.contains(name), name);
  }
  CHECK_FALSE(load_manifest(folder.path / "nowhere"));
}

TEST_CASE("the status line tells how far a bench is") {
  bench_state s;
  s.counts = {100, 12, 41, 33, 1};
  s.kept = 38;
  s.elapsed_s = 41;
  s.in_line = 5;
  s.processes = 2;
  s.cap_usd = 5;
  CHECK_EQ(status_line(s),
           "[79/138] ✓ 33 ✗ 7 ⚠ 1 · 12 running (2 in a process, 5 in line), 47 "
           "waiting · 41 s, ~59 s left · $0.00 of $5.00");
  CHECK_EQ(spell_seconds(125), "2 min 05 s");
  CHECK_EQ(spell_seconds(3661), "1 h 01 min");
}
