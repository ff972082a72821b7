// From a method to a wired ring: checks that messages meet, then starts its roles from the last to
// the first, so that each knows whom it hands on to.
#pragma once

#include "agents/method.hpp"
#include "agents/registry.hpp"

namespace remed::agents {

/// What the caller gives a crew; all of it outlives the crew.
struct crew_needs {
  ring_supervisor supervisor;
  doors* outside = nullptr;
  std::shared_ptr<examiner> judge;
  std::uint64_t seed = 0; ///< of the experiment, for models that take one
};

struct crew {
  station<incident> entry; ///< where the injector sends incidents
};

/// Starts the roles of a method. Nothing is started when the ring does not fit or a prompt is
/// missing.
result<crew> start_crew(ground where, const method& m, const crew_needs& given);

} // namespace remed::agents
