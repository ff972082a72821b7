// YAML text as JSON, with the types YAML 1.1 clients of Kubernetes expect.
#pragma once

#include "runtime/result.hpp"

#include <nlohmann/json.hpp>

#include <string>

namespace remed::env {

/// The first document. Fails (errc::bad_input) with line and column where the text is not YAML.
result<nlohmann::json> yaml_to_json(const std::string& text);

} // namespace remed::env
