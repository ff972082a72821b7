// Stock kubectl against the embedded API over TLS on a loopback port.
#include "environments/embedded/boot.hpp"
#include "tools/http_server.hpp"
#include "tools/process.hpp"

#include <doctest/doctest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

using namespace remed;
using namespace remed::env;

namespace {

/// A cluster without a system, served; virtual time follows kubectl's waiting.
class served_cluster {
public:
  served_cluster() {
    auto rules = std::make_shared<cluster_rules>(standard_rules());
    c = std::make_unique<cluster>(rules, cluster_options{}, stepped_epoch, 11);
    install_basics(*c);
    api = std::make_unique<api_server>(*c);
    identity admin;
    admin.token = "e2e-token";
    admin.user = "kubernetes-admin";
    admin.groups = {"system:masters"};
    api->add_identity(admin);
    auto tls = tools::tls_identity::generate();
    REQUIRE(tls);
    tools::http_server_options options;
    options.tls = *tls;
    server = std::make_unique<tools::http_server>(
        loop, [this](const tools::http_request& r) { return api->handle(r); }, options);
    auto port = server->listen();
    REQUIRE(port);
    home = std::filesystem::temp_directory_path() / ("remed-e2e-" + std::to_string(getpid()));
    std::filesystem::create_directories(home);
    auto url = "https://127.0.0.1:" + std::to_string(*port);
    std::ofstream(home / "config") << kubeconfig_yaml(url, (*tls)->ca_pem, admin, "shop");
  }
  ~served_cluster() {
    std::error_code ignored;
    std::filesystem::remove_all(home, ignored);
  }

  tools::process_result kubectl(std::vector<std::string> args, const std::string& input = {}) {
    args.insert(args.begin(), program);
    tools::command cmd;
    cmd.argv = args;
    cmd.env = {{"PATH", std::getenv("PATH")},
               {"HOME", home.string()},
               {"KUBECACHEDIR", (home / "cache").string()},
               {"KUBECONFIG", (home / "config").string()}};
    cmd.input = input;
    std::optional<tools::process_result> out;
    tools::process_callbacks callbacks;
    callbacks.done = [&](result<tools::process_result> r) {
      REQUIRE(r);
      out = std::move(*r);
    };
    auto running = tools::start_process(loop, std::move(cmd), std::move(callbacks));
    while (!out) {
      loop.run_for(std::chrono::milliseconds{10});
      c->advance_to(c->now() + std::chrono::milliseconds{100});
      api->pump();
    }
    std::string line;
    for (const auto& a : args) line += a + " ";
    INFO(line << "\n" << out->out << out->err);
    if (std::getenv("REMED_E2E_SHOW"))
      MESSAGE("$ " << line << "-> " << out->exit_code << "\n" << out->out << out->err);
    return *out;
  }
  std::string ok(std::vector<std::string> args, const std::string& input = {}) {
    auto r = kubectl(args, input);
    std::string line;
    for (const auto& a : args) line += a + " ";
    CHECK_MESSAGE(r.exit_code == 0, line << ": " << r.err);
    return r.out;
  }

  std::string program = std::getenv("REMED_KUBECTL") ? std::getenv("REMED_KUBECTL") : "kubectl";
  tools::io_loop loop;
  std::unique_ptr<cluster> c;
  std::unique_ptr<api_server> api;
  std::unique_ptr<tools::http_server> server;
  std::filesystem::path home;
};

constexpr auto app = R"(apiVersion: v1
kind: Namespace
metadata: {name: shop}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: web-config, namespace: shop}
data: {LOG_LEVEL: info}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop, labels: {app: web}}
spec:
  selector: {app: web}
  ports: [{name: http, port: 80, targetPort: 8080}]
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop, labels: {app: web}}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      terminationGracePeriodSeconds: 1
      containers:
      - name: main
        image: busybox
        command: [sleep, "36000"]
        resources: {requests: {cpu: 50m, memory: 32Mi}, limits: {cpu: 200m, memory: 64Mi}}
)";

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

} // namespace

