// Draws of CPU time taken apart, for whoever makes many of them: what depends on the chance alone
// is told apart from what depends on the container.
#pragma once

#include "environments/embedded/flow.hpp"

namespace remed::env {

/// The logistic stand-in for the normal quantile; u in (0, 1).
double normal_quantile(double u);
/// Requests differ in how much work they are: the factor at a quantile.
double work_factor(double quantile);
/// Whether a draw for the service is work_factor times skewed_ms of its mean and width.
bool is_plain(const flow_container& in);
/// Right-skewed around the mean, by a width and a quantile.
double skewed_ms(double mean_ms, double sigma, double quantile);
/// The width of the draws of a plain one.
double draw_width(const flow_container& in, double rho);

} // namespace remed::env
