// States a pod gets into when something it needs is wrong, and the hooks around its life.
#include "environments/embedded/node/environment.hpp"
#include "environments/embedded/node/volumes.hpp"
#include "tests/environments/kubelet_support.hpp"

using namespace remed;
using namespace remed::env;
using namespace remed::env::testing;

namespace {

std::string waiting(const json& container) {
  return text_at(container, {"state", "waiting", "reason"});
}

json with(json one, const char* patch) {
  one.merge_patch(json::parse(patch));
  return one;
}

json named(const char* kind, const std::string& name, const char* data) {
  auto out = json::object();
  out["apiVersion"] = "v1";
  out["kind"] = kind;
  out["metadata"]["name"] = name;
  out["data"] = json::parse(data);
  return out;
}

json with_volume(json p, const char* volume) {
  p["spec"]["volumes"] = json::array({json::parse(volume)});
  return p;
}

std::string phase(const shop& s, const std::string& name) {
  return text_at(*s.get("pods", name), {"status", "phase"});
}

} // namespace

TEST_CASE("a volume of a missing ConfigMap holds the whole pod back until it is there") {
  shop s;
  auto p = with_volume(pod("one", {web_container()}),
                       R"({"name": "cfg", "configMap": {"name": "settings"}})");
  s.create("pods", p);
  s.wait(20);
  CHECK(waiting(s.container("one", "web")) == "ContainerCreating");
  CHECK(s.events("FailedMount",
                 "MountVolume.SetUp failed for volume \"cfg\" : configmap "
                 "\"settings\" not found") > 2);
  CHECK(s.events("Pulling") == 0);
  s.wait(240);
  CHECK(s.events("FailedMount",
                 "Unable to attach or mount volumes: unmounted volumes=[cfg], "
                 "unattached volumes=[], failed to process volumes=[]: context "
                 "deadline exceeded") >= 1);
  s.create("configmaps", named("ConfigMap", "settings", R"({"a": "1"})"));
  s.wait(150);
  CHECK(s.container("one", "web")["ready"] == true);
}

TEST_CASE("volumes of secrets, keys and host paths fail in their own words") {
  shop s;
  s.create("secrets", named("Secret", "some", R"({"a": "MQ=="})"));
  const std::pair<const char*, const char*> cases[] = {
      {R"({"name": "v", "secret": {"secretName": "none"}})", "secret \"none\" not found"},
      {R"({"name": "v", "secret": {"secretName": "some", "items": [{"key": "b", "path": "b"}]}})",
       "references non-existent secret key: b"},
      {R"({"name": "v", "hostPath": {"path": "/nowhere", "type": "Directory"}})",
       "hostPath type check failed: /nowhere is not a directory"}};
  int n = 0;
  for (const auto& [volume, text] : cases) {
    s.create("pods", with_volume(pod("p" + std::to_string(n++), {web_container()}), volume));
    s.wait(3);
    CHECK(s.events("FailedMount", std::string("volume \"v\" : ") + text) > 0);
  }
  s.create("pods",
           with_volume(pod("fine", {web_container()}),
                       R"({"name": "v", "secret": {"secretName": "x", "optional": true}})"));
  s.wait(20);
  CHECK(phase(s, "fine") == "Running");
}

TEST_CASE("a changed ConfigMap reaches mounted files after a minute, not at once") {
  shop s;
  s.create("configmaps", named("ConfigMap", "settings", R"({"a": "old"})"));
  s.create("pods", with_volume(pod("one", {web_container()}),
                               R"({"name": "cfg", "configMap": {"name": "settings"}})"));
  s.wait(30);
  auto read = [&] {
    auto p = s.get("pods", "one");
    return volume_files(*s.c, *p, volume_of(*p, "cfg")).at("a");
  };
  CHECK(read() == "old");
  s.change("configmaps", "settings", [](json& m) { m["data"]["a"] = "new"; });
  s.wait(20);
  CHECK(read() == "old");
  s.wait(45);
  CHECK(read() == "new");
}

