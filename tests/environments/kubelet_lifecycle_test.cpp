#include "tests/environments/kubelet_support.hpp"

using namespace remed;
using namespace remed::env;
using namespace remed::env::testing;

namespace {

std::string waiting(const json& container) {
  return text_at(container, {"state", "waiting", "reason"});
}

/// Lets time pass until the container was restarted `n` times; the moment of that start.
vtime restarted(shop& s, const std::string& pod, const std::string& name, int n) {
  for (int i = 0; i < 20000 && int_at(s.container(pod, name), {"restartCount"}) < n; ++i) {
    auto next = s.c->next_event();
    REQUIRE(next);
    s.c->advance_to(*next);
  }
  REQUIRE(int_at(s.container(pod, name), {"restartCount"}) == n);
  return s.c->now();
}

} // namespace

TEST_CASE("a pod starts with the events, status and address of a real one") {
  shop s;
  s.create("pods", pod("one", {web_container()}));
  CHECK(text_at(*s.get("pods", "one"), {"status", "phase"}) == "Pending");
  s.wait(30);
  auto one = s.get("pods", "one");
  CHECK(text_at(*one, {"status", "phase"}) == "Running");
  CHECK(text_at(*one, {"status", "podIP"}).starts_with("10.42."));
  for (const char* type :
       {"PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled"}) {
    CAPTURE(type);
    CHECK(text_at(condition_of(*one, type), {"status"}) == "True");
  }
  auto status = s.container("one", "web");
  CHECK(status["ready"] == true);
  CHECK(text_at(status, {"containerID"}).size() == 13 + 64);
  CHECK(text_at(status, {"imageID"}).starts_with("docker.io/library/nginx@sha256:"));
  CHECK(s.events("Pulling", "Pulling image \"nginx:1.25\"") == 1);
  CHECK(s.events("Pulled", "Successfully pulled image \"nginx:1.25\" in ") == 1);
  CHECK(s.events("Created", "Created container web") == 1);
  CHECK(s.events("Started", "Started container web") == 1);
}

TEST_CASE("a second pull of an image takes no time, and its event says that it is there") {
  shop s;
  s.create("pods", pod("one", {web_container()}));
  s.wait(30);
  s.create("pods", pod("two", {web_container()}));
  s.wait(1);
  CHECK(s.events("Pulled", "Container image \"nginx:1.25\" already present on machine") == 1);
}

TEST_CASE("an image that does not exist is tried with growing patience and the registry's words") {
  shop s;
  auto bad = web_container();
  bad["image"] = "nginx:no-such-tag";
  s.create("pods", pod("one", {bad}));
  s.wait(2.5);
  auto status = s.container("one", "web");
  CHECK(waiting(status) == "ErrImagePull");
  CHECK(text_at(status, {"state", "waiting", "message"}) ==
        "rpc error: code = NotFound desc = failed to pull and unpack image "
        "\"docker.io/library/nginx:no-such-tag\": failed to resolve reference "
        "\"docker.io/library/nginx:no-such-tag\": docker.io/library/nginx:no-such-tag: not found");
  s.wait(3);
  CHECK(waiting(s.container("one", "web")) == "ImagePullBackOff");
  CHECK(s.events("BackOff", "Back-off pulling image \"nginx:no-such-tag\"") == 1);
  CHECK(s.events("Failed", "Error: ErrImagePull") == 1);
  s.wait(60);
  CHECK(s.events("Pulling") == 3); // at 0, 11 and 33 s
  CHECK(text_at(*s.get("pods", "one"), {"status", "phase"}) == "Pending");
  s.change("pods", "one", [](json& p) { p["spec"]["containers"][0]["image"] = "nginx:1.25"; });
  s.wait(20);
  CHECK(s.container("one", "web")["ready"] == true);
}

TEST_CASE("an image name that is none is said to be invalid") {
  shop s;
  auto bad = web_container();
  bad["image"] = "Nginx:1.25";
  s.create("pods", pod("one", {bad}));
  s.wait(5);
  CHECK(waiting(s.container("one", "web")) == "InvalidImageName");
}

