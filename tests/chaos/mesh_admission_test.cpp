// What Chaos Mesh's webhooks say: one row for each text.
#include "chaos/mesh/kinds.hpp"
#include "tests/chaos/lab.hpp"

#include <doctest/doctest.h>

using namespace remed;
using namespace remed::chaos;
using namespace remed::chaos::test;

namespace {

/// A spec that is fine, for each kind; rows change it.
const json good = json::parse(R"({
  "StressChaos": {"stressors": {"cpu": {"workers": 1}}},
  "NetworkChaos": {"action": "delay", "delay": {"latency": "1s"}},
  "IOChaos": {"action": "latency", "volumePath": "/var/log/mysql", "delay": "1s"},
  "PodChaos": {"action": "pod-kill"},
  "TimeChaos": {"timeOffset": "-5m"},
  "DNSChaos": {"action": "error", "patterns": ["time-service.*"]},
  "HTTPChaos": {"target": "Request", "port": 80, "abort": true},
  "KernelChaos": {"failKernRequest": {"failtype": 0, "probability": 50}},
  "JVMChaos": {"action": "latency", "class": "Main", "method": "say", "latency": 1000},
  "BlockChaos": {"action": "delay", "volumeName": "data", "delay": {"latency": "1s"}},
  "PhysicalMachineChaos": {"action": "stress-cpu", "address": ["10.0.0.1:31767"],
                           "stress-cpu": {"load": 10, "workers": 1}},
  "AWSChaos": {"action": "ec2-stop", "awsRegion": "eu-1", "ec2Instance": "i-1"},
  "GCPChaos": {"action": "node-stop", "project": "p", "zone": "z", "instance": "i"},
  "AzureChaos": {"action": "vm-stop", "subscriptionID": "s", "resourceGroupName": "g",
                 "vmName": "v"}})");

json object_of(const std::string& kind, const json& change) {
  json out;
  out["apiVersion"] = "chaos-mesh.org/v1alpha1";
  out["kind"] = kind;
  out["metadata"] = {{"name", "x"}, {"namespace", "simple-micro"}};
  out["spec"] = good.value(kind, json::object());
  const bool pods = kind != "AWSChaos" && kind != "GCPChaos" && kind != "AzureChaos" &&
                    kind != "PhysicalMachineChaos" && good.contains(kind);
  if (pods) out["spec"]["selector"] = {{"labelSelectors", {{"app", "hello-service"}}}};
  if (pods || kind == "PhysicalMachineChaos") out["spec"]["mode"] = "one";
  out["spec"].merge_patch(change);
  return out;
}

std::string plural_of(const std::string& kind) {
  if (kind == "Schedule") return "schedules";
  if (kind == "Workflow") return "workflows";
  if (kind == "StatusCheck") return "statuschecks";
  return mesh::lower(kind);
}

lab::answer post(lab& l, const json& object) {
  return l.admin("POST", crs + plural_of(object["kind"]), object);
}

struct row {
  const char *kind, *change, *text;
};

