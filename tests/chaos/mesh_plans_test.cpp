// Schedules, workflows and status checks over virtual time.
#include "chaos/mesh/plans/nodes.hpp"
#include "chaos/mesh/plans/timetable.hpp"
#include "tests/chaos/lab.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

using namespace remed;
using namespace remed::chaos;
using namespace remed::chaos::test;

namespace {

json object_of(const char* kind, const char* spec) {
  json out;
  out["apiVersion"] = "chaos-mesh.org/v1alpha1";
  out["kind"] = kind;
  out["metadata"] = {{"name", "x"}, {"namespace", "simple-micro"}};
  out["spec"] = json::parse(spec);
  return out;
}

/// What was said about objects whose name begins with this, as "reason: message".
std::vector<std::string> said(lab& l, const std::string& name) {
  std::vector<std::string> out;
  for (const auto& e : l.world.state().objects().list("events", "simple-micro")) {
    if ((*e)["involvedObject"].value("name", "").rfind(name, 0) != 0) continue;
    out.push_back((*e)["reason"].get<std::string>() + ": " + (*e)["message"].get<std::string>());
  }
  return out;
}

bool has(const std::vector<std::string>& all, const std::string& begin) {
  return std::any_of(all.begin(), all.end(),
                     [&](const auto& one) { return one.rfind(begin, 0) == 0; });
}

std::vector<json> all_of(lab& l, const std::string& table) {
  std::vector<json> out;
  for (const auto& one : l.world.state().objects().list(table, "simple-micro")) out.push_back(*one);
  return out;
}

const char* delay_every_minute = R"({"schedule": "*/1 * * * *", "historyLimit": 2,
  "concurrencyPolicy": "Forbid", "type": "NetworkChaos", "networkChaos": {
    "action": "delay", "mode": "one", "duration": "20s", "delay": {"latency": "10ms"},
    "selector": {"labelSelectors": {"app": "hello-service"}}}})";

} // namespace

TEST_CASE("a timetable reads cron with and without seconds, and intervals") {
  auto next = [](const char* text, double from) {
    auto table = mesh::timetable::parse(text);
    REQUIRE_MESSAGE(table.ok(), (table.ok() ? "" : table.why().what));
    auto at = table->next(stepped_epoch + from_seconds(from));
    return at ? seconds(*at - stepped_epoch) : -1;
  };
  CHECK(next("*/5 * * * *", 0) == 300);
  CHECK(next("*/5 * * * *", 299) == 300);
  CHECK(next("*/15 * * * * *", 0) == 15);
  CHECK(next("*/15 * * * * *", 46) == 60);
  CHECK(next("30 1 * * * *", 0) == 90);
  CHECK(next("30 1 * * * *", 90) == 3690);
  CHECK(next("0 0 12 * * *", 0) == 12 * 3600);
  CHECK(next("@every 90s", 10) == 100);
  CHECK(next("@hourly", 10) == 3600);
  CHECK(mesh::timetable::parse("61 * * * *").why().what ==
        "end of range (61) above maximum (59): 61");
  CHECK(mesh::timetable::parse("@often").why().what == "unrecognized descriptor: @often");
}

TEST_CASE("a schedule does not make up for runs that are older than its deadline") {
  for (const bool bounded : {false, true}) {
    CAPTURE(bounded);
    lab l;
    auto schedule = object_of("Schedule", delay_every_minute);
    if (bounded) schedule["spec"]["startingDeadlineSeconds"] = 20;
    const auto pause = [&](json value) {
      json patch;
      patch["metadata"]["annotations"]["experiment.chaos-mesh.org/pause"] = std::move(value);
      REQUIRE(l.admin("PATCH", crs + "schedules/x", patch, "application/merge-patch+json").status ==
              200);
    };
    REQUIRE(l.admin("POST", crs + "schedules", schedule).status == 201);
    pause("true");
    const auto second = seconds(l.world.now() - stepped_epoch) -
                        60 * std::floor(seconds(l.world.now() - stepped_epoch) / 60);
    l.pass(60 - second + 40); // 40 s after a run was due
    pause(nullptr);
    l.pass(2);
    CHECK(all_of(l, "networkchaos.chaos-mesh.org").size() == (bounded ? 0 : 1));
    CHECK_FALSE(has(said(l, "x"), "MissSchedule"));
    l.pass(30);
    CHECK(all_of(l, "networkchaos.chaos-mesh.org").size() == (bounded ? 1 : 2));
  }
}

