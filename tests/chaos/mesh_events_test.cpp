// What Chaos Mesh says about its objects: one row for each event, word for word.
#include "chaos/mesh/kinds.hpp"
#include "tests/chaos/lab.hpp"

#include <doctest/doctest.h>

#include <functional>
#include <regex>

using namespace remed;
using namespace remed::chaos;
using namespace remed::chaos::test;

namespace {

json object_of(const char* kind, const std::string& name, const char* spec) {
  json out;
  out["apiVersion"] = "chaos-mesh.org/v1alpha1";
  out["kind"] = kind;
  out["metadata"] = {{"name", name}, {"namespace", "simple-micro"}};
  out["spec"] = json::parse(spec);
  return out;
}

void create(lab& l, const json& object) {
  auto r = l.admin("POST",
                   "/apis/chaos-mesh.org/v1alpha1/namespaces/simple-micro/" +
                       table_of(object).substr(0, table_of(object).find('.')),
                   object);
  REQUIRE_MESSAGE(r.status == 201, r.body.value("message", ""));
}

json experiment(const char* kind, const std::string& name, const char* spec) {
  auto out = object_of(kind, name, spec);
  out["spec"]["mode"] = "one";
  out["spec"]["selector"]["labelSelectors"]["app"] = "hello-service";
  return out;
}

void annotate(lab& l, const std::string& path, const char* key, json value) {
  json patch;
  patch["metadata"]["annotations"][key] = std::move(value);
  CHECK(l.admin("PATCH", crs + path, patch, "application/merge-patch+json").status == 200);
}

constexpr auto pause_key = "experiment.chaos-mesh.org/pause";

const std::map<std::string, std::function<void(lab&)>>& stories() {
  static const std::map<std::string, std::function<void(lab&)>> all = {
      {"life",
       [](lab& l) {
         create(l, stress_cr("x", "hello-service"));
         l.pass(2);
         annotate(l, "stresschaos/x", pause_key, "true");
         l.pass(2);
         annotate(l, "stresschaos/x", pause_key, nullptr);
         l.pass(2);
         l.admin("DELETE", crs + "stresschaos/x");
         l.pass(2);
       }},
      {"duration",
       [](lab& l) {
         auto cr = stress_cr("x", "hello-service");
         cr["spec"]["duration"] = "10s";
         create(l, cr);
         l.pass(15);
       }},
      {"nobody",
       [](lab& l) {
         create(l, stress_cr("x", "nobody"));
         l.pass(2);
       }},
      {"no target left",
       [](lab& l) {
         auto cr = stress_cr("x", "hello-service");
         cr["spec"]["containerNames"] = json::array({"nothing"});
         create(l, cr);
         l.pass(2);
       }},
      {"no mount",
       [](lab& l) {
         create(l, experiment("IOChaos", "x", R"({"action": "latency", "delay": "1s",
           "volumePath": "/data"})"));
         l.pass(2);
       }},
      {"recovery fails",
       [](lab& l) {
         create(l, experiment("NetworkChaos", "x", R"({"action": "delay",
           "delay": {"latency": "1s"}})"));
         l.pass(2);
         create(l, experiment("NetworkChaos", "y", R"({"action": "loss",
           "loss": {"loss": "150"}})"));
         l.pass(2);
         l.admin("DELETE", crs + "networkchaos/x");
         l.pass(2);
       }},
      {"schedule",
       [](lab& l) {
         create(l, object_of("Schedule", "x", R"({"schedule": "@every 30s", "type": "StressChaos",
           "stressChaos": {"mode": "one", "duration": "100s",
             "selector": {"labelSelectors": {"app": "hello-service"}},
             "stressors": {"cpu": {"workers": 1}}}})"));
         l.pass(95);
       }},
      {"missed too often",
       [](lab& l) {
         create(l, object_of("Schedule", "x", R"({"schedule": "@every 1s", "type": "PodChaos",
           "podChaos": {"action": "pod-kill", "mode": "one",
             "selector": {"labelSelectors": {"app": "nobody"}}}})"));
         annotate(l, "schedules/x", pause_key, "true");
         l.pass(200);
         annotate(l, "schedules/x", pause_key, nullptr);
         l.pass(1);
       }},
      {"workflow",
       [](lab& l) {
         create(l, object_of("Workflow", "x", R"({"entry": "all", "templates": [
           {"name": "all", "templateType": "Serial", "deadline": "60s",
            "children": ["stress", "ask", "rest"]},
           {"name": "stress", "templateType": "StressChaos", "deadline": "10s",
            "stressChaos": {"mode": "one", "stressors": {"cpu": {"workers": 1}},
              "selector": {"labelSelectors": {"app": "hello-service"}}}},
           {"name": "ask", "templateType": "Task", "task": {"container":
              {"name": "m", "image": "busybox:1.35", "command": ["true"]}},
            "conditionalBranches": [{"target": "brief", "expression": "exitCode == 0"}]},
           {"name": "brief", "templateType": "Suspend", "deadline": "1s"},
           {"name": "rest", "templateType": "Suspend", "deadline": "200s"}]})"));
         l.pass(100);
       }},
      {"aborted workflow",
       [](lab& l) {
         create(l, object_of("Workflow", "x", R"({"entry": "all", "templates": [
           {"name": "all", "templateType": "Serial", "children": ["rest"]},
           {"name": "rest", "templateType": "Suspend", "deadline": "200s"}]})"));
         l.pass(5);
         annotate(l, "workflows/x", "workflow.chaos-mesh.org/abort", "true");
         l.pass(5);
       }},
  };
  return all;
}