const row rows[] = {
    {"NetworkChaos", R"({"delay": {"latency": "10"}})",
     "Spec.TcParameter.Delay.Latency: Invalid value: \"10\": parse duration field error: time: "
     "missing unit in duration \"10\""},
    {"NetworkChaos", R"({"duration": "1x"})",
     "Spec.Duration: Invalid value: \"1x\": parse duration field error: time: unknown unit \"x\" "
     "in duration \"1x\""},
    {"NetworkChaos", R"({"loss": {"loss": "many"}})",
     "Spec.TcParameter.Loss.Loss: Invalid value: \"many\": parse correlation field "
     "error:strconv.ParseFloat: parsing \"many\": invalid syntax"},
    {"NetworkChaos", R"({"duplicate": {"duplicate": "a"}})",
     "Spec.TcParameter.Duplicate.Duplicate: Invalid value: \"a\": parse correlation field "
     "error:strconv.ParseFloat: parsing \"a\": invalid syntax"},
    {"NetworkChaos", R"({"corrupt": {"corrupt": "a"}})",
     "Spec.TcParameter.Corrupt.Corrupt: Invalid value: \"a\": parse correlation field "
     "error:strconv.ParseFloat: parsing \"a\": invalid syntax"},
    {"NetworkChaos", R"({"action": "bandwidth", "bandwidth": {"rate": "1x", "limit": 1,
                         "buffer": 1}})",
     "Spec.TcParameter.Bandwidth.Rate: Invalid value: \"1x\": parse rate field error:invalid "
     "unit"},
    {"NetworkChaos", R"({"direction": "both", "externalTargets": ["1.1.1.1"],
                         "target": {"mode": "all", "selector": {}}})",
     "Spec.direction: Invalid value: \"both\": external targets cannot be used with `from` and "
     "`both` direction in netem action yet"},
    {"NetworkChaos", R"({"direction": "from"})",
     "Spec.direction: Invalid value: \"from\": `from` and `both` direction cannot be used when "
     "targets is empty in netem action"},
    {"NetworkChaos", R"({"action": "partition", "direction": "from"})",
     "Spec.direction: Invalid value: \"from\": `from` and `both` direction cannot be used when "
     "targets and external targets are both empty"},
    {"NetworkChaos", R"({"mode": "fixed", "value": "0"})",
     "Spec.PodSelector.value: Invalid value: \"0\": value must be greater than 0 with mode:fixed"},
    {"StressChaos", R"({"mode": "fixed", "value": "x"})",
     "Spec.ContainerSelector.PodSelector.value: Invalid value: \"x\": parse value field "
     "error:strconv.Atoi: parsing \"x\": invalid syntax"},
    {"StressChaos", R"({"mode": "fixed-percent", "value": "101"})",
     "Spec.ContainerSelector.PodSelector.value: Invalid value: \"101\": value of 101 is invalid, "
     "Must be (0,100] with mode:fixed-percent"},
    {"StressChaos", R"({"mode": "random-max-percent", "value": "0"})",
     "Spec.ContainerSelector.PodSelector.value: Invalid value: \"0\": value of 0 is invalid, Must "
     "be (0,100] with mode:random-max-percent"},
    {"StressChaos", R"({"stressors": null})", ": missing stressors"},
    {"StressChaos", R"({"stressors": {"memory": {"workers": 1, "size": "1QB"}}})",
     "Spec.Stressors.MemoryStressor.Size: Invalid value: \"1QB\": incorrect bytes format: "
     "unhandled size name: qb"},
    {"StressChaos", R"({"stressors": {"memory": {"workers": 1, "size": "120%"}}})",
     "Spec.Stressors.MemoryStressor.Size: Invalid value: \"120%\": incorrect bytes format: illegal "
     "proportion"},
    {"IOChaos", R"({"percent": 120})",
     "Spec.Percent: Invalid value: 120: percent field should be in 0-100"},
    {"IOChaos", R"({"action": "fault"})",
     "Spec.Errno: Invalid value: 0: action fault: errno 0 is not supported"},
    {"IOChaos", R"({"delay": "soon"})",
     "Spec.Delay: Invalid value: \"soon\": parse duration field error: time: invalid duration "
     "\"soon\""},
    {"PodChaos", R"({"action": "container-kill"})",
     "Spec.containerNames: Invalid value: []string(nil): the name of container is required on "
     "container-kill action: invalid value"},
    {"TimeChaos", R"({"timeOffset": "5"})",
     "Spec.TimeOffset: Invalid value: \"5\": parse timeOffset field error:time: missing unit in "
     "duration \"5\""},
    {"TimeChaos", R"({"clockIds": ["CLOCK_SUN"]})",
     "Spec.ClockIds: Invalid value: \"CLOCK_SUN\": unknown clock id CLOCK_SUN"},
    {"HTTPChaos", R"({"port": 0})", "Spec.Port: Invalid value: 0: port 0 is not supported"},
    {"HTTPChaos", R"({"method": "FETCH"})",
     "Spec.Method: Invalid value: \"FETCH\": method FETCH is not supported"},
    {"HTTPChaos", R"({"delay": "soon"})",
     "Spec.PodHttpChaosActions.Delay: Invalid value: \"soon\": invalid duration soon"},
    {"JVMChaos", R"({"class": ""})", ": class not provided"},
    {"JVMChaos", R"({"method": ""})", ": method not provided"},
    {"JVMChaos", R"({"latency": 0})", ": latency not provided"},
    {"JVMChaos", R"({"action": "exception"})", ": exception not provided"},
    {"JVMChaos", R"({"action": "return"})", ": value not provided"},
    {"JVMChaos", R"({"action": "ruleData"})", ": rule data not provide"},
    {"JVMChaos", R"({"action": "stress"})",
     ": must set one of cpu-count and mem-type when action is 'stress'"},
    {"JVMChaos", R"({"action": "stress", "cpuCount": 1, "memType": "heap"})",
     ": inject stress on both CPU and memory is not support now"},
    {"JVMChaos", R"({"action": "mysql"})", ": MySQL connector version not provided"},
    {"JVMChaos", R"({"action": "mysql", "mysqlConnectorVersion": "8", "latency": 0})",
     ": must set one of exception or latency"},
    {"BlockChaos", R"({"delay": {"latency": "x"}})",
     "Spec.Delay.Latency: Invalid value: \"x\": parse duration field error: time: invalid duration "
     "\"x\""},
    {"PhysicalMachineChaos", R"({"stress-cpu": null})",
     ": the configuration corresponding to action is required"},
    {"PhysicalMachineChaos", R"({"address": null})",
     "Spec.address: Invalid value: []: one of address or selector should be specified"},
    {"PhysicalMachineChaos", R"({"stress-cpu": {"load": 0}})", ": load can't be 0"},
    {"AWSChaos", R"({"action": "detach-volume", "deviceName": "/dev/sda"})",
     "Spec.AWSSelector.EbsVolume: Invalid value: \"null\": the ID of EBS volume should not be "
     "empty "
     "on detach-volume action"},
    {"GCPChaos", R"({"action": "disk-loss"})",
     "Spec.GCPSelector.DeviceNames: Invalid value: \"null\": at least one device name is required "
     "on disk-loss action"},
    {"AzureChaos", R"({"action": "disk-detach", "lun": 1})",
     "Spec.AzureSelector.DiskName: Invalid value: \"null\": the name of data disk should not be "
     "empty on disk-detach action"},
    {"Schedule", R"({"schedule": "x", "type": "PodChaos", "podChaos": {"action": "pod-kill",
                     "mode": "one", "selector": {}}})",
     "Spec.Schedule: Invalid value: \"x\": parse schedule field error:expected 5 to 6 fields, "
     "found 1: [x]"},
    {"Schedule", R"({"schedule": "@every 1m", "type": "NetworkChaos", "networkChaos": {
                     "action": "delay", "mode": "one", "selector": {},
                     "delay": {"latency": "x"}}})",
     "Spec.ScheduleItem.EmbedChaos.NetworkChaos.TcParameter.Delay.Latency: Invalid value: \"x\": "
     "parse duration field error: time: invalid duration \"x\""},
    {"Workflow", R"({"entry": "", "templates": [{"name": "a", "templateType": "Suspend",
                     "deadline": "1s"}]})",
     "spec.entry: Required value: the entry of workflow is required"},
    {"Workflow", R"({"entry": "b", "templates": [{"name": "a", "templateType": "Suspend",
                     "deadline": "1s"}]})",
     "spec.entry: Invalid value: \"b\": can not find a template with name b"},
    {"Workflow", R"({"entry": "a", "templates": [
        {"name": "a", "templateType": "Suspend", "deadline": "1s"},
        {"name": "a", "templateType": "Suspend", "deadline": "1s"}]})",
     "spec.templates: Invalid value: \"\": template name must be unique, duplicated names: [a]"},
    {"Workflow", R"({"entry": "a", "templates": [{"name": "a", "templateType": "Suspend"}]})",
     "spec.templates[0].deadline: Invalid value: \"null\": deadline in template with type Suspend "
     "could not be empty"},
    {"Workflow", R"({"entry": "a", "templates": [{"name": "a", "templateType": "Party"}]})",
     "spec.templates[0].templateType: Invalid value: \"Party\": unrecognized template type: "
     "Party"},
    {"Workflow", R"({"entry": "a", "templates": [{"name": "a", "templateType": "Serial",
                     "children": ["b"]}]})",
     "spec.templates[0].children[0]: Invalid value: \"b\": can not find a template with name b"},
    {"Workflow", R"({"entry": "a", "templates": [{"name": "a", "templateType": "Suspend",
                     "deadline": "1s", "children": ["a"]}]})",
     "this template should not contain Children"},
    {"Workflow", R"({"entry": "a", "templates": [{"name": "a", "templateType": "Suspend",
                     "deadline": "1s", "task": {}}]})",
     "this template should not contain Task"},
    {"Workflow", R"({"entry": "a", "templates": [{"name": "a", "templateType": "Serial",
                     "children": ["a"], "conditionalBranches": [{"target": "a"}]}]})",
     "this template should not contain ConditionalBranches"},
    {"Workflow", R"({"entry": "a", "templates": [{"name": "a", "templateType": "Task",
                     "podChaos": {"action": "pod-kill", "mode": "one", "selector": {}}}]})",
     "this template should not contain any Chaos"},
    {"Workflow", R"({"entry": "a", "templates": [{"name": "a", "templateType": "Task",
                     "schedule": {"schedule": "@every 1m", "type": "PodChaos"}}]})",
     "this template should not contain Schedule"},
    {"Workflow", R"({"entry": "a", "templates": [{"name": "a", "templateType": "PodChaos",
                     "podChaos": {"action": "pod-failure", "mode": "one", "selector": {},
                                  "duration": "5s"}}]})",
     "spec.templates[0]: Invalid value: \"5s\": should not define duration in chaos when using "
     "Workflow, use Template#Deadline instead."},
    {"StatusCheck", R"({"type": "HTTP", "http": {"url": "http://x", "criteria": {
                        "statusCode": "ok"}}})",
     "incorrect status code format"},
};

} // namespace

