// What experiments say in detail is felt in detail: methods and paths of file operations, false
// attributes, wrong bytes, how often a kernel fails, full heaps, other clusters.
#include "environments/embedded/shell/command.hpp"
#include "environments/embedded/shell/kept_files.hpp"
#include "environments/embedded/traffic.hpp"
#include "tests/chaos/lab.hpp"

#include <doctest/doctest.h>

#include <algorithm>

using namespace remed;
using namespace remed::chaos;
using namespace remed::chaos::test;

namespace {

const std::string app = "hello-service";

lab::answer post(lab& l, const json& cr) {
  return l.admin("POST", api_path(table_of(cr), "simple-micro"), cr);
}

void begin(lab& l, const json& cr) {
  auto r = post(l, cr);
  REQUIRE_MESSAGE(r.status == 201, r.body.value("message", ""));
  l.pass(3);
}

env::shell_result run(lab& l, const std::vector<std::string>& argv) {
  return env::run_pod_command(l.world.state(), l.pod_of(app), app, argv, "");
}

void put_file(lab& l, const std::string& path, const std::string& content) {
  auto& c = l.world.state();
  const auto pod = l.pod_of(app);
  std::map<std::string, tools::tar_file> after;
  after[path.substr(1)].content = content;
  const auto* runtime = c.node().find(pod["metadata"]["uid"].get<std::string>());
  env::keep_files(c, pod, app, runtime->find(app)->instance, {}, after);
}

double success(lab& l) {
  return env::flow_in(l.world.state(), "simple-micro").users().success;
}

int restarts(lab& l) {
  const auto pod = l.pod_of(app);
  for (const auto& one : pod["status"]["containerStatuses"]) {
    if (one["name"] == app) return one["restartCount"];
  }
  return -1;
}

/// The service's program keeps its data in files.
void make_database(lab& l) {
  auto system = simple_micro();
  system.services[app].runtime = "mysql";
  env::set_system(l.world.state(), system);
}

const std::string folder = "/var/log/mysql";

} // namespace

TEST_CASE("an I/O fault meets the methods it names and no others") {
  lab l;
  put_file(l, folder + "/f", "text");
  begin(l, experiment("IOChaos", R"({"action": "fault", "errno": 5, "methods": ["read"],
    "volumePath": "/var/log/mysql"})"));
  CHECK(run(l, {"cat", folder + "/f"}).err == "cat: " + folder + "/f: Input/output error\n");
  CHECK(run(l, {"touch", folder + "/g"}).err.empty());
  lab m;
  put_file(m, folder + "/f", "text");
  begin(m, experiment("IOChaos", R"({"action": "latency", "delay": "2s", "methods": ["fsync"],
    "volumePath": "/var/log/mysql"})"));
  CHECK(run(m, {"cat", folder + "/f"}).takes < std::chrono::seconds{1});
  facts f = m.gather_for({{"disk", json{{"path", folder}}}}, app);
  CHECK(f.disk->p95_ms > 2000);
  CHECK(f.disk->p95_ms < 2100); // one of its three operations
}

TEST_CASE("an I/O fault meets the paths it names and no others") {
  lab l;
  put_file(l, folder + "/slow.log", "text");
  put_file(l, folder + "/other.log", "text");
  begin(l, experiment("IOChaos", R"({"action": "latency", "delay": "2s",
    "volumePath": "/var/log/mysql", "path": "/var/log/mysql/slow*"})"));
  CHECK(run(l, {"cat", folder + "/slow.log"}).takes >= std::chrono::seconds{4});
  CHECK(run(l, {"cat", folder + "/other.log"}).takes < std::chrono::seconds{1});
}

TEST_CASE("overridden attributes are shown, and bar programs that are not root") {
  lab l;
  put_file(l, folder + "/f", "text");
  begin(l, experiment("IOChaos", R"({"action": "attrOverride", "volumePath": "/var/log/mysql",
    "attr": {"perm": 72, "size": 7, "uid": 999, "kind": "file"}})"));
  const auto shown = run(l, {"ls", "-l", folder}).out;
  CHECK_MESSAGE(shown.find("---x--x---    1 999      root            7 Jan") != std::string::npos,
                shown);
  lab m;
  make_database(m);
  begin(m, experiment("IOChaos", R"({"action": "attrOverride", "volumePath": "/var/log/mysql",
    "attr": {"perm": 72}, "percent": 40})"));
  CHECK(success(m) < 0.8);
  lab n;
  make_database(n);
  begin(n, experiment("IOChaos", R"({"action": "attrOverride", "volumePath": "/var/log/mysql",
    "attr": {"perm": 438}})"));
  CHECK(success(n) == 1);
}

