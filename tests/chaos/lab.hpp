// simple-micro on an embedded cluster with Chaos Mesh, and somebody to act on it.
#pragma once

#include "chaos/api_path.hpp"
#include "chaos/facts.hpp"
#include "chaos/fault.hpp"
#include "chaos/mesh/rules.hpp"
#include "chaos/oracle.hpp"
#include "chaos/predicates.hpp"
#include "chaos/surgery.hpp"
#include "environments/embedded/boot.hpp"
#include "environments/embedded/embedded_environment.hpp"
#include "environments/systems/system.hpp"

#include <doctest/doctest.h>

#include <memory>
#include <optional>
#include <string>

namespace remed::chaos::test {

inline const env::system_profile& simple_micro() {
  static const auto system = [] {
    auto loaded = env::load_system("simple-micro");
    REQUIRE_MESSAGE(loaded.ok(), (loaded.ok() ? "" : loaded.why().what));
    return *loaded;
  }();
  return system;
}

/// Booted once per process and never written to.
inline const env::cluster& prototype() {
  static const std::unique_ptr<env::cluster> booted = [] {
    auto c = env::boot(simple_micro(), chaos_rules(), {});
    REQUIRE_MESSAGE(c.ok(), (c.ok() ? "" : c.why().what));
    auto installed = install_chaos(**c);
    REQUIRE_MESSAGE(installed.ok(), (installed.ok() ? "" : installed.why().what));
    // Metrics need two scrapes.
    (*c)->advance_to((*c)->now() + std::chrono::seconds{60});
    return std::move(*c);
  }();
  return *booted;
}

class lab {
public:
  explicit lab(env::visibility sight = env::visibility::visible, std::uint64_t seed = 1)
      : world(prototype(), simple_micro(), seed, prototype().now(), sight, chaos_hidden(), nullptr,
              tools::sandbox_spec::mode::none) {}

  struct answer {
    int status = 0;
    json body;
  };
  answer call(const env::identity& who, const std::string& method, const std::string& path,
              const json& body = {}, const std::string& type = "application/json") {
    tools::http_request r;
    r.method = method;
    r.path = r.target = path;
    if (!body.is_null()) r.body = body.dump();
    r.headers.set("Content-Type", type);
    r.headers.set("Accept", "application/json");
    auto got = world.api().call(who, std::move(r));
    return {got.status, json::parse(got.body, nullptr, false)};
  }
  answer admin(const std::string& method, const std::string& path, const json& body = {},
               const std::string& type = "application/json") {
    return call(world.administrator(), method, path, body, type);
  }
  answer agent(const std::string& method, const std::string& path, const json& body = {},
               const std::string& type = "application/json") {
    return call(world.agent(), method, path, body, type);
  }

  void pass(double s) {
    auto t = world.now() + from_seconds(s);
    world.advance_to(t);
  }

  env::observation observe(env::look at = {}) {
    std::optional<env::observation> out;
    world.observe(at, [&](result<env::observation> seen) { out = *seen; });
    REQUIRE(out.has_value());
    return *out;
  }

  facts gather_for(const std::vector<predicate>& checks, const std::string& service) {
    std::optional<facts> out;
    env::look at;
    at.window_from = world.now() - std::chrono::seconds{10};
    gather(world, service, at, wanted_by(checks), [&](result<facts> f) { out = std::move(*f); });
    REQUIRE(out.has_value());
    return *out;
  }

  findings check(const std::vector<predicate>& checks, const setting& about) {
    return evaluate(checks, gather_for(checks, about.where.target), about);
  }

  /// Lets time pass until the checks hold; false when they do not within the limit.
  bool wait_for(const std::vector<predicate>& checks, const setting& about, double limit_s) {
    const auto until = world.now() + from_seconds(limit_s);
    while (!check(checks, about).hold()) {
      if (world.now() >= until) return false;
      pass(2);
    }
    return true;
  }

  /// The only object of a kind, or null.
  json find(const std::string& table, const std::string& name) {
    auto found = world.state().objects().get(table, {"simple-micro", name});
    return found ? *found : json();
  }
  json pod_of(const std::string& service) {
    for (const auto& pod : world.state().objects().list("pods", "simple-micro")) {
      const bool ending = (*pod)["metadata"].contains("deletionTimestamp");
      if ((*pod)["metadata"]["labels"].value("app", "") == service && !ending) return *pod;
    }
    return {};
  }

  env::embedded_environment world;
};

inline setting about(const std::string& fault_id, const std::string& target) {
  auto f = load_fault(fault_id);
  REQUIRE_MESSAGE(f.ok(), (f.ok() ? "" : f.why().what));
  setting out{*f, {"simple-micro", fault_id, target, 1}, simple_micro(), "simple-micro"};
  lab healthy;
  out.usual = predicates::usual_shares(healthy.gather_for({}, target), out);
  return out;
}

/// Shipped faults that the system offers this service for.
inline std::vector<std::string> faults_for(const std::string& service) {
  auto out = shipped_faults();
  std::erase_if(out, [&](const auto& id) { return !check_target(simple_micro(), id, service); });
  return out;
}

/// From now on a service of the lab's system runs in a JVM.
inline void put_into_jvm(lab& l, const std::string& service) {
  auto system = simple_micro();
  system.services[service].runtime = "jvm";
  env::set_system(l.world.state(), system);
}

/// A chaos object "x" for one pod of an application.
inline json experiment(const char* kind, const char* spec, const char* app = "hello-service") {
  json out;
  out["apiVersion"] = "chaos-mesh.org/v1alpha1";
  out["kind"] = kind;
  out["metadata"] = {{"name", "x"}, {"namespace", "simple-micro"}};
  out["spec"] = json::parse(spec);
  out["spec"]["mode"] = "one";
  out["spec"]["selector"]["labelSelectors"]["app"] = app;
  return out;
}

inline json stress_cr(const std::string& name, const std::string& target) {
  return json::parse(R"({"apiVersion": "chaos-mesh.org/v1alpha1", "kind": "StressChaos",
    "metadata": {"name": ")" +
                     name + R"(", "namespace": "simple-micro"},
    "spec": {"mode": "one", "selector": {"labelSelectors": {"app": ")" +
                     target + R"("}},
             "stressors": {"cpu": {"workers": 10, "load": 100}}}})");
}

inline const std::string crs = "/apis/chaos-mesh.org/v1alpha1/namespaces/simple-micro/";

} // namespace remed::chaos::test