TEST_CASE("a schedule makes experiments on time and keeps as many as it should") {
  lab l;
  REQUIRE(l.admin("POST", crs + "schedules", object_of("Schedule", delay_every_minute)).status ==
          201);
  l.pass(62);
  auto made = all_of(l, "networkchaos.chaos-mesh.org");
  REQUIRE(made.size() == 1);
  const auto name = made[0]["metadata"]["name"].get<std::string>();
  CHECK(name.size() == 7);
  CHECK(made[0]["metadata"]["labels"]["managed-by"] == "x");
  CHECK(made[0]["metadata"]["ownerReferences"][0]["kind"] == "Schedule");
  CHECK(made[0]["spec"]["direction"] == "to"); // completed by the webhook
  auto schedule = l.find("schedules.chaos-mesh.org", "x");
  CHECK(schedule["status"]["active"][0]["name"] == name);
  CHECK(schedule["status"].contains("time"));
  CHECK(has(said(l, "x"), "Spawned: Create new object: " + name));
  CHECK(has(said(l, "x"), "Updated: Successfully update lastScheduleTime of resource"));
  l.pass(5 * 60);
  made = all_of(l, "networkchaos.chaos-mesh.org");
  CHECK(made.size() >= 2);
  CHECK(made.size() <= 3); // two in its history, and the one that runs
  CHECK(l.find("networkchaos.chaos-mesh.org", name).is_null());
}

TEST_CASE("a schedule makes nothing while the last one runs, unless it may") {
  for (const bool allowed : {false, true}) {
    lab l;
    auto cr = object_of("Schedule", delay_every_minute);
    cr["spec"]["networkChaos"]["duration"] = "10m";
    cr["spec"]["historyLimit"] = 5;
    if (allowed) cr["spec"]["concurrencyPolicy"] = "Allow";
    l.admin("POST", crs + "schedules", cr);
    l.pass(190);
    CHECK(all_of(l, "networkchaos.chaos-mesh.org").size() == (allowed ? 3 : 1));
    CHECK(has(said(l, "x"), "Forbid: Forbid spawning new job because: x-") == !allowed);
  }
}

TEST_CASE("a paused schedule pauses what it made and makes no more") {
  lab l;
  auto cr = object_of("Schedule", delay_every_minute);
  cr["spec"]["networkChaos"]["duration"] = "10m";
  l.admin("POST", crs + "schedules", cr);
  l.pass(65);
  CHECK(l.observe().effects->size() == 1);
  auto pause = json::parse(R"({"metadata": {"annotations":
      {"experiment.chaos-mesh.org/pause": "true"}}})");
  l.admin("PATCH", crs + "schedules/x", pause, "application/merge-patch+json");
  l.pass(5);
  CHECK(l.observe().effects->empty());
  l.pass(120);
  CHECK(all_of(l, "networkchaos.chaos-mesh.org").size() == 1);
  pause["metadata"]["annotations"]["experiment.chaos-mesh.org/pause"] = nullptr;
  l.admin("PATCH", crs + "schedules/x", pause, "application/merge-patch+json");
  l.pass(3);
  CHECK(l.observe().effects->size() == 1);
}

TEST_CASE("with a schedule goes what it made, and its effects") {
  lab l;
  auto cr = object_of("Schedule", delay_every_minute);
  cr["spec"]["networkChaos"]["duration"] = "10m";
  l.admin("POST", crs + "schedules", cr);
  l.pass(65);
  l.admin("DELETE", crs + "schedules/x");
  l.pass(10);
  CHECK(all_of(l, "networkchaos.chaos-mesh.org").empty());
  CHECK(l.observe().effects->empty());
}

