// An API server in this process: requests as one line, answers as JSON.
#pragma once

#include "environments/embedded/api_server.hpp"
#include "environments/embedded/controllers/controllers.hpp"

#include <memory>
#include <string>

namespace remed::env::test {

struct answer {
  int status = 0;
  json body;
  std::string text;
  tools::http_headers headers;
  std::string message() const { return body.is_object() ? body.value("message", "") : ""; }
};

/// A cluster with the namespace "sem", and a client that is somebody.
class api_world {
public:
  explicit api_world(cluster_rules rules = {}) {
    c = std::make_unique<cluster>(std::make_shared<cluster_rules>(std::move(rules)),
                                  cluster_options{}, stepped_epoch, 7);
    api = std::make_unique<api_server>(*c);
    admin.token = "admin-token";
    admin.user = "kubernetes-admin";
    admin.groups = {"system:masters"};
    post("/api/v1/namespaces", {{"metadata", {{"name", "sem"}}}});
  }

  answer send(const identity& who, const std::string& method, const std::string& url,
              const std::string& body = {}, const std::string& type = "application/json",
              const std::string& accept = "application/json") {
    tools::http_request request;
    request.method = method;
    auto mark = url.find('?');
    request.path = url.substr(0, mark);
    if (mark != std::string::npos) request.query = tools::query_params::parse(url.substr(mark + 1));
    request.headers.set("Content-Type", type);
    request.headers.set("Accept", accept);
    request.headers.set("User-Agent", "test/1.0");
    request.body = body;
    auto response = api->call(who, std::move(request));
    answer out{response.status, json::parse(response.body, nullptr, false), response.body,
               response.headers};
    return out;
  }

  answer get(const std::string& url) { return send(admin, "GET", url); }
  answer table(const std::string& url) {
    return send(admin, "GET", url, {}, "application/json",
                "application/json;as=Table;v=v1;g=meta.k8s.io,application/json");
  }
  answer post(const std::string& url, const json& body) {
    return send(admin, "POST", url, body.dump());
  }
  answer put(const std::string& url, const json& body) {
    return send(admin, "PUT", url, body.dump());
  }
  answer patch(const std::string& url, const json& body,
               const std::string& kind = "merge-patch+json") {
    return send(admin, "PATCH", url, body.dump(), "application/" + kind);
  }
  answer remove(const std::string& url, const json& options = nullptr) {
    return send(admin, "DELETE", url, options.is_null() ? "" : options.dump());
  }

  std::unique_ptr<cluster> c;
  std::unique_ptr<api_server> api;
  identity admin;
};

inline const std::string maps = "/api/v1/namespaces/sem/configmaps";
inline const std::string pods = "/api/v1/namespaces/sem/pods";
inline const std::string deployments = "/apis/apps/v1/namespaces/sem/deployments";

inline json config_map(const std::string& name, const json& data = json::object()) {
  return {
      {"apiVersion", "v1"}, {"kind", "ConfigMap"}, {"metadata", {{"name", name}}}, {"data", data}};
}

inline json deployment(const std::string& name) {
  return json::parse(R"({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": ")" +
                     name +
                     R"("}, "spec": {"selector": {"matchLabels": {"app": "web"}},
    "template": {"metadata": {"labels": {"app": "web"}},
      "spec": {"containers": [{"name": "main", "image": "local/busybox:1",
        "ports": [{"containerPort": 8080}],
        "resources": {"limits": {"cpu": "200m", "memory": "64Mi"}}},
        {"name": "side", "image": "local/busybox"}]}}}})");
}

} // namespace remed::env::test
