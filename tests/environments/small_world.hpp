// A cluster with one system's pods already running, made by hand: no kubelet, no controllers but
// the traffic's.
#pragma once

#include "environments/embedded/cluster.hpp"
#include "environments/embedded/node/state.hpp"
#include "environments/embedded/traffic.hpp"
#include "environments/systems/system.hpp"

#include <doctest/doctest.h>

#include <memory>
#include <string>

namespace remed::env::test {

class small_world {
public:
  explicit small_world(std::uint64_t seed = 1) {
    auto rules = std::make_shared<cluster_rules>();
    rules->controllers.push_back(make_traffic_controller());
    c = std::make_unique<cluster>(rules, cluster_options{}, stepped_epoch, seed);
    auto loaded = load_system("simple-micro");
    system = *loaded;
    json node = {{"kind", "Node"},
                 {"apiVersion", "v1"},
                 {"metadata", {{"name", "node-1"}}},
                 {"status", {{"capacity", {{"cpu", "8"}, {"memory", "32Gi"}}}}}};
    c->put("nodes", node);
    add("time-service", "10.42.0.7", "10.43.0.17", 5001, "/time");
    add("hello-service", "10.42.0.8", "10.43.0.18", 5000, "/healthz");
    set_system(*c, system);
    c->settle();
  }

  json pod(const std::string& service) const {
    return *c->objects().get("pods", {"simple-micro", service + "-1"});
  }
  std::string uid(const std::string& service) const { return service + "-uid"; }

  std::uint64_t hurt(const std::string& service, const std::string& kind, json params,
                     lifetime lives = lifetime::container) {
    effect e;
    e.kind = kind;
    e.params = std::move(params);
    e.lives_in = lives;
    e.ns = "simple-micro";
    e.pod = service + "-1";
    e.pod_uid = uid(service);
    e.container = lives == lifetime::container ? service : "";
    auto id = c->add_effect(e);
    traffic_touched(*c);
    c->settle();
    return id;
  }
  void heal(std::uint64_t id) {
    c->end_effect(id, "undone");
    traffic_touched(*c);
    c->settle();
  }
  void pass(double s) { c->advance_to(c->now() + from_seconds(s)); }

  void set_endpoints(const std::string& service, bool ready) {
    auto subsets = json::array();
    if (ready) {
      auto address = json::object();
      address["ip"] = pod(service)["status"]["podIP"];
      address["targetRef"] = {{"kind", "Pod"}, {"name", service + "-1"}};
      auto subset = json::object();
      subset["addresses"] = json::array({address});
      auto port = json::object();
      port["port"] = service == "time-service" ? 5001 : 5000;
      subset["ports"] = json::array({port});
      subsets.push_back(subset);
    }
    auto e = json::object();
    e["kind"] = "Endpoints";
    e["apiVersion"] = "v1";
    e["metadata"] = {{"name", service}, {"namespace", "simple-micro"}};
    e["subsets"] = subsets;
    c->put("endpoints", e);
    c->settle();
  }

  system_profile system;
  std::unique_ptr<cluster> c;

private:
  void add(const std::string& service, const std::string& ip, const std::string& cluster_ip,
           int port, const std::string& health) {
    json spec;
    for (const auto& m : system.manifests) {
      if (m["kind"] == "Deployment" && m["metadata"]["name"] == service) {
        spec = m["spec"]["template"]["spec"];
      }
      if (m["kind"] == "Service" && m["metadata"]["name"] == service) {
        auto s = m;
        s["spec"]["clusterIP"] = cluster_ip;
        c->put("services", s);
      }
    }
    CHECK(spec["containers"][0]["readinessProbe"]["httpGet"]["path"] == health);
    CHECK(spec["containers"][0]["ports"][0]["containerPort"] == port);
    auto p = json::object();
    p["kind"] = "Pod";
    p["apiVersion"] = "v1";
    p["metadata"] = {{"name", service + "-1"},
                     {"namespace", "simple-micro"},
                     {"uid", uid(service)},
                     {"labels", {{"app", service}}}};
    p["spec"] = spec;
    p["status"] = {{"podIP", ip}, {"phase", "Running"}};
    pod_runtime runtime;
    runtime.uid = uid(service);
    runtime.ns = "simple-micro";
    runtime.name = service + "-1";
    runtime.ip = ip;
    for (const auto& one : spec["containers"]) {
      container_runtime r;
      r.name = one["name"];
      r.image = one["image"];
      r.phase = container_phase::running;
      r.instance = 1;
      r.started_at = r.serving_at = c->now();
      process_info shell;
      shell.pid = 1;
      shell.comm = "sh";
      shell.args = r.name == "sidecar-busybox" ? "sh -c sleep 3600" : "sh -c python3 -u /app/x.py";
      shell.started = c->now();
      r.processes.push_back(shell);
      r.next_pid = 2;
      runtime.containers.push_back(r);
    }
    c->node().add(runtime);
    c->put("pods", p);
    set_endpoints(service, true);
  }
};

} // namespace remed::env::test
