// The log of an experiment that could not even be set up, so that it is recorded as what it is.
#pragma once

#include "experiments/record.hpp"
#include "experiments/settings.hpp"

#include <string>

namespace remed::experiments {

/// Writes its log (where logs are written at all) and returns its record: infra_error, and why.
record stillborn(const experiment_spec& spec, const settings& how, const std::string& why);

} // namespace remed::experiments
