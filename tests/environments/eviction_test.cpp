#include "tests/environments/kubelet_support.hpp"

using namespace remed;
using namespace remed::env;
using namespace remed::env::testing;

namespace {

constexpr double gibi = 1024.0 * 1024 * 1024;

json pod(const std::string& name, const std::string& request) {
  auto one = json::parse(R"({"apiVersion": "v1", "kind": "Pod", "metadata": {},
    "spec": {"containers": [{"name": "web", "image": "nginx:1.25"}]}})");
  one["metadata"]["name"] = name;
  if (!request.empty()) one["spec"]["containers"][0]["resources"]["requests"]["memory"] = request;
  return one;
}

void hog(shop& s, const std::string& name, double bytes) {
  auto found = s.get("pods", name);
  effect e;
  e.kind = "memory_hog";
  e.params = json{{"workers", 1}, {"bytes", bytes}};
  e.ns = "shop";
  e.pod = name;
  e.pod_uid = text_at(*found, {"metadata", "uid"});
  e.container = "web";
  e.instance = 1;
  e.lives_in = lifetime::container;
  s.c->add_effect(e);
  s.c->settle();
}

std::string pressure(const shop& s) {
  auto node = s.c->objects().get("nodes", {"", "node-1"});
  return text_at(condition_of(*node, "MemoryPressure"), {"status"});
}

std::string phase(const shop& s, const std::string& name) {
  return text_at(*s.get("pods", name), {"status", "phase"});
}

} // namespace

TEST_CASE("a node short of memory says so and evicts who takes most beyond its request") {
  shop s;
  s.create("pods", pod("greedy", "64Mi"));
  s.create("pods", pod("modest", "20Gi"));
  s.wait(20);
  REQUIRE(phase(s, "greedy") == "Running");
  hog(s, "modest", 10 * gibi);
  hog(s, "greedy", 24 * gibi);
  s.wait(12);
  CHECK(pressure(s) == "True");
  CHECK(phase(s, "modest") == "Running");
  REQUIRE(phase(s, "greedy") == "Failed");
  auto status = at_path(*s.get("pods", "greedy"), {"status"});
  CHECK(text_at(status, {"reason"}) == "Evicted");
  auto message = text_at(status, {"message"});
  CHECK(message.rfind("The node was low on resource: memory. Threshold quantity: 100Mi, "
                      "available: 0. Container web was using ",
                      0) == 0);
  CHECK(message.find(", request is 64Mi, has larger consumption of memory. ") != std::string::npos);
  CHECK(text_at(condition_of(*s.get("pods", "greedy"), "DisruptionTarget"), {"reason"}) ==
        "TerminationByKubelet");
  CHECK(s.events("Evicted") == 1);
}

TEST_CASE("pressure keeps BestEffort pods off the node and passes five minutes after it ended") {
  shop s;
  s.create("pods", pod("greedy", ""));
  s.wait(20);
  hog(s, "greedy", 40 * gibi);
  s.wait(15);
  REQUIRE(phase(s, "greedy") == "Failed");
  auto node = s.c->objects().get("nodes", {"", "node-1"});
  CHECK(text_at(at_path(*node, {"spec", "taints"})[0], {"key"}) ==
        "node.kubernetes.io/memory-pressure");
  s.create("pods", pod("next", ""));
  s.wait(30);
  CHECK(phase(s, "next") == "Pending");
  CHECK(pressure(s) == "True");
  s.wait(330);
  CHECK(pressure(s) == "False");
  CHECK(phase(s, "next") == "Running");
}

TEST_CASE("critical pods are not evicted") {
  shop s;
  auto one = pod("vital", "");
  one["spec"]["priorityClassName"] = "system-cluster-critical";
  one["spec"]["priority"] = 2000000000;
  s.create("pods", one);
  s.wait(20);
  hog(s, "vital", 40 * gibi);
  s.wait(60);
  CHECK(pressure(s) == "True");
  CHECK(phase(s, "vital") == "Running");
}
