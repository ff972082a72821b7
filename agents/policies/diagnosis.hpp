// The runbook's reasoning, apart from what is made of it: which Deployment is in trouble and which
// change of its spec cures it.
#pragma once

#include "agents/policies/policy.hpp"

#include <optional>
#include <variant>

namespace remed::agents {

/// A change of one Deployment.
struct cure {
  std::string target;
  json spec;              ///< patch of the Deployment's spec
  bool roll_back = false; ///< instead of a patch: back to the revision before
  int replicas = 0;       ///< as found; 0: not looked at
  std::string why;
};

/// What to look at next, what to do, or why nothing can be done.
using diagnosis = std::variant<look_at, cure, resign_for>;

/// With a probe tool: probes, then decides. Without: decides on the report alone.
diagnosis diagnose(const reading& r);

/// The Deployment the report is about, once the names are known; look_at to learn them.
std::variant<look_at, std::string> find_target(const reading& r);

/// Resources to put back: those of the latest older revision that allowed a container at least
/// twice as much as now. As a patch of the Deployment's spec; none if there is no such revision.
std::optional<json> lost_resources(const json& deployment, const json& replica_sets);

/// A quantity such as 500m, 2000Mi or 1.5 as a number; 0 if it is none.
double quantity(const std::string& text);

/// Differs from trial to trial and from service to service, so that each restart is one.
std::string restart_stamp(const reading& r, const std::string& target);

} // namespace remed::agents
