// DefaultPreemption: less important pods make room for a more important one.
#pragma once

#include "environments/embedded/controllers/scheduler/filters.hpp"

namespace remed::env {

struct preemption {
  std::string node;            ///< empty: nothing to be done
  std::vector<object> victims; ///< the least important ones that are enough
  std::string message;         ///< what follows the reasons: "preemption: 0/1 nodes …"
};

/// `objections` are those of the filters, one for each node of `all`.
preemption find_victims(const cluster& c, const json& pod, const std::vector<node_view>& all,
                        const std::vector<objection>& objections);

/// "0/3 nodes are available: 1 Insufficient cpu, 2 node(s) were unschedulable." (FitError)
std::string fit_error(const std::vector<objection>& objections, std::size_t nodes);

} // namespace remed::env
