// Which kubectl to run.
#pragma once

#include <string>

namespace remed::tools {

/// Google's SDK installs a dispatcher as kubectl: it asks the server for its version and then
/// starts the client of that version beside itself, which doubles the cost of each call. This is
/// that client's path for a server like "v1.32.1"; empty where kubectl is no dispatcher or the
/// client is not there, and PATH's kubectl is the one to run.
std::string direct_kubectl(const std::string& server_version);

/// Where the sandbox shows it: first in PATH.
inline constexpr const char* kubectl_inside = "/usr/local/sbin/kubectl";

} // namespace remed::tools
