// Fault x remedy: is the effect really gone? Each cell is one experiment on a fork of its own.
#include "chaos/mesh/kinds.hpp"
#include "environments/embedded/node/processes.hpp"
#include "environments/embedded/shell/command.hpp"
#include "environments/embedded/shell/kept_files.hpp"
#include "tests/chaos/lab.hpp"

#include <doctest/doctest.h>

#include <functional>
#include <sstream>

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

std::string pod_uid(lab& l) {
  return l.pod_of(target)["metadata"]["uid"];
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

/// Ends a process of the fault: the one that started the others, or one that was started.
void end_process(lab& l, bool parent) {
  for (const auto& p : env::visible_processes(l.world.state(), pod_uid(l), target)) {
    if (!p.foreign() || (p.ppid == 0) != parent) continue;
    CHECK(env::kill_process(l.world.state(), pod_uid(l), target, p.pid, 9 + 6 * parent).ok());
    return;
  }
  CHECK_MESSAGE(false, "no such process");
}

void run(lab& l, const std::string& container, const std::vector<std::string>& argv) {
  env::run_pod_command(l.world.state(), l.pod_of(target), container, argv, "");
}

/// As kubectl debug --profile=netadmin does.
void debug_network(lab& l) {
  auto r = l.admin("PATCH", pod_path(l) + "/ephemeralcontainers", json::parse(R"({"spec":
      {"ephemeralContainers": [{"name": "debugger", "image": "nicolaka/netshoot:latest",
        "command": ["sleep", "3600"], "targetContainerName": "hello-service",
        "securityContext": {"capabilities": {"add": ["NET_ADMIN", "NET_RAW"]}}}]}})"),
                   "application/strategic-merge-patch+json");
  REQUIRE_MESSAGE(r.status == 200, r.body.value("message", ""));
  l.pass(30);
  run(l, "debugger", {"tc", "qdisc", "del", "dev", "eth0", "root"});
  run(l, "debugger", {"iptables", "-F"});
}

/// resolv.conf is put back from the copy beside it.
void edit_resolver(lab& l) {
  auto& c = l.world.state();
  const auto pod = l.pod_of(target);
  auto text = [&](const char* path) {
    return env::run_pod_command(c, pod, target, {"cat", path}, "").out;
  };
  const auto good = text("/etc/resolv.conf.chaos.bak");
  CHECK(good.find("nameserver ") != std::string::npos);
  std::map<std::string, tools::tar_file> after;
  after["etc/resolv.conf"].content = good;
  env::keep_files(c, pod, target, c.node().find(pod_uid(l))->find(target)->instance,
                  {{"/etc/resolv.conf", text("/etc/resolv.conf")}}, after);
}

void restart_daemon(lab& l) {
  for (const auto& pod : l.world.state().objects().list("pods", "chaos-mesh")) {
    const auto name = (*pod)["metadata"]["name"].get<std::string>();
    if (name.rfind("chaos-daemon-", 0) != 0) continue;
    CHECK(l.admin("DELETE", "/api/v1/namespaces/chaos-mesh/pods/" + name).status == 200);
    return;
  }
  CHECK_MESSAGE(false, "there is no daemon");
}

struct remedy {
  const char* name;
  std::function<void(lab&, surgery&)> act;
};

