// What each kind of experiment does, as users, agents and commands in a pod see it.
#include "chaos/mesh/kinds.hpp"
#include "environments/embedded/effect_rules.hpp"
#include "environments/embedded/shell/command.hpp"
#include "environments/embedded/traffic.hpp"
#include "tests/chaos/lab.hpp"

#include <doctest/doctest.h>

using namespace remed;
using namespace remed::chaos;
using namespace remed::chaos::test;

namespace {

std::string plural(const json& cr) {
  return crs + mesh::lower(cr["kind"]);
}

void begin(lab& l, const json& cr) {
  auto r = l.admin("POST", plural(cr), cr);
  REQUIRE_MESSAGE(r.status == 201, r.body.value("message", ""));
  l.pass(3);
}

std::string run(lab& l, const std::string& app, std::vector<std::string> argv) {
  auto r = env::run_pod_command(l.world.state(), l.pod_of(app), "sidecar-busybox", argv, "");
  return r.not_started + r.out + r.err;
}

double success(lab& l) {
  return env::flow_in(l.world.state(), "simple-micro").users().success;
}

int port_of(lab& l, const std::string& service) {
  auto found = l.world.state().objects().get("services", {"simple-micro", service});
  return (*found)["spec"]["ports"][0]["port"];
}

env::request_outcome ask(lab& l, const std::string& path = "/") {
  return env::send_request(l.world.state(), nullptr, "hello-service.simple-micro",
                           port_of(l, "hello-service"), path, 10, "test");
}

int container_port(lab& l, const std::string& app) {
  return l.pod_of(app)["spec"]["containers"][0]["ports"][0]["containerPort"];
}

/// Injected, seen in the ledger, undone without a trace.
void round_trip(const json& cr, std::size_t effects) {
  lab l;
  begin(l, cr);
  CHECK(l.observe().effects->size() == effects);
  auto now = l.find(mesh::lower(cr["kind"]) + ".chaos-mesh.org", "x");
  for (const auto& record : now["status"]["experiment"]["containerRecords"]) {
    CHECK(record["phase"] == "Injected");
  }
  l.admin("DELETE", plural(cr) + "/x");
  l.pass(3);
  CHECK(l.observe().effects->empty());
  CHECK(l.find(mesh::lower(cr["kind"]) + ".chaos-mesh.org", "x").is_null());
}

} // namespace

TEST_CASE("each kind that acts in a pod is injected and undone without a trace") {
  const char* targets = R"(, "target": {"mode": "all", "selector": {"labelSelectors":
                            {"app": "time-service"}}}})";
  struct row {
    const char *kind, *spec;
    std::size_t effects;
  };
  const std::string partition =
      std::string(R"({"action": "partition", "direction": "both")") + targets;
  const std::string filtered =
      std::string(R"({"action": "loss", "loss": {"loss": "50"})") + targets;
  const row rows[] = {
      {"NetworkChaos", R"({"action": "netem", "delay": {"latency": "5ms"}, "loss": {"loss": "1"},
                           "duplicate": {"duplicate": "2"}, "corrupt": {"corrupt": "3"}})",
       4},
      {"NetworkChaos", R"({"action": "bandwidth", "bandwidth": {"rate": "1mbps", "limit": 20971520,
                           "buffer": 10000}})",
       1},
      {"NetworkChaos", partition.c_str(), 4},
      {"NetworkChaos", filtered.c_str(), 1},
      {"IOChaos", R"({"action": "fault", "errno": 5, "volumePath": "/var/log/mysql"})", 1},
      {"IOChaos", R"({"action": "attrOverride", "attr": {"perm": 72},
                      "volumePath": "/var/log/mysql"})",
       1},
      {"IOChaos", R"({"action": "mistake", "mistake": {"filling": "zero", "maxOccurrences": 1,
                      "maxLength": 10}, "volumePath": "/var/log/mysql"})",
       1},
      {"TimeChaos", R"({"timeOffset": "-10m"})", 1},
      {"DNSChaos", R"({"action": "error", "patterns": ["time-service.*"]})", 1},
      {"HTTPChaos", R"({"target": "Request", "port": 80, "abort": true})", 1},
      {"KernelChaos", R"({"failKernRequest": {"failtype": 0, "probability": 50}})", 1},
      {"StressChaos", R"({"stressors": {"cpu": {"workers": 1}, "memory": {"workers": 1,
                          "size": "10MB"}}})",
       2},
      {"PodChaos", R"({"action": "pod-failure"})", 1},
  };
  for (const auto& one : rows) {
    CAPTURE(one.kind);
    CAPTURE(one.spec);
    round_trip(experiment(one.kind, one.spec), one.effects);
  }
}

