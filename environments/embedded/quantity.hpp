// Kubernetes resource quantities: "500m", "2000Mi", "1e3".
#pragma once

#include <optional>
#include <string_view>

namespace remed::env {

/// The value in base units (cores, bytes); none when it is no quantity.
std::optional<double> parse_quantity(std::string_view text);

} // namespace remed::env
