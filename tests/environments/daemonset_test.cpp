#include "tests/environments/kubelet_support.hpp"

using namespace remed;
using namespace remed::env;
using namespace remed::env::testing;

namespace {

json daemon_set() {
  auto set = deployment("web", 1, web_container());
  set["kind"] = "DaemonSet";
  set["spec"].erase("replicas");
  return set;
}

object set_of(const shop& s) {
  return s.get("daemonsets.apps", "web");
}

void set_image(shop& s, const std::string& image) {
  s.change("daemonsets.apps", "web",
           [&](json& d) { d["spec"]["template"]["spec"]["containers"][0]["image"] = image; });
}

void edit_node(shop& s, const std::function<void(json&)>& edit) {
  auto node = *s.c->objects().get("nodes", {"", "node-1"});
  edit(node);
  s.c->put("nodes", node);
  s.c->settle();
}

} // namespace

TEST_CASE("a DaemonSet runs one pod on each node, tolerating what daemons tolerate") {
  shop s;
  s.create("daemonsets.apps", daemon_set());
  s.wait(60);
  REQUIRE(s.pods().size() == 1);
  auto pod = s.pods().at(0);
  CHECK(text_at(*pod, {"spec", "nodeName"}) == "node-1");
  std::set<std::string> keys;
  for (const auto& one : at_path(*pod, {"spec", "tolerations"})) keys.insert(text_at(one, {"key"}));
  for (const char* key : {"not-ready", "unreachable", "disk-pressure", "memory-pressure",
                          "pid-pressure", "unschedulable"}) {
    CHECK(keys.count(std::string("node.kubernetes.io/") + key) == 1);
  }
  // The API's own tolerations of 300 s are not added to what tolerates for ever.
  CHECK(at_path(*pod, {"spec", "tolerations"}).size() == 6);
  auto status = at_path(*set_of(s), {"status"});
  for (const char* field : {"desiredNumberScheduled", "currentNumberScheduled", "numberReady",
                            "updatedNumberScheduled", "numberAvailable"}) {
    CHECK(int_at(status, {field}) == 1);
  }
  CHECK(int_at(status, {"numberMisscheduled"}, -1) == 0);
  CHECK_FALSE(status.contains("numberUnavailable"));
  CHECK(s.events("SuccessfulCreate", "Created pod: web-") == 1);
}

TEST_CASE("a cordoned node keeps its daemons; a node selector nobody matches removes them") {
  shop s;
  s.create("daemonsets.apps", daemon_set());
  s.wait(40);
  edit_node(s, [](json& node) { node["spec"]["unschedulable"] = true; });
  s.wait(40);
  CHECK(int_at(*set_of(s), {"status", "numberReady"}) == 1);
  s.change("daemonsets.apps", "web",
           [](json& d) { d["spec"]["template"]["spec"]["nodeSelector"]["disk"] = "fast"; });
  s.wait(40);
  CHECK(s.pods().empty());
  CHECK(int_at(*set_of(s), {"status", "desiredNumberScheduled"}) == 0);
  edit_node(s, [](json& node) { node["metadata"]["labels"]["disk"] = "fast"; });
  s.wait(40);
  CHECK(int_at(*set_of(s), {"status", "numberReady"}) == 1);
}

TEST_CASE("a rolling update of a DaemonSet removes the old pod before the new one comes") {
  shop s;
  s.create("daemonsets.apps", daemon_set());
  s.wait(40);
  auto hash = text_at(*s.pods().at(0), {"metadata", "labels", "controller-revision-hash"});
  set_image(s, "nginx:1.26");
  for (int i = 0; i < 160; ++i) {
    s.wait(0.25);
    std::set<std::string> images;
    for (const auto& pod : s.pods()) {
      images.insert(text_at(at_path(*pod, {"spec", "containers"})[0], {"image"}));
    }
    CHECK(images.size() <= 1);
  }
  REQUIRE(s.pods().size() == 1);
  CHECK(text_at(*s.pods().at(0), {"metadata", "labels", "controller-revision-hash"}) != hash);
  CHECK(int_at(*set_of(s), {"status", "updatedNumberScheduled"}) == 1);
  auto revisions = s.c->objects().list("controllerrevisions.apps", "shop");
  REQUIRE(revisions.size() == 2);
  CHECK(text_at(*revisions[0], {"metadata", "name"}).starts_with("web-"));
}

TEST_CASE("with maxSurge the new daemon is available before the old one goes") {
  shop s;
  auto set = daemon_set();
  set["spec"]["updateStrategy"] = {{"type", "RollingUpdate"},
                                   {"rollingUpdate", {{"maxSurge", 1}, {"maxUnavailable", 0}}}};
  s.create("daemonsets.apps", set);
  s.wait(40);
  set_image(s, "nginx:1.26");
  for (int i = 0; i < 160; ++i) {
    s.wait(0.25);
    bool any = false;
    for (const auto& pod : s.pods()) any = any || (pod_is_ready(*pod) && !is_deleting(*pod));
    CHECK(any);
  }
  REQUIRE(s.pods().size() == 1);
  CHECK(text_at(at_path(*s.pods().at(0), {"spec", "containers"})[0], {"image"}) == "nginx:1.26");
}

TEST_CASE("a daemon that ended is replaced with the controller's event") {
  shop s;
  auto set = daemon_set();
  set["spec"]["template"]["spec"]["containers"][0] = shell("web", "sleep 20; exit 3");
  set["spec"]["template"]["spec"]["restartPolicy"] = "Never";
  s.create("daemonsets.apps", set);
  s.wait(40);
  CHECK(s.events("FailedDaemonPod", "on node node-1, will try to kill it") >= 1);
}
