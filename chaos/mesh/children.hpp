// PodNetworkChaos and PodIOChaos: what all experiments together want of one pod. Experiments write
// their share under their source; the daemon's controller makes it so.
#pragma once

#include "chaos/mesh/action.hpp"

#include <string>

namespace remed::chaos::mesh {

/// Replaces the share of `source` ("ns/name") in the list `field` of a pod's child by `entries` and
/// sets the other fields of `extra` in its spec. Returns the child's generation, or why not.
result<std::int64_t> commit(env::cluster& c, const std::string& resource, const std::string& field,
                            const object_key& pod, const std::string& source, const json& entries,
                            const json& extra = json::object());

/// Where an experiment stands that waits for the child of a record's pod.
progress wait_for(const env::cluster& c, const std::string& resource, const json& cr,
                  const json& record, const char* waiting, const char* reached);

/// The daemon's part: makes the effects of a pod match its child.
void sync_network(env::cluster& c, const object_key& key);
void sync_io(env::cluster& c, const object_key& key);

} // namespace remed::chaos::mesh