TEST_CASE("each text of the webhooks is said for what it is about") {
  lab l;
  for (const auto& one : rows) {
    CAPTURE(one.kind);
    CAPTURE(one.change);
    const auto r = post(l, object_of(one.kind, json::parse(one.change)));
    const auto said = r.body.value("message", "");
    CHECK(r.status == 403);
    const auto hook =
        "admission webhook \"v" + mesh::lower(one.kind) + ".kb.io\" denied the request: ";
    CHECK_MESSAGE(said.rfind(hook, 0) == 0, said);
    CHECK_MESSAGE(said.find(one.text) != std::string::npos, said);
  }
}

TEST_CASE("nobody harms what he may not: selectors reach only where one may make the kind") {
  lab l;
  const auto refusal = [](const lab::answer& r) {
    CHECK(r.status == 403);
    return r.body.value("message", "");
  };
  const std::string who =
      "admission webhook \"vauth.kb.io\" denied the request: "
      "system:serviceaccount:simple-micro:sre-agent is forbidden on ";
  auto elsewhere = object_of("StressChaos", json::object());
  elsewhere["spec"]["selector"]["namespaces"] = json::array({"simple-micro", "kube-system"});
  CHECK(refusal(l.agent("POST", crs + "stresschaos", elsewhere)) == who + "namespace kube-system");
  auto pods = object_of("PodChaos", json::object());
  pods["spec"]["selector"]["pods"]["default"] = json::array({"p"});
  CHECK(refusal(l.agent("POST", crs + "podchaos", pods)) == who + "namespace default");
  auto partition = object_of("NetworkChaos", json::parse(R"({"target": {"mode": "all",
      "selector": {"namespaces": ["default"]}}})"));
  CHECK(refusal(l.agent("POST", crs + "networkchaos", partition)) == who + "namespace default");
  CHECK(l.agent("POST", crs + "stresschaos", object_of("StressChaos", json::object())).status ==
        201);
  // A template inside a schedule, and one that was changed to name no namespace.
  auto schedule = object_of("Schedule", json::parse(R"({"schedule": "@every 1h",
      "type": "PodChaos", "podChaos": {"action": "pod-kill", "mode": "one",
      "selector": {"namespaces": ["default"]}}})"));
  CHECK(refusal(l.agent("POST", crs + "schedules", schedule)) == who + "namespace default");
  schedule["spec"]["podChaos"]["selector"].erase("namespaces");
  REQUIRE(l.agent("POST", crs + "schedules", schedule).status == 201);
  const auto nowhere = json::parse(R"({"spec": {"podChaos": {"selector": {"namespaces": []}}}})");
  CHECK(refusal(l.agent("PATCH", crs + "schedules/x", nowhere, "application/merge-patch+json")) ==
        who + "cluster");
  CHECK(l.admin("PATCH", crs + "schedules/x", nowhere, "application/merge-patch+json").status ==
        200);
}

