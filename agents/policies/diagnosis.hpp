// The runbook's reasoning, apart from what is made of it: which workload is in trouble and which
// change cures it.
#pragma once

#include "agents/policies/history.hpp"
#include "agents/policies/policy.hpp"

#include <optional>
#include <variant>
#include <vector>

namespace remed::agents {

/// A change of an object beside the workload: a patch, or its end.
struct object_change {
  std::string title, api_version, kind, name;
  json patch; ///< null: the object is deleted
};

/// What to do about one workload: `others` if there are any, else back to the revision before, else
/// `spec`.
struct cure {
  workload_ref target;
  bool leave = false;     ///< nothing is wrong: nothing is changed
  json spec;              ///< patch of the workload's spec
  bool roll_back = false; ///< Deployments only
  std::vector<object_change> others;
  std::optional<int> scale; ///< besides: to so many replicas
  int replicas = 0;         ///< as found; 0: not looked at
  std::string why;
};

/// What the probes of this trial showed of the workload in trouble.
struct evidence {
  const reading* r = nullptr;
  workload_ref target;
  json workload;
  std::vector<revision> history;
  json service;                     ///< null: not looked at, or there is none
  json policies, autoscalers, pods; ///< lists; null: not looked at
};

/// What to look at next, what to do, or why nothing can be done.
using diagnosis = std::variant<look_at, cure, resign_for>;

/// With a probe tool: probes, then decides. Without: decides on the report alone.
diagnosis diagnose(const reading& r);

/// The cure for what the probes showed.
cure cure_for(const evidence& e);
/// New pods for a workload.
cure restart(const reading& r, workload_ref target, std::string why);

/// The workload the report is about, once the names are known; look_at to learn them. Its name is
/// empty when the report is about none.
std::variant<look_at, workload_ref> find_target(const reading& r);
/// All workloads of the namespace, once asked for by find_target; without a probe the one named by
/// the report.
std::vector<workload_ref> all_workloads(const reading& r);
/// `kubectl get KIND NAME … -o json` of a workload.
std::string get_workload(const reading& r, const workload_ref& which);

/// Differs from trial to trial and from service to service, so that each restart is one.
std::string restart_stamp(const reading& r, const std::string& target);

} // namespace remed::agents
