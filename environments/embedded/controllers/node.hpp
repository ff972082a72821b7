// The cluster's machine as an object.
#pragma once

#include "environments/embedded/cluster.hpp"

namespace remed::env {

/// Registers the one node with its lease: Ready, 8 CPUs, 32 GiB. Keeps an existing one.
void install_node(cluster& c);

} // namespace remed::env
