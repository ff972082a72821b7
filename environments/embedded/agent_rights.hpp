// What the agents' ServiceAccount may do in a cluster: RBAC objects, least privilege.
#pragma once

#include "environments/embedded/cluster.hpp"

#include <string>
#include <vector>

namespace remed::env {

inline constexpr const char* agent_account = "sre-agent";

/// Puts the ServiceAccount, its Role and ClusterRole and their bindings into the cluster. The
/// account may do everything with objects of `extra_groups` in its namespace.
void grant_agent_rights(cluster& c, const std::string& ns,
                        const std::vector<std::string>& extra_groups);

} // namespace remed::env
