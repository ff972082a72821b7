// Which nodes a DaemonSet wants a pod on, and what that pod looks like.
#pragma once

#include "environments/embedded/controllers/objects.hpp"

namespace remed::env {

struct daemon_wish {
  bool runs = false;  ///< a pod should be made on the node
  bool stays = false; ///< one that is there may stay
};
daemon_wish daemon_wanted(const json& set, const json& node);

/// The pod for a node: bound to it by a required affinity, tolerating what daemons tolerate.
json daemon_pod(const json& set, const std::string& node, const std::string& hash);
/// The node a daemon pod is on or is meant for.
std::string daemon_node(const json& pod);

} // namespace remed::env
