// Independent measurements of a simulated system: what a prober beside the pods would find.
#pragma once

#include "environments/embedded/traffic.hpp"
#include "environments/environment.hpp"

#include <string>
#include <vector>

namespace remed::env {

/// A request that takes longer than this has failed.
inline constexpr double transaction_limit_s = 1;

/// Small requests from the node to a service. Fails (errc::failed) when there is no such service.
result<environment::transactions> transactions_with(const cluster& c, const std::string& ns,
                                                    const std::string& service, int count,
                                                    random_source& chance);

/// 95th percentile of a small synced write below `path` in the first container of each of the
/// service's running pods: that of the slowest pod, in milliseconds.
result<double> synced_write_ms(const cluster& c, const std::string& ns, const std::string& service,
                               const std::string& path, int count, random_source& chance);

/// Integral over a window of the failing share of requests beyond `tolerated`. Seconds.
double harm_seconds(const std::vector<traffic_segment>& timeline, vtime from, vtime to,
                    double tolerated);

} // namespace remed::env
