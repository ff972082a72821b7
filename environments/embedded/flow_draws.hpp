// Draws of CPU time taken apart, for whoever makes many of them: what depends on the chance alone
// is told apart from what depends on the container.
#pragma once

#include "environments/embedded/flow.hpp"

#include <cmath>
#include <limits>

namespace remed::env {

/// How long an answer takes that does not come; ms.
inline constexpr double never = std::numeric_limits<double>::infinity();

/// The logistic stand-in for the normal quantile; u in (0, 1).
inline double normal_quantile(double u) {
  return std::log(u / (1 - u)) / 1.702;
}
/// Requests differ in how much work they are: sigma of its logarithm.
inline constexpr double work_spread = 0.5;
/// And the factor at a quantile.
inline double work_factor(double quantile) {
  return std::exp(work_spread * quantile - work_spread * work_spread / 2);
}
/// Whether a draw for the service is work_factor times skewed_ms of its mean and width.
bool is_plain(const flow_container& in);
/// Right-skewed around the mean, by a width and a quantile.
inline double skewed_ms(double mean_ms, double sigma, double quantile) {
  return mean_ms * std::exp(sigma * quantile - sigma * sigma / 2);
}
/// The width of the draws of a plain one.
double draw_width(const flow_container& in, double rho);

} // namespace remed::env
