// Kubernetes resource quantities: "500m", "2000Mi", "1e3".
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace remed::env {

/// The value in base units (cores, bytes); none when it is no quantity.
std::optional<double> parse_quantity(std::string_view text);

/// Canonical texts of sums: "1500m", "2", "1k" (decimal) and "64Mi", "1Gi", "1000" (binary).
std::string decimal_quantity(double value);
std::string binary_quantity(double bytes);

} // namespace remed::env