TEST_CASE("tc shows the disciplines of a pod, with and without a filter") {
  lab l;
  begin(l, experiment("NetworkChaos", R"({"action": "netem", "loss": {"loss": "25",
    "correlation": "10"}, "delay": {"latency": "90ms", "jitter": "10ms"}})"));
  auto shown = run(l, "hello-service", {"tc", "qdisc", "show", "dev", "eth0"});
  CHECK(shown == "qdisc netem 1: root refcnt 2 limit 1000 delay 90ms  10ms loss 25% 10%\n");
  auto refused = run(l, "hello-service", {"tc", "qdisc", "del", "dev", "eth0", "root"});
  CHECK(refused == "RTNETLINK answers: Operation not permitted\n");
  CHECK(l.observe().effects->size() == 2);
  lab m;
  begin(m, experiment("NetworkChaos", R"({"action": "delay", "delay": {"latency": "1s"},
    "target": {"mode": "all", "selector": {"labelSelectors": {"app": "time-service"}}}})"));
  shown = run(m, "hello-service", {"tc", "qdisc", "show", "dev", "eth0"});
  CHECK(shown.rfind("qdisc prio 1: root refcnt 2 bands 4 priomap 1 2 2 2 1 2 0 0 1 1 1 1 1 1 1 1\n",
                    0) == 0);
  CHECK(shown.find("qdisc netem 5: parent 1:4 limit 1000 delay 1s\n") != std::string::npos);
}

TEST_CASE("a filtered fault touches its target only") {
  lab l;
  begin(l, experiment("NetworkChaos", R"({"action": "partition", "direction": "both",
    "target": {"mode": "all", "selector": {"labelSelectors": {"app": "time-service"}}}})"));
  const auto other = l.pod_of("time-service")["status"]["podIP"].get<std::string>();
  auto away = run(l, "hello-service", {"ping", "-c", "3", other});
  CHECK(away.find("100% packet loss") != std::string::npos);
  auto outside = run(l, "hello-service", {"ping", "-c", "3", "8.8.8.8"});
  CHECK(outside.find(" 0% packet loss") != std::string::npos);
  CHECK(success(l) == 0); // each hello needs the time
  CHECK(ask(l, "/").status == 500);
}

TEST_CASE("a proxy aborts, delays, replaces and patches") {
  lab l;
  const auto port = std::to_string(container_port(l, "hello-service"));
  begin(l, experiment("HTTPChaos", (R"({"target": "Request", "abort": true, "path": "/bad*",
    "port": )" + port + "}")
                                       .c_str()));
  CHECK(ask(l, "/bad").what == env::request_outcome::kind::reset);
  CHECK(ask(l, "/").what == env::request_outcome::kind::answered);
  lab m;
  begin(m, experiment("HTTPChaos", (R"({"target": "Response", "delay": "2s", "replace":
    {"code": 503}, "port": )" + port +
                                    "}")
                                       .c_str()));
  auto got = ask(m);
  CHECK(got.status == 503);
  CHECK(got.seconds >= 2);
  CHECK(success(m) == 0);
  auto child = m.find("podhttpchaos.chaos-mesh.org", m.pod_of("hello-service")["metadata"]["name"]);
  CHECK(child["spec"]["rules"][0]["source"] == "simple-micro/x");
  CHECK(child["status"]["pid"].get<int>() > 0);
  lab n;
  begin(n, experiment("HTTPChaos", (R"({"target": "Response", "patch": {"body": {"type": "JSON",
    "value": "{\"extra\": 1}"}}, "port": )" +
                                    port + "}")
                                       .c_str()));
  CHECK(json::parse(ask(n).body)["extra"] == 1);
}

TEST_CASE("a resolver that fails or lies breaks what asks for names") {
  lab l;
  begin(l, experiment("DNSChaos", R"({"action": "error", "patterns": ["time-service.*"]})"));
  auto asked = run(l, "hello-service", {"nslookup", "time-service"});
  CHECK(asked.find("SERVFAIL") != std::string::npos);
  CHECK(run(l, "hello-service", {"nslookup", "hello-service"}).find("Address: 10.43.") !=
        std::string::npos);
  CHECK(success(l) == 0);
  const auto dns =
      l.world.state().objects().get("services", {"chaos-mesh", "chaos-mesh-dns-server"});
  const auto conf = run(l, "hello-service", {"cat", "/etc/resolv.conf"});
  CHECK(conf.find("nameserver " + (*dns)["spec"]["clusterIP"].get<std::string>()) !=
        std::string::npos);
  lab m;
  begin(m, experiment("DNSChaos", R"({"action": "random"})"));
  asked = run(m, "hello-service", {"nslookup", "time-service"});
  CHECK(asked.find("Address: 198.1") != std::string::npos);
}

TEST_CASE("clocks, kernels and volumes fail where they should") {
  lab l;
  const auto before = ask(l).date;
  begin(l, experiment("TimeChaos", R"({"timeOffset": "-1h"})"));
  CHECK(ask(l).date < before); // the application's own clock; what is executed later is not touched
  lab k;
  begin(k, experiment("KernelChaos", R"({"failKernRequest": {"failtype": 0, "probability": 40}})"));
  CHECK(success(k) < 0.8);
  CHECK(success(k) > 0.4);
  lab v;
  begin(v, experiment("IOChaos", R"({"action": "fault", "errno": 28, "volumePath":
    "/var/log/mysql"})"));
  auto r = env::run_pod_command(v.world.state(), v.pod_of("hello-service"), "hello-service",
                                {"touch", "/var/log/mysql/x"}, "");
  CHECK(r.err == "touch: /var/log/mysql/x: No space left on device\n");
}

