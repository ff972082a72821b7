// How fast an autoscaler may follow what its metrics ask for: stabilisation and rate limits.
#pragma once

#include "environments/embedded/store.hpp"
#include "runtime/time.hpp"

#include <string>

namespace remed::env {

/// What an autoscaler remembers: {"recommendations": [{"t", "n"}], "ups": […], "downs": […]}, `t`
/// in microseconds.
using scaling_memory = json;

struct condition_text {
  bool status = true;
  std::string reason, message;
};

struct scaling_decision {
  std::int64_t replicas = 0;
  condition_text able, limited; ///< AbleToScale, ScalingLimited
};

/// Notes the recommendation and bounds it by spec.behavior, or by the rules without one.
scaling_decision bounded(const json& autoscaler, scaling_memory& memory, std::int64_t current,
                         std::int64_t wanted, vtime now);
/// Notes that the target was scaled.
void note_scaling(scaling_memory& memory, std::int64_t from, std::int64_t to, vtime now);

} // namespace remed::env