struct row {
  const char* story;
  const char* about; ///< kind of the object
  const char *component, *type, *reason;
  const char* message; ///< a regular expression
  const char* key;     ///< annotation chaos-mesh.org/type
  const char* field;   ///< another annotation, or none
  const char* value;   ///< as a regular expression
};

#define ID "simple-micro/hello-service-[a-z0-9-]+/hello-service"

const row rows[] = {
    {"life", "StressChaos", "initFinalizers", "Normal", "FinalizerInited",
     "Finalizer has been inited", "finalizer-inited", nullptr, nullptr},
    {"life", "StressChaos", "initFinalizers", "Normal", "FinalizerInited",
     "Finalizer has been removed", "finalizer-removed", nullptr, nullptr},
    {"life", "StressChaos", "initFinalizers", "Normal", "Updated",
     "Successfully update finalizer of resource", "updated", "field", "finalizer"},
    {"life", "StressChaos", "desiredphase", "Normal", "Updated",
     "Successfully update desiredPhase of resource", "updated", "field", "desiredPhase"},
    {"life", "StressChaos", "records", "Normal", "Updated",
     "Successfully update records of resource", "updated", "field", "records"},
    {"life", "StressChaos", "desiredphase", "Normal", "Started", "Experiment has started",
     "started", nullptr, nullptr},
    {"life", "StressChaos", "desiredphase", "Normal", "Paused", "Experiment has been paused",
     "paused", nullptr, nullptr},
    {"life", "StressChaos", "desiredphase", "Normal", "Deleted", "Experiment has been deleted",
     "deleted", nullptr, nullptr},
    {"life", "StressChaos", "records", "Normal", "Applied", "Successfully apply chaos for " ID,
     "applied", "id", ID},
    {"life", "StressChaos", "records", "Normal", "Recovered", "Successfully recover chaos for " ID,
     "recovered", "id", ID},
    {"duration", "StressChaos", "desiredphase", "Normal", "TimeUp",
     "Time up according to the duration", "time-up", nullptr, nullptr},
    {"nobody", "StressChaos", "records", "Warning", "Failed",
     "Failed to select targets: no pod is selected", "failed", "activity", "select targets"},
    {"no target left", "StressChaos", "records", "Warning", "Failed",
     "Failed to select targets: no target has been selected", "failed", "err",
     "no target has been selected"},
    {"no mount", "IOChaos", "records", "Warning", "Failed",
     "Failed to apply chaos: failed to apply for pod simple-micro/hello-service-[a-z0-9-]+: rpc "
     "error: code = Unknown desc = toda startup takes too long or an error occurs: .*",
     "failed", "activity", "apply chaos"},
    {"no mount", "PodIOChaos", "podiochaos", "Warning", "Failed",
     "failed to apply for pod simple-micro/hello-service-[a-z0-9-]+: rpc error: code = Unknown "
     "desc = toda startup takes too long or an error occurs: .*",
     "failed", nullptr, nullptr},
    {"recovery fails", "NetworkChaos", "records", "Warning", "Failed",
     "Failed to recover chaos: rpc error: .*", "failed", "activity", "recover chaos"},
    {"schedule", "Schedule", "schedule-cron", "Normal", "Spawned",
     "Create new object: x-[a-z0-9]{5}", "schedule-spawn", "name", "x-[a-z0-9]{5}"},
    {"schedule", "Schedule", "schedule-cron", "Warning", "Forbid",
     "Forbid spawning new job because: x-[a-z0-9]{5} is still running", "schedule-forbid",
     "running-name", "x-[a-z0-9]{5}"},
    {"schedule", "Schedule", "schedule-gc", "Warning", "Skip",
     "Skip removing history: x-[a-z0-9]{5} is still running", "schedule-skip-remove-history",
     "running-name", "x-[a-z0-9]{5}"},
    {"missed too often", "Schedule", "schedule-cron", "Warning", "Failed",
     "Failed to get run time: too many missed start time \\(> 100\\).*", "failed", "activity",
     "get run time"},
    {"workflow", "Workflow", "workflow-entry-reconciler", "Normal", "EntryCreated",
     "entry node created, entry node all-[a-z0-9]{5}", "entry-created", "entry", "all-[a-z0-9]{5}"},
    {"workflow", "WorkflowNode", "", "Normal", "NodesCreated",
     "child nodes created, stress-[a-z0-9]{5}", "nodes-created", "child-nodes",
     "\\[\"stress-[a-z0-9]{5}\"\\]"},
    {"workflow", "WorkflowNode", "", "Normal", "ChaosCRCreated",
     "chaos CR stress-[a-z0-9]{5}-[a-z0-9]{5} created", "chaos-custom-resource-created", "name",
     "stress-.*"},
    {"workflow", "WorkflowNode", "", "Normal", "ChaosCRDeleted",
     "chaos CR stress-[a-z0-9]{5}-[a-z0-9]{5} deleted", "chaos-custom-resource-deleted", "name",
     "stress-.*"},
    {"workflow", "WorkflowNode", "", "Normal", "NodeDeadlineExceed", "deadline exceed",
     "deadline-exceed", nullptr, nullptr},
    {"workflow", "WorkflowNode", "", "Normal", "ParentNodeDeadlineExceed",
     "deadline exceed bscause parent node all-[a-z0-9]{5} deadline exceed",
     "parent-node-deadline-exceed", "parent-node-name", "all-[a-z0-9]{5}"},
    {"workflow", "WorkflowNode", "", "Normal", "TaskPodSpawned", "pod ask-.* spawned for task",
     "task-pod-spawned", "pod-name", "ask-.*"},
    {"workflow", "WorkflowNode", "", "Normal", "TaskPodPodCompleted",
     "pod ask-.* for task node completed", "task-pod-pod-completed", "pod-name", "ask-.*"},
    {"workflow", "WorkflowNode", "", "Normal", "ConditionalBranchesSelected",
     "selected branches: \\[brief\\]", "conditional-branches-selected", nullptr, nullptr},
    {"workflow", "WorkflowNode", "", "Normal", "NodeAccomplished", "node accomplished",
     "node-accomplished", nullptr, nullptr},
    {"aborted workflow", "WorkflowNode", "", "Normal", "WorkflowAborted",
     "abort the node because workflow x aborted", "workflow-aborted", "workflow-name", "x"},
    {"aborted workflow", "WorkflowNode", "", "Normal", "ParentNodeAborted",
     "abort the node because parent node all-[a-z0-9]{5} aborted", "parent-node-aborted",
     "parent-node-name", "all-[a-z0-9]{5}"},
};

