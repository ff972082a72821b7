// Fault x remedy: is the effect really gone? Each cell is one experiment on a fork of its own.
#include "environments/embedded/node/processes.hpp"
#include "tests/chaos/lab.hpp"

#include <doctest/doctest.h>

using namespace remed;
using namespace remed::chaos;
using namespace remed::chaos::test;

namespace {

const std::string target = "hello-service";
const std::string ns = "/api/v1/namespaces/simple-micro/";
const std::string apps = "/apis/apps/v1/namespaces/simple-micro/deployments/";

std::string pod_path(lab& l) {
  return ns + "pods/" + l.pod_of(target)["metadata"]["name"].get<std::string>();
}

void patch_deployment(lab& l, const char* text) {
  auto r =
      l.admin("PATCH", apps + target, json::parse(text), "application/strategic-merge-patch+json");
  CHECK(r.status == 200);
}

json manifest() {
  for (const auto& m : simple_micro().manifests) {
    if (m["kind"] == "Deployment" && m["metadata"]["name"] == target) return m;
  }
  return {};
}

void annotate_cr(lab& l, surgery& knife, const char* key) {
  for (const auto& made : knife.made()) {
    auto slash = made.find('/'), last = made.rfind('/');
    if (made.rfind("patch", 0) == 0) continue;
    json patch;
    patch["metadata"]["annotations"][key] = "true";
    l.admin("PATCH", api_path(made.substr(0, slash), "simple-micro", made.substr(last + 1)), patch,
            "application/merge-patch+json");
  }
}

void remedy(lab& l, surgery& knife, const std::string& what) {
  if (what == "delete pod") {
    l.admin("DELETE", pod_path(l));
  } else if (what == "rollout restart") {
    patch_deployment(l, R"({"spec": {"template": {"metadata": {"annotations":
      {"kubectl.kubernetes.io/restartedAt": "2026-01-01T00:00:00Z"}}}}})");
  } else if (what == "restart container") {
    env::kill_container(l.world.state(), l.pod_of(target)["metadata"]["uid"], target);
  } else if (what == "delete CR") {
    knife.undo([](result<void>) {});
  } else if (what == "pause") {
    annotate_cr(l, knife, "experiment.chaos-mesh.org/pause");
  } else if (what == "raise limits") {
    patch_deployment(l, R"({"spec": {"template": {"spec": {"containers": [{"name": "hello-service",
      "resources": {"requests": {"cpu": "100m", "memory": "300Mi"},
                    "limits": {"cpu": "600m", "memory": "2200Mi"}}}]}}}})");
  } else if (what == "scale up") {
    patch_deployment(l, R"({"spec": {"replicas": 2}})");
  } else if (what == "re-apply manifest") {
    l.admin("PATCH", apps + target, manifest(), "application/strategic-merge-patch+json");
  } else if (what == "scale 0 to 1") {
    patch_deployment(l, R"({"spec": {"replicas": 0}})");
    l.pass(45);
    patch_deployment(l, R"({"spec": {"replicas": 1}})");
  } else {
    CHECK(what == "wait");
  }
}

struct row {
  const char* fault;
  /// By remedy: y(es), n(o), or - (there is no object to act on).
  const char* cells;
};

const std::vector<std::string> columns = {
    "delete pod", "rollout restart", "scale 0 to 1", "restart container", "delete CR",
    "pause",      "raise limits",    "scale up",     "re-apply manifest", "wait"};
const row rows[] = {
    // del roll 0>1 restart delCR pause limits up apply wait
    {"cpu-stress", "y y y y y y y n n n"},       {"memory-stress", "y y y y y y y n n n"},
    {"pod-fail", "y y y n y y y n n n"},         {"network-loss", "y y y n y y y n n n"},
    {"network-delay", "y y y n y y y n n n"},    {"disk-io", "y y y y y y y n n n"},
    {"pod-config-error", "n n n n y - y n y n"},
};

