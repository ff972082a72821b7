// The cluster's machine as an object.
#pragma once

#include "environments/embedded/cluster.hpp"

namespace remed::env {

/// Registers the one node with its lease: Ready, 8 CPUs, 32 GiB. Keeps an existing one.
void install_node(cluster& c);

/// An effect of this kind, with params {"node"}, silences the kubelet of a node.
inline constexpr const char* kubelet_down = "kubelet_down";
/// Whether a kubelet speaks for the node: those that only exist as objects have none.
bool is_reporting(const cluster& c, const std::string& node);

/// Whether objects of a table have a heartbeat.
bool has_heartbeat(const resource_name& resource);

/// A node or its lease with the heartbeat it has by now. Computed when somebody looks, so that an
/// idle cluster costs nothing; other objects are handed back as they are.
json with_heartbeat(const cluster& c, const resource_name& resource, json obj);

} // namespace remed::env
