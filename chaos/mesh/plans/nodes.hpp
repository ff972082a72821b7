// What the kinds of workflow nodes share.
#pragma once

#include "chaos/mesh/plans/plans.hpp"

#include <string>
#include <vector>

namespace remed::chaos::mesh {

/// Accomplished, beyond its deadline, or aborted.
bool is_node_finished(const json& node);

/// Makes one node for each template, owned by `parent` (a node, or the workflow itself). Returns
/// their names; fails when the workflow has no such template.
result<std::vector<std::string>> make_nodes(env::cluster& c, const json& workflow,
                                            const json& parent,
                                            const std::vector<std::string>& templates);
/// Children of a node: those that still run, those that are over.
struct child_nodes {
  std::vector<env::object> active, finished;
};
child_nodes children_of_node(const env::cluster& c, const json& node);
/// Writes status.activeChildren and finishedChildren into `node`.
void note_children(json& node, const child_nodes& all);
/// The workflow a node belongs to, or none.
env::object workflow_of(const env::cluster& c, const json& node);
/// Labels and owner of what a node makes.
json made_by(const json& node);

/// One look at a node of each type; they write to `node`, which the caller stores.
void follow_children(env::cluster& c, json& node, bool one_by_one);
void follow_chaos(env::cluster& c, json& node);
void follow_task(env::cluster& c, json& node);
void follow_check(env::cluster& c, json& node);

/// A condition of a branch over `exitCode` and `stdout`, in the language of Chaos Mesh's
/// expressions: comparisons, &&, ||, !, and, or, not, contains, startsWith, endsWith, parentheses.
result<bool> evaluate_branch(const std::string& expression, const json& context);

} // namespace remed::chaos::mesh
