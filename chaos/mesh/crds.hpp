// The custom resources of Chaos Mesh v2.7, from the data in chaos/mesh/crds/.
#pragma once

#include "environments/embedded/cluster.hpp"
#include "runtime/result.hpp"

#include <string>
#include <vector>

namespace remed::chaos::mesh {

/// A CustomResourceDefinition for each kind, established at `time`, with structural schemas. Fails
/// (errc::bad_input) with the file and the name that is unknown.
result<std::vector<json>> read_crds(const std::string& time);

} // namespace remed::chaos::mesh
