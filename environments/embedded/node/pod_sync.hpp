// One look of the kubelet at one pod: the pieces of its work share this.
#pragma once

#include "environments/embedded/cluster.hpp"
#include "environments/embedded/node/images.hpp"
#include "environments/embedded/node/state.hpp"

#include <optional>
#include <string>

namespace remed::env {

struct pod_sync {
  cluster& c;
  const json& pod; ///< as written in the store
  pod_runtime& rt;
  const image_catalogue& images;
  std::optional<vtime> next; ///< when to look again

  void wake(vtime t) {
    if (t > c.now() && (!next || t < *next)) next = t;
  }
  /// An event about the pod, or about one of its containers.
  void event(const std::string& type, const std::string& reason, const std::string& message,
             const container_runtime* about = nullptr);
  const json& spec_of(const container_runtime& container) const;
  duration grace() const;
};

/// The spec of a container, init and ephemeral ones too; null when there is none of that name.
const json& container_spec(const json& pod, const std::string& container);
/// The limit of a resource in base units; none when unlimited.
std::optional<double> limit_of(const json& container_spec, const char* resource);

/// Why the node ended a pod to get back memory.
inline constexpr std::string_view evicted = "Evicted";
/// How often the kubelet looks whether the node runs short.
inline constexpr duration housekeeping = std::chrono::seconds{10};
/// Ends the pod on the node's own account: its containers stop, it stays as Failed.
void end_pod(pod_sync& s, const std::string& reason, const std::string& message);
/// An init container has done its part: it ended well, or is a sidecar that has started.
bool init_done(const container_runtime& container);

// -- lifecycle.cpp
/// Sandbox, starts, ends and restarts. True when something changed and another look is needed now.
bool sync_lifecycle(pod_sync& s);
/// The instance is over: takes its processes and the effects that lived in it along.
void container_ended(pod_sync& s, container_runtime& container, termination how);
/// SIGTERM now, SIGKILL after the grace period.
void order_stop(pod_sync& s, container_runtime& container, const std::string& why, duration grace);

// -- start.cpp
/// "10s", "1m20s", "5m0s", as Go prints durations.
std::string human_backoff(duration d);
/// Takes one container a step towards running. True when something changed.
bool sync_start(pod_sync& s, container_runtime& container);

// -- probes.cpp
void reset_probes(container_runtime& container, const json& spec);
/// Asks what is due of a running container. True when something changed.
bool sync_probes(pod_sync& s, container_runtime& container);

// -- memory.cpp
/// Out of memory? True when something was killed.
bool sync_memory(pod_sync& s, container_runtime& container);

// -- effects.cpp
/// Shows processes of new hogs, removes those of ended ones.
void sync_hogs(pod_sync& s, container_runtime& container);
/// Ends the effects that live in this container instance.
void end_container_effects(cluster& c, const pod_runtime& pod, const container_runtime& container,
                           const std::string& why);
/// Ends all effects of the pod: its sandbox and object go.
void end_pod_effects(cluster& c, const std::string& pod_uid);
/// Something is wrong with the pod right now, so outcomes may vary.
bool has_effects(const cluster& c, const std::string& pod_uid);

// -- status.cpp
/// The pod's status as it should be now.
json pod_status(const cluster& c, const json& pod, const pod_runtime& rt);

} // namespace remed::env
