// Many requests at one instant: what they have in common is found once. And the parts that health
// checks have in common with requests.
#pragma once

#include "environments/embedded/traffic.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace remed::env {

/// As send_request for each of the keys, but for what only a reader of the answers wants: bodies,
/// dates and servers' names are left out.
std::vector<request_outcome> time_requests(const cluster& c, const json* client,
                                           const std::string& host, int port,
                                           const std::string& path, double timeout_s,
                                           const std::vector<std::string>& keys);

/// A probe's or a service's port, by number or name.
std::int64_t port_number(const json& value, const json& pod, const std::string& container);
/// Users' requests per second to a pod of the service; none: it is no part of the system.
double pod_rps(const cluster& c, const service_profile* profile, const json& pod);
/// Time one request over a standing connection needs in a container that users send `rps` requests,
/// and on its way back, without callees; ms.
double serve_ms(const service_profile* profile, double rps, const flow_container& around,
                random_source& chance, bool loopback = false);
/// The chance of what a client (none: the node) does at this instant.
random_source chance_for(const cluster& c, const json* client, std::string_view what);

} // namespace remed::env