const std::vector<remedy>& columns() {
  static const std::vector<remedy> all = {
      {"delete the pod", [](lab& l, surgery&) { l.admin("DELETE", pod_path(l)); }},
      {"rollout restart",
       [](lab& l, surgery&) {
         patch_deployment(l, R"({"spec": {"template": {"metadata": {"annotations":
           {"kubectl.kubernetes.io/restartedAt": "2026-01-01T00:00:00Z"}}}}})");
       }},
      {"scale to 0 and 1",
       [](lab& l, surgery&) {
         patch_deployment(l, R"({"spec": {"replicas": 0}})");
         l.pass(45);
         patch_deployment(l, R"({"spec": {"replicas": 1}})");
       }},
      {"change the template",
       [](lab& l, surgery&) {
         patch_deployment(l, R"({"spec": {"template": {"metadata": {"labels": {"v": "2"}}}}})");
       }},
      {"restart the container",
       [](lab& l, surgery&) { env::kill_container(l.world.state(), pod_uid(l), target); }},
      {"delete the object", [](lab&, surgery& knife) { knife.undo([](result<void>) {}); }},
      {"pause the object",
       [](lab& l, surgery& knife) { annotate_cr(l, knife, "experiment.chaos-mesh.org/pause"); }},
      {"end its process", [](lab& l, surgery&) { end_process(l, true); }},
      {"kill a worker", [](lab& l, surgery&) { end_process(l, false); }},
      {"tc in the pod",
       [](lab& l, surgery&) {
         run(l, "sidecar-busybox", {"tc", "qdisc", "del", "dev", "eth0", "root"});
       }},
      {"tc and iptables by debug --profile=netadmin", [](lab& l, surgery&) { debug_network(l); }},
      {"edit resolv.conf", [](lab& l, surgery&) { edit_resolver(l); }},
      {"raise the limits",
       [](lab& l, surgery&) {
         patch_deployment(l, R"({"spec": {"template": {"spec": {"containers": [
           {"name": "hello-service", "resources": {"requests": {"cpu": "100m", "memory": "300Mi"},
            "limits": {"cpu": "600m", "memory": "2200Mi"}}}]}}}})");
       }},
      {"resize the pod in place",
       [](lab& l, surgery&) {
         l.admin("PATCH", pod_path(l) + "/resize", json::parse(R"({"spec": {"containers": [
           {"name": "hello-service", "resources": {"limits": {"cpu": "4", "memory": "8Gi"}}}]}})"),
                 "application/strategic-merge-patch+json");
       }},
      {"scale up", [](lab& l, surgery&) { patch_deployment(l, R"({"spec": {"replicas": 2}})"); }},
      {"re-apply the manifest",
       [](lab& l, surgery&) {
         l.admin("PATCH", apps + target, manifest(), "application/strategic-merge-patch+json");
       }},
      {"restart the daemon", [](lab& l, surgery&) { restart_daemon(l); }},
      {"wait", [](lab&, surgery&) {}},
  };
  return all;
}

struct row {
  const char* name;
  const char* kind; ///< of the experiment; none: the shipped fault of that name
  const char* spec;
  /// By remedy: y(es), n(o), or - (there is nothing to act on).
  const char* cells;
};

#define MYSQL_LOG "\"volumePath\": \"/var/log/mysql\""

