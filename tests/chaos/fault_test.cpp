#include "chaos/fault.hpp"

#include "chaos/facts.hpp"
#include "chaos/oracle.hpp"
#include "chaos/remedy.hpp"
#include "chaos/verifier.hpp"
#include "chaos/workload_view.hpp"

#include <doctest/doctest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

using namespace remed;
using namespace remed::chaos;

namespace {

/// A file of the test's own, removed at the end.
class temporary_file {
public:
  explicit temporary_file(const std::string& text) {
    static int count = 0;
    path_ = std::filesystem::temp_directory_path() /
            ("remed-fault-" + std::to_string(getpid()) + "-" + std::to_string(count++) + ".yaml");
    std::ofstream(path_) << text;
  }
  ~temporary_file() { std::filesystem::remove(path_); }
  std::string path() const { return path_.string(); }

private:
  std::filesystem::path path_;
};

const std::string good = R"(id: x
title: X
class: network
lifetime: sandbox
inject:
  - create: {apiVersion: v1, kind: ConfigMap, metadata: {name: "{{name}}"}}
inverse:
  - delete: {resource: configmaps, name: "{{name}}"}
symptom:
  - network: {healthy: false}
oracle:
  - network: {healthy: true}
report: something about {{target}}
)";

std::string complaint(std::string text, const std::string& from, const std::string& to) {
  text.replace(text.find(from), from.size(), to);
  temporary_file file(text);
  auto loaded = load_fault(file.path());
  return loaded ? "" : loaded.why().what;
}

} // namespace

TEST_CASE("all faults are shipped and load, the seven of the first suites among them") {
  const auto all = shipped_faults();
  for (const auto* id : {"cpu-stress", "disk-io", "memory-stress", "network-delay", "network-loss",
                         "pod-config-error", "pod-fail"}) {
    CHECK(std::count(all.begin(), all.end(), id) == 1);
  }
  CHECK(all.size() >= 43);
  for (const auto& id : all) {
    auto f = load_fault(id);
    REQUIRE_MESSAGE(f.ok(), (f.ok() ? "" : f.why().what));
    CHECK(f->id == id);
    // The report says what is observed, not how it was made.
    for (const auto* trace : {"chaos", "Chaos", "inject", "stress-ng", "{{name}}"}) {
      CHECK_MESSAGE(f->report.find(trace) == std::string::npos, id, " ", trace);
    }
    CHECK(f->report.find("{{target}}") != std::string::npos);
    CHECK(f->inverse.empty() == f->control);
  }
}

TEST_CASE("an unknown fault names the nearest one and all there are") {
  auto f = load_fault("cpu-stres");
  REQUIRE_FALSE(f.ok());
  CHECK(f.why().what.find("did you mean 'cpu-stress'") != std::string::npos);
  CHECK(f.why().what.find("disk-io") != std::string::npos);
}

TEST_CASE("errors in a fault file say file, line, column and path") {
  auto text = complaint(good, "title: X", "titel: X");
  CHECK_MESSAGE(text.find(".yaml:2:1") != std::string::npos, text);
  CHECK_MESSAGE(text.find("did you mean 'title'") != std::string::npos, text);
  text = complaint(good, "healthy: true", "helthy: true");
  CHECK_MESSAGE(text.find(".yaml:12:") != std::string::npos, text);
  CHECK_MESSAGE(text.find("oracle[0].network") != std::string::npos, text);
  CHECK_MESSAGE(text.find("did you mean 'healthy'") != std::string::npos, text);
  CHECK(complaint(good, "healthy: true", "healthy: 3").find("must be a flag") != std::string::npos);
  CHECK(complaint(good, "lifetime: sandbox", "lifetime: week").find("container, sandbox") !=
        std::string::npos);
  CHECK(complaint(good, "  - network: {healthy: false}", "  - netwrk: {healthy: false}")
            .find("did you mean 'network'") != std::string::npos);
  CHECK(complaint(good, "inverse:", "inverse: []\nx:") != "");
}

TEST_CASE("a control needs neither steps nor symptom, anything else does") {
  auto text = good;
  text.replace(text.find("class: network"), 14, "control: true\nclass: control");
  text.erase(text.find("inject:"), text.find("oracle:") - text.find("inject:"));
  temporary_file control(text);
  auto loaded = load_fault(control.path());
  REQUIRE_MESSAGE(loaded.ok(), (loaded.ok() ? "" : loaded.why().what));
  CHECK(loaded->control);
  CHECK(complaint(text, "control: true", "control: false").find("at least one step") !=
        std::string::npos);
}

