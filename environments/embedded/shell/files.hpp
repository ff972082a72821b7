// Files that show a container's state: /proc, /etc, cgroup.
#pragma once

#include "environments/embedded/cluster.hpp"
#include "environments/embedded/node/state.hpp"

#include <map>
#include <string>
#include <vector>

namespace remed::env {

/// One mounted file system of a container.
struct mount_point {
  std::string source, path, type, options;
  bool volume = false;
};

/// Absolute path -> content, as they are now.
std::map<std::string, std::string> container_files(const cluster& c, const json& pod,
                                                   const container_runtime& runs);
std::vector<mount_point> container_mounts(const cluster& c, const json& pod,
                                          const container_runtime& runs);
/// The container's environment: its spec's, the services' and the usual.
std::map<std::string, std::string> container_environment(const cluster& c, const json& pod,
                                                         const std::string& container);

double node_memory_bytes(const cluster& c);
double node_uptime_seconds(const cluster& c);
/// "0.52 0.58 0.59 3/1234 23"; short: "0.52, 0.58, 0.59".
std::string load_average(const cluster& c, bool brief = false);

} // namespace remed::env
