// Tells a probe command that would change the cluster from one that only looks. A courtesy to
// models that mix up their tools, not a wall: the walls are the sandbox and the agents' RBAC.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace remed::agents {

/// Why this shell line must not run as a probe, in words for the model; none when it may.
std::optional<std::string> refuse_command(std::string_view line);

} // namespace remed::agents
