#include "chaos/mesh/rules.hpp"

#include "chaos/api_path.hpp"
#include "chaos/mesh/admission/webhooks.hpp"
#include "chaos/mesh/controller.hpp"
#include "chaos/mesh/crds.hpp"
#include "chaos/mesh/kinds.hpp"
#include "chaos/mesh/plans/plans.hpp"
#include "environments/embedded/api/prepare.hpp"
#include "environments/systems/yaml_reader.hpp"
#include "runtime/paths.hpp"

namespace remed::chaos {

namespace {

env::json own_namespace_object() {
  auto out = env::json::object();
  out["apiVersion"] = "v1";
  out["kind"] = "Namespace";
  out["metadata"]["name"] = mesh::own_namespace;
  out["metadata"]["labels"]["kubernetes.io/metadata.name"] = mesh::own_namespace;
  out["spec"]["finalizers"] = env::json::array({"kubernetes"});
  out["status"]["phase"] = "Active";
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
  c.put("namespaces", own_namespace_object());
  const auto file = data_root() / "chaos" / "mesh" / "install.yaml";
  auto objects = env::read_yaml_documents(file);
  if (!objects) return objects.why();
  for (auto& one : *objects) {
    const auto table = table_of(one);
    c.put(table, env::prepared(c, table, std::move(one)));
  }
  c.settle();
  return {};
}

env::hidden_rules chaos_hidden() {
  return {{mesh::group}, "chaos-mesh", {"-normal", "-init"}};
}

} // namespace remed::chaos