TEST_CASE("machines, clouds and rules for Java fail as on a cluster without them") {
  struct row {
    const char *kind, *spec, *text;
  };
  const row rows[] = {
      {"AWSChaos", R"({"action": "ec2-stop", "awsRegion": "eu-1", "ec2Instance": "i"})",
       "operation error EC2"},
      {"PhysicalMachineChaos", R"({"action": "stress-cpu", "address": ["10.0.0.1:31767"],
        "mode": "all", "stress-cpu": {"load": 10, "workers": 1}})",
       "Post \"http://10.0.0.1:31767/api/attack/stress\": dial tcp 10.0.0.1:31767"},
      {"JVMChaos", R"({"action": "gc"})", "java.io.IOException: No such process"},
      {"BlockChaos", R"({"action": "delay", "volumeName": "mysql-log", "delay":
        {"latency": "1s"}})",
       ""},
  };
  for (const auto& one : rows) {
    CAPTURE(one.kind);
    lab l;
    auto cr = experiment(one.kind, one.spec);
    if (std::string(one.kind) == "AWSChaos" || std::string(one.kind) == "PhysicalMachineChaos") {
      cr["spec"].erase("selector");
      if (std::string(one.kind) == "AWSChaos") cr["spec"].erase("mode");
    }
    begin(l, cr);
    CHECK(l.observe().effects->empty());
    bool told = false;
    for (const auto& e : l.world.state().objects().list("events", "simple-micro")) {
      const auto text = (*e)["message"].get<std::string>();
      told = told || (text.rfind("Failed to ", 0) == 0 && text.find(one.text) != std::string::npos);
    }
    CHECK(told);
    l.admin("DELETE", plural(cr) + "/x");
    l.pass(5);
    CHECK(l.find(mesh::lower(one.kind) + ".chaos-mesh.org", "x").is_null());
  }
}

TEST_CASE("what names, paths and networks an effect touches") {
  CHECK(env::in_network("10.42.0.7", "10.42.0.0/24"));
  CHECK_FALSE(env::in_network("10.42.1.7", "10.42.0.0/24"));
  CHECK(env::in_network("10.42.0.7", "10.42.0.7/32"));
  CHECK(env::in_network("1.2.3.4", "0.0.0.0/0"));
  CHECK(env::glob_matches("/var/log/mysql/**/*", "/var/log/mysql/f"));
  CHECK(env::glob_matches("/var/log/mysql/**/*", "/var/log/mysql/a/b/f"));
  CHECK_FALSE(env::glob_matches("/var/*/f", "/var/a/b/f"));
  CHECK(env::names_pattern(json::array({"time-service.*"}), "time-service.simple-micro.svc"));
  CHECK(env::names_pattern(json::array({"github.?om"}), "github.com"));
  CHECK_FALSE(env::names_pattern(json::array({"google.com"}), "google.com.au"));
  CHECK(env::names_pattern(json::array(), "anything"));
}

TEST_CASE("agents that must not see chaos see none of the kinds, their children or their words") {
  lab l(env::visibility::hidden);
  const auto port = std::to_string(container_port(l, "hello-service"));
  begin(l, experiment("HTTPChaos",
                      (R"({"target": "Request", "delay": "1ms", "port": )" + port + "}").c_str()));
  json plan;
  plan["apiVersion"] = "chaos-mesh.org/v1alpha1";
  plan["kind"] = "Workflow";
  plan["metadata"] = {{"name", "w"}, {"namespace", "simple-micro"}};
  plan["spec"] = json::parse(R"({"entry": "a", "templates": [{"name": "a", "templateType": "Task",
    "task": {"container": {"name": "m", "image": "busybox:1.35", "command": ["sleep", "60"]}}}]})");
  REQUIRE(l.admin("POST", crs + "workflows", plan).status == 201);
  l.pass(10);
  for (const auto* plural :
       {"httpchaos", "podhttpchaos", "workflows", "workflownodes", "schedules", "statuschecks"}) {
    CHECK(l.agent("GET", crs + plural).status >= 400);
  }
  auto events = l.agent("GET", "/api/v1/namespaces/simple-micro/events");
  REQUIRE(events.status == 200);
  CHECK(events.body.dump().find("haos") == std::string::npos);
  auto pods = l.agent("GET", "/api/v1/namespaces/simple-micro/pods");
  CHECK(pods.body.dump().find("chaos-mesh") == std::string::npos);
  CHECK(l.agent("GET", "/apis").body.dump().find("chaos") == std::string::npos);
}
