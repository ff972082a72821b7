// Schedules, workflows and status checks: what makes experiments over time. They act on objects
// only; the experiments' own controller does the rest.
#pragma once

#include "chaos/mesh/kinds.hpp"
#include "runtime/result.hpp"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace remed::chaos::mesh {

inline constexpr const char* schedules = "schedules.chaos-mesh.org";
inline constexpr const char* workflows = "workflows.chaos-mesh.org";
inline constexpr const char* workflow_nodes = "workflownodes.chaos-mesh.org";
inline constexpr const char* status_checks = "statuschecks.chaos-mesh.org";
inline constexpr const char* label_controlled_by = "chaos-mesh.org/controlled-by";
inline constexpr const char* label_workflow = "chaos-mesh.org/workflow";
inline constexpr const char* label_managed_by = "managed-by";
inline constexpr const char* pause_annotation = "experiment.chaos-mesh.org/pause";
inline constexpr const char* abort_annotation = "workflow.chaos-mesh.org/abort";

/// The controller of all of them. Keys: "<table>|<namespace>/<name>".
std::shared_ptr<const env::controller> make_plans_controller();

/// One look each; returns after what time to look again although nothing has changed, if at all.
std::optional<duration> reconcile_schedule(env::cluster& c, const object_key& key);
/// A schedule's children have changed: its list of them, and those beyond its history.
std::optional<duration> collect_schedule(env::cluster& c, const object_key& key);
std::optional<duration> reconcile_workflow(env::cluster& c, const object_key& key);
std::optional<duration> reconcile_node(env::cluster& c, const object_key& key);
std::optional<duration> reconcile_status_check(env::cluster& c, const object_key& key);

/// Creates an object as through the API: defaults, webhooks, name from generateName.
result<env::object> create(env::cluster& c, const std::string& resource, json obj);
/// An object of a kind that a schedule or a node embeds: {resource, object with its spec}. Fails
/// when it embeds none of that type.
struct spawned {
  std::string resource;
  json obj;
};
result<spawned> spawn(const json& holder, const std::string& type);
/// The table of a type that schedules and workflows can make.
std::string table_of_type(const std::string& type);
/// Objects of a table with a label, oldest first.
std::vector<env::object> labelled(const env::cluster& c, const std::string& resource,
                                  const std::string& ns, const std::string& label,
                                  const std::string& value);

/// An experiment is over: its time is up or it was done once, and its records are where they end.
/// `until_stop`, if given: how long it will still run by its duration.
bool is_finished(const json& cr, vtime now, std::optional<duration>* until_stop = nullptr);

/// status.conditions of workflows and nodes.
bool has_condition(const json& obj, const std::string& type, const std::string& status = "True");
void set_condition(json& obj, const std::string& type, bool holds, const std::string& reason);

} // namespace remed::chaos::mesh
