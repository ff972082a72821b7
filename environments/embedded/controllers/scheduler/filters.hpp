// The filter plugins of kube-scheduler's default profile, in their order and with their words.
#pragma once

#include "environments/embedded/controllers/scheduler/view.hpp"

#include <string>
#include <vector>

namespace remed::env {

/// Why a pod cannot go to a node; no reasons: it can.
struct objection {
  std::vector<std::string> reasons;
  bool hopeless = false; ///< removing other pods would not help
};

/// Before any node is looked at: a reason that holds for all of them, or empty.
std::string prefilter(const cluster& c, const json& pod);
/// The first plugin's objection to one of the nodes.
objection filter(const cluster& c, const json& pod, const node_view& at,
                 const std::vector<node_view>& all);

// -- spread.cpp
objection filter_spread(const json& pod, const node_view& at, const std::vector<node_view>& all);
// -- pod_affinity.cpp
objection filter_pod_affinity(const cluster& c, const json& pod, const node_view& at,
                              const std::vector<node_view>& all);
/// Does a pod match a term of `owner`'s (anti-)affinity?
bool affinity_term_selects(const cluster& c, const json& term, const json& owner, const json& pod);

// -- volumes.cpp
std::string prefilter_volumes(const cluster& c, const json& pod);
objection filter_volumes(const cluster& c, const json& pod, const node_view& at);
/// The claims of a pod, by name, those of generic ephemeral volumes included.
std::vector<std::string> claims_of(const json& pod);
/// Promises the node to claims that wait for their first consumer. True: all claims are bound and
/// the pod may go.
bool bind_volumes(cluster& c, const json& pod, const std::string& node);

// -- scores.cpp
/// The best of the nodes that passed; `fitting` indexes into `all`, not empty.
std::size_t best_node(const cluster& c, const json& pod, const std::vector<node_view>& all,
                      const std::vector<std::size_t>& fitting);

} // namespace remed::env
