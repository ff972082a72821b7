// Playbooks that policies hand in. They run under the real Ansible and under the in-process backend
// alike: kubernetes.core modules with literal arguments only.
#pragma once

#include "agents/policies/reading.hpp"
#include "runtime/json.hpp"

#include <string>
#include <vector>

namespace remed::agents {

/// Builds one playbook task by task.
class playbook_text {
public:
  explicit playbook_text(std::string title) : title_(std::move(title)) {}

  /// Patches a workload and waits until all of it is new and available.
  playbook_text& patch_workload(const std::string& title, const std::string& ns,
                                const workload_ref& which, json spec);
  /// Patches any object; waits for nothing.
  playbook_text& patch(const std::string& title, const std::string& api_version,
                       const std::string& kind, const std::string& ns, const std::string& name,
                       json change);
  playbook_text& scale(const std::string& title, const std::string& ns, const workload_ref& which,
                       int replicas);
  playbook_text& remove(const std::string& title, const std::string& api_version,
                        const std::string& kind, const std::string& ns, const std::string& name);
  /// Back to the Deployment's revision before this one.
  playbook_text& roll_back(const std::string& title, const std::string& ns,
                           const workload_ref& which);
  playbook_text& say(const std::string& title, const std::string& text);

  std::string yaml() const;

private:
  playbook_text& task(const std::string& title, const std::string& module, json arguments);

  std::string title_;
  std::string tasks_;
};

/// A workload's spec that makes all its pods new, as `kubectl rollout restart` does. `stamp`
/// differs from restart to restart.
json restart_patch(const std::string& stamp);

} // namespace remed::agents
