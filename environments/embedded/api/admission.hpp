// Built-in admission that looks at other objects: PriorityClass and ResourceQuota. Run for what
// clients create and for what controllers create.
#pragma once

#include "environments/embedded/cluster.hpp"

namespace remed::env {

/// Completes a new, otherwise finished object, or says why it is refused: the text that follows
/// `pods "x" is forbidden: `.
result<void> admit(cluster& c, const resource_name& resource, json& obj);

} // namespace remed::env