TEST_CASE("the environment resolves keys, fields, resources, whole sources and references") {
  shop s;
  s.create("configmaps", named("ConfigMap", "settings", R"({"MODE": "fast", "bad key": "x"})"));
  s.create("secrets", named("Secret", "keys", R"({"password": "aHVudGVyMg=="})"));
  auto one = with(web_container(), R"x({"envFrom": [{"prefix": "CFG_", "configMapRef":
      {"name": "settings"}}],
    "env": [{"name": "PASS", "valueFrom": {"secretKeyRef": {"name": "keys", "key": "password"}}},
      {"name": "POD", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
      {"name": "APP", "valueFrom": {"fieldRef": {"fieldPath": "metadata.labels['app']"}}},
      {"name": "CPUS", "valueFrom": {"resourceFieldRef": {"resource": "limits.cpu"}}},
      {"name": "MIB", "valueFrom": {"resourceFieldRef": {"resource": "limits.memory",
        "divisor": "1Mi"}}},
      {"name": "URL", "value": "http://$(POD):$(NOPE)/$$(POD)"
}]
})x");
  s.create("pods", pod("one", {one}));
  s.wait(20);
  auto p = s.get("pods", "one");
  environment expected{{"CFG_MODE", "fast"},
                       {"PASS", "hunter2"},
                       {"POD", "one"},
                       {"APP", "web"},
                       {"CPUS", "1"},
                       {"MIB", "256"},
                       {"URL", "http://one:$(NOPE)/$(POD)"}};
  CHECK(resolve_environment(*s.c, *p, (*p)["spec"]["containers"][0]) == expected);
}

TEST_CASE("a missing key or secret of the environment is a CreateContainerConfigError") {
  shop s;
  s.create("configmaps", named("ConfigMap", "settings", "{}"));
  auto key = with(web_container(), R"({"env": [{"name": "A", "valueFrom": {"configMapKeyRef":
    {"name": "settings", "key": "a"}}}]})");
  auto secret = with(web_container(), R"({"envFrom": [{"secretRef": {"name": "none"}}]})");
  s.create("pods", pod("key", {key}));
  s.create("pods", pod("secret", {secret}));
  s.wait(20);
  CHECK(waiting(s.container("key", "web")) == "CreateContainerConfigError");
  CHECK(text_at(s.container("key", "web"), {"state", "waiting", "message"}) ==
        "couldn't find key a in ConfigMap shop/settings");
  CHECK(text_at(s.container("secret", "web"), {"state", "waiting", "message"}) ==
        "secret \"none\" not found");
}