TEST_CASE("a crashing container restarts at once, then after 10, 20, 40 … at most 300 seconds") {
  shop s;
  s.create("pods", pod("one", {shell("web", "sleep 2; exit 3")}));
  std::vector<int> gaps;
  for (int n = 1; n <= 8; ++n) {
    auto started = restarted(s, "one", "web", n);
    auto ended = s.c->node().find("shop", "one")->find("web")->last->finished;
    gaps.push_back(static_cast<int>(seconds(started - ended)));
  }
  CHECK(gaps == std::vector<int>{1, 10, 20, 40, 80, 160, 300, 300});
  s.wait(5);
  auto status = s.container("one", "web");
  CHECK(waiting(status) == "CrashLoopBackOff");
  CHECK(text_at(status, {"state", "waiting", "message"})
            .starts_with("back-off 5m0s restarting failed container=web pod=one_shop("));
  CHECK(int_at(status, {"lastState", "terminated", "exitCode"}) == 3);
  CHECK(text_at(status, {"lastState", "terminated", "reason"}) == "Error");
  CHECK(s.events("BackOff", "Back-off restarting failed container web in pod one_shop(") > 0);
}

TEST_CASE("a helper that sleeps an hour restarts every hour without back-off") {
  shop s;
  s.create("pods", pod("one", {web_container(), shell("helper", "sleep 3600")}));
  s.wait(60);
  auto before = s.c->now();
  s.wait(3 * 3600);
  auto status = s.container("one", "helper");
  CHECK(int_at(status, {"restartCount"}) == 3);
  CHECK(status["ready"] == true);
  CHECK(text_at(status, {"lastState", "terminated", "reason"}) == "Completed");
  CHECK(text_at(*s.get("pods", "one"), {"status", "phase"}) == "Running");
  CHECK(s.c->now() == before + std::chrono::hours{3});
}

TEST_CASE("a shell as PID 1 takes its whole grace period to die, a server ends at once") {
  shop s;
  s.create("pods", pod("server", {web_container()}));
  s.create("pods", pod("shell", {shell("web", "while true; do sleep 5; done")}));
  s.wait(30);
  delete_object(*s.c, "pods", {"shop", "server"});
  delete_object(*s.c, "pods", {"shop", "shell"});
  s.wait(2);
  CHECK_FALSE(s.get("pods", "server"));
  REQUIRE(s.get("pods", "shell"));
  CHECK(s.events("Killing", "Stopping container web") == 2);
  s.wait(27);
  CHECK(s.get("pods", "shell"));
  s.wait(3);
  CHECK_FALSE(s.get("pods", "shell"));
  CHECK(s.c->node().all().empty());
}

TEST_CASE("a changed image of a running pod restarts its containers one after the other") {
  shop s;
  auto first = shell("first", "while true; do sleep 5; done");
  s.create("pods", pod("one", {first, shell("second", "sleep 7200")}));
  s.wait(30);
  s.change("pods", "one", [](json& p) {
    for (auto& container : p["spec"]["containers"]) {
      container["image"] = "gcr.io/google-containers/pause:latest";
    }
  });
  CHECK(s.events("Killing", "Container first definition changed, will be restarted") == 1);
  CHECK(s.events("Killing", "Container second definition changed") == 0);
  s.wait(31);
  CHECK(s.events("Killing", "Container second definition changed, will be restarted") == 1);
  s.wait(45);
  auto status = s.container("one", "first");
  CHECK(text_at(status, {"lastState", "terminated", "reason"}) == "StartError");
  CHECK(int_at(status, {"lastState", "terminated", "exitCode"}) == 128);
  CHECK(text_at(status, {"lastState", "terminated", "message"})
            .find("exec: \"sh\": executable file not found in $PATH") != std::string::npos);
  CHECK(waiting(status) == "CrashLoopBackOff");
}