void check_row(const row& r) {
  for (std::size_t i = 0; i < columns.size(); ++i) {
    const char expected = r.cells[i * 2];
    if (expected == '-') continue;
    CAPTURE(r.fault);
    CAPTURE(columns[i]);
    lab l;
    auto s = about(r.fault, target);
    auto knife = std::make_shared<surgery>(l.world, s, object_name(s.what, columns[i]));
    result<void> done = failure{};
    knife->inject([&](result<void> d) { done = d; });
    REQUIRE_MESSAGE(done.ok(), (done.ok() ? "" : done.why().what));
    l.pass(5);
    REQUIRE(in_effect(l.gather_for({}, target), s) == true);
    // A container that pod-failure keeps from starting has nothing to restart.
    remedy(l, *knife, columns[i]);
    l.pass(90);
    CHECK(in_effect(l.gather_for({}, target), s) == (expected == 'n'));
  }
}

} // namespace

TEST_CASE("what ends a CPU stress") {
  check_row(rows[0]);
}
TEST_CASE("what ends a memory stress") {
  check_row(rows[1]);
}
TEST_CASE("what ends a pod failure") {
  check_row(rows[2]);
}
TEST_CASE("what ends packet loss") {
  check_row(rows[3]);
}
TEST_CASE("what ends a network delay") {
  check_row(rows[4]);
}
TEST_CASE("what ends slow disk I/O") {
  check_row(rows[5]);
}
TEST_CASE("what ends a configuration error") {
  check_row(rows[6]);
}

TEST_CASE("a pod failure is over after its duration, and when its images are set back") {
  auto s = about("pod-fail", target);
  {
    lab l;
    auto knife = std::make_shared<surgery>(l.world, s, "pod-fail-1");
    knife->inject([](result<void> d) { REQUIRE(d.ok()); });
    l.pass(1195);
    CHECK(in_effect(l.gather_for({}, target), s) == true);
    l.pass(15);
    CHECK(in_effect(l.gather_for({}, target), s) == false);
  }
  lab l;
  auto knife = std::make_shared<surgery>(l.world, s, "pod-fail-1");
  knife->inject([](result<void> d) { REQUIRE(d.ok()); });
  l.pass(5);
  auto patch = json::parse(R"({"spec": {"containers": [
      {"name": "hello-service", "image": "python:3.9-slim"},
      {"name": "sidecar-busybox", "image": "busybox:1.35"}]}})");
  CHECK(l.admin("PATCH", pod_path(l), patch, "application/strategic-merge-patch+json").status ==
        200);
  l.pass(5);
  CHECK(in_effect(l.gather_for({}, target), s) == false);
}

TEST_CASE("each fault on each service: healthy, injected, felt, stays, undone, healthy again") {
  for (const auto& id : shipped_faults()) {
    for (const auto& service : simple_micro().targets) {
      CAPTURE(id);
      CAPTURE(service);
      lab l;
      auto s = about(id, service);
      CHECK(l.wait_for(s.what.oracle, s, 60));
      auto knife = std::make_shared<surgery>(l.world, s, object_name(s.what, service));
      knife->inject([](result<void> d) { CHECK_MESSAGE(d.ok(), (d.ok() ? "" : d.why().what)); });
      l.pass(1);
      const bool felt = l.wait_for(s.what.symptom, s, 120);
      CHECK_MESSAGE(felt, l.check(s.what.symptom, s).failing());
      for (int minute = 0; minute < 5; ++minute) {
        CHECK_FALSE(l.check(s.what.oracle, s).hold());
        l.pass(60);
      }
      knife->undo([](result<void> d) { CHECK_MESSAGE(d.ok(), (d.ok() ? "" : d.why().what)); });
      const bool well = l.wait_for(s.what.oracle, s, 180);
      CHECK_MESSAGE(well, l.check(s.what.oracle, s).failing());
      CHECK(knife->remains(l.observe()) == "");
    }
  }
}
