// What effects mean for the requests that a container serves and makes.
#pragma once

#include "environments/embedded/traffic.hpp"

namespace remed::env {

/// Adds one effect on the container's pod to its surroundings, as far as it touches it.
void add_effect(const effect& e, const json& pod, const std::string& container,
                const service_profile* profile, flow_container& out);

} // namespace remed::env
