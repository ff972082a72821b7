// The arithmetic of load: how long a request takes in a container that is short of CPU, behind a
// slow or lossy link, or waiting for a slow disk, and what becomes of it along a call graph. Pure
// functions of numbers; formulas and their sources: flow.md.
#pragma once

#include "environments/systems/system.hpp"

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace remed::env {

/// A quota below this many cores is raised to it by the kubelet (1 ms in 100 ms).
inline constexpr double smallest_quota_cores = 0.01;
/// Above this utilisation a queue is treated as full instead of dividing by nearly zero.
inline constexpr double full_load = 0.98;
/// Requests are followed as this many equally likely cases, so that a share is a count.
inline constexpr int flow_cases = 256;

/// What is done to packets between a pod and certain others.
struct flow_filter {
  std::vector<std::string> peers; ///< networks: "10.42.0.7/32"
  double delay_ms = 0, jitter_ms = 0;
  double loss = 0; ///< share of the packets it sends them that are lost, 0..1
  bool cut = false;
  bool operator==(const flow_filter&) const = default;
};

/// What surrounds one container that serves requests.
struct flow_container {
  std::string pod;  ///< for whom to ask
  double cores = 8; ///< CPU it may use at most: its limit, or the node's cores
  double node_cores = 8;
  double hog_threads = 0; ///< foreign threads that never sleep, in the same cgroup
  double hog_load = 1;    ///< share of time each wants the CPU, 0..1
  double delay_ms = 0;    ///< added to each packet it sends
  double jitter_ms = 0;
  double loss = 0;          ///< share of the packets it sends that are lost, 0..1
  double io_delay_ms = 0;   ///< expected extra time per request spent in delayed file operations
  bool partitioned = false; ///< sends and gets nothing
  bool listening = true;    ///< the application accepts connections
  std::string address;      ///< of its pod
  std::vector<flow_filter> filters;    ///< beside what touches all packets
  double bytes_per_s = 0;              ///< what its link carries; 0: no bound
  double app_ms = 0;                   ///< extra time per request inside the application
  double failure = 0;                  ///< share of requests that it answers with an error
  double proxy_ms = 0;                 ///< extra time in a proxy before it
  double proxy_failure = 0;            ///< share of requests that end there
  std::vector<std::string> lost_names; ///< services whose names it cannot resolve
  bool operator==(const flow_container&) const = default;
};

/// Only what a sender's filters do to packets toward an address.
flow_container filtered_link(const flow_container& sender, const std::string& address);
/// A sender's link toward an address: with its filters.
flow_container link_toward(flow_container sender, const std::string& address);

/// One service: who answers for it now.
struct flow_service {
  bool resolvable = true;                ///< its name has an address
  std::vector<flow_container> endpoints; ///< those traffic is sent to
  bool operator==(const flow_service&) const = default;
};

using flow_input = std::map<std::string, flow_service>;

/// Upper bounds of the classes that response times are counted in. ms.
inline constexpr std::array<double, 11> latency_bounds_ms{5,   10,   25,   50,   100,  250,
                                                          500, 1000, 2500, 5000, 10000};

/// How one service does.
struct service_flow {
  double rps = 0;                             ///< requests that reach it
  double success = 1;                         ///< share answered without error, 0..1
  double p50_ms = 0, p95_ms = 0, mean_ms = 0; ///< of those answered; 0 when none is
  double p90_ms = 0, p99_ms = 0;
  /// Share of all requests that were over within each of latency_bounds_ms.
  std::array<float, latency_bounds_ms.size()> within{};
  std::map<std::string, double> busy_cores; ///< by pod: CPU its requests ask for, uncapped
};

/// What users see.
struct users_flow {
  double success = 1, p50_ms = 0, p95_ms = 0, rps = 0;
};

/// What users see, and each service behind it.
struct flow_result : users_flow {
  std::map<std::string, service_flow> services;
};

/// Requests per second.
struct flow_rates {
  double entry = 0;                                          ///< at each entry
  std::vector<std::pair<std::string_view, double>> services; ///< by name; views of the profile
  double of(std::string_view service) const;
};
/// CPU that `rps` requests to a service ask of each of its endpoints. Cores.
double share_of_cores(const service_profile& p, std::size_t endpoints, double rps);

/// Follows the entry's requests through the call graph.
flow_result evaluate_flow(const system_profile& system, const flow_input& input,
                          std::uint64_t seed);

/// Quota in cores after the kubelet's lower bound.
double effective_cores(double limit_cores);
/// CPU in use: what requests and idling ask for plus the hogs, up to what is allowed. Cores.
double cpu_usage(const flow_container& in, double busy_cores);
/// Utilisation by requests of what the program can get; 1 and more means overload. `threads` as in
/// service_profile.
double utilisation(const flow_container& in, double rps, double cpu_ms, int threads = 0);
/// Mean time in a processor-sharing CPU with permanent competitors: x(K+1)/(L(1-rho)). ms.
double cpu_mean_ms(const flow_container& in, double cpu_ms, double rho);
/// One draw of that time by a uniform `u` in [0,1): short work may slip in before the quota is
/// gone.
double cpu_draw_ms(const flow_container& in, double cpu_ms, double rho, double u);
/// One draw for a program of one thread, whose requests wait for each other.
double queue_draw_ms(const flow_container& in, double cpu_ms, double rho, double u);
/// One draw for a service: by its threads, and by how often it stops to wait for others.
double service_draw_ms(const flow_container& in, const service_profile& p, double rho, double u,
                       double v);
/// Time lost to retransmissions of one message over a link that loses `loss` of its packets; ms.
/// The timer starts at `rto_ms` and doubles.
double retransmit_ms(double loss, double rto_ms, double u);
/// What the sender's link adds until a connection to or from it stands; ms.
double connect_extra_ms(const flow_container& sender, double u);
/// What it adds to one message sent over a standing connection; ms.
double answer_extra_ms(const flow_container& sender, double u);

} // namespace remed::env
