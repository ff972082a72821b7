// A profile for workloads nobody described: told from their manifests.
#pragma once

#include "environments/systems/runtimes.hpp"
#include "environments/systems/system.hpp"
#include "runtime/json_value.hpp"

#include <string>
#include <vector>

namespace remed::env {

/// Whether the object's kind has a say in what is inferred.
bool shapes_profile(const json& object);

/// Whether nothing is to be inferred: the system says where users come in, and declares a profile
/// for each workload.
bool is_complete(const std::vector<const json*>& objects, const std::string& ns,
                 const system_profile& system);

/// Adds a profile for each Deployment, StatefulSet and DaemonSet of the namespace that `out` has
/// none for: the kind of runtime from image, command and ports; who it calls from the names of
/// Services in its environment (ConfigMaps and Secrets followed), command and arguments. Where
/// `out` names no entry, users come in at what a LoadBalancer, NodePort or Ingress leads to, else
/// at the services nobody calls. Objects without a namespace belong to it.
void infer_services(const std::vector<const json*>& objects, const std::string& ns,
                    const runtime_catalogue& runtimes, system_profile& out);

} // namespace remed::env
