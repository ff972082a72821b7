#include "environments/embedded/api/validation.hpp"
#include "tests/environments/kubelet_support.hpp"

using namespace remed;
using namespace remed::env;
using namespace remed::env::testing;

namespace {

json claim(const std::string& name, const char* storage_class = "local-path") {
  auto one = json::parse(R"({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {},
    "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}})");
  one["metadata"]["name"] = name;
  if (storage_class) one["spec"]["storageClassName"] = storage_class;
  return one;
}

json user_of(const std::string& claim_name) {
  auto p = pod("user", {web_container(false)});
  auto volume = json::object();
  volume["name"] = "data";
  volume["persistentVolumeClaim"]["claimName"] = claim_name;
  p["spec"]["volumes"] = json::array({volume});
  return p;
}

std::string phase(const shop& s, const std::string& name) {
  return text_at(*s.get("persistentvolumeclaims", name), {"status", "phase"});
}

std::string refusal(const shop& s) {
  return text_at(condition_of(*s.get("pods", "user"), "PodScheduled"), {"message"});
}

} // namespace

TEST_CASE("a claim waits for its first consumer and gets a volume where that goes") {
  shop s;
  s.create("persistentvolumeclaims", claim("data"));
  s.wait(30);
  CHECK(phase(s, "data") == "Pending");
  CHECK(s.events("WaitForFirstConsumer",
                 "waiting for first consumer to be created before binding") == 1);
  s.create("pods", user_of("data"));
  CHECK(text_at(*s.get("pods", "user"), {"spec", "nodeName"}).empty());
  s.wait(20);
  CHECK(phase(s, "data") == "Bound");
  CHECK(text_at(*s.get("pods", "user"), {"status", "phase"}) == "Running");
  auto bound = s.get("persistentvolumeclaims", "data");
  auto name = "pvc-" + text_at(*bound, {"metadata", "uid"});
  CHECK(text_at(*bound, {"spec", "volumeName"}) == name);
  CHECK(text_at(*bound, {"metadata", "annotations", "volume.kubernetes.io/selected-node"}) ==
        "node-1");
  CHECK(text_at(*bound, {"status", "capacity", "storage"}) == "1Gi");
  auto volume = s.c->objects().get("persistentvolumes", {"", name});
  REQUIRE(volume);
  CHECK(text_at(*volume, {"status", "phase"}) == "Bound");
  CHECK(text_at(*volume, {"spec", "claimRef", "name"}) == "data");
  CHECK(s.events("ProvisioningSucceeded", "Successfully provisioned volume " + name) == 1);
}

TEST_CASE("a claim in use outlives its deletion, and takes its volume along") {
  shop s;
  s.create("persistentvolumeclaims", claim("data"));
  s.create("pods", user_of("data"));
  s.wait(30);
  delete_object(*s.c, "persistentvolumeclaims", {"shop", "data"});
  s.wait(30);
  REQUIRE(s.get("persistentvolumeclaims", "data"));
  CHECK(is_deleting(*s.get("persistentvolumeclaims", "data")));
  delete_object(*s.c, "pods", {"shop", "user"});
  s.wait(60);
  CHECK_FALSE(s.get("persistentvolumeclaims", "data"));
  CHECK(s.c->objects().list("persistentvolumes").empty());
}

TEST_CASE("pods without their claim are refused with the scheduler's words") {
  shop s;
  s.create("pods", user_of("data"));
  CHECK(refusal(s) ==
        "0/1 nodes are available: persistentvolumeclaim \"data\" not found. preemption: 0/1 nodes "
        "are available: 1 Preemption is not helpful for scheduling.");
  s.create("persistentvolumeclaims", claim("data", "nfs"));
  CHECK(
      refusal(s) ==
      "0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims. preemption: 0/1 "
      "nodes are available: 1 Preemption is not helpful for scheduling.");
  CHECK(s.events("ProvisioningFailed", "storageclass.storage.k8s.io \"nfs\" not found") >= 1);
}

TEST_CASE("a volume made by hand is taken by the claim that fits, and is released after it") {
  shop s;
  auto volume = json::parse(R"({"apiVersion": "v1", "kind": "PersistentVolume",
    "metadata": {"name": "disk"}, "spec": {"accessModes": ["ReadWriteOnce"], "storageClassName": "",
    "capacity": {"storage": "5Gi"}, "hostPath": {"path": "/disk"},
    "persistentVolumeReclaimPolicy": "Retain"}})");
  s.c->put("persistentvolumes", prepared(*s.c, "persistentvolumes", volume));
  s.c->settle();
  CHECK(text_at(*s.c->objects().get("persistentvolumes", {"", "disk"}), {"status", "phase"}) ==
        "Available");
  s.create("persistentvolumeclaims", claim("data", ""));
  CHECK(phase(s, "data") == "Bound");
  delete_object(*s.c, "persistentvolumeclaims", {"shop", "data"});
  s.wait(5);
  CHECK_FALSE(s.get("persistentvolumeclaims", "data"));
  CHECK(text_at(*s.c->objects().get("persistentvolumes", {"", "disk"}), {"status", "phase"}) ==
        "Released");
}

TEST_CASE("a template may mount what its StatefulSet claims") {
  shop s;
  auto set = deployment("web", 1, web_container());
  set["kind"] = "StatefulSet";
  set["spec"]["serviceName"] = "web";
  set["spec"]["template"]["spec"]["containers"][0]["volumeMounts"] =
      json::parse(R"([{"name": "data", "mountPath": "/data"}])");
  auto type = find_table(s.c->objects(), "statefulsets.apps");
  REQUIRE(type);
  CHECK(validate_create(*type, prepared(*s.c, "statefulsets.apps", set)).size() == 1);
  auto one = claim("data");
  set["spec"]["volumeClaimTemplates"] = json::array({one});
  CHECK(validate_create(*type, prepared(*s.c, "statefulsets.apps", set)).empty());
}