TEST_CASE("mistaken reads give other bytes, of the length they may have") {
  const std::string good(400, 'a');
  for (const auto* filling : {"zero", "random"}) {
    CAPTURE(filling);
    lab l;
    put_file(l, folder + "/f", good);
    auto cr = experiment("IOChaos", R"({"action": "mistake", "volumePath": "/var/log/mysql",
      "mistake": {"filling": "zero", "maxOccurrences": 1, "maxLength": 20}})");
    cr["spec"]["mistake"]["filling"] = filling;
    begin(l, cr);
    const auto read = run(l, {"cat", folder + "/f"}).out;
    REQUIRE(read.size() == good.size());
    const auto wrong =
        read.size() - static_cast<std::size_t>(std::count(read.begin(), read.end(), 'a'));
    CHECK(wrong >= 1);
    CHECK(wrong <= 20);
    const auto zeros = std::count(read.begin(), read.end(), '\0');
    if (filling == std::string("zero")) CHECK(static_cast<std::size_t>(zeros) == wrong);
  }
  lab m;
  make_database(m);
  begin(m, experiment("IOChaos", R"({"action": "mistake", "volumePath": "/var/log/mysql",
    "mistake": {"filling": "zero", "maxOccurrences": 1, "maxLength": 20}, "percent": 20})"));
  CHECK(success(m) < 0.9);
}

TEST_CASE("a kernel fails as often as it is told to, and then no more") {
  lab l;
  begin(l, experiment("KernelChaos", R"({"failKernRequest": {"failtype": 0, "probability": 50,
    "times": 50}})"));
  CHECK(success(l) < 0.8);
  l.pass(10); // 5 requests a second, half of which fail
  CHECK(success(l) < 0.8);
  l.pass(20);
  CHECK(success(l) == 1);
  // Its rules are still there; they have nothing left to do.
  CHECK(l.observe().effects->size() == 1);
}

TEST_CASE("stress on a JVM's memory fills its heap and keeps its collectors busy") {
  lab l;
  put_into_jvm(l, app);
  l.pass(5);
  const auto pod = l.pod_of(app);
  const auto& c = l.world.state();
  const auto before = env::working_set_bytes(c, pod, app);
  const auto idle = env::cpu_cores(c, pod, app);
  begin(l, experiment("JVMChaos", R"({"action": "stress", "memType": "heap"})"));
  CHECK(env::working_set_bytes(c, pod, app) > before * 1.3);
  CHECK(env::cpu_cores(c, pod, app) > idle * 5);
  CHECK(success(l) < 0.9);
  l.admin("DELETE", crs + "jvmchaos/x");
  l.pass(5);
  CHECK(env::working_set_bytes(c, pod, app) == before);
  CHECK(success(l) == 1);
  lab m;
  put_into_jvm(m, app);
  m.pass(5);
  begin(m, experiment("JVMChaos", R"({"action": "stress", "memType": "stack"})"));
  CHECK(env::cpu_cores(m.world.state(), m.pod_of(app), app) > idle * 5);
}

TEST_CASE("an experiment for another cluster is left to it") {
  lab l;
  auto cr = experiment("StressChaos", R"({"stressors": {"cpu": {"workers": 1}}})");
  cr["spec"]["remoteCluster"] = "elsewhere";
  begin(l, cr);
  l.pass(30);
  CHECK(l.observe().effects->empty());
  const auto now = l.find("stresschaos.chaos-mesh.org", "x");
  CHECK_FALSE(now["metadata"].contains("finalizers"));
  CHECK_FALSE(now.contains("status"));
  for (const auto& e : l.world.state().objects().list("events", "simple-micro")) {
    CHECK((*e)["involvedObject"]["name"] != "x");
  }
  l.admin("DELETE", crs + "stresschaos/x");
  CHECK(l.find("stresschaos.chaos-mesh.org", "x").is_null());
}

TEST_CASE("webhooks complete an object before its schema is looked at, and judge it after") {
  lab l;
  // Wrong for the schema and for the webhook: the schema speaks.
  auto both = experiment("StressChaos", R"({"stressors": {"cpu": {"workers": 9000}},
    "duration": "soon"})");
  auto r = post(l, both);
  CHECK(r.status == 422);
  CHECK(r.body.value("message", "").find("less than or equal to 8192") != std::string::npos);
  // Wrong for the webhook only.
  both["spec"]["stressors"]["cpu"]["workers"] = 1;
  r = post(l, both);
  CHECK(r.status == 403);
  CHECK(r.body.value("message", "").find("vstresschaos.kb.io") != std::string::npos);
  // Of a type that no webhook can read.
  r = post(l, experiment("StressChaos", R"({"stressors": {"cpu": {"workers": "many"}}})"));
  CHECK(r.status == 422);
  CHECK_MESSAGE(r.body.value("message", "").find("spec.stressors.cpu.workers") != std::string::npos,
                r.body.value("message", ""));
}

TEST_CASE("a health check by command survives the usual CPU stress, not any") {
  for (const auto& [workers, survives] : {std::pair{10, true}, {100, false}}) {
    CAPTURE(workers);
    lab l;
    auto patch = json::parse(R"({"spec": {"template": {"spec": {"containers": [
      {"name": "hello-service", "resources": {"requests": {"cpu": "100m"}, "limits": {"cpu": "200m"}},
       "livenessProbe": {"exec": {"command": ["/bin/true"]}, "periodSeconds": 5}}]}}}})");
    REQUIRE(l.admin("PATCH", api_path("deployments.apps", "simple-micro", app), patch,
                    "application/strategic-merge-patch+json")
                .status == 200);
    l.pass(90);
    const auto before = restarts(l);
    auto cr = stress_cr("x", app);
    cr["spec"]["stressors"]["cpu"]["workers"] = workers;
    begin(l, cr);
    l.pass(600);
    CHECK((restarts(l) == before) == survives);
    CHECK(l.observe().effects->empty() != survives);
  }
}
