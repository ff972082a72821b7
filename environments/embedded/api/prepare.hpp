// What an API server does to an object between the client and the store: defaults, built-in
// admission, what is allotted (addresses, names), generation.
#pragma once

#include "environments/embedded/api/resources.hpp"
#include "environments/embedded/cluster.hpp"

namespace remed::env {

/// What the decoder fills in: the kind's defaults, also those that follow from other fields.
void fill_defaults(const resource_type& type, json& obj);
/// Completes a new object: kind's defaults, name from generateName, uid, time stamps, generation,
/// initial status, cluster addresses, a pod's service account and tolerations.
void prepare_create(cluster& c, const resource_type& type, json& obj);
/// Completes a change: server-owned metadata from `before`, defaults, generation. `subresource` is
/// empty, "status" or "scale".
void prepare_update(const resource_type& type, const json& before, json& after,
                    std::string_view subresource);

/// Guaranteed, Burstable or BestEffort.
std::string qos_class(const json& pod_spec);

/// For controllers, which write past the API: `obj` as if it had been created through it (defaults,
/// service account, admission hooks are not run).
json prepared(cluster& c, const resource_name& table, json obj);

} // namespace remed::env
