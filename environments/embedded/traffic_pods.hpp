// What load and effects do to a container of a pod whose facts are at hand: as the functions of the
// same names in traffic.hpp, for whoever asks about many pods.
#pragma once

#include "environments/embedded/node/state.hpp"
#include "environments/embedded/object_facts.hpp"
#include "environments/embedded/traffic.hpp"

#include <string>
#include <string_view>

namespace remed::env {

/// What surrounds all containers of a cluster alike at this instant.
struct common_surroundings {
  explicit common_surroundings(const cluster& c);
  double node_cores;
};

/// A container and what is behind it at this instant.
struct container_view {
  container_view(const cluster& in, const known_pod& of, std::string_view container);
  /// Of a pod whose runtime is at hand; none: it does not run.
  container_view(const cluster& in, const known_pod& of, std::string_view container,
                 const pod_runtime* runtime);
  /// Likewise, by who knows what is common to all.
  container_view(const cluster& in, const known_pod& of, std::string_view container,
                 const pod_runtime* runtime, const common_surroundings& all);

  const cluster& c;
  const known_pod& pod;
  std::string name;
  const service_profile* profile;          ///< none: it is no part of the system
  const container_runtime* runs = nullptr; ///< none: it never started
  common_surroundings common;
};

flow_container surroundings(const container_view& of);
/// What it may use of the node's CPU. Cores.
double allowed_cores(const object_facts& pod, std::string_view container, double node_cores);
double working_set_bytes(const container_view& of);
double cpu_cores(const container_view& of);
/// CPU in use, and what to tell it again from while nothing but the rates of requests changes.
struct cpu_use {
  double cores = 0;
  const service_profile* serves = nullptr; ///< none: requests do not change it
  double allowed = 0;                      ///< cores
  lazy_flow::share part;
};
cpu_use cpu_use_of(const container_view& of);
/// The cores under other rates, of one that no effect is on.
double cores_now(const cpu_use& was, const lazy_flow& flow, const common_surroundings& common);
/// At most the container's limit.
double memory_in_use(const container_view& of);

} // namespace remed::env