TEST_CASE("stock kubectl creates, changes, watches and deletes") {
  served_cluster s;
  CHECK(has(s.ok({"version"}), "Server Version: v1.31.5"));
  CHECK(has(s.ok({"api-resources"}), "deployments"));
  auto applied = s.ok({"apply", "-f", "-"}, app);
  CHECK(has(applied, "namespace/shop created"));
  CHECK(has(applied, "deployment.apps/web created"));
  CHECK(has(s.ok({"apply", "-f", "-"}, app), "deployment.apps/web unchanged"));
  s.ok({"rollout", "status", "deploy/web", "--timeout=60s"});
  CHECK(has(s.ok({"wait", "--for=condition=Available", "deploy/web", "--timeout=20s"}),
            "condition met"));
  CHECK(has(s.ok({"get", "deploy"}), "2/2"));
  CHECK(has(s.ok({"get", "pods", "-o", "wide"}), "Running"));
  CHECK(has(s.ok({"describe", "deploy", "web"}), "2 desired | 2 updated | 2 total | 2 available"));
  CHECK(has(s.ok({"describe", "pods"}), "Status:           Running"));
  CHECK(has(s.ok({"scale", "deploy/web", "--replicas=3"}), "deployment.apps/web scaled"));
  CHECK(has(s.ok({"label", "deploy/web", "x=y"}), "labeled"));
  CHECK(has(
      s.ok(
          {"patch", "deploy/web", "-p",
           R"({"spec":{"template":{"spec":{"containers":[{"name":"main","env":[{"name":"A","value":"1"}]}]}}}})"}),
      "patched"));
  s.ok({"set", "resources", "deploy/web", "-c", "main", "--limits=cpu=300m,memory=96Mi"});
  s.ok({"rollout", "undo", "deploy/web"});
  s.ok({"apply", "--server-side", "--force-conflicts", "-f", "-"}, app);
  auto yaml = s.ok({"get", "deploy", "web", "-o", "yaml"});
  CHECK(has(yaml, "progressDeadlineSeconds: 600"));
  CHECK(has(s.ok({"auth", "can-i", "get", "pods"}), "yes"));
  CHECK(has(s.ok({"get", "events"}), "SuccessfulCreate"));
  CHECK(s.kubectl({"get", "pod", "nope"}).err ==
        "Error from server (NotFound): pods \"nope\" not found\n");
  s.ok({"delete", "cm", "web-config"});
  CHECK(has(s.ok({"delete", "deploy", "web", "--timeout=30s"}), "deployment.apps \"web\" deleted"));
  s.ok({"delete", "ns", "shop", "--timeout=60s"});
  CHECK(s.kubectl({"get", "ns", "shop"}).exit_code == 1);
}

TEST_CASE("kubectl 1.33, which creates in protobuf, creates every kind it has a command for") {
  served_cluster s;
  s.program = "/usr/lib/google-cloud-sdk/bin/kubectl.1.33";
  if (!std::filesystem::exists(s.program)) return;
  s.ok({"create", "ns", "shop"});
  using line = std::vector<std::string>;
  for (const auto& made : std::vector<line>{
           {"cm", "c", "--from-literal=a=b"},
           {"secret", "generic", "s", "--from-literal=p=q"},
           {"deploy", "d", "--image=busybox", "--", "sleep", "36000"},
           {"svc", "nodeport", "v", "--tcp=80:http"},
           {"sa", "a"},
           {"job", "j", "--image=busybox", "--", "true"},
           {"cronjob", "cj", "--image=busybox", "--schedule=*/5 * * * *", "--", "date"},
           {"role", "r", "--verb=get", "--resource=pods"},
           {"rolebinding", "rb", "--role=r", "--serviceaccount=shop:a"},
           {"clusterrole", "cr", "--verb=get", "--resource=nodes"},
           {"quota", "q", "--hard=pods=10,cpu=4"},
           {"pdb", "p", "--selector=app=d", "--min-available=50%"},
           {"ingress", "i", "--rule=a.example/x=v:80"},
           {"priorityclass", "pc", "--value=100"},
           {"token", "a"}}) {
    auto args = line{"create"};
    args.insert(args.end(), made.begin(), made.end());
    s.ok(args);
  }
  CHECK(s.ok({"get", "secret", "s", "-o", "jsonpath={.data.p}"}) == "cQ==");
  CHECK(s.ok({"get", "svc", "v", "-o", "jsonpath={.spec.ports[0].targetPort}"}) == "http");
  CHECK(s.ok({"get", "pdb", "p", "-o", "jsonpath={.spec.minAvailable}"}) == "50%");
  s.ok({"autoscale", "deploy", "d", "--min=1", "--max=3", "--cpu-percent=50"});
  CHECK(has(s.ok({"auth", "can-i", "get", "pods"}), "yes"));
  CHECK(has(s.ok({"auth", "whoami"}), "kubernetes-admin"));
  CHECK(has(s.ok({"explain", "pod.spec.containers.image"}), "Image to run."));
  CHECK(has(s.ok({"get", "deploy", "d", "-o", "yaml", "--show-managed-fields"}), "f:containers"));
}