TEST_CASE("a sound object of each kind is taken, and its spec is fixed from then on") {
  for (const auto& kind : mesh::kinds()) {
    CAPTURE(kind.kind);
    lab l;
    const auto made = post(l, object_of(kind.kind, json::object()));
    REQUIRE_MESSAGE(made.status == 201, made.body.value("message", ""));
    auto r =
        l.admin("PATCH", crs + mesh::lower(kind.kind) + "/x",
                json::parse(R"({"spec": {"duration": "5s"}})"), "application/merge-patch+json");
    CHECK(r.status == 403);
    CHECK(r.body.value("message", "") ==
          "admission webhook \"v" + mesh::lower(kind.kind) +
              ".kb.io\" denied the request: Cannot update chaos spec");
  }
}

TEST_CASE("what is missing in a spec is filled in as the webhooks do") {
  lab l;
  auto spec = [&](const std::string& kind, const char* change) {
    return post(l, object_of(kind, json::parse(change))).body["spec"];
  };
  auto network = spec("NetworkChaos", R"({"target": {"mode": "all", "selector": {}}})");
  CHECK(network["direction"] == "to");
  CHECK(network["delay"]["jitter"] == "0ms");
  CHECK(network["delay"]["correlation"] == "0");
  CHECK(network["selector"]["namespaces"] == json::array({"simple-micro"}));
  CHECK(network["target"]["selector"]["namespaces"] == json::array({"simple-micro"}));
  CHECK(spec("TimeChaos", "{}")["clockIds"] == json::array({"CLOCK_REALTIME"}));
  CHECK(spec("IOChaos", "{}")["percent"] == 100);
  auto jvm = spec("JVMChaos", "{}");
  CHECK(jvm["port"] == 9277);
  CHECK(jvm["name"].get<std::string>().rfind("Main-say-latency-", 0) == 0);
  auto machine = spec("PhysicalMachineChaos", "{}");
  CHECK(machine["address"] == json::array({"http://10.0.0.1:31767"}));
  CHECK(machine["uid"].get<std::string>().size() == 36);
  auto check = spec("StatusCheck", R"({"type": "HTTP", "http": {"url": "http://x",
                                        "criteria": {"statusCode": "200"}}})");
  CHECK(check["timeoutSeconds"] == 1);
  CHECK(check["intervalSeconds"] == 10);
  CHECK(check["failureThreshold"] == 3);
  CHECK(check["recordsHistoryLimit"] == 100);
}

TEST_CASE("the schemas of the kinds refuse what the real ones refuse") {
  lab l;
  struct wrong {
    const char *kind, *change, *text;
  };
  const wrong all[] = {
      {"StressChaos", R"({"stressors": {"cpu": {"workers": 9000}}})",
       "spec.stressors.cpu.workers in body should be less than or equal to 8192"},
      {"PodChaos", R"({"action": "pod-party"})", "spec.action: Unsupported value: \"pod-party\""},
      {"KernelChaos", R"({"failKernRequest": {"failtype": 7}})",
       "spec.failKernRequest.failtype in body should be less than or equal to 2"},
      {"IOChaos", R"({"volumePath": null})", "spec.volumePath: Required value"},
  };
  for (const auto& one : all) {
    CAPTURE(one.kind);
    auto r = post(l, object_of(one.kind, json::parse(one.change)));
    CHECK(r.status == 422);
    CHECK_MESSAGE(r.body.value("message", "").find(one.text) != std::string::npos,
                  r.body.value("message", ""));
  }
}