TEST_CASE("a serial workflow does one thing after the other, each to its deadline") {
  lab l;
  auto r = l.admin("POST", crs + "workflows", object_of("Workflow", R"({
    "entry": "all", "templates": [
      {"name": "all", "templateType": "Serial", "deadline": "10m", "children": ["slow", "rest", "both"]},
      {"name": "slow", "templateType": "NetworkChaos", "deadline": "30s", "networkChaos": {
        "action": "delay", "mode": "one", "delay": {"latency": "10ms"},
        "selector": {"labelSelectors": {"app": "hello-service"}}}},
      {"name": "rest", "templateType": "Suspend", "deadline": "20s"},
      {"name": "both", "templateType": "Parallel", "children": ["busy", "slow"]},
      {"name": "busy", "templateType": "StressChaos", "deadline": "30s", "stressChaos": {
        "mode": "one", "stressors": {"cpu": {"workers": 1}},
        "selector": {"labelSelectors": {"app": "time-service"}}}}]})"));
  REQUIRE_MESSAGE(r.status == 201, r.body.value("message", ""));
  l.pass(5);
  auto flow = l.find("workflows.chaos-mesh.org", "x");
  CHECK(flow["status"]["entryNode"].get<std::string>().rfind("all-", 0) == 0);
  CHECK(l.observe().effects->size() == 1);
  CHECK(all_of(l, "workflownodes.chaos-mesh.org").size() == 2);
  l.pass(30); // the delay is over, the workflow rests
  CHECK(l.observe().effects->empty());
  CHECK(all_of(l, "networkchaos.chaos-mesh.org").empty());
  l.pass(20); // both
  CHECK(l.observe().effects->size() == 2);
  l.pass(40);
  CHECK(l.observe().effects->empty());
  flow = l.find("workflows.chaos-mesh.org", "x");
  CHECK(mesh::has_condition(flow, "Accomplished"));
  CHECK(mesh::has_condition(flow, "Scheduled"));
  CHECK(flow["status"].contains("endTime"));
  CHECK(has(said(l, "x"), "EntryCreated: entry node created, entry node all-"));
  CHECK(has(said(l, "x"), "WorkflowAccomplished: workflow accomplished"));
  CHECK(has(said(l, "all-"), "NodesCreated: child nodes created, slow-"));
  CHECK(has(said(l, "all-"), "NodeAccomplished: node accomplished"));
  CHECK(has(said(l, "slow-"), "ChaosCRCreated: chaos CR slow-"));
  CHECK(has(said(l, "slow-"), "ChaosCRDeleted: chaos CR slow-"));
  CHECK(has(said(l, "rest-"), "NodeDeadlineExceed: deadline exceed"));
  l.admin("DELETE", crs + "workflows/x");
  l.pass(10);
  CHECK(all_of(l, "workflownodes.chaos-mesh.org").empty());
}

TEST_CASE("an aborted workflow, and one beyond its deadline, take their effects back") {
  for (const bool abort : {true, false}) {
    lab l;
    l.admin("POST", crs + "workflows", object_of("Workflow", R"({"entry": "all", "templates": [
      {"name": "all", "templateType": "Parallel", "deadline": "60s", "children": ["slow"]},
      {"name": "slow", "templateType": "NetworkChaos", "deadline": "1h", "networkChaos": {
        "action": "delay", "mode": "one", "delay": {"latency": "10ms"},
        "selector": {"labelSelectors": {"app": "hello-service"}}}}]})"));
    l.pass(5);
    REQUIRE(l.observe().effects->size() == 1);
    if (abort) {
      l.admin("PATCH", crs + "workflows/x", json::parse(R"({"metadata": {"annotations":
                  {"workflow.chaos-mesh.org/abort": "true"}}})"),
              "application/merge-patch+json");
    }
    l.pass(abort ? 5 : 65);
    CHECK(l.observe().effects->empty());
    CHECK(mesh::has_condition(l.find("workflows.chaos-mesh.org", "x"), "Accomplished"));
    const auto child = abort ? "ParentNodeAborted" : "ParentNodeDeadlineExceed";
    CHECK(has(said(l, "slow-"), child));
  }
}

