// Evaluates PromQL over series that somebody provides.
#pragma once

#include "environments/embedded/prometheus/expression.hpp"
#include "environments/embedded/prometheus/functions.hpp"

#include <functional>
#include <map>
#include <string>
#include <variant>
#include <vector>

namespace remed::env::prometheus {

using label_set = std::map<std::string, std::string>;

/// One series; its name is the label __name__. Samples in order of time.
struct series {
  label_set labels;
  std::vector<sample> samples;
};

struct element {
  label_set labels;
  double value = 0;
};

/// A query's value at one instant.
using value = std::variant<double, std::string, std::vector<element>, std::vector<series>>;

/// All series with the metric's name (empty: any) that the matchers accept, with their samples
/// within [from, to]. Seconds since 1970.
using source = std::function<std::vector<series>(
    const std::string& metric, const std::vector<matcher>& matchers, double from, double to)>;

/// A sample counts for this long after it was taken. Seconds.
inline constexpr double lookback_s = 300;
/// More points are refused.
inline constexpr int most_points = 11'000;

class engine {
public:
  /// Values are asked for between the instants `from` and `to`: what the query needs is fetched
  /// once.
  engine(expression_ptr query, source from_where, double from, double to);

  /// Fails (errc::failed) with Prometheus' text, as on many-to-many matching.
  result<value> at(double instant) const;

private:
  expression_ptr query_;
  std::map<const expression*, std::vector<series>> fetched_;
};

} // namespace remed::env::prometheus
