// Workflow: makes its entry node, and follows it.
#include "chaos/mesh/plans/nodes.hpp"
#include "chaos/mesh/recorder.hpp"

namespace remed::chaos::mesh {

namespace {

constexpr const char* entry_step = "workflow-entry-reconciler";

void spawn_entry(env::cluster& c, const json& workflow) {
  const auto entry = text_at(workflow, {"spec", "entry"});
  auto made = make_nodes(c, workflow, workflow, {entry});
  if (!made) {
    return say(c, workflow, entry_step, "Warning", "InvalidEntry",
               "failed to spawn new entry node of workflow, entry: " + entry, "invalid-entry",
               {{"entry-template", entry}});
  }
  say(c, workflow, entry_step, "Normal", "EntryCreated",
      "entry node created, entry node " + made->front(), "entry-created",
      {{"entry", made->front()}});
}

/// A workflow that is aborted ends its entry node, which ends those below.
void spread_abort(env::cluster& c, const json& workflow, const env::object& entry) {
  const auto asked = text_at(workflow, {"metadata", "annotations", abort_annotation});
  if (asked != "true" || !entry || has_condition(*entry, "Aborted")) return;
  if (is_node_finished(*entry)) return;
  auto node = *entry;
  set_condition(node, "Aborted", true, "WorkflowAborted");
  say(c, node, "workflow-abort-workflow-reconciler", "Normal", "WorkflowAborted",
      "abort the node because workflow " + text_at(workflow, {"metadata", "name"}) + " aborted",
      "workflow-aborted", {{"workflow-name", text_at(workflow, {"metadata", "name"})}});
  write(c, workflow_nodes, std::move(node), false);
}

} // namespace

std::optional<duration> reconcile_workflow(env::cluster& c, const object_key& key) {
  auto workflow = c.objects().get(workflows, key);
  if (!workflow || is_deleted(*workflow)) return std::nullopt;
  auto entries = labelled(c, workflow_nodes, key.ns, label_controlled_by, key.name);
  if (entries.empty()) {
    spawn_entry(c, *workflow);
    entries = labelled(c, workflow_nodes, key.ns, label_controlled_by, key.name);
  }
  const auto entry = entries.empty() ? env::object{} : entries.front();
  spread_abort(c, *workflow, entry);
  auto now = *workflow;
  const bool done = entry && is_node_finished(*entry);
  const bool was_done = has_condition(now, "Accomplished");
  set_condition(now, "Scheduled", entry != nullptr, "");
  set_condition(now, "Accomplished", done, "");
  auto& status = now["status"];
  if (entry) status["entryNode"] = text_at(*entry, {"metadata", "name"});
  if (!status.contains("startTime")) status["startTime"] = rfc3339(c.now());
  if (done && !status.contains("endTime")) status["endTime"] = rfc3339(c.now());
  if (!done) status.erase("endTime");
  if (now != *workflow) write(c, workflows, std::move(now), false);
  if (done && !was_done) {
    say(c, *workflow, entry_step, "Normal", "WorkflowAccomplished", "workflow accomplished",
        "workflow-accomplished");
  }
  return std::nullopt;
}

} // namespace remed::chaos::mesh
