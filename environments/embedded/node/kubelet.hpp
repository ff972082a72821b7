// The node agent: makes what runs match the pods bound to the node, and the pods' status match what
// runs. Level-triggered; a pod is looked at only when something of it is due.
#pragma once

#include "environments/embedded/cluster.hpp"
#include "environments/embedded/node/images.hpp"

#include <memory>
#include <string>

namespace remed::env {

/// The controller "kubelet"; keys are "namespace/name" of pods.
std::shared_ptr<const controller> make_kubelet(std::shared_ptr<const image_catalogue> images);

/// The kubelet's eviction manager; keys are names of nodes. Asleep until somebody hogs memory.
std::shared_ptr<const controller> make_eviction_manager();
inline constexpr std::string_view eviction_actor = "eviction-manager";

inline constexpr std::string_view node_name = "node-1";
inline constexpr std::string_view node_address = "192.168.0.11";

} // namespace remed::env
