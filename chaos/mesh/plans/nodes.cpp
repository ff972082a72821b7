// WorkflowNode: deadlines, aborts, and the types that only wait for others.
#include "chaos/mesh/plans/nodes.hpp"

#include "chaos/mesh/go_values.hpp"
#include "chaos/mesh/recorder.hpp"
#include "environments/embedded/controllers/objects.hpp"

#include <algorithm>

namespace remed::chaos::mesh {

namespace {

const json* template_of(const json& workflow, const std::string& name) {
  for (const auto& one : at_path(workflow, {"spec", "templates"})) {
    if (text_at(one, {"name"}) == name) return &one;
  }
  return nullptr;
}

bool has_children(const std::string& type) {
  return type == "Serial" || type == "Parallel" || type == "Task";
}

/// Passes the end of a node on to those below it.
void spread_end(env::cluster& c, const json& node, const char* condition, const char* reason,
                const char* step, const std::string& message) {
  if (!has_children(text_at(node, {"spec", "type"}))) return;
  for (const auto& child : children_of_node(c, node).active) {
    auto now = *child;
    set_condition(now, condition, true, reason);
    say(c, now, step, "Normal", reason, message, kebab(reason),
        {{"parent-node-name", text_at(node, {"metadata", "name"})}});
    write(c, workflow_nodes, std::move(now), false);
  }
}

std::optional<duration> watch_deadline(env::cluster& c, json& node) {
  const auto deadline = env::parse_time(text_at(node, {"spec", "deadline"}));
  if (!deadline) return std::nullopt;
  const auto* step = "workflow-deadline-reconciler";
  const auto name = text_at(node, {"metadata", "name"});
  if (c.now() < *deadline) {
    if (has_condition(node, "DeadlineExceed")) return std::nullopt; // its parent's
    set_condition(node, "DeadlineExceed", false, "NodeDeadlineNotExceed");
    return *deadline - c.now();
  }
  if (!has_condition(node, "DeadlineExceed")) {
    const bool done = has_condition(node, "Accomplished");
    set_condition(node, "DeadlineExceed", true,
                  done ? "NodeDeadlineOmitted" : "NodeDeadlineExceed");
    if (!done) {
      say(c, node, step, "Normal", "NodeDeadlineExceed", "deadline exceed", "deadline-exceed");
    }
  }
  spread_end(c, node, "DeadlineExceed", "ParentNodeDeadlineExceed", step,
             "deadline exceed bscause parent node " + name + " deadline exceed");
  return std::nullopt;
}

void watch_abort(env::cluster& c, const json& node) {
  if (!has_condition(node, "Aborted")) return;
  if (text_at(node, {"spec", "type"}) != "StatusCheck") {
    return spread_end(
        c, node, "Aborted", "ParentNodeAborted", "workflow-abort-node-reconciler",
        "abort the node because parent node " + text_at(node, {"metadata", "name"}) + " aborted");
  }
  // A failed check ends the whole workflow.
  auto workflow = workflow_of(c, node);
  if (!workflow) return;
  auto now = *workflow;
  now["metadata"]["annotations"][abort_annotation] = "true";
  if (now != *workflow) c.put(workflows, std::move(now));
}

} // namespace

bool is_node_finished(const json& node) {
  return has_condition(node, "Accomplished") || has_condition(node, "DeadlineExceed") ||
         has_condition(node, "Aborted");
}

result<std::vector<std::string>> make_nodes(env::cluster& c, const json& workflow,
                                            const json& parent,
                                            const std::vector<std::string>& templates) {
  std::vector<std::string> out;
  for (const auto& name : templates) {
    const auto* from = template_of(workflow, name);
    if (!from) return failure{errc::bad_input, "no template " + name};
    auto node = json::object();
    node["apiVersion"] = api_version;
    node["kind"] = "WorkflowNode";
    auto& meta = node["metadata"];
    meta["generateName"] = name + "-";
    meta["namespace"] = text_at(workflow, {"metadata", "namespace"});
    meta["labels"][label_controlled_by] = text_at(parent, {"metadata", "name"});
    meta["labels"][label_workflow] = text_at(workflow, {"metadata", "name"});
    meta["ownerReferences"] = json::array({env::owner_reference(parent)});
    meta["finalizers"] = json::array({"foregroundDeletion"});
    auto& spec = node["spec"];
    spec["templateName"] = name;
    spec["workflowName"] = text_at(workflow, {"metadata", "name"});
    spec["type"] = text_at(*from, {"templateType"});
    spec["startTime"] = rfc3339(c.now());
    auto lasts = parse_duration(text_at(*from, {"deadline"}));
    if (lasts) spec["deadline"] = rfc3339(c.now() + *lasts);
    for (const auto& [key, value] : from->items()) {
      if (key != "name" && key != "templateType" && key != "deadline") spec[key] = value;
    }
    auto made = create(c, workflow_nodes, std::move(node));
    if (!made) return made.why();
    out.push_back(text_at(**made, {"metadata", "name"}));
  }
  return out;
}

child_nodes children_of_node(const env::cluster& c, const json& node) {
  child_nodes out;
  for (const auto& child : labelled(c, workflow_nodes, text_at(node, {"metadata", "namespace"}),
                                    label_controlled_by, text_at(node, {"metadata", "name"}))) {
    (is_node_finished(*child) ? out.finished : out.active).push_back(child);
  }
  return out;
}

void note_children(json& node, const child_nodes& all) {
  auto put = [&](const char* field, const std::vector<env::object>& from) {
    auto list = json::array();
    for (const auto& one : from) list.push_back({{"name", text_at(*one, {"metadata", "name"})}});
    if (list.empty())
      node["status"].erase(field);
    else
      node["status"][field] = std::move(list);
  };
  if (node["status"].is_null()) node["status"] = json::object();
  put("activeChildren", all.active);
  put("finishedChildren", all.finished);
}

env::object workflow_of(const env::cluster& c, const json& node) {
  return c.objects().get(workflows, {text_at(node, {"metadata", "namespace"}),
                                     text_at(node, {"spec", "workflowName"})});
}

json made_by(const json& node) {
  auto meta = json::object();
  const auto name = text_at(node, {"metadata", "name"});
  meta["generateName"] = name + "-";
  meta["namespace"] = text_at(node, {"metadata", "namespace"});
  meta["labels"][label_controlled_by] = name;
  meta["labels"][label_workflow] = text_at(node, {"spec", "workflowName"});
  meta["ownerReferences"] = json::array({env::owner_reference(node)});
  return meta;
}

void follow_children(env::cluster& c, json& node, bool one_by_one) {
  const auto& wanted = at_path(node, {"spec", "children"});
  const auto count = wanted.is_array() ? wanted.size() : 0;
  const std::string step =
      one_by_one ? "workflow-serial-node-reconciler" : "workflow-parallel-node-reconciler";
  auto all = children_of_node(c, node);
  std::vector<std::string> next;
  if (one_by_one && all.active.empty() && all.finished.size() < count) {
    next.push_back(wanted[all.finished.size()]);
  } else if (!one_by_one && all.active.empty() && all.finished.empty()) {
    for (const auto& one : wanted) next.push_back(one);
  }
  auto workflow = workflow_of(c, node);
  if (!next.empty() && !is_node_finished(node) && workflow) {
    if (auto made = make_nodes(c, *workflow, node, next)) {
      say(c, node, step, "Normal", "NodesCreated", "child nodes created, " + env::join(*made, ","),
          "nodes-created", {{"child-nodes", json(*made).dump()}});
    }
    all = children_of_node(c, node);
  }
  note_children(node, all);
  const bool was = has_condition(node, "Accomplished");
  set_condition(node, "Accomplished", all.finished.size() == count, "");
  if (!was && all.finished.size() == count) {
    say(c, node, step, "Normal", "NodeAccomplished", "node accomplished", "node-accomplished");
  }
}

void follow_chaos(env::cluster& c, json& node) {
  const auto type = text_at(node, {"spec", "type"});
  const auto table = table_of_type(type);
  const auto ns = text_at(node, {"metadata", "namespace"});
  const auto name = text_at(node, {"metadata", "name"});
  const auto* step = "workflow-chaos-node-reconciler";
  auto made = labelled(c, table, ns, label_controlled_by, name);
  if (is_node_finished(node)) {
    for (const auto& one : made) {
      if (is_deleted(*one)) continue;
      const auto child = text_at(*one, {"metadata", "name"});
      env::delete_object(c, table, env::key_of(*one));
      say(c, node, step, "Normal", "ChaosCRDeleted", "chaos CR " + child + " deleted",
          "chaos-custom-resource-deleted", {{"name", child}});
    }
  } else if (made.empty()) {
    auto child = spawn(at_path(node, {"spec"}), type);
    result<env::object> created = failure{};
    if (child) {
      child->obj["metadata"] = made_by(node);
      created = create(c, table, std::move(child->obj));
    }
    if (created) {
      say(c, node, step, "Normal", "ChaosCRCreated",
          "chaos CR " + text_at(**created, {"metadata", "name"}) + " created",
          "chaos-custom-resource-created", {{"name", text_at(**created, {"metadata", "name"})}});
    } else {
      say(c, node, step, "Warning", "ChaosCRCreateFailed", "failed to create chaos CR",
          "chaos-custom-resource-create-failed");
    }
  }
  made = labelled(c, table, ns, label_controlled_by, name);
  set_condition(node, "ChaosInjected", !made.empty(),
                made.empty() ? "ChaosCRNotExists" : "ChaosCRCreated");
  node["status"].erase("chaosResource");
  if (made.empty()) return;
  auto& ref = node["status"]["chaosResource"];
  ref["apiGroup"] = group;
  ref["kind"] = text_at(*made.front(), {"kind"});
  ref["name"] = text_at(*made.front(), {"metadata", "name"});
}

std::optional<duration> reconcile_node(env::cluster& c, const object_key& key) {
  auto found = c.objects().get(workflow_nodes, key);
  if (!found || is_deleted(*found)) return std::nullopt;
  auto node = *found;
  auto again = watch_deadline(c, node);
  watch_abort(c, node);
  const auto type = text_at(node, {"spec", "type"});
  if (type == "Serial" || type == "Parallel") follow_children(c, node, type == "Serial");
  if (type == "Task") follow_task(c, node);
  if (type == "StatusCheck") follow_check(c, node);
  if (type == "Schedule" || kind_named(type)) follow_chaos(c, node);
  // Another step may have written meanwhile: only what this one knows is put there.
  auto now = c.objects().get(workflow_nodes, key);
  if (!now) return again;
  auto after = *now;
  after["status"] = at_path(node, {"status"});
  if (after["status"].is_null()) after["status"] = json::object();
  if (after != *now) write(c, workflow_nodes, std::move(after), false);
  return again;
}

} // namespace remed::chaos::mesh
