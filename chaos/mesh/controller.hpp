// Chaos Mesh's controller manager and daemon as one controller of the embedded cluster.
#pragma once

#include "environments/embedded/cluster.hpp"

#include <memory>

namespace remed::chaos::mesh {

/// Keys: "<table>|<namespace>/<name>". Takes a moment of virtual time for each look, as a
/// controller on a network does.
std::shared_ptr<const env::controller> make_controller();

} // namespace remed::chaos::mesh
