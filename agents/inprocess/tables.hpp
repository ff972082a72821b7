// Renders what the API answers as the tables kubectl prints.
#pragma once

#include "runtime/json.hpp"

#include <string>

namespace remed::agents {

/// A meta.k8s.io Table; empty if it has no rows. `wide` shows all columns, `with_namespace` puts
/// the namespace first.
std::string render_table(const json& table, bool wide, bool with_namespace, bool header);
/// metrics.k8s.io PodMetrics or a list of them, as `kubectl top pods` shows them.
std::string render_top(const json& metrics, bool containers);

} // namespace remed::agents
