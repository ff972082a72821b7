// Renders what the API answers as the tables kubectl prints.
#pragma once

#include "runtime/json.hpp"
#include "tools/shown_table.hpp"

#include <memory>
#include <string>

namespace remed::agents {

/// What is shown of a meta.k8s.io Table; none if it is none.
std::shared_ptr<const tools::shown_table> shown_of(const json& table);
/// Empty if it has no rows. `wide` shows all columns, `with_namespace` puts the namespace first.
std::string render_table(const tools::shown_table& table, bool wide, bool with_namespace,
                         bool header);
/// metrics.k8s.io PodMetrics or a list of them, as `kubectl top pods` shows them.
std::string render_top(const json& metrics, bool containers);

} // namespace remed::agents