const row rows[] = {
    // pod roll 0>1 tmpl | restart | object pause | process worker | tc debug resolv | limits resize
    // up apply | daemon wait
    {"cpu-stress", nullptr, nullptr, "y y y y  y  y y  y n  - - -  y n n n  y n"},
    {"memory-stress", nullptr, nullptr, "y y y y  y  y y  y n  - - -  y n n n  y n"},
    {"pod-fail", nullptr, nullptr, "y y y y  n  y y  - -  - - -  y n n n  n n"},
    {"network-loss", nullptr, nullptr, "y y y y  n  y y  - -  n y -  y n n n  n n"},
    {"network-delay", nullptr, nullptr, "y y y y  n  y y  - -  n y -  y n n n  n n"},
    {"network duplication", "NetworkChaos",
     R"({"action": "duplicate", "duplicate": {"duplicate": "50"}})",
     "y y y y  n  y y  - -  n y -  y n n n  n n"},
    {"network corruption", "NetworkChaos", R"({"action": "corrupt", "corrupt": {"corrupt": "50"}})",
     "y y y y  n  y y  - -  n y -  y n n n  n n"},
    {"network bandwidth", "NetworkChaos",
     R"({"action": "bandwidth", "bandwidth": {"rate": "1kbps", "limit": 100, "buffer": 100}})",
     "y y y y  n  y y  - -  n y -  y n n n  n n"},
    {"network partition", "NetworkChaos", R"({"action": "partition", "direction": "to"})",
     "y y y y  n  y y  - -  n y -  y n n n  n n"},
    {"disk-io", nullptr, nullptr, "y y y y  y  y y  y -  - - -  y n n n  y n"},
    {"I/O errors", "IOChaos", "{\"action\": \"fault\", \"errno\": 5, " MYSQL_LOG "}",
     "y y y y  y  y y  y -  - - -  y n n n  y n"},
    {"false attributes", "IOChaos",
     "{\"action\": \"attrOverride\", \"attr\": {\"perm\": 72}, " MYSQL_LOG "}",
     "y y y y  y  y y  y -  - - -  y n n n  y n"},
    {"I/O mistakes", "IOChaos",
     "{\"action\": \"mistake\", \"mistake\": {\"filling\": \"zero\", \"maxOccurrences\": 1, "
     "\"maxLength\": 9}, " MYSQL_LOG "}",
     "y y y y  y  y y  y -  - - -  y n n n  y n"},
    {"pod-config-error", nullptr, nullptr, "n n n n  n  y -  - -  - - -  y n n y  n n"},
    {"DNS errors", "DNSChaos", R"({"action": "error", "patterns": ["time-service.*"]})",
     "y y y y  n  y y  - -  - - y  y n n n  n n"},
    {"DNS at random", "DNSChaos", R"({"action": "random"})",
     "y y y y  n  y y  - -  - - y  y n n n  n n"},
    {"HTTP abort", "HTTPChaos", R"({"target": "Request", "port": 80, "abort": true})",
     "y y y y  n  y y  y -  - - -  y n n n  y n"},
    {"HTTP delay", "HTTPChaos", R"({"target": "Response", "port": 80, "delay": "3s"})",
     "y y y y  n  y y  y -  - - -  y n n n  y n"},
    {"clock skew", "TimeChaos", R"({"timeOffset": "-10m"})",
     "y y y y  y  y y  - -  - - -  y n n n  n n"},
    {"kernel faults", "KernelChaos", R"({"failKernRequest": {"failtype": 0, "probability": 50}})",
     "y y y y  y  y y  - -  - - -  y n n n  y n"},
    {"JVM rule", "JVMChaos",
     R"({"action": "latency", "class": "Main", "method": "say", "latency": 1000})",
     "y y y y  y  y y  - -  - - -  y n n n  n n"},
    {"JVM memory stress", "JVMChaos", R"({"action": "stress", "memType": "heap"})",
     "y y y y  y  y y  - -  - - -  y n n n  n n"},
};

/// The fault of a row: a shipped one, or an experiment made for it.
setting fault_of(const row& r) {
  if (!r.kind) return about(r.name, target);
  auto out = about("cpu-stress", target);
  out.what.id = out.where.fault = mesh::lower(r.kind);
  json body;
  body["apiVersion"] = "chaos-mesh.org/v1alpha1";
  body["kind"] = r.kind;
  body["metadata"] = {{"name", "{{name}}"}, {"namespace", "{{namespace}}"}};
  body["spec"] = json::parse(r.spec);
  body["spec"]["mode"] = "one";
  body["spec"]["selector"]["labelSelectors"]["app"] = target;
  out.what.inject = {{inject_step::kind::create, body, {}, {}}};
  out.what.inverse = {{undo_step::kind::remove, table_of(body), "{{name}}"}};
  return out;
}

/// Rules for a JVM need one.
void prepare(lab& l, const row& r) {
  if (r.kind && std::string(r.kind) == "JVMChaos") put_into_jvm(l, target);
}

bool ends_within(lab& l, const setting& s, double limit_s) {
  for (double waited = 0; waited < limit_s; waited += 15) {
    l.pass(15);
    if (in_effect(l.gather_for({}, target), s) == false) return true;
  }
  return false;
}

