// How many replicas a metric asks for (ReplicaCalculator of the horizontal pod autoscaler).
#pragma once

#include "environments/embedded/controllers/objects.hpp"

namespace remed::env {

struct replica_proposal {
  std::int64_t replicas = 0;
  std::string name; ///< "cpu resource utilization (percentage of request)"
  json status;      ///< entry of status.currentMetrics
};

/// What one metric of a spec proposes for the pods of a target that has `current` replicas. A
/// failure's text is what the controller puts into events.
result<replica_proposal> propose_replicas(const cluster& c, const json& metric,
                                          const std::string& ns, const json& selector,
                                          std::int64_t current);
/// The reason of events and conditions for a metric that cannot be had: FailedGetResourceMetric.
std::string metric_failure_reason(const json& metric);

} // namespace remed::env
