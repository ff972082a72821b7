#include "environments/embedded/controllers/node.hpp"
#include "tests/environments/kubelet_support.hpp"

using namespace remed;
using namespace remed::env;
using namespace remed::env::testing;

namespace {

object node(const shop& s, const std::string& name = "node-1") {
  return s.c->objects().get("nodes", {"", name});
}

std::set<std::string> taints(const shop& s) {
  std::set<std::string> out;
  for (const auto& one : at_path(*node(s), {"spec", "taints"})) {
    out.insert(text_at(one, {"key"}) + ":" + text_at(one, {"effect"}));
  }
  return out;
}

std::uint64_t silence(shop& s) {
  effect e;
  e.kind = kubelet_down;
  e.params = {{"node", "node-1"}};
  e.lives_in = lifetime::workload;
  auto id = s.c->add_effect(e);
  s.c->settle();
  return id;
}

int node_events(const shop& s, const std::string& reason) {
  int n = 0;
  for (const auto& e : s.c->objects().list("events", "default")) {
    n += text_at(*e, {"reason"}) == reason;
  }
  return n;
}

} // namespace

TEST_CASE("an idle node has a fresh lease and heartbeat without a single event in the queue") {
  shop s;
  s.wait(70 * 60); // the events of the start have expired
  auto revision = s.c->objects().revision();
  s.wait(3600);
  CHECK(s.c->objects().revision() == revision);
  const char* leases = "leases.coordination.k8s.io";
  auto stored = s.c->objects().get(leases, {"kube-node-lease", "node-1"});
  REQUIRE(stored);
  auto lease = with_heartbeat(*s.c, leases, *stored);
  auto renewed = parse_time(text_at(lease, {"spec", "renewTime"}));
  REQUIRE(renewed);
  CHECK(seconds(s.c->now() - *renewed) < 10);
  auto seen = with_heartbeat(*s.c, "nodes", *node(s));
  auto beat = parse_time(text_at(condition_of(seen, "Ready"), {"lastHeartbeatTime"}));
  REQUIRE(beat);
  CHECK(seconds(s.c->now() - *beat) < 300);
}

TEST_CASE("a silent node is NotReady after its grace, and its pods leave after theirs") {
  shop s;
  s.create("services", json::parse(R"({"metadata": {"name": "web"},
    "spec": {"selector": {"app": "web"}, "ports": [{"port": 80}]}})"));
  s.create("deployments.apps", deployment("web", 1, web_container()));
  s.wait(60);
  auto old = text_at(*s.pods().at(0), {"metadata", "name"});
  auto id = silence(s);
  s.wait(39);
  CHECK(text_at(condition_of(*node(s), "Ready"), {"status"}) == "True");
  s.wait(2);
  auto ready = condition_of(*node(s), "Ready");
  CHECK(text_at(ready, {"status"}) == "Unknown");
  CHECK(text_at(ready, {"reason"}) == "NodeStatusUnknown");
  CHECK(text_at(ready, {"message"}) == "Kubelet stopped posting node status.");
  CHECK(taints(s) == std::set<std::string>{"node.kubernetes.io/unreachable:NoExecute",
                                           "node.kubernetes.io/unreachable:NoSchedule"});
  CHECK(node_events(s, "NodeNotReady") == 1);
  CHECK(s.events("NodeNotReady", "Node is not ready") == 1);
  CHECK_FALSE(pod_is_ready(*s.get("pods", old)));
  CHECK(at_path(at_path(*s.get("endpoints", "web"), {"subsets"})[0], {"addresses"}).empty());
  s.wait(298);
  CHECK_FALSE(is_deleting(*s.get("pods", old)));
  s.wait(5);
  CHECK(is_deleting(*s.get("pods", old)));
  CHECK(s.events("TaintManagerEviction", "Marking for deletion Pod shop/" + old) == 1);
  // Nobody confirms the end, and the new one finds no node.
  s.wait(300);
  CHECK(s.get("pods", old));
  s.c->end_effect(id, "undone");
  s.wait(90);
  CHECK_FALSE(s.get("pods", old));
  CHECK(taints(s).empty());
  CHECK(node_events(s, "NodeReady") == 1);
  REQUIRE(s.pods().size() == 1);
  CHECK(pod_is_ready(*s.pods().at(0)));
}

TEST_CASE("a node that comes back in time keeps its pods") {
  shop s;
  s.create("deployments.apps", deployment("web", 1, web_container()));
  s.wait(60);
  auto old = text_at(*s.pods().at(0), {"metadata", "name"});
  auto id = silence(s);
  s.wait(100);
  s.c->end_effect(id, "undone");
  s.wait(400);
  REQUIRE(s.get("pods", old));
  CHECK(pod_is_ready(*s.get("pods", old)));
  CHECK(s.events("TaintManagerEviction", "Cancelling deletion of Pod shop/" + old) == 1);
}

TEST_CASE("conditions and cordons become taints, and go with them") {
  shop s;
  auto now = *node(s);
  now["spec"]["unschedulable"] = true;
  for (auto& one : now["status"]["conditions"]) {
    if (one["type"] == "MemoryPressure") one["status"] = "True";
  }
  s.c->put("nodes", now);
  s.c->settle();
  CHECK(node_events(s, "NodeNotSchedulable") == 1);
  CHECK(taints(s) == std::set<std::string>{"node.kubernetes.io/memory-pressure:NoSchedule",
                                           "node.kubernetes.io/unschedulable:NoSchedule"});
  now = *node(s);
  now["spec"].erase("unschedulable");
  for (auto& one : now["status"]["conditions"]) {
    if (one["type"] == "MemoryPressure") one["status"] = "False";
  }
  s.c->put("nodes", now);
  s.c->settle();
  CHECK(taints(s).empty());
}

TEST_CASE("a NoExecute taint by hand removes pods at once, or when they tolerate no longer") {
  shop s;
  s.create("pods", pod("plain", {web_container(false)}));
  auto patient = pod("patient", {web_container(false)});
  patient["spec"]["tolerations"] = json::array({json{{"key", "repair"},
                                                     {"operator", "Exists"},
                                                     {"effect", "NoExecute"},
                                                     {"tolerationSeconds", 60}}});
  s.create("pods", patient);
  s.wait(20);
  auto now = *node(s);
  now["spec"]["taints"] = json::array({json{{"key", "repair"}, {"effect", "NoExecute"}}});
  s.c->put("nodes", now);
  s.wait(40);
  CHECK_FALSE(s.get("pods", "plain"));
  REQUIRE(s.get("pods", "patient"));
  CHECK_FALSE(is_deleting(*s.get("pods", "patient")));
  s.wait(60);
  CHECK_FALSE(s.get("pods", "patient"));
}

TEST_CASE("a node object without a kubelet is never heard of") {
  shop s;
  auto ghost = json::object();
  ghost["apiVersion"] = "v1";
  ghost["kind"] = "Node";
  ghost["metadata"]["name"] = "ghost";
  s.c->put("nodes", ghost);
  s.wait(60);
  auto ready = condition_of(*node(s, "ghost"), "Ready");
  CHECK(text_at(ready, {"reason"}) == "NodeStatusNeverUpdated");
  CHECK(text_at(ready, {"message"}) == "Kubelet never posted node status.");
  auto stuck = pod("stuck", {web_container(false)});
  stuck["spec"]["nodeName"] = "ghost";
  s.create("pods", stuck);
  s.c->erase("nodes", {"", "ghost"});
  s.wait(60);
  CHECK_FALSE(s.get("pods", "stuck"));
}
