// The built-in controllers. Each is stateless; keys are "namespace/name" unless said otherwise.
#pragma once

#include "environments/embedded/cluster.hpp"

#include <memory>

namespace remed::env {

std::shared_ptr<const controller> make_deployment_controller();
std::shared_ptr<const controller> make_replicaset_controller();
std::shared_ptr<const controller> make_endpoints_controller();
std::shared_ptr<const controller> make_namespace_controller();
/// Keys: "resource|namespace/name" of an owner whose dependents need a look.
std::shared_ptr<const controller> make_garbage_collector();
std::shared_ptr<const controller> make_scheduler();
/// Heartbeats of the node: keys are node names.
std::shared_ptr<const controller> make_node_controller();

} // namespace remed::env
