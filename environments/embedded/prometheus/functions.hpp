// PromQL's functions: what they take, and what they compute over one series.
#pragma once

#include "environments/embedded/prometheus/expression.hpp"

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace remed::env::prometheus {

struct sample {
  double at = 0; ///< seconds since 1970
  double value = 0;
};

struct signature {
  std::vector<value_type> takes;
  value_type gives = value_type::instant;
  std::size_t at_least = 0; ///< arguments that must be given
};

/// None: there is no such function.
const signature* signature_of(const std::string& function);
bool is_aggregate(const std::string& name);
/// Of those, the ones with a number first: topk, bottomk, quantile.
bool takes_parameter(const std::string& aggregate);

/// rate, increase, …_over_time over the samples within (from, to]; none: too few of them.
std::optional<double> over_range(const std::string& function, const std::vector<sample>& samples,
                                 double from, double to, double parameter);
/// abs, ceil, round, clamp_max … of one value.
double of_value(const std::string& function, double value, const std::vector<double>& parameters);
/// The q-quantile of values; they need not be sorted.
double quantile_of(double q, std::vector<double> values);
/// The q-quantile of a histogram's cumulative classes (upper bound, count).
double histogram_quantile(double q, std::vector<std::pair<double, double>> classes);

} // namespace remed::env::prometheus
