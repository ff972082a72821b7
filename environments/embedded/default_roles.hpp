// The roles that every cluster has.
#pragma once

#include "environments/embedded/cluster.hpp"

namespace remed::env {

/// cluster-admin with its binding to system:masters, admin, edit and view, as an API server
/// bootstraps them. Keeps what is there.
void install_default_roles(cluster& c);

} // namespace remed::env
