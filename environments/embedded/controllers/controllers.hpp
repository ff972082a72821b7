// The built-in controllers. Each is stateless; keys are "namespace/name" unless said otherwise.
#pragma once

#include "environments/embedded/cluster.hpp"

#include <memory>

namespace remed::env {

std::shared_ptr<const controller> make_deployment_controller();
std::shared_ptr<const controller> make_replicaset_controller();
std::shared_ptr<const controller> make_replication_controller();
std::shared_ptr<const controller> make_statefulset_controller();
std::shared_ptr<const controller> make_daemonset_controller();
std::shared_ptr<const controller> make_job_controller();
std::shared_ptr<const controller> make_cronjob_controller();
std::shared_ptr<const controller> make_disruption_controller();
std::shared_ptr<const controller> make_quota_controller();
std::shared_ptr<const controller> make_autoscaler();
/// Claims ("ns/name") and volumes ("/name").
std::shared_ptr<const controller> make_volume_controller();
std::shared_ptr<const controller> make_endpoints_controller();
std::shared_ptr<const controller> make_namespace_controller();
/// Keys: "resource|namespace/name" of an owner whose dependents need a look.
std::shared_ptr<const controller> make_garbage_collector();
/// Accepts the names of CustomResourceDefinitions, and deletes their objects with them.
std::shared_ptr<const controller> make_crd_controller();
inline constexpr const char* crd_cleanup_finalizer = "customresourcecleanup.apiextensions.k8s.io";
/// Deletes events an hour after their last write.
std::shared_ptr<const controller> make_event_expiry();
std::shared_ptr<const controller> make_scheduler();
/// Nodes that went silent or are under pressure: keys are node names.
std::shared_ptr<const controller> make_node_controller();
/// Pods on nodes with NoExecute taints.
std::shared_ptr<const controller> make_taint_eviction_controller();

} // namespace remed::env
