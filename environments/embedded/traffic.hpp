// The users of a cluster's system and what they experience; and what load and effects do to each
// container. Evaluated when something changed, never in between: an idle cluster costs nothing.
#pragma once

#include "environments/embedded/cluster.hpp"
#include "environments/embedded/forked_table.hpp"
#include "environments/embedded/lazy_flow.hpp"
#include "environments/systems/system.hpp"

#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace remed::env {

/// What users saw from `from` on, until the next segment.
struct traffic_segment {
  vtime from{};
  double success_rate = 1; ///< 0..1
  double p50_ms = 0, p95_ms = 0;
  double rps = 0;
};

/// What a container used from `from` on.
struct usage_sample {
  vtime from{};
  double cores = 0;
  double bytes = 0;
};

/// One container of one pod object.
struct usage_history {
  std::string ns, pod, container;
  vtime started{};
  std::vector<usage_sample> samples; ///< oldest first; enough for the last scrapes
};

/// How requests fared from `from` on, until the next segment.
struct flow_segment {
  vtime from{};
  std::shared_ptr<const lazy_flow> flow;
};

/// The services of one namespace and the requests among them.
struct app_traffic {
  std::shared_ptr<const system_profile> profile;
  std::shared_ptr<const flow_input> input; ///< what the last evaluation was of
  std::vector<flow_segment> past;          ///< oldest first; the last is now
  /// How they fare now.
  const lazy_flow& flow() const;
};

class traffic_conditions; // environments/embedded/traffic_conditions.hpp

/// All of it is a value: a fork copies it.
struct traffic_state {
  std::shared_ptr<const system_profile> system; ///< the declared one; its namespace has its name
  std::map<std::string, app_traffic> apps;      ///< by namespace: the declared and the inferred
  std::set<std::string> stale; ///< namespaces whose manifests changed since last inferred from
  std::vector<traffic_segment> timeline; ///< of what lies far back, oldest first
  std::vector<flow_segment> recent;      ///< what came after it
  /// By pod uid/container. Never none.
  forked_table<std::string, std::shared_ptr<const usage_history>> usage;
  /// How many effects there were, and had ended, when last looked at.
  std::pair<std::size_t, std::size_t> effects_seen{};
  random_source chance; ///< for probes, requests and pings; new with each evaluation
  random_source noise;  ///< for the small unrest of measurements
  retold<traffic_conditions> conditions; ///< what was last looked at; none: nothing was
};

/// Says which system the cluster runs: profiles, call graph, load. Without one, containers use
/// little, start at once, and nobody comes.
void set_system(cluster& c, const system_profile& system);

/// Something users could feel may have changed: look again, at most once per instant.
void traffic_touched(cluster& c);

/// What requests in a namespace experience now; of nobody where nobody asks.
const lazy_flow& flow_in(const cluster& c, const std::string& ns);

/// What users saw in a window: the segments that reach into it, oldest first.
std::vector<traffic_segment> seen_by_users(const traffic_state& state, vtime from, vtime to);

/// The controller "traffic" for the standard rules: looks again after writes that matter.
std::shared_ptr<const controller> make_traffic_controller();

/// The profile behind a container: that of its service for the first container of a pod, else none.
const service_profile* profile_of(const cluster& c, const json& pod, const std::string& container);

/// Effects, limits and state around a container, as the flow sees it.
flow_container surroundings(const cluster& c, const json& pod, const std::string& container);

/// From container start to accepting connections, under its CPU limit. Seconds.
double start_seconds(const cluster& c, const json& pod, const std::string& container);
/// Memory in use: the application's and the hogs'. Bytes; without noise.
double working_set_bytes(const cluster& c, const json& pod, const std::string& container);
/// CPU in use right now: cores; without noise.
double cpu_cores(const cluster& c, const json& pod, const std::string& container);

/// One health check as the kubelet does it. `message` is its text without "Readiness probe
/// failed:".
struct probe_outcome {
  bool ok = true;
  double seconds = 0; ///< how long it took; at most the probe's time limit
  std::string message;
  bool errored = false; ///< it could not even be asked: neither success nor failure
};
/// `probe_spec` is the probe of the container's spec (httpGet, tcpSocket, exec, grpc).
probe_outcome probe(const cluster& c, const json& pod, const std::string& container,
                    const json& probe_spec);

/// One request by `client` (none: from the node) to a service or pod.
struct request_outcome {
  enum class kind { answered, no_name, refused, timed_out, reset } what = kind::answered;
  int status = 200;
  double seconds = 0;
  std::string body, address; ///< address: "10.43.7.1:5001"
  std::string date;          ///< the time by the application's own clock, for humans
  std::string server;        ///< what the application calls itself: "nginx/1.25.5"
};
/// Where a name or address leads from a pod (none: from the node).
struct destination {
  bool known = false;      ///< the name resolves, or it is an address
  std::string address;     ///< cluster IP or pod IP; empty when unknown
  std::string ns, service; ///< when it is a service
  object pod;              ///< when it is a pod
  bool external = false;   ///< outside the cluster
  bool servfail = false;   ///< the resolver answers with an error
};
destination resolve(const cluster& c, const json* client, const std::string& host);
/// Pods behind a service that traffic is sent to.
std::vector<object> endpoint_pods(const cluster& c, const std::string& ns,
                                  const std::string& service);

/// `host` is a service name (short or qualified), a cluster or pod IP. `key` makes requests at the
/// same instant differ.
request_outcome send_request(const cluster& c, const json* client, const std::string& host,
                             int port, const std::string& path, double timeout_s,
                             std::string_view key);

/// Whether a container of the pod accepts connections on the port now.
bool is_accepting(const cluster& c, const json& pod, std::int64_t port);

/// What users experienced over a window.
struct slo_report {
  double success = 1;       ///< mean share of requests that succeeded
  double p95_ms = 0;        ///< the p95 that was exceeded at most 5 % of the time
  double worst_success = 1; ///< of any moment
  duration window{};
  bool met = true; ///< both bounds of the system's profile were kept
};
slo_report slo(const cluster& c, vtime from, vtime to);
/// Integral of the failing share of requests over time. Seconds.
double downtime_seconds(const cluster& c, vtime from, vtime to);

} // namespace remed::env
