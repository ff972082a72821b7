// What the scheduler sees in one cycle: nodes, the pods on them, and what is left.
#pragma once

#include "environments/embedded/controllers/objects.hpp"

#include <map>
#include <string>
#include <vector>

namespace remed::env {

using resource_amounts = std::map<std::string, double>;

/// What a pod asks of a node: containers and sidecars together, or the largest init container, plus
/// the overhead of its runtime class (resource.PodRequests).
resource_amounts pod_requests(const json& pod);

struct node_view {
  object node;
  std::string name;
  std::vector<object> pods; ///< bound to it and not ended, or nominated to it with priority
  resource_amounts used;
  resource_amounts room; ///< allocatable

  void add(const object& pod);
  void remove(const object& pod);
};

/// All nodes in name order, as they look for this pod: pods that were promised room on a node and
/// are at least as important count as if they were there.
std::vector<node_view> view_nodes(const cluster& c, const json& pod);

std::int64_t priority_of(const json& pod);

} // namespace remed::env