TEST_CASE("root is refused where nobody may be root") {
  shop s;
  s.create("pods", pod("image", {with(web_container(), R"({"securityContext":
    {"runAsNonRoot": true}})")}));
  auto user = pod("user", {with(web_container(), R"({"securityContext": {"runAsUser": 0}})")});
  user["spec"]["securityContext"]["runAsNonRoot"] = true;
  s.create("pods", user);
  s.create("pods", pod("fine", {with(web_container(), R"({"securityContext":
    {"runAsNonRoot": true, "runAsUser": 1000}})")}));
  s.wait(20);
  auto text = text_at(s.container("image", "web"), {"state", "waiting", "message"});
  CHECK(
      text.starts_with("container has runAsNonRoot and image will run as root (pod: "
                       "\"image_shop("));
  CHECK(text.ends_with(")\", container: web)"));
  CHECK(text_at(s.container("user", "web"), {"state", "waiting", "message"})
            .starts_with("container's runAsUser breaks non-root policy (pod: \"user_shop("));
  CHECK(phase(s, "fine") == "Running");
}

TEST_CASE("an image that is never pulled, and pull secrets that are not there, are told") {
  shop s;
  s.create("pods", pod("one", {with(web_container(), R"({"imagePullPolicy": "Never"})")}));
  s.wait(5);
  CHECK(waiting(s.container("one", "web")) == "ErrImageNeverPull");
  CHECK(s.events("ErrImageNeverPull",
                 "Container image \"nginx:1.25\" is not present with pull "
                 "policy of Never") == 1);
  auto p = pod("two", {web_container()});
  p["spec"]["imagePullSecrets"] = json::array({json{{"name", "regcred"}}});
  s.create("pods", p);
  s.wait(20);
  CHECK(s.events("FailedToRetrieveImagePullSecret",
                 "Unable to retrieve some image pull secrets (regcred); attempting to pull the "
                 "image may not succeed.") == 1);
  CHECK(phase(s, "two") == "Running");
}

TEST_CASE("a sidecar starts before the others, stays, and stops after them") {
  shop s;
  auto proxy =
      with(shell("proxy", "while true; do sleep 5; done"), R"({"restartPolicy": "Always"})");
  auto p = pod("one", {shell("main", "sleep 20")});
  p["spec"]["initContainers"] = json::array({proxy, shell("setup", "sleep 3")});
  p["spec"]["restartPolicy"] = "Never";
  p["spec"]["terminationGracePeriodSeconds"] = 5;
  s.create("pods", p);
  s.wait(4);
  CHECK(s.container("one", "proxy")["state"].contains("running"));
  CHECK(s.container("one", "setup")["state"].contains("running"));
  CHECK(waiting(s.container("one", "main")) == "PodInitializing");
  s.wait(8);
  CHECK(s.container("one", "main")["state"].contains("running"));
  CHECK(s.container("one", "proxy")["ready"] == true);
  CHECK(phase(s, "one") == "Running");
  s.wait(40);
  CHECK(phase(s, "one") == "Succeeded");
  CHECK(s.events("Killing", "Stopping container proxy") == 1);
}

TEST_CASE("a sidecar that crashes is started again while the others go on") {
  shop s;
  auto proxy = with(shell("proxy", "sleep 30; exit 1"), R"({"restartPolicy": "Always"})");
  auto p = pod("one", {web_container()});
  p["spec"]["initContainers"] = json::array({proxy});
  s.create("pods", p);
  s.wait(60);
  CHECK(int_at(s.container("one", "proxy"), {"restartCount"}) == 1);
  CHECK(int_at(s.container("one", "web"), {"restartCount"}) == 0);
}

TEST_CASE("a pod past its deadline fails on the node's own account") {
  shop s;
  auto p = pod("one", {web_container()});
  p["spec"]["activeDeadlineSeconds"] = 20;
  s.create("pods", p);
  s.wait(15);
  CHECK(phase(s, "one") == "Running");
  s.wait(10);
  auto status = (*s.get("pods", "one"))["status"];
  CHECK(status["phase"] == "Failed");
  CHECK(status["reason"] == "DeadlineExceeded");
  CHECK(status["message"] == "Pod was active on the node longer than the specified deadline");
  CHECK(s.events("DeadlineExceeded") == 1);
  s.wait(60);
  CHECK(s.container("one", "web")["state"].contains("terminated"));
  CHECK(int_at(s.container("one", "web"), {"restartCount"}) == 0);
}

TEST_CASE("a failing postStart hook ends its container, a slow one keeps it from being ready") {
  shop s;
  s.create("pods", pod("bad", {with(web_container(false), R"({"lifecycle": {"postStart": {"exec":
    {"command": ["sh", "-c", "exit 1"]}}}})")}));
  s.create("pods", pod("slow", {with(web_container(false), R"({"lifecycle": {"postStart": {"exec":
    {"command": ["sleep", "30"]}}}})")}));
  s.wait(20);
  CHECK(s.events("FailedPostStartHook", "PostStartHook failed") >= 1);
  CHECK(s.events("Killing", "FailedPostStartHook") >= 1);
  CHECK(int_at(s.container("bad", "web"), {"restartCount"}) >= 1);
  CHECK(s.container("slow", "web")["ready"] == false);
  s.wait(30);
  CHECK(s.container("slow", "web")["ready"] == true);
}

TEST_CASE("a preStop hook takes its time out of the grace period") {
  shop s;
  s.create("pods", pod("one", {with(web_container(), R"({"lifecycle": {"preStop": {"sleep":
    {"seconds": 10}}}})")}));
  s.create("pods", pod("two", {with(web_container(), R"({"lifecycle": {"preStop": {"exec":
    {"command": ["/bin/false"]}}}})")}));
  s.wait(30);
  delete_object(*s.c, "pods", {"shop", "one"});
  delete_object(*s.c, "pods", {"shop", "two"});
  s.wait(5);
  CHECK(s.get("pods", "one"));
  CHECK_FALSE(s.get("pods", "two"));
  CHECK(s.events("FailedPreStopHook", "PreStopHook failed") == 1);
  s.wait(7);
  CHECK_FALSE(s.get("pods", "one"));
}

TEST_CASE("a debug container joins a running pod and is never started again") {
  shop s;
  s.create("pods", pod("one", {web_container()}));
  s.wait(30);
  s.change("pods", "one", [](json& p) {
    p["spec"]["ephemeralContainers"] = json::parse(R"([{"name": "debugger", "image": "busybox",
      "command": ["sh", "-c", "sleep 5"], "targetContainerName": "web"}])");
  });
  s.wait(4);
  auto find = [&] { return (*s.get("pods", "one"))["status"]["ephemeralContainerStatuses"][0]; };
  CHECK(find()["state"].contains("running"));
  CHECK(s.events("Started", "Started container debugger") == 1);
  s.wait(30);
  CHECK(find()["state"]["terminated"]["reason"] == "Completed");
  CHECK(find()["restartCount"] == 0);
  CHECK(phase(s, "one") == "Running");
  CHECK(s.container("one", "web")["ready"] == true);
}

TEST_CASE("a web server answers a probe of a page it does not have with 404") {
  shop s;
  auto one = with(web_container(false), R"({"livenessProbe": {"httpGet": {"path": "/healthz",
    "port": 80}, "periodSeconds": 2}})");
  auto p = pod("one", {one});
  p["metadata"]["labels"]["app"] = "other";
  s.create("pods", p);
  s.wait(20);
  CHECK(s.events("Unhealthy", "Liveness probe failed: HTTP probe failed with statuscode: 404") >=
        3);
  CHECK(s.events("Killing", "Container web failed liveness probe, will be restarted") >= 1);
}
