// Draws of CPU time taken apart, for whoever makes many of them: what depends on the chance alone
// is told apart from what depends on the container.
#pragma once

#include "environments/embedded/flow.hpp"

namespace remed::env {

/// The logistic stand-in for the normal quantile; u in (0, 1).
double normal_quantile(double u);
/// Requests differ in how much work they are: the factor at a quantile.
double work_factor(double quantile);
/// Whether a draw for the service is work_factor times plain_draw_ms.
bool is_plain(const flow_container& in);
/// Right-skewed around the mean, by a quantile.
double plain_draw_ms(const flow_container& in, double cpu_ms, double rho, double quantile);

} // namespace remed::env
