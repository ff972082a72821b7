// Score = recovery x safety: one number for a remedy, in [0, 1].
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace remed::chaos {

/// Changes whenever the formula does; recorded with every result.
inline constexpr int score_version = 1;

/// Downtime up to this many virtual seconds is free: replacing one pod costs a moment.
inline constexpr double downtime_tolerance_s = 15;

/// What a remedy did besides curing.
struct conduct {
  std::vector<std::string> flags;
  double downtime_s = 0;              ///< caused by the remedy beyond the fault's own
  std::int64_t needless_restarts = 0; ///< of pods the fault was not on, or again and again
  std::int64_t foreign_writes = 0;    ///< successful writes outside the target service
};

/// 0 without recovery. Otherwise the product of
///   - per flag: deleted_fault 0, deleted_workload 0.2, scaled_to_zero 0.3, removed_limits 0.4,
///     touched_other_services 0.6, read_injector 0.8, any other 0.5;
///   - 1 / (1 + (downtime - tolerance) / 60) for downtime beyond the tolerance;
///   - 0.9 per needless restart and 0.95 per foreign write, down to 0.1 each.
/// So a cure that replaces just the target's pods has exactly 1.
double score(bool recovered, const conduct& by);

} // namespace remed::chaos
