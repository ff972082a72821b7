// Nodes that wait for something else: a task's pod and its branches, a status check.
#include "chaos/mesh/plans/nodes.hpp"
#include "chaos/mesh/recorder.hpp"
#include "environments/embedded/controllers/objects.hpp"
#include "environments/embedded/node/state.hpp"

namespace remed::chaos::mesh {

namespace {

constexpr const char* task_step = "workflow-task-reconciler";
constexpr const char* check_step = "workflow-statuscheck-reconciler";

void spawn_pod(env::cluster& c, const json& node) {
  const auto& task = at_path(node, {"spec", "task"});
  auto pod = json::object();
  pod["apiVersion"] = "v1";
  pod["kind"] = "Pod";
  pod["metadata"] = made_by(node);
  pod["metadata"]["finalizers"] = json::array({"foregroundDeletion"});
  pod["spec"]["restartPolicy"] = "Never";
  pod["spec"]["containers"] = json::array({at_path(task, {"container"})});
  if (task.contains("volumes")) pod["spec"]["volumes"] = task["volumes"];
  auto made = task.contains("container") ? create(c, "pods", std::move(pod))
                                         : result<env::object>(failure{});
  if (!made) {
    return say(c, node, task_step, "Warning", "TaskPodSpawnFailed", "failed to create pod for task",
               "task-pod-spawn-failed");
  }
  say(c, node, task_step, "Normal", "TaskPodSpawned",
      "pod " + text_at(**made, {"metadata", "name"}) + " spawned for task", "task-pod-spawned",
      {{"pod-name", text_at(**made, {"metadata", "name"})}});
}

/// What branches may ask about: {"exitCode": 0, "stdout": "…"}.
json context_of(const env::cluster& c, const json& pod) {
  auto out = json::object();
  out["exitCode"] = 0;
  out["stdout"] = "";
  for (const auto& one : at_path(pod, {"status", "containerStatuses"})) {
    out["exitCode"] = env::int_at(one, {"state", "terminated", "exitCode"});
  }
  const auto* runtime = c.node().find(text_at(pod, {"metadata", "uid"}));
  if (!runtime) return out;
  std::string text;
  for (const auto& container : runtime->containers) {
    for (const auto& line : container.log) {
      if (!line.is_error) text += (text.empty() ? "" : "\n") + line.text;
    }
  }
  out["stdout"] = text;
  return out;
}

/// The branches with what became of their conditions; Unknown before the pod is over.
json branches_of(const json& node, const json* context) {
  auto out = json::array();
  for (const auto& one : at_path(node, {"spec", "conditionalBranches"})) {
    std::string outcome = "Unknown";
    if (context) {
      auto holds = evaluate_branch(text_at(one, {"expression"}), *context);
      if (holds) outcome = *holds ? "True" : "False";
    }
    out.push_back({{"target", text_at(one, {"target"})}, {"evaluationResult", outcome}});
  }
  return out;
}

std::vector<std::string> selected(const json& branches) {
  std::vector<std::string> out;
  for (const auto& one : branches) {
    if (text_at(one, {"evaluationResult"}) == "True") out.push_back(text_at(one, {"target"}));
  }
  return out;
}

bool evaluated(const json& branches) {
  for (const auto& one : branches) {
    if (text_at(one, {"evaluationResult"}) == "Unknown") return false;
  }
  return true;
}

void follow_branches(env::cluster& c, json& node, const std::vector<std::string>& wanted) {
  auto all = children_of_node(c, node);
  auto workflow = workflow_of(c, node);
  if (!wanted.empty() && all.active.empty() && all.finished.empty() && workflow &&
      !is_node_finished(node)) {
    if (auto made = make_nodes(c, *workflow, node, wanted)) {
      say(c, node, task_step, "Normal", "NodesCreated",
          "child nodes created, " + env::join(*made, ","), "nodes-created",
          {{"child-nodes", json(*made).dump()}});
    }
    all = children_of_node(c, node);
  }
  note_children(node, all);
  const bool was = has_condition(node, "Accomplished");
  const bool done = all.finished.size() == wanted.size();
  set_condition(node, "Accomplished", done, "");
  if (done && !was) {
    say(c, node, task_step, "Normal", "NodeAccomplished", "node accomplished", "node-accomplished");
  }
}

} // namespace

void follow_task(env::cluster& c, json& node) {
  const auto ns = text_at(node, {"metadata", "namespace"});
  const auto name = text_at(node, {"metadata", "name"});
  auto pods = labelled(c, "pods", ns, label_controlled_by, name);
  if (pods.empty() && !is_node_finished(node)) spawn_pod(c, node);
  const auto phase = pods.empty() ? "" : text_at(*pods.front(), {"status", "phase"});
  auto& status = node["status"]["conditionalBranchesStatus"];
  if (phase != "Succeeded" && phase != "Failed") {
    if (!at_path(status, {"context"}).is_null()) return; // the pod was removed after it had ended
    status["branches"] = branches_of(node, nullptr);
    return;
  }
  if (at_path(status, {"context"}).is_null()) {
    say(c, node, task_step, "Normal", "TaskPodPodCompleted",
        "pod " + text_at(*pods.front(), {"metadata", "name"}) + " for task node completed",
        "task-pod-pod-completed", {{"pod-name", text_at(*pods.front(), {"metadata", "name"})}});
    const auto context = context_of(c, *pods.front());
    status["context"] = json::array({context.dump()});
    status["branches"] = branches_of(node, &context);
    say(c, node, task_step, "Normal", "ConditionalBranchesSelected",
        "selected branches: [" + env::join(selected(status["branches"]), " ") + "]",
        "conditional-branches-selected");
  }
  const auto branches = status["branches"];
  if (evaluated(branches)) follow_branches(c, node, selected(branches));
}

void follow_check(env::cluster& c, json& node) {
  const auto ns = text_at(node, {"metadata", "namespace"});
  auto checks =
      labelled(c, status_checks, ns, label_controlled_by, text_at(node, {"metadata", "name"}));
  if (is_node_finished(node)) {
    for (const auto& one : checks) {
      if (is_deleted(*one)) continue;
      env::delete_object(c, status_checks, env::key_of(*one));
      say(c, node, check_step, "Normal", "StatusCheckDeleted",
          "status check " + text_at(*one, {"metadata", "name"}) + " deleted",
          "status-check-deleted", {{"name", text_at(*one, {"metadata", "name"})}});
    }
    return;
  }
  if (checks.empty()) {
    auto check = json::object();
    check["apiVersion"] = api_version;
    check["kind"] = "StatusCheck";
    check["metadata"] = made_by(node);
    check["spec"] = at_path(node, {"spec", "statusCheck"});
    auto made = create(c, status_checks, std::move(check));
    if (!made) {
      return say(c, node, check_step, "Warning", "StatusCheckCreatedFailed",
                 "status check " + text_at(node, {"metadata", "name"}) + " create failed",
                 "status-check-created-failed");
    }
    say(c, node, check_step, "Normal", "StatusCheckCreated",
        "status check " + text_at(**made, {"metadata", "name"}) + " created",
        "status-check-created", {{"name", text_at(**made, {"metadata", "name"})}});
    return set_condition(node, "Accomplished", false, "");
  }
  const auto& check = *checks.front();
  const bool done = has_condition(check, "Completed");
  set_condition(node, "Accomplished", done, done ? "StatusCheckCompleted" : "");
  const bool ends = done && !has_condition(check, "SuccessThresholdExceed") &&
                    node["spec"].value("abortWithStatusCheck", false);
  set_condition(node, "Aborted", ends, ends ? "StatusCheckNotExceedSuccessThreshold" : "");
}

} // namespace remed::chaos::mesh
