#include "tests/environments/kubelet_support.hpp"

using namespace remed;
using namespace remed::env;
using namespace remed::env::testing;

namespace {

std::string refusal(const shop& s, const std::string& pod) {
  return text_at(condition_of(*s.get("pods", pod), "PodScheduled"), {"message"});
}

/// A second machine without a kubelet: pods get there, and nothing more.
void add_node(shop& s, const std::string& name, json labels = json::object()) {
  auto node = *s.c->objects().get("nodes", {"", "node-1"});
  node["metadata"] = {{"name", name}};
  node["metadata"]["labels"] = std::move(labels);
  node["metadata"]["labels"]["kubernetes.io/hostname"] = name;
  s.c->put("nodes", node);
  s.c->settle();
}

json sized(const std::string& name, const char* cpu, std::int64_t priority = 0) {
  auto p = pod(name, {web_container(false)});
  p["spec"]["containers"][0]["resources"] = {{"requests", {{"cpu", cpu}}}};
  p["spec"]["priority"] = priority;
  return p;
}

std::string node_of(const shop& s, const std::string& name) {
  return text_at(*s.get("pods", name), {"spec", "nodeName"});
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

TEST_CASE("every node's reason is counted, sorted as text, and followed by what preemption says") {
  shop s;
  add_node(s, "node-2");
  add_node(s, "node-3");
  auto tainted = *s.c->objects().get("nodes", {"", "node-3"});
  tainted["spec"]["taints"] = json::array({json{{"key", "gpu"}, {"effect", "NoSchedule"}}});
  s.c->put("nodes", tainted);
  s.c->settle();
  s.create("pods", sized("big", "100"));
  CHECK(refusal(s, "big") ==
        "0/3 nodes are available: 1 node(s) had untolerated taint {gpu: }, 2 Insufficient cpu. "
        "preemption: 0/3 nodes are available: 1 Preemption is not helpful for scheduling, 2 No "
        "preemption victims found for incoming pod.");
}

TEST_CASE("init containers, sidecars and overhead count as the kubelet runs them") {
  shop s;
  auto p = sized("one", "2");
  p["spec"]["initContainers"] = json::parse(
      R"([{"name": "side", "image": "nginx:1.25", "restartPolicy": "Always",
           "resources": {"requests": {"cpu": "1"}}},
          {"name": "first", "image": "nginx:1.25", "resources": {"requests": {"cpu": "6"}}}])");
  p["spec"]["overhead"] = {{"cpu", "500m"}};
  s.create("pods", p);
  CHECK(node_of(s, "one") == "node-1");
  // The init container beside its sidecar (7) is more than what runs later (3); 0.5 on top.
  s.create("pods", sized("two", "600m"));
  CHECK(refusal(s, "two").starts_with("0/1 nodes are available: 1 Insufficient cpu."));
  s.create("pods", sized("three", "500m"));
  CHECK(node_of(s, "three") == "node-1");
}

TEST_CASE("a more important pod pushes lesser ones out, the least important that are enough") {
  shop s;
  s.create("pods", sized("cheap", "3", 1));
  s.create("pods", sized("dear", "4", 5));
  s.wait(20);
  s.create("pods", sized("vip", "4", 10));
  CHECK(is_deleting(*s.get("pods", "cheap")));
  CHECK_FALSE(is_deleting(*s.get("pods", "dear")));
  CHECK(text_at(*s.get("pods", "vip"), {"status", "nominatedNodeName"}) == "node-1");
  CHECK(refusal(s, "vip") == "0/1 nodes are available: 1 Insufficient cpu.");
  auto uid = text_at(*s.get("pods", "vip"), {"metadata", "uid"});
  CHECK(s.events("Preempted", "Preempted by pod " + uid + " on node node-1") == 1);
  CHECK(text_at(condition_of(*s.get("pods", "cheap"), "DisruptionTarget"), {"reason"}) ==
        "PreemptionByScheduler");
  // Nobody of less importance takes the room that was made.
  s.create("pods", sized("late", "3", 2));
  s.wait(60);
  CHECK(node_of(s, "vip") == "node-1");
  CHECK(node_of(s, "late").empty());
}

TEST_CASE("preemption that would not be enough says what is missing, Never says so") {
  shop s;
  s.create("pods", sized("small", "1", 1));
  s.create("pods", sized("huge", "100", 10));
  CHECK(refusal(s, "huge") ==
        "0/1 nodes are available: 1 Insufficient cpu. preemption: 0/1 nodes are available: 1 "
        "Insufficient cpu.");
  auto polite = sized("polite", "8", 10);
  polite["spec"]["preemptionPolicy"] = "Never";
  s.create("pods", polite);
  CHECK(refusal(s, "polite") ==
        "0/1 nodes are available: 1 Insufficient cpu. preemption: not eligible due to "
        "preemptionPolicy=Never.");
}

