// The cluster's figures as Prometheus would have scraped them: computed when asked for, from what
// the cluster remembers of its past.
#pragma once

#include "environments/embedded/cluster.hpp"
#include "environments/embedded/prometheus/engine.hpp"

#include <string>
#include <vector>

namespace remed::env::prometheus {

inline constexpr double scrape_s = 15;
/// Older samples are not kept. Seconds.
inline constexpr double retention_s = 3 * 3600;

/// A `source` over the cluster; no samples from the future.
std::vector<series> series_of(const cluster& c, const std::string& metric,
                              const std::vector<matcher>& matchers, double from, double to);

/// What a service's own /metrics says now, in the text format.
std::string exposition_of(const cluster& c, const json& pod, const std::string& service);

} // namespace remed::env::prometheus
