#include "chaos/mesh/rules.hpp"

#include "chaos/mesh/admission/webhooks.hpp"
#include "chaos/mesh/controller.hpp"
#include "chaos/mesh/crds.hpp"
#include "chaos/mesh/kinds.hpp"
#include "chaos/mesh/plans/plans.hpp"
#include "environments/embedded/api/prepare.hpp"

namespace remed::chaos {

namespace {

using env::json;

json plain(const char* kind, const std::string& name, const std::string& ns) {
  auto out = json::object();
  out["apiVersion"] = "v1";
  out["kind"] = kind;
  out["metadata"]["name"] = name;
  if (!ns.empty()) out["metadata"]["namespace"] = ns;
  return out;
}

} // namespace

env::cluster_rules chaos_rules() {
  auto rules = env::standard_rules();
  rules.controllers.push_back(mesh::make_controller());
  rules.controllers.push_back(mesh::make_plans_controller());
  for (auto& one : mesh::admissions()) rules.admissions.push_back(std::move(one));
  return rules;
}

result<void> install_chaos(env::cluster& c) {
  auto crds = mesh::read_crds(rfc3339(c.now()));
  if (!crds) return crds.why();
  for (auto& crd : *crds) {
    c.put("customresourcedefinitions.apiextensions.k8s.io", std::move(crd));
  }
  auto ns = plain("Namespace", mesh::own_namespace, {});
  ns["metadata"]["labels"] = json{{"kubernetes.io/metadata.name", mesh::own_namespace}};
  ns["spec"]["finalizers"] = json::array({"kubernetes"});
  ns["status"]["phase"] = "Active";
  c.put("namespaces", std::move(ns));
  for (const auto* account : {"chaos-controller-manager", "chaos-daemon"}) {
    c.put("serviceaccounts", plain("ServiceAccount", account, mesh::own_namespace));
  }
  auto dns = plain("Service", "chaos-mesh-dns-server", mesh::own_namespace);
  dns["spec"]["selector"]["app.kubernetes.io/component"] = "chaos-dns-server";
  dns["spec"]["ports"] = json::array({{{"name", "dns"}, {"port", 53}, {"protocol", "UDP"}}});
  c.put("services", env::prepared(c, "services", std::move(dns)));
  c.settle();
  return {};
}

env::hidden_rules chaos_hidden() {
  return {{mesh::group}, "chaos-mesh", {"-normal", "-init"}};
}

} // namespace remed::chaos
