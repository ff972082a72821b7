// PromQL's operators between two values.
#pragma once

#include "environments/embedded/prometheus/engine.hpp"

namespace remed::env::prometheus {

/// Thrown while a query is evaluated; the engine turns it into a failure.
struct query_error {
  std::string what;
};

/// Only the named labels, or (inverted) all but them and the name.
label_set reduced(const label_set& labels, const std::vector<std::string>& names, bool inverted);

/// A binary expression's value from those of its sides.
value combine(const expression& e, value left, value right);

} // namespace remed::env::prometheus
