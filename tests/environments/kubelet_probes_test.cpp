#include "tests/environments/kubelet_support.hpp"

using namespace remed;
using namespace remed::env;
using namespace remed::env::testing;

namespace {

effect on_pod(const shop& s, const std::string& pod, const std::string& kind, json params) {
  effect e;
  e.kind = kind;
  e.params = std::move(params);
  e.lives_in = lifetime::sandbox;
  e.ns = "shop";
  e.pod = pod;
  e.pod_uid = text_at(*s.get("pods", pod), {"metadata", "uid"});
  e.instance = 1;
  return e;
}

bool ready(const shop& s) {
  return pod_is_ready(*s.get("pods", "one"));
}

} // namespace

TEST_CASE("a pod is ready only when its application accepts connections") {
  shop s;
  s.create("pods", pod("one", {web_container()}));
  for (int i = 0; i < 200 && !s.container("one", "web")["state"].contains("running"); ++i) {
    s.wait(0.1);
  }
  CHECK_FALSE(ready(s));
  CHECK(text_at(condition_of(*s.get("pods", "one"), "Ready"), {"message"}) ==
        "containers with unready status: [web]");
  s.wait(5);
  CHECK(ready(s));
}

TEST_CASE("a readiness gate holds a pod back until somebody opens it") {
  shop s;
  auto p = pod("one", {web_container()});
  p["spec"]["readinessGates"] = json::array({json{{"conditionType", "example.com/ok"}}});
  s.create("pods", p);
  s.wait(30);
  CHECK_FALSE(ready(s));
  CHECK(text_at(condition_of(*s.get("pods", "one"), "Ready"), {"reason"}) ==
        "ReadinessGatesNotReady");
  CHECK(text_at(condition_of(*s.get("pods", "one"), "ContainersReady"), {"status"}) == "True");
  auto now = *s.get("pods", "one");
  now["status"]["conditions"].push_back(json{{"type", "example.com/ok"}, {"status", "True"}});
  s.c->put("pods", now);
  s.wait(1);
  CHECK(ready(s));
}

TEST_CASE("a delay beyond the time limit makes a pod unready while it lasts") {
  shop s;
  s.create("pods", pod("one", {web_container()}));
  s.wait(30);
  REQUIRE(ready(s));
  auto id = s.c->add_effect(on_pod(s, "one", "net_delay", json{{"ms", 1500}}));
  s.wait(15);
  CHECK_FALSE(ready(s));
  CHECK(s.events("Unhealthy", "Readiness probe failed: ") >= 3);
  s.c->end_effect(id, "undone");
  s.wait(5);
  CHECK(ready(s));
}

TEST_CASE("a failing liveness probe restarts the container and keeps the sandbox's effects") {
  shop s;
  auto alive = web_container();
  alive["livenessProbe"] =
      json::parse(R"({"httpGet": {"path": "/", "port": 80}, "periodSeconds": 5})");
  s.create("pods", pod("one", {alive}));
  s.wait(30);
  auto id = s.c->add_effect(on_pod(s, "one", "net_delay", json{{"ms", 1500}}));
  s.wait(40);
  CHECK(int_at(s.container("one", "web"), {"restartCount"}) >= 1);
  CHECK(s.events("Killing", "Container web failed liveness probe, will be restarted") >= 1);
  CHECK(s.c->effects().count(id) == 1);
  delete_object(*s.c, "pods", {"shop", "one"});
  s.wait(60);
  CHECK(s.c->effects().empty());
  REQUIRE(s.c->ended_effects().size() == 1);
  CHECK(s.c->ended_effects()[0].why == "pod_deleted");
}

TEST_CASE("a startup probe holds the others back") {
  shop s;
  auto slow = web_container();
  slow["startupProbe"] = json::parse(
      R"({"httpGet": {"path": "/", "port": 80}, "initialDelaySeconds": 20, "periodSeconds": 5})");
  s.create("pods", pod("one", {slow}));
  s.wait(15);
  CHECK_FALSE(ready(s));
  CHECK(s.container("one", "web")["started"] == false);
  s.wait(30);
  CHECK(s.container("one", "web")["started"] == true);
  CHECK(ready(s));
}
