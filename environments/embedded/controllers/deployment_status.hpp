// What a Deployment says about its rollout.
#pragma once

#include "environments/embedded/cluster.hpp"

#include <optional>
#include <vector>

namespace remed::env {

/// maxSurge and maxUnavailable in pods, rounded as Kubernetes does: up and down, not both zero.
struct rollout_bounds {
  std::int64_t surge = 0, unavailable = 0;
};
rollout_bounds bounds_of(const json& deployment);

/// The status for the given ReplicaSets (`current` may be null), with conditions carried on.
/// `recheck` takes the moment the progress deadline passes.
json deployment_status(const cluster& c, const json& deployment, const object& current,
                       const std::vector<object>& all, std::optional<vtime>& recheck);

/// Sets a condition as the deployment controller does: an equal one (status, reason) stays.
void set_deployment_condition(json& status, const std::string& type, const std::string& value,
                              const std::string& reason, const std::string& message, vtime now,
                              bool refresh = false);

} // namespace remed::env
