// What answers on a container's port: HTTP from the flow model. Nothing real is ever connected to.
#pragma once

#include "environments/embedded/cluster.hpp"
#include "environments/embedded/traffic.hpp"
#include "tools/http.hpp"

#include <string>

namespace remed::env {

/// One request to a port of a pod, and what comes of it.
struct app_answer {
  request_outcome::kind what = request_outcome::kind::answered;
  tools::http_response response; ///< when answered
  duration takes{};              ///< virtual time until the answer, or until it is given up
  std::string address;           ///< "10.42.0.7:80", for texts
};

/// `client` as in send_request: the pod itself for what goes through its loopback, none for the
/// node. `host` is an address or a name; `key` makes requests at one instant differ.
app_answer ask_app(const cluster& c, const json* client, const std::string& host, int port,
                   const tools::http_request& request, duration patience, std::string_view key);

/// Whether some container of the pod listens on the port now.
bool app_listens(const cluster& c, const json& pod, int port);

} // namespace remed::env
