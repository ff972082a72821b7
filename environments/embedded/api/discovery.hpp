// What there is: discovery (plain and aggregated), version, OpenAPI.
#pragma once

#include "environments/embedded/api_server.hpp"

namespace remed::env {

/// Answers /api, /apis…, /version, /openapi…, /healthz and the like; none for other paths.
std::optional<tools::http_response> discover(const cluster& c, const identity& who,
                                             const tools::http_request& request);
/// The OpenAPI v3 document of a group version ("v1", "apps/v1"); null when there is none.
json open_api_document(const store& objects, const std::string& api_version);

} // namespace remed::env