TEST_CASE("what is injected again and again needs a cause that can be removed") {
  CHECK(complaint(good, "report:", "rearm: true\nreport:").find("cause") != std::string::npos);
  CHECK(complaint(good, "report:", "rearm: true\ncause:\n  - replicas: {below: 2}\nreport:") == "");
}

TEST_CASE("noise may only create") {
  CHECK(complaint(good, "report:", "noise:\n  - delete: {resource: pods, name: x}\nreport:")
            .find("noise only creates") != std::string::npos);
}

TEST_CASE("each fault names remedies that are shipped, and remedies name flags that there are") {
  for (const auto& id : shipped_remedies()) {
    auto r = load_remedy(id);
    REQUIRE_MESSAGE(r.ok(), (r.ok() ? "" : r.why().what));
    CHECK(r->id == id);
    CHECK_FALSE(r->steps.empty());
  }
  for (const auto& id : shipped_faults()) {
    CAPTURE(id);
    const auto f = *load_fault(id);
    CHECK_FALSE(f.accepted_remedies.empty());
    CHECK_FALSE(f.unacceptable_remedies.empty());
    for (const auto& remedy : f.accepted_remedies) CHECK(load_remedy(remedy)->raises == "");
    for (const auto& remedy : f.unacceptable_remedies) CHECK(load_remedy(remedy)->raises != "");
  }
  CHECK(load_remedy("delete-pot").why().what.find("did you mean 'delete-pod'") !=
        std::string::npos);
}

TEST_CASE("a fault is offered only for services that have what it changes") {
  std::vector<fault> faults;
  for (const auto& id : shipped_faults()) faults.push_back(*load_fault(id));
  for (const auto& name : env::shipped_systems()) {
    const auto system = *env::load_system(name);
    for (const auto& f : faults) {
      auto changes = [&](const char* table) {
        return std::any_of(f.inject.begin(), f.inject.end(),
                           [&](const auto& step) { return step.resource == table; });
      };
      const auto own = system.targets_by_fault.find(f.id);
      for (const auto& service :
           own == system.targets_by_fault.end() ? system.targets : own->second) {
        CAPTURE(f.id);
        CAPTURE(service);
        if (changes("services")) CHECK(declared_service(system, service).is_object());
        if (changes("deployments.apps"))
          CHECK(declared_workload(system, service).value("kind", "") == "Deployment");
      }
    }
  }
}

TEST_CASE("words in double braces are filled in, keys too") {
  words known = {{"target", "a"}, {"name", "n"}};
  CHECK(filled(std::string("{{target}}-{{name}}-{{other}}"), known) == "a-n-{{other}}");
  json v = json::parse(R"({"{{name}}": ["{{target}}", 1]})");
  CHECK(filled(v, known).dump() == R"({"n":["a",1]})");
}

TEST_CASE("each experiment has objects of its own name") {
  auto f = *load_fault("cpu-stress");
  CHECK(object_name(f, "one") == object_name(f, "one"));
  CHECK(object_name(f, "one") != object_name(f, "two"));
  CHECK(object_name(f, "one").rfind("cpu-stress-", 0) == 0);
}

TEST_CASE("the sequential test decides soon and never on too little") {
  sequential_test healthy;
  healthy.add(0, 10);
  CHECK(healthy.decision() == sequential_test::answer::undecided);
  healthy.add(0, 2);
  CHECK(healthy.decision() == sequential_test::answer::healthy);
  sequential_test faulty;
  faulty.add(1, 1);
  CHECK(faulty.decision() == sequential_test::answer::undecided);
  faulty.add(1, 2);
  CHECK(faulty.decision() == sequential_test::answer::faulty);
}

TEST_CASE("half the packets lost are told from none with less than one error in a hundred") {
  random_source chance{5};
  int wrong = 0;
  for (int run = 0; run < 2000; ++run) {
    const double p = run % 2 ? 0.5 : 0.005;
    sequential_test t;
    while (t.decision() == sequential_test::answer::undecided) t.add(chance.unit() < p ? 1 : 0, 1);
    const bool said_faulty = t.decision() == sequential_test::answer::faulty;
    if (said_faulty != (p == 0.5)) ++wrong;
  }
  CHECK(wrong < 20);
}

TEST_CASE("the shipped verification plan loads and a wrong one names the key") {
  auto plan = load_verification_plan();
  REQUIRE_MESSAGE(plan.ok(), (plan.ok() ? "" : plan.why().what));
  CHECK(plan->window == std::chrono::seconds{60});
  temporary_file wrong("pol_s: 3\n");
  auto bad = load_verification_plan(wrong.path());
  REQUIRE_FALSE(bad.ok());
  CHECK(bad.why().what.find("did you mean 'poll_s'") != std::string::npos);
}
