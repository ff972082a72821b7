// A small cluster for tests of controllers and kubelet: a namespace "shop", a node, no API server.
#pragma once

#include "environments/embedded/api/prepare.hpp"
#include "environments/embedded/api/text.hpp"
#include "environments/embedded/boot.hpp"
#include "environments/embedded/controllers/objects.hpp"
#include "environments/embedded/node/state.hpp"
#include "environments/embedded/traffic.hpp"

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <vector>

namespace remed::env::testing {

inline json named_namespace(const std::string& name) {
  auto ns = json::object();
  ns["apiVersion"] = "v1";
  ns["kind"] = "Namespace";
  ns["metadata"]["name"] = name;
  return ns;
}

/// A system of services that start in a second and take 20 MiB.
inline system_profile shop_profile() {
  system_profile system;
  system.name = "shop";
  for (const char* name : {"web", "api"}) {
    service_profile service;
    service.name = name;
    service.start_seconds = 1;
    service.memory_mib = 20;
    system.services[name] = service;
  }
  system.entry = {"web"};
  return system;
}

struct shop {
  explicit shop(cluster_options machine = {}, std::uint64_t seed = 1) {
    static const auto rules = std::make_shared<const cluster_rules>(standard_rules());
    c = std::make_unique<cluster>(rules, machine, stepped_epoch, seed);
    install_basics(*c);
    c->put("namespaces", named_namespace("shop"));
    set_system(*c, shop_profile());
    c->settle();
  }
  explicit shop(std::unique_ptr<cluster> fork) : c(std::move(fork)) {}

  void wait(double s) { c->advance_to(c->now() + from_seconds(s)); }

  object create(const resource_name& resource, json obj) {
    obj["metadata"]["namespace"] = "shop";
    auto out = c->put(resource, prepared(*c, resource, std::move(obj)));
    c->settle();
    return out;
  }
  /// Applies `edit` to an object as an update through the API would, with its generation.
  template <class F>
  void change(const resource_name& resource, const std::string& name, F edit) {
    auto now = *c->objects().get(resource, {"shop", name});
    edit(now);
    now["metadata"]["generation"] = int_at(now, {"metadata", "generation"}, 1) + 1;
    c->put(resource, std::move(now));
    c->settle();
  }

  std::vector<object> pods() const { return c->objects().list("pods", "shop"); }
  object get(const resource_name& resource, const std::string& name) const {
    return c->objects().get(resource, {"shop", name});
  }
  /// The status of a container, found by name in the pod.
  json container(const std::string& pod, const std::string& name) const {
    auto found = get("pods", pod);
    for (const char* list : {"containerStatuses", "initContainerStatuses"}) {
      if (!found) break;
      for (const auto& one : at_path(*found, {"status", list})) {
        if (text_at(one, {"name"}) == name) return one;
      }
    }
    return nullptr;
  }
  int events(const std::string& reason, const std::string& part = {}) const {
    int n = 0;
    for (const auto& e : c->objects().list("events", "shop")) {
      if (text_at(*e, {"reason"}) == reason &&
          text_at(*e, {"message"}).find(part) != std::string::npos) {
        n += static_cast<int>(int_at(*e, {"count"}, 1));
      }
    }
    return n;
  }

  std::unique_ptr<cluster> c;
};

inline json web_container(bool with_probe = true) {
  auto one = json::parse(R"({"name": "web", "image": "nginx:1.25",
    "ports": [{"containerPort": 80}],
    "resources": {"requests": {"cpu": "100m", "memory": "64Mi"},
                  "limits": {"cpu": "1", "memory": "256Mi"}}})");
  if (with_probe) {
    one["readinessProbe"] =
        json::parse(R"({"httpGet": {"path": "/", "port": 80}, "periodSeconds": 2})");
  }
  return one;
}

inline json deployment(const std::string& name, int replicas, json container) {
  auto d = json::object();
  d["apiVersion"] = "apps/v1";
  d["kind"] = "Deployment";
  d["metadata"]["name"] = name;
  d["spec"]["replicas"] = replicas;
  d["spec"]["selector"]["matchLabels"]["app"] = name;
  d["spec"]["template"]["metadata"]["labels"]["app"] = name;
  d["spec"]["template"]["spec"]["containers"] = json::array({std::move(container)});
  return d;
}

inline json pod(const std::string& name, std::vector<json> containers) {
  auto p = json::object();
  p["apiVersion"] = "v1";
  p["kind"] = "Pod";
  p["metadata"]["name"] = name;
  p["metadata"]["labels"]["app"] = "web";
  p["spec"]["containers"] = containers;
  return p;
}

inline json shell(const std::string& name, const std::string& script) {
  auto one = json::object();
  one["name"] = name;
  one["image"] = "busybox:1.35";
  one["command"] = json::array({"sh", "-c", script});
  return one;
}

} // namespace remed::env::testing
