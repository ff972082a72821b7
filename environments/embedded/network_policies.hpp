// What NetworkPolicies let through, as the flow model sees it.
#pragma once

#include "environments/embedded/cluster.hpp"
#include "environments/embedded/flow.hpp"

namespace remed::env {

/// Cuts a pod off from all pods that its policies for ingress do not let in. The node itself always
/// reaches its pods (kubelet's probes), as Kubernetes demands.
///
/// A simplification: links have no notion of who opened a connection, so a fenced pod cannot call
/// those either that may not call it; ports of a rule are not told apart, and policies for egress
/// are not enforced.
void add_policies(const cluster& c, const json& pod, flow_container& out);

/// Whether a pod's resolver knows the names of the cluster (its dnsPolicy).
bool knows_cluster_names(const json& pod);

} // namespace remed::env
