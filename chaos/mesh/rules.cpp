#include "chaos/mesh/rules.hpp"

#include "chaos/mesh/controller.hpp"
#include "chaos/mesh/kinds.hpp"
#include "chaos/mesh/webhooks.hpp"
#include "environments/systems/yaml_reader.hpp"
#include "runtime/paths.hpp"

#include <cctype>

namespace remed::chaos {

namespace {

using env::json;

std::string lower(const std::string& text) {
  std::string out;
  for (unsigned char c : text) out += static_cast<char>(std::tolower(c));
  return out;
}

json established(const std::string& time) {
  auto out = json::array();
  for (const auto* type : {"NamesAccepted", "Established"}) {
    out.push_back(
        {{"type", type},
         {"status", "True"},
         {"reason", type == std::string("Established") ? "InitialNamesAccepted" : "NoConflicts"},
         {"message", type == std::string("Established") ? "the initial names have been accepted"
                                                        : "no conflicts found"},
         {"lastTransitionTime", time}});
  }
  return out;
}

json make_crd(const json& all, const json& kind, const std::string& time) {
  const auto name = kind.value("kind", ""), plural = lower(name);
  auto names =
      json{{"kind", name}, {"listKind", name + "List"}, {"plural", plural}, {"singular", plural}};
  auto schema = json::object();
  schema["type"] = "object";
  schema["required"] = json::array({"spec"});
  schema["properties"] = {
      {"apiVersion", {{"type", "string"}}},
      {"kind", {{"type", "string"}}},
      {"metadata", {{"type", "object"}}},
      {"spec", kind["spec"]},
      {"status", {{"type", "object"}, {"x-kubernetes-preserve-unknown-fields", true}}}};
  auto version = json::object();
  version["name"] = all.value("version", "");
  version["served"] = version["storage"] = true;
  version["schema"]["openAPIV3Schema"] = std::move(schema);
  if (!kind["columns"].empty()) version["additionalPrinterColumns"] = kind["columns"];
  if (kind.value("status", false)) version["subresources"]["status"] = json::object();
  auto out = json::object();
  out["apiVersion"] = "apiextensions.k8s.io/v1";
  out["kind"] = "CustomResourceDefinition";
  out["metadata"]["name"] = plural + "." + all.value("group", "");
  out["spec"] = {{"group", all["group"]}, {"names", names}, {"scope", "Namespaced"}};
  out["spec"]["conversion"]["strategy"] = "None";
  out["spec"]["versions"] = json::array({version});
  out["status"] = {{"acceptedNames", names}, {"conditions", established(time)}};
  out["status"]["storedVersions"] = json::array({all["version"]});
  return out;
}

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
  for (auto& one : mesh::admissions()) rules.admissions.push_back(std::move(one));
  return rules;
}

result<void> install_chaos(env::cluster& c) {
  auto file = data_root() / "chaos" / "mesh" / "crds.yaml";
  auto documents = env::read_yaml_documents(file);
  if (!documents) return documents.why();
  if (documents->size() != 1 || !documents->front().contains("kinds")) {
    return failure{errc::bad_input, file.string() + ": one document with 'kinds' is expected"};
  }
  const auto& all = documents->front();
  for (const auto& kind : all["kinds"]) {
    auto crd = make_crd(all, kind, rfc3339(c.now()));
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
  c.settle();
  return {};
}

env::hidden_rules chaos_hidden() {
  return {{mesh::group}, "chaos-mesh", {"-normal", "-init"}};
}

} // namespace remed::chaos
