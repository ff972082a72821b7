// What a workload was before: its earlier revisions, from ReplicaSets or ControllerRevisions.
#pragma once

#include "runtime/json.hpp"

#include <optional>
#include <vector>

namespace remed::agents {

struct revision {
  int number = 0;
  json pod; ///< the template's spec
};

/// The revisions in a list of ReplicaSets or ControllerRevisions, newest first.
std::vector<revision> revisions_in(const json& list);

/// Resources to put back: those of the latest older revision that allowed a container at least
/// twice as much as now. As a patch of the workload's spec; none if there is no such revision.
std::optional<json> lost_resources(const json& workload, const std::vector<revision>& history);

/// Whether the newest revision runs something else than the one before: no mere restart.
bool changed_last(const std::vector<revision>& history);

/// A quantity such as 500m, 2000Mi or 1.5 as a number; 0 if it is none.
double quantity(const std::string& text);

} // namespace remed::agents
