// Prometheus' HTTP API over the cluster's figures: /api/v1/query, query_range, series, labels,
// label/NAME/values. Reached inside the cluster as the Service prometheus in the namespace
// monitoring, port 9090.
#pragma once

#include "environments/embedded/cluster.hpp"

#include <string>
#include <vector>

namespace remed::env::prometheus {

inline constexpr const char* service_namespace = "monitoring";
inline constexpr const char* service_name = "prometheus";
inline constexpr int service_port = 9090;

struct answer {
  int status = 200;
  std::string body;
  std::string content_type = "application/json";
};

/// `target` is the path with its query: "/api/v1/query?query=up".
answer respond(const cluster& c, const std::string& target);

/// The pod that answers as Prometheus.
bool is_server(const json& pod);

/// Namespace, Service and StatefulSet of it, as manifests in order of application.
std::vector<json> service_manifests();

} // namespace remed::env::prometheus