TEST_CASE("pods keep their distance or stay close as their affinity says") {
  shop s;
  add_node(s, "node-2");
  auto apart = [](const std::string& name) {
    auto p = pod(name, {web_container(false)});
    p["spec"]["affinity"]["podAntiAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"] =
        json::parse(R"([{"labelSelector": {"matchLabels": {"app": "web"}},
                         "topologyKey": "kubernetes.io/hostname"}])");
    return p;
  };
  s.create("pods", apart("one"));
  s.create("pods", apart("two"));
  CHECK(node_of(s, "one") != node_of(s, "two"));
  s.create("pods", apart("three"));
  CHECK(
      refusal(s, "three")
          .starts_with("0/2 nodes are available: 2 node(s) didn't match pod anti-affinity rules."));
  s.create("pods", pod("plain", {web_container(false)}));
  CHECK(refusal(s, "plain")
            .starts_with("0/2 nodes are available: 2 node(s) didn't satisfy existing pods "
                         "anti-affinity rules."));
  auto close = pod("close", {web_container(false)});
  close["metadata"]["labels"]["app"] = "other";
  close["spec"]["affinity"]["podAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"] =
      json::parse(R"([{"labelSelector": {"matchLabels": {"app": "nobody"}},
                       "topologyKey": "kubernetes.io/hostname"}])");
  s.create("pods", close);
  CHECK(refusal(s, "close") ==
        "0/2 nodes are available: 2 node(s) didn't match pod affinity rules. preemption: 0/2 nodes "
        "are available: 2 Preemption is not helpful for scheduling.");
}

TEST_CASE("a spread constraint keeps domains within its skew") {
  shop s;
  add_node(s, "node-2");
  auto spread = [](const std::string& name) {
    auto p = pod(name, {web_container(false)});
    p["spec"]["topologySpreadConstraints"] = json::parse(
        R"([{"maxSkew": 1, "topologyKey": "kubernetes.io/hostname",
             "whenUnsatisfiable": "DoNotSchedule", "labelSelector": {"matchLabels": {"app": "web"}}}])");
    return p;
  };
  for (const char* name : {"a", "b", "c", "d"}) s.create("pods", spread(name));
  int first = 0;
  for (const char* name : {"a", "b", "c", "d"}) first += node_of(s, name) == "node-1";
  CHECK(first == 2);
  auto node = *s.c->objects().get("nodes", {"", "node-2"});
  node["spec"]["unschedulable"] = true;
  s.c->put("nodes", node);
  s.create("pods", spread("e"));
  CHECK(node_of(s, "e") == "node-1");
  s.create("pods", spread("f"));
  CHECK(refusal(s, "f").starts_with(
      "0/2 nodes are available: 1 node(s) didn't match pod topology spread constraints, 1 node(s) "
      "were unschedulable."));
}

TEST_CASE("preferences choose among nodes that would do") {
  shop s;
  add_node(s, "node-2", {{"disk", "fast"}});
  auto p = pod("picky", {web_container(false)});
  p["spec"]["affinity"]["nodeAffinity"]["preferredDuringSchedulingIgnoredDuringExecution"] =
      json::parse(R"([{"weight": 10, "preference":
                       {"matchExpressions": [{"key": "disk", "operator": "Exists"}]}}])");
  s.create("pods", p);
  CHECK(node_of(s, "picky") == "node-2");
  auto node = *s.c->objects().get("nodes", {"", "node-1"});
  node["spec"]["taints"] = json::array({json{{"key", "slow"}, {"effect", "PreferNoSchedule"}}});
  s.c->put("nodes", node);
  s.create("pods", pod("plain", {web_container(false)}));
  CHECK(node_of(s, "plain") == "node-2");
}

TEST_CASE("a gated pod waits for its gates, a pod with a node skips the scheduler") {
  shop s;
  auto gated = pod("gated", {web_container(false)});
  gated["spec"]["schedulingGates"] = json::array({json{{"name", "example.com/wait"}}});
  s.create("pods", gated);
  s.wait(30);
  CHECK(node_of(s, "gated").empty());
  CHECK(s.events("FailedScheduling") == 0);
  s.change("pods", "gated", [](json& p) { p["spec"].erase("schedulingGates"); });
  s.wait(10);
  CHECK(node_of(s, "gated") == "node-1");
  auto placed = pod("placed", {web_container(false)});
  placed["spec"]["nodeName"] = "node-1";
  s.create("pods", placed);
  s.wait(20);
  CHECK(text_at(*s.get("pods", "placed"), {"status", "phase"}) == "Running");
  CHECK(s.events("Scheduled", "shop/placed") == 0);
}