bool matches(const std::string& text, const char* pattern) {
  return std::regex_match(text, std::regex(pattern));
}

bool is_told(const json& event, const row& want) {
  if (event["involvedObject"]["kind"] != want.about || event["reason"] != want.reason) return false;
  if (!matches(event["message"], want.message)) return false;
  const std::string component = event["source"]["component"];
  const auto notes = event["metadata"].value("annotations", json::object());
  if (*want.component && component != want.component) return false;
  if (event["type"] != want.type || event["count"] != 1) return false;
  if (notes.value("chaos-mesh.org/type", "") != want.key) return false;
  if (!want.field) return true;
  return matches(notes.value(std::string("chaos-mesh.org/") + want.field, ""), want.value);
}

} // namespace

TEST_CASE("each event is said for what happens, word for word") {
  for (const auto& [story, happens] : stories()) {
    lab l;
    happens(l);
    const auto all = l.world.state().objects().list("events", "simple-micro");
    for (const auto& want : rows) {
      if (want.story != story) continue;
      CAPTURE(story);
      CAPTURE(want.message);
      const bool told =
          std::any_of(all.begin(), all.end(), [&](const auto& e) { return is_told(*e, want); });
      std::string others;
      for (const auto& e : all) {
        if ((*e)["reason"] == want.reason) others += e->dump() + "\n";
      }
      CHECK_MESSAGE(told, others);
    }
  }
}

TEST_CASE("a pod that is harmed gets no event of Chaos Mesh, its object's events are its own") {
  lab l;
  create(l, stress_cr("x", "hello-service"));
  l.pass(5);
  const auto pod = l.pod_of("hello-service")["metadata"]["name"].get<std::string>();
  for (const auto& e : l.world.state().objects().list("events", "simple-micro")) {
    if ((*e)["involvedObject"]["name"] == pod) {
      CHECK_FALSE((*e)["metadata"].contains("annotations"));
      continue;
    }
    if ((*e)["involvedObject"]["name"] != "x") continue;
    // Each is an object of its own, named after the object and the nanosecond.
    CHECK(matches((*e)["metadata"]["name"], "x\\.[0-9a-f]+"));
    CHECK((*e)["reportingComponent"] == "");
  }
}
