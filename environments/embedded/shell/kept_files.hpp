// Files that commands left in a container: its own layer lasts until the container restarts, what
// lies in a volume as long as the pod.
#pragma once

#include "environments/embedded/cluster.hpp"
#include "environments/embedded/node/state.hpp"
#include "tools/tar.hpp"

#include <map>
#include <string>

namespace remed::env {

/// Absolute path -> file, of the container's layer and the volumes it mounts.
std::map<std::string, stored_file> kept_files(const cluster& c, const json& pod,
                                              const container_runtime& runs);

/// Keeps what differs between `before` (all files given to the sandbox and kept earlier, by
/// absolute path) and `after`. Nothing of the own layer when the container has been restarted since
/// `instance`; nothing in volumes that cannot be written. At most `kept_bytes_limit` a pod.
void keep_files(cluster& c, const json& pod, const std::string& container, std::uint64_t instance,
                const std::map<std::string, std::string>& before,
                const std::map<std::string, tools::tar_file>& after);

inline constexpr std::size_t kept_bytes_limit = 64u << 20;

} // namespace remed::env
