// The seam between what breaks and judges a system and the cluster it runs in: the embedded one or
// a real one. All verbs are asynchronous; the embedded cluster answers before they return.
// Callbacks come on the world's thread.
#pragma once

#include "environments/embedded/cluster.hpp"
#include "environments/embedded/traffic.hpp"
#include "environments/seen_objects.hpp"
#include "runtime/result.hpp"
#include "tools/http.hpp"

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace remed::env {

/// One look at everything a symptom, an oracle or a verdict may rest on, at one instant.
struct observation {
  vtime now{};
  seen_objects objects;             ///< of the system's namespace
  json pod_metrics = json::array(); ///< metrics.k8s.io items; empty: no data
  /// Ground truth; none where the environment keeps no ledger (a real cluster).
  std::optional<std::vector<effect>> effects;
  std::vector<effect_end> ended; ///< all effects that ended so far
  std::optional<slo_report> slo; ///< over the window
  double downtime_s = 0; ///< over the window: seconds of failing requests beyond `tolerated`
  std::vector<audit_entry> audit; ///< from `audit_from` on
  std::size_t audit_size = 0;     ///< entries so far: the next `audit_from`
};

struct look {
  vtime window_from{};                 ///< where the SLO and downtime window begins
  std::optional<vtime> window_to = {}; ///< where it ends; none: now
  double tolerated = 0;                ///< share of failing requests that is no downtime, 0..1
  std::size_t audit_from = 0;
  std::string metrics_of = {}; ///< only of the pods of this workload; empty: of all
};

class environment {
public:
  virtual ~environment() = default;
  virtual std::string name_space() const = 0;
  virtual vtime now() const = 0;
  /// An API request as administrator; its author in the audit log is `injector_user`.
  virtual void request(tools::http_request request,
                       std::function<void(tools::http_response)> done) = 0;
  virtual void observe(look at, std::function<void(result<observation>)> done) = 0;
  /// A network transaction between two services of the system, the sequential test of the verdict:
  /// how many of `count` small requests to `service` fail, and the median in milliseconds.
  struct transactions {
    int failed = 0, count = 0;
    double median_ms = 0;
  };
  virtual void probe_network(const std::string& service, int count,
                             std::function<void(result<transactions>)> done) = 0;
  /// Milliseconds of an fsync'ed small write on the volume path in the service's first container
  /// (95th percentile of `count`).
  virtual void probe_disk(const std::string& service, const std::string& path, int count,
                          std::function<void(result<double>)> done) = 0;
  /// So many times the system's usual users from now on; 1 is usual. Fails where nobody can tell
  /// the users to come.
  virtual result<void> set_load(double factor);
};

inline result<void> environment::set_load(double) {
  return failure{errc::failed, "this environment cannot change the load of its users"};
}

/// The agents' user in a system's namespace, as the audit log names it.
inline std::string agent_user(const std::string& ns) {
  return "system:serviceaccount:" + ns + ":sre-agent";
}

inline constexpr const char* injector_user =
    "system:serviceaccount:chaos-mesh:chaos-controller-manager";

} // namespace remed::env
