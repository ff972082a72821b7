// What a web server that nobody gave any content answers, and how servers call themselves.
#pragma once

#include "environments/embedded/traffic_pods.hpp"

#include <string>

namespace remed::env {

/// "nginx", "httpd" when that is what the container runs without being part of the system.
std::string pages_of(const container_view& of);
/// The Server header of a service's own program; empty: it sends none.
std::string server_name(const service_profile* profile);
/// A web server that nobody gave any content.
std::string page(const std::string& server, const std::string& path, int& status);

} // namespace remed::env
