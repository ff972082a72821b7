#include "experiments/plan.hpp"

#include "chaos/fault.hpp"
#include "experiments/console.hpp"
#include "experiments/record.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <set>

using namespace remed;
using namespace remed::experiments;

namespace {

bench_request easy() {
  return {{"easy"}, {"simple-micro"}, {"thinkremed"}, {"runbook"}, {1}};
}

} // namespace

TEST_CASE("the shipped suites have the benchmark's sizes") {
  CHECK_EQ(load_suite("easy")->faults.size(), 23);
  CHECK_EQ(load_suite("medium")->faults.size(), 49);
  CHECK_EQ(load_suite("hard")->faults.size(), 80);
  const std::set<std::string> others = {"easy", "medium", "hard", "extended", "control"};
  for (const auto& name : shipped_suites()) {
    if (!others.count(name)) CHECK_EQ(load_suite(name)->faults.size(), 15);
  }
}

TEST_CASE("the extended suite holds each fault that no other suite has, once") {
  std::vector<std::string> missing;
  const auto seven = load_suite("hard")->faults;
  for (const auto& id : chaos::shipped_faults()) {
    if (std::count(seven.begin(), seven.end(), id) == 0 && id != "none") missing.push_back(id);
  }
  CHECK_EQ(load_suite("extended")->faults, missing);
  CHECK(missing.size() >= 20);
}

TEST_CASE("a scenario is left out where the system says that it cannot have the fault") {
  bench_request request;
  request.suites = {"extended"};
  request.systems = {"simple-micro"};
  request.methods = {"thinkremed"};
  request.models = {"noop"};
  request.seeds = {1};
  const auto specs = plan(request);
  REQUIRE_MESSAGE(specs.ok(), (specs.ok() ? "" : specs.why().what));
  CHECK(specs->size() < load_suite("extended")->faults.size());
  for (const auto& spec : *specs) CHECK_NE(spec.fault, "database-exceptions");
}

TEST_CASE("two models face the same scenarios, under different names") {
  auto request = easy();
  request.models = {"runbook", "noop"};
  const auto specs = plan(request);
  REQUIRE(specs);
  REQUIRE_EQ(specs->size(), 46);
  std::set<std::string> ids;
  for (std::size_t i = 0; i < 23; ++i) {
    const auto& a = specs->at(i);
    const auto& b = specs->at(i + 23);
    CHECK_EQ(a.target, b.target);
    CHECK_EQ(a.fault, b.fault);
    ids.insert(a.id);
    ids.insert(b.id);
  }
  CHECK_EQ(ids.size(), 46);
}

TEST_CASE("the seed picks the targets, and both services are picked") {
  auto request = easy();
  const auto one = plan(request);
  const auto again = plan(request);
  request.seeds = {2};
  const auto other = plan(request);
  REQUIRE(one);
  REQUIRE(other);
  int differ = 0;
  std::set<std::string> targets;
  for (std::size_t i = 0; i < one->size(); ++i) {
    CHECK_EQ(one->at(i).target, again->at(i).target);
    differ += one->at(i).target != other->at(i).target;
    targets.insert(one->at(i).target);
  }
  CHECK_GT(differ, 0);
  CHECK_EQ(targets.size(), 2);
}

TEST_CASE("unknown names are errors that say what was probably meant") {
  auto request = easy();
  request.suites = {"esy"};
  CHECK_NE(plan(request).why().what.find("did you mean \"easy\""), std::string::npos);
  request = easy();
  request.systems = {"simple-mico"};
  CHECK_NE(plan(request).why().what.find("did you mean \"simple-micro\""), std::string::npos);
  request = easy();
  request.models = {"runbok"};
  CHECK_NE(plan(request).why().what.find("did you mean \"runbook\""), std::string::npos);
  CHECK_FALSE(plan_one("simple-micro", "cpu-stress@nobody", "thinkremed", "runbook", 1));
  CHECK_FALSE(plan_one("simple-micro", "cpu-stres", "thinkremed", "runbook", 1));
}

TEST_CASE("seeds are numbers, lists and ranges, and nothing else") {
  CHECK_EQ(*parse_seeds("7"), std::vector<std::uint64_t>{7});
  CHECK_EQ(*parse_seeds("1,4"), std::vector<std::uint64_t>{1, 4});
  CHECK_EQ(*parse_seeds("1..3"), std::vector<std::uint64_t>{1, 2, 3});
  for (const auto* bad : {"", "x", "1..", "3..1", "1,,2", "-1", "1..99999999"}) {
    CHECK_FALSE(parse_seeds(bad));
  }
}

TEST_CASE("terminal escapes in what models and tools wrote do not reach the terminal") {
  const auto text = printable("ok\x1b[2Jgone\a\r\x7f", 3);
  CHECK_EQ(text.find('\x1b'), std::string::npos);
  CHECK_EQ(text, "ok [2Jgone");
  CHECK_EQ(printable("a\nb\nc", 2), "a\nb\n…");
}

TEST_CASE("a bench document has every field of every experiment") {
  record r;
  r.id = "x";
  r.flags = {"deleted_fault"};
  const auto doc = bench_document({r});
  for (const auto* key :
       {"id", "suite", "system", "fault", "target", "method", "model", "seed", "outcome", "flags",
        "score", "trials", "downtime_s", "restarts", "wall_s", "virtual_s", "tokens"}) {
    CHECK(doc["experiments"][0].contains(key));
  }
  CHECK_EQ(doc["summary"]["outcomes"]["infra_error"], 1);
}
