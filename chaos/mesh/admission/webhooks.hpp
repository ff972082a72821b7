// Admission of Chaos Mesh's objects: defaults, and refusals in its own words.
#pragma once

#include "environments/embedded/cluster.hpp"

#include <vector>

namespace remed::chaos::mesh {

/// Mutating webhooks first, then validating ones.
std::vector<env::admission> admissions();

} // namespace remed::chaos::mesh
