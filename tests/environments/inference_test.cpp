#include "environments/systems/inference.hpp"

#include "environments/embedded/boot.hpp"
#include "environments/embedded/traffic.hpp"

#include <doctest/doctest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

using namespace remed;
using namespace remed::env;

namespace {

struct folder {
  folder() : path(std::filesystem::temp_directory_path() / ("remed-inference-" + unique())) {
    std::filesystem::create_directories(path);
  }
  ~folder() { std::filesystem::remove_all(path); }
  void write(const std::string& name, const std::string& text) const {
    std::ofstream(path / name) << text;
  }
  static std::string unique() {
    static int n = 0;
    return std::to_string(::getpid()) + "-" + std::to_string(++n);
  }
  std::filesystem::path path;
};

constexpr const char* shop = R"(
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
        - name: web
          image: node:20
          envFrom: [{configMapRef: {name: web-config}}]
          env: [{name: MODE, value: cart-less}]
          ports: [{containerPort: 3000}]
---
apiVersion: v1
kind: ConfigMap
metadata: {name: web-config, namespace: shop}
data: {API: "http://cart.shop.svc.cluster.local:8080/v1"}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: cart-deployment, namespace: shop}
spec:
  selector: {matchLabels: {app: cart}}
  template:
    metadata: {labels: {app: cart}}
    spec:
      containers:
        - name: cart
          image: eclipse-temurin:17-jre
          command: [java, -jar, /cart.jar]
          args: ["--db=jdbc:postgresql://db:5432/cart"]
          ports: [{containerPort: 8080}]
          resources: {limits: {cpu: 500m, memory: 512Mi}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: db, namespace: shop}
spec:
  selector: {matchLabels: {app: db}}
  template:
    metadata: {labels: {app: db}}
    spec:
      containers: [{name: db, image: "mariadb:11", ports: [{containerPort: 3306}]}]
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec: {type: NodePort, selector: {app: web}, ports: [{port: 80, targetPort: 3000}]}
---
apiVersion: v1
kind: Service
metadata: {name: cart, namespace: shop}
spec: {selector: {app: cart}, ports: [{port: 8080}]}
---
apiVersion: v1
kind: Service
metadata: {name: db, namespace: shop}
spec: {selector: {app: db}, ports: [{port: 3306}]}
)";

} // namespace

TEST_CASE("a user's manifests become a system: runtimes, call graph and entry are inferred") {
  folder f;
  f.write("shop.yaml", shop);
  auto s = load_system(f.path.string());
  REQUIRE_MESSAGE(s.ok(), (s.ok() ? "" : s.why().what));
  CHECK(s->name == "shop");
  CHECK(s->manifests.front()["kind"] == "Namespace");
  REQUIRE(s->services.size() == 3);
  CHECK(s->services.at("web").runtime == "node");
  CHECK(s->services.at("web").threads == 1);
  const auto& cart = s->services.at("cart-deployment");
  CHECK(cart.runtime == "jvm");
  CHECK(cart.service == "cart");
  CHECK(cart.memory_mib == doctest::Approx(0.6 * 512));
  REQUIRE(s->services.at("web").calls.size() == 1);
  CHECK(s->services.at("web").calls[0].to == "cart-deployment");
  REQUIRE(cart.calls.size() == 1);
  CHECK(cart.calls[0].to == "db");
  CHECK(s->services.at("db").runtime == "mysql");
  CHECK(s->services.at("db").calls.empty());
  CHECK(s->entry == std::vector<std::string>{"web"});
  CHECK(s->targets.size() == 3);
  CHECK(s->context.find("web calls cart-deployment") != std::string::npos);
}

TEST_CASE("a system.yaml beside the manifests overrides what was inferred and keeps the rest") {
  folder f;
  f.write("shop.yaml", shop);
  f.write("system.yaml",
          "load: {users: 20, think_s: 2}\nservices:\n  web: {cpu_ms: 7}\n"
          "targets: [web]\n");
  auto s = load_system(f.path.string());
  REQUIRE_MESSAGE(s.ok(), (s.ok() ? "" : s.why().what));
  CHECK(s->services.at("web").cpu_ms == 7);
  CHECK(s->services.at("web").runtime == "node");
  CHECK(s->services.at("web").calls.size() == 1);
  CHECK(s->users == 20);
  CHECK(s->targets == std::vector<std::string>{"web"});
  f.write("system.yaml", "services:\n  web: {cpu_ms: fast}\n");
  auto bad = load_system(f.path.string());
  REQUIRE_FALSE(bad);
  CHECK(bad.why().what.find("system.yaml:2:17: services.web.cpu_ms: must be a number") !=
        std::string::npos);
}

TEST_CASE("a folder without workloads is refused") {
  folder f;
  f.write("a.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n");
  auto s = load_system(f.path.string());
  REQUIRE_FALSE(s);
  CHECK(s.why().what.find("no Deployment, StatefulSet or DaemonSet") != std::string::npos);
}

TEST_CASE("what is applied to a running cluster gets a profile and traffic the same way") {
  auto micro = load_system("simple-micro");
  REQUIRE(micro);
  auto booted = boot(*micro, standard_rules(), {});
  REQUIRE(booted);
  auto& c = **booted;
  folder f;
  f.write("shop.yaml", shop);
  auto s = load_system(f.path.string());
  REQUIRE(s);
  for (const auto& m : s->manifests) {
    auto kind = m["kind"].get<std::string>();
    c.put(kind == "Namespace"    ? "namespaces"
          : kind == "Deployment" ? "deployments.apps"
          : kind == "Service"    ? "services"
                                 : "configmaps",
          m);
  }
  c.advance_to(c.now() + std::chrono::seconds{1});
  auto app = c.traffic().apps.find("shop");
  REQUIRE(app != c.traffic().apps.end());
  CHECK(app->second.profile->services.at("web").calls.at(0).to == "cart-deployment");
  CHECK(app->second.profile->entry == std::vector<std::string>{"web"});
  CHECK(c.traffic().apps.count("simple-micro") == 1);
}