void check_row(const row& r) {
  std::istringstream cells(r.cells);
  for (const auto& column : columns()) {
    std::string expected;
    REQUIRE(static_cast<bool>(cells >> expected));
    if (expected == "-") continue;
    CAPTURE(r.name);
    CAPTURE(column.name);
    lab l;
    prepare(l, r);
    auto s = fault_of(r);
    auto knife = std::make_shared<surgery>(l.world, s, object_name(s.what, column.name));
    result<void> done = failure{};
    knife->inject([&](result<void> d) { done = d; });
    REQUIRE_MESSAGE(done.ok(), (done.ok() ? "" : done.why().what));
    l.pass(5);
    REQUIRE(in_effect(l.gather_for({}, target), s) == true);
    column.act(l, *knife);
    CHECK(ends_within(l, s, expected == "y" ? 90 : 60) == (expected == "y"));
  }
}

void check_rows(std::size_t from, std::size_t to) {
  for (auto i = from; i < to && i < std::size(rows); ++i) check_row(rows[i]);
}

} // namespace

TEST_CASE("what ends foreign processes in a container") {
  check_rows(0, 2);
}
TEST_CASE("what ends a pod failure") {
  check_rows(2, 3);
}
TEST_CASE("what ends packet loss and delay") {
  check_rows(3, 5);
}
TEST_CASE("what ends duplication, corruption and a narrow band") {
  check_rows(5, 8);
}
TEST_CASE("what ends a partition") {
  check_rows(8, 9);
}
TEST_CASE("what ends slow and failing disk I/O") {
  check_rows(9, 11);
}
TEST_CASE("what ends false attributes and wrong bytes") {
  check_rows(11, 13);
}
TEST_CASE("what ends a configuration error") {
  check_rows(13, 14);
}
TEST_CASE("what ends wrong names") {
  check_rows(14, 16);
}
TEST_CASE("what ends a proxy before a port") {
  check_rows(16, 18);
}
TEST_CASE("what ends a wrong clock and a failing kernel") {
  check_rows(18, 20);
}
TEST_CASE("what ends rules in a JVM") {
  check_rows(20, 22);
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

TEST_CASE("any experiment is over after its duration, which a pause does not prolong") {
  for (const auto& r : rows) {
    if (!r.kind) continue;
    CAPTURE(r.name);
    lab l;
    prepare(l, r);
    auto s = fault_of(r);
    s.what.inject[0].body["spec"]["duration"] = "60s";
    auto knife = std::make_shared<surgery>(l.world, s, "x");
    knife->inject([](result<void> d) { REQUIRE(d.ok()); });
    l.pass(20);
    CHECK(in_effect(l.gather_for({}, target), s) == true);
    json pause;
    pause["metadata"]["annotations"]["experiment.chaos-mesh.org/pause"] = "true";
    const auto path = api_path(s.what.inverse[0].resource, "simple-micro", "x");
    l.admin("PATCH", path, pause, "application/merge-patch+json");
    l.pass(5);
    CHECK(in_effect(l.gather_for({}, target), s) == false);
    pause["metadata"]["annotations"]["experiment.chaos-mesh.org/pause"] = nullptr;
    l.admin("PATCH", path, pause, "application/merge-patch+json");
    l.pass(5);
    CHECK(in_effect(l.gather_for({}, target), s) == true);
    l.pass(35);
    CHECK(in_effect(l.gather_for({}, target), s) == false);
    // What is over is not taken away.
    CHECK_FALSE(l.find(s.what.inverse[0].resource, "x").is_null());
  }
}

TEST_CASE("stress ends by itself: processors after a day, either when its options say so") {
  struct one {
    const char* stressors;
    double before_s, after_s;
  };
  const one all[] = {
      {R"({"cpu": {"workers": 2}})", 86'300, 200},
      {R"({"cpu": {"workers": 2, "options": ["--timeout 60s"]}})", 50, 20},
      {R"({"memory": {"workers": 1, "size": "10MB", "options": ["--time", "10m"]}})", 590, 20},
  };
  for (const auto& it : all) {
    CAPTURE(it.stressors);
    lab l;
    // Nobody asks after its health: a day of it is soon over.
    auto pod = json::parse(R"({"apiVersion": "v1", "kind": "Pod",
      "metadata": {"name": "plain", "labels": {"app": "plain"}},
      "spec": {"containers": [{"name": "main", "image": "busybox:1.35",
                               "command": ["sleep", "200000"]}]}})");
    REQUIRE(l.admin("POST", ns + "pods", pod).status == 201);
    l.pass(10);
    auto cr = stress_cr("x", "plain");
    cr["spec"]["stressors"] = json::parse(it.stressors);
    REQUIRE(l.admin("POST", crs + "stresschaos", cr).status == 201);
    l.pass(it.before_s);
    CHECK(l.observe().effects->size() == 1);
    l.pass(it.after_s);
    CHECK(l.observe().effects->empty());
    // The object knows nothing of it.
    const auto after = l.find("stresschaos.chaos-mesh.org", "x");
    CHECK(after["status"]["experiment"]["containerRecords"][0]["phase"] == "Injected");
  }
}

TEST_CASE("a file system whose server is killed hard stays until the container restarts") {
  lab l;
  auto s = about("disk-io", target);
  auto knife = std::make_shared<surgery>(l.world, s, "x");
  knife->inject([](result<void> d) { REQUIRE(d.ok()); });
  l.pass(5);
  for (const auto& p : env::visible_processes(l.world.state(), pod_uid(l), target)) {
    if (p.comm == "toda") (void)env::kill_process(l.world.state(), pod_uid(l), target, p.pid, 9);
  }
  l.pass(5);
  CHECK(in_effect(l.gather_for({}, target), s) == true);
  env::kill_container(l.world.state(), pod_uid(l), target);
  l.pass(30);
  CHECK(in_effect(l.gather_for({}, target), s) == false);
}

TEST_CASE("taking the finalizers off an experiment that is being deleted lets it go") {
  lab l;
  auto s = about("disk-io", target);
  auto knife = std::make_shared<surgery>(l.world, s, "x");
  knife->inject([](result<void> d) { REQUIRE(d.ok()); });
  l.pass(5);
  knife->undo([](result<void>) {});
  l.admin("PATCH", crs + "iochaos/x", json::parse(R"({"metadata": {"finalizers": []}})"),
          "application/merge-patch+json");
  l.pass(30);
  CHECK(l.find("iochaos.chaos-mesh.org", "x").is_null());
}

TEST_CASE("a container is killed once, and neither pause nor duration undo anything") {
  lab l;
  auto cr = stress_cr("k", target);
  cr["kind"] = "PodChaos";
  cr["spec"].erase("stressors");
  cr["spec"]["action"] = "container-kill";
  cr["spec"]["containerNames"] = json::array({target});
  cr["spec"]["duration"] = "10s";
  REQUIRE(l.admin("POST", crs + "podchaos", cr).status == 201);
  l.pass(30);
  const auto restarts = [&] {
    return l.pod_of(target)["status"]["containerStatuses"][0]["restartCount"].get<int>();
  };
  CHECK(restarts() == 1);
  CHECK(l.observe().effects->empty());
  json pause;
  pause["metadata"]["annotations"]["experiment.chaos-mesh.org/pause"] = "true";
  l.admin("PATCH", crs + "podchaos/k", pause, "application/merge-patch+json");
  l.pass(60);
  CHECK(restarts() == 1);
  const auto after = l.find("podchaos.chaos-mesh.org", "k");
  const auto& status = after["status"]["experiment"];
  CHECK(status["desiredPhase"] == "Run");
  CHECK(status["containerRecords"][0]["phase"] == "Injected");
}
