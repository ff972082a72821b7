// A system in another namespace than its own.
#pragma once

#include "environments/systems/system.hpp"

#include <string>

namespace remed::experiments {

/// Moves all manifests, what in them names the namespace, and what agents are told of it, to `to`.
void relocate(env::system_profile& system, const std::string& to);

} // namespace remed::experiments
