#include "tests/environments/kubelet_support.hpp"

using namespace remed;
using namespace remed::env;
using namespace remed::env::testing;

namespace {

std::string refusal(const shop& s, const std::string& pod) {
  return text_at(condition_of(*s.get("pods", pod), "PodScheduled"), {"message"});
}

} // namespace

TEST_CASE("a pod is bound to the node with the scheduler's event") {
  shop s;
  s.create("pods", pod("one", {web_container()}));
  CHECK(text_at(*s.get("pods", "one"), {"spec", "nodeName"}) == "node-1");
  CHECK(text_at(condition_of(*s.get("pods", "one"), "PodScheduled"), {"status"}) == "True");
  CHECK(s.events("Scheduled", "Successfully assigned shop/one to node-1") == 1);
}

TEST_CASE("a pod that asks for more than there is stays pending with the real text") {
  shop s;
  auto big = web_container();
  big["resources"]["requests"]["cpu"] = "100";
  big["resources"]["limits"]["cpu"] = "100";
  s.create("pods", pod("big", {big}));
  s.wait(30);
  CHECK(text_at(*s.get("pods", "big"), {"status", "phase"}) == "Pending");
  CHECK(refusal(s, "big") ==
        "0/1 nodes are available: 1 Insufficient cpu. preemption: 0/1 nodes are available: 1 No "
        "preemption victims found for incoming pod.");
  CHECK(s.events("FailedScheduling", "Insufficient cpu") == 1);
}

TEST_CASE("a node selector nobody matches is refused, and a new label on the node is seen") {
  shop s;
  auto picky = pod("picky", {web_container()});
  picky["spec"]["nodeSelector"]["disk"] = "fast";
  s.create("pods", picky);
  CHECK(refusal(s, "picky") ==
        "0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector. preemption: "
        "0/1 nodes are available: 1 Preemption is not helpful for scheduling.");
  auto node = *s.c->objects().get("nodes", {"", "node-1"});
  node["metadata"]["labels"]["disk"] = "fast";
  s.c->put("nodes", node);
  s.wait(30);
  CHECK(text_at(*s.get("pods", "picky"), {"status", "phase"}) == "Running");
}

TEST_CASE("a cordoned node takes no new pods and keeps its old ones") {
  shop s;
  s.create("pods", pod("old", {web_container()}));
  s.wait(20);
  auto node = *s.c->objects().get("nodes", {"", "node-1"});
  node["spec"]["unschedulable"] = true;
  s.c->put("nodes", node);
  s.create("pods", pod("new", {web_container()}));
  s.wait(20);
  CHECK(refusal(s, "new").find("1 node(s) were unschedulable") != std::string::npos);
  CHECK(text_at(*s.get("pods", "old"), {"status", "phase"}) == "Running");
}

TEST_CASE("a taint keeps pods away that do not tolerate it") {
  shop s;
  auto node = *s.c->objects().get("nodes", {"", "node-1"});
  node["spec"]["taints"] = json::array({json{{"key", "gpu"}, {"effect", "NoSchedule"}}});
  s.c->put("nodes", node);
  s.create("pods", pod("plain", {web_container()}));
  CHECK(refusal(s, "plain").find("1 node(s) had untolerated taint {gpu: }") != std::string::npos);
  auto special = pod("special", {web_container()});
  special["spec"]["tolerations"] = json::array({json{{"key", "gpu"}, {"operator", "Exists"}}});
  s.create("pods", special);
  CHECK(text_at(*s.get("pods", "special"), {"spec", "nodeName"}) == "node-1");
}