TEST_CASE("an image that only pauses runs when the pod gives no command") {
  shop s;
  s.create("pods", pod("one", {web_container(false)}));
  s.wait(30);
  s.change("pods", "one", [](json& p) {
    p["spec"]["containers"][0]["image"] = "gcr.io/google-containers/pause:latest";
  });
  s.wait(30);
  auto status = s.container("one", "web");
  CHECK(int_at(status, {"restartCount"}) == 1);
  CHECK(status["ready"] == true);
  const auto* rt = s.c->node().find("shop", "one");
  REQUIRE(rt);
  CHECK(rt->find("web")->processes.at(0).args == "/pause");
}

TEST_CASE("init containers run one after the other before the others start") {
  shop s;
  auto p = pod("one", {web_container()});
  p["spec"]["initContainers"] =
      json::array({shell("first", "sleep 5"), shell("second", "sleep 5")});
  s.create("pods", p);
  s.wait(6);
  CHECK(s.container("one", "first")["state"].contains("running"));
  CHECK(waiting(s.container("one", "second")) == "PodInitializing");
  CHECK(text_at(condition_of(*s.get("pods", "one"), "Initialized"), {"message"}) ==
        "containers with incomplete status: [first second]");
  s.wait(30);
  CHECK(s.container("one", "web")["ready"] == true);
  CHECK(text_at(s.container("one", "first"), {"state", "terminated", "reason"}) == "Completed");
}

TEST_CASE("what ends well and is not to be restarted has succeeded") {
  shop s;
  auto p = pod("one", {shell("web", "echo done")});
  p["spec"]["restartPolicy"] = "Never";
  s.create("pods", p);
  s.wait(20);
  CHECK(text_at(*s.get("pods", "one"), {"status", "phase"}) == "Succeeded");
  CHECK(text_at(condition_of(*s.get("pods", "one"), "Ready"), {"reason"}) == "PodCompleted");
}

TEST_CASE("a missing ConfigMap keeps a container from being created until it is there") {
  shop s;
  auto needy = web_container();
  needy["envFrom"] = json::array({json{{"configMapRef", {{"name", "settings"}}}}});
  s.create("pods", pod("one", {needy}));
  s.wait(20);
  CHECK(waiting(s.container("one", "web")) == "CreateContainerConfigError");
  CHECK(s.events("Failed", "Error: configmap \"settings\" not found") > 0);
  auto map = json::object();
  map["apiVersion"] = "v1";
  map["kind"] = "ConfigMap";
  map["metadata"]["name"] = "settings";
  s.create("configmaps", map);
  s.wait(20);
  CHECK(s.container("one", "web")["ready"] == true);
}

TEST_CASE("two forks of a cluster go their own ways") {
  shop s;
  s.create("deployments.apps", deployment("web", 1, web_container()));
  s.wait(60);
  auto name = text_at(*s.pods().at(0), {"metadata", "name"});
  shop other(s.c->fork(7));
  other.change("pods", name, [](json& p) { p["spec"]["containers"][0]["image"] = "nginx:gone"; });
  other.wait(30);
  s.wait(30);
  CHECK(s.container(name, "web")["ready"] == true);
  CHECK(s.c->node().find("shop", name)->find("web")->instance == 1);
  CHECK(other.container(name, "web")["ready"] == false);
  shop third(s.c->fork(8));
  delete_object(*s.c, "pods", {"shop", name});
  s.wait(60);
  CHECK_FALSE(s.get("pods", name));
  CHECK(third.container(name, "web")["ready"] == true);
  CHECK(third.c->node().find("shop", name) != nullptr);
}

TEST_CASE("a healthy cluster is silent: hours cost a handful of events") {
  shop s;
  s.create("deployments.apps", deployment("web", 5, web_container()));
  s.wait(3700); // by then the events of the start are forgotten
  auto revision = s.c->objects().revision();
  int events = 0;
  auto end = s.c->now() + std::chrono::hours{1};
  for (auto next = s.c->next_event(); next && *next <= end; next = s.c->next_event()) {
    s.c->advance_to(*next);
    ++events;
  }
  CHECK(events < 40);
  CHECK(s.c->objects().revision() - revision < 40);
}
