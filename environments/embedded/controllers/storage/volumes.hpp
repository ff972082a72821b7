// Claims and volumes: names and rules that the scheduler shares with their controller.
#pragma once

#include "environments/embedded/controllers/objects.hpp"

namespace remed::env {

inline constexpr const char* claims_table = "persistentvolumeclaims";
inline constexpr const char* volumes_table = "persistentvolumes";
/// Where the scheduler wants a claim that waited for its first consumer.
inline constexpr const char* selected_node_key = "volume.kubernetes.io/selected-node";

/// Bound for good: the claim names its volume and says so.
bool is_bound(const json& claim);
/// The smallest free volume that a claim could have, or none.
object matching_volume(const cluster& c, const json& claim);

/// The default StorageClass and the node-local provisioner behind it, as k3s ships them.
void install_storage(cluster& c);

} // namespace remed::env
