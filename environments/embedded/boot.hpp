// From a system's name to a running cluster, and a cluster's standard identities.
#pragma once

#include "environments/embedded/api_server.hpp"
#include "environments/embedded/cluster.hpp"
#include "environments/systems/system.hpp"
#include "runtime/result.hpp"

#include <memory>
#include <string>

namespace remed::env {

/// The rules of a cluster without anything added: built-in controllers, scheduler, kubelet,
/// traffic.
cluster_rules standard_rules();

/// What a cluster has before a system is put on it: the four namespaces, the node, the API's own
/// service. Keeps what is there.
void install_basics(cluster& c);

struct boot_options {
  cluster_options machine;
  vtime start = stepped_epoch;
  std::uint64_t seed = 0;
  duration ready_limit = std::chrono::minutes{15}; ///< virtual
};

/// Applies the system's manifests to an empty cluster and lets time pass until all is Ready.
/// Fails (errc::timed_out) naming what is not.
result<std::unique_ptr<cluster>> boot(const system_profile& system, cluster_rules rules,
                                      boot_options options);

} // namespace remed::env