TEST_CASE("a task's outcome picks its branches") {
  lab l;
  auto r =
      l.admin("POST", crs + "workflows", object_of("Workflow", R"({"entry": "ask", "templates": [
    {"name": "ask", "templateType": "Task",
     "task": {"container": {"name": "main", "image": "busybox:1.35", "command": ["true"]}},
     "conditionalBranches": [{"target": "good", "expression": "exitCode == 0"},
                             {"target": "bad", "expression": "exitCode != 0"}]},
    {"name": "good", "templateType": "Suspend", "deadline": "10s"},
    {"name": "bad", "templateType": "Suspend", "deadline": "10s"}]})"));
  REQUIRE_MESSAGE(r.status == 201, r.body.value("message", ""));
  l.pass(30);
  json node;
  for (const auto& one : all_of(l, "workflownodes.chaos-mesh.org")) {
    if (one["spec"]["type"] == "Task") node = one;
  }
  REQUIRE(node.is_object());
  CHECK(has(said(l, "ask-"), "TaskPodSpawned: pod ask-"));
  const auto& branches = node["status"]["conditionalBranchesStatus"]["branches"];
  CHECK(branches[0]["evaluationResult"] == "True");
  CHECK(branches[1]["evaluationResult"] == "False");
  CHECK(has(said(l, "ask-"), "ConditionalBranchesSelected: selected branches: [good]"));
  CHECK(mesh::has_condition(l.find("workflows.chaos-mesh.org", "x"), "Accomplished"));
}

TEST_CASE("branch expressions compare, combine and refuse what they do not know") {
  const json context = {{"exitCode", 2}, {"stdout", "all is well"}};
  auto holds = [&](const char* text) {
    auto r = mesh::evaluate_branch(text, context);
    REQUIRE_MESSAGE(r.ok(), (r.ok() ? "" : r.why().what));
    return *r;
  };
  CHECK(holds("exitCode == 2"));
  CHECK(holds("exitCode > 1 && stdout contains \"well\""));
  CHECK(holds("exitCode < 1 or not (stdout startsWith 'none')"));
  CHECK_FALSE(holds("!(exitCode != 0)"));
  CHECK(holds("stdout endsWith 'well' and exitCode <= 2"));
  for (const auto* text : {"", "exitCode", "sun == 1", "exitCode ==", "(exitCode == 2", "'a"}) {
    CHECK_FALSE(mesh::evaluate_branch(text, context).ok());
  }
}

TEST_CASE("a status check passes on enough good answers and ends its workflow on bad ones") {
  lab l;
  auto check = object_of("StatusCheck", R"({"type": "HTTP", "intervalSeconds": 1,
    "successThreshold": 3, "http": {"url": "http://hello-service.simple-micro:5000/health",
                                     "criteria": {"statusCode": "200-299"}}})");
  const auto service = l.world.state().objects().get("services", {"simple-micro", "hello-service"});
  const auto port = (*service)["spec"]["ports"][0]["port"].get<int>();
  const auto base = "http://hello-service.simple-micro:" + std::to_string(port);
  check["spec"]["http"]["url"] = base + "/";
  REQUIRE(l.admin("POST", crs + "statuschecks", check).status == 201);
  l.pass(6);
  auto done = l.find("statuschecks.chaos-mesh.org", "x");
  CHECK(mesh::has_condition(done, "Completed"));
  CHECK(mesh::has_condition(done, "SuccessThresholdExceed"));
  CHECK(done["status"]["count"] == 3);
  CHECK(done["status"]["records"][0]["outcome"] == "Success");
  CHECK(has(said(l, "x"),
            "StatusCheckCompleted: status check completed: StatusCheckSuccessThresholdExceed"));
  l.admin("POST", crs + "workflows", object_of("Workflow", R"({"entry": "all", "templates": [
    {"name": "all", "templateType": "Parallel", "deadline": "10m", "children": ["watch", "rest"]},
    {"name": "rest", "templateType": "Suspend", "deadline": "5m"},
    {"name": "watch", "templateType": "StatusCheck", "abortWithStatusCheck": true, "statusCheck": {
      "type": "HTTP", "intervalSeconds": 2, "failureThreshold": 2,
      "http": {"url": "http://nobody.simple-micro/", "criteria": {"statusCode": "200"}}}}]})"));
  l.pass(15);
  auto flow = l.find("workflows.chaos-mesh.org", "x");
  CHECK(flow["metadata"]["annotations"]["workflow.chaos-mesh.org/abort"] == "true");
  CHECK(mesh::has_condition(flow, "Accomplished"));
  CHECK(has(said(l, "watch-"),
            "StatusCheckExecutionFailed: HTTP execution of status check failed: "));
  CHECK(has(said(l, "rest-"), "ParentNodeAborted"));
}
