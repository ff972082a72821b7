// metrics.k8s.io as metrics-server answers it: usage between the last two scrapes, every 15 s.
#pragma once

#include "environments/embedded/cluster.hpp"

#include <string_view>

namespace remed::env {

/// Memory that the node uses besides pods: kubelet, runtime, system.
inline constexpr double node_idle_bytes = 900.0 * 1024 * 1024;

/// PodMetrics items of a namespace (empty: all), in name order; of those whose name begins with
/// `prefix`. A pod appears when all its running containers were alive at both scrapes.
json pod_metrics(const cluster& c, std::string_view ns, std::string_view prefix = {});
/// NodeMetrics items.
json node_metrics(const cluster& c);

} // namespace remed::env
