// EndpointSlices: what proxies read. Up to 100 endpoints a slice, one set of slices for each set of
// ports.
#pragma once

#include "environments/embedded/controllers/objects.hpp"

namespace remed::env {

/// The service's ports as numbers of this pod; a named port that the pod does not have is left out.
/// EndpointSlices name every port, Endpoints only those with a name.
json ports_for(const json& service, const json& pod, bool name_all);
/// {kind, namespace, name, uid} of a pod.
json target_ref(const json& pod);
/// The pod's hostname where the service is its subdomain; empty: it has none there.
std::string hostname_in(const json& service, const json& pod);
/// Sets or removes what is derived from the service's labels: theirs, and whether it is headless.
json labels_for(const json& service);

/// Writes the slices of a service for its pods (those with an address that did not end).
void write_slices(cluster& c, const json& service, const std::vector<object>& pods);
/// Endpoints that somebody wrote for a service without a selector are mirrored into slices.
void mirror_slices(cluster& c, const object_key& key);

} // namespace remed::env
