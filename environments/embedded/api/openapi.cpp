// OpenAPI v3 documents per group version, made from the definitions and from CRDs.
#include "environments/embedded/api/discovery.hpp"
#include "environments/embedded/api/resources.hpp"
#include "environments/embedded/api/text.hpp"
#include "runtime/paths.hpp"
#include "runtime/yaml.hpp"

#include <algorithm>
#include <map>
#include <stdexcept>

namespace remed::env {

namespace {

constexpr auto meta_definition = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta";

/// What each type and field is, in words, by definition.
const std::map<std::string, std::map<std::string, std::string>>& descriptions() {
  static const auto all = [] {
    auto path = data_root() / "environments/embedded/schemas/descriptions.yaml";
    auto read = read_yaml_document(path);
    if (!read) throw std::runtime_error(read.why().what);
    std::map<std::string, std::map<std::string, std::string>> out;
    for (const auto& [type, fields] : read->value.items()) {
      for (const auto& [name, text] : fields.items()) {
        if (text.is_string()) out[type][name] = text.get<std::string>();
      }
    }
    return out;
  }();
  return all;
}

/// A place that refers to a type cannot carry words of its own beside `$ref` in OpenAPI 3.0.
void describe(json& place, const std::string& text) {
  if (auto ref = place.find("$ref"); ref != place.end()) {
    place["allOf"] = json::array({{{"$ref", *ref}}});
    place.erase("$ref");
  }
  place["description"] = text;
}

json described(const std::string& type, json body) {
  auto found = descriptions().find(type);
  if (found == descriptions().end()) return body;
  for (const auto& [name, text] : found->second) {
    if (name.empty())
      body["description"] = text;
    else if (body.contains("properties") && body["properties"].contains(name))
      describe(body["properties"][name], text);
  }
  return body;
}

/// Adds a definition and all it refers to.
void collect(const std::string& name, json& out) {
  if (name.empty() || out.contains(name)) return;
  const auto& all = builtin_schemas::get().definitions();
  auto found = all.find(name);
  if (found == all.end()) return;
  out[name] = described(name, *found);
  std::vector<const json*> open = {&*found};
  while (!open.empty()) {
    const auto* at = open.back();
    open.pop_back();
    if (at->is_object() && at->contains("$ref") && (*at)["$ref"].is_string()) {
      auto ref = (*at)["$ref"].get<std::string>();
      collect(ref.substr(ref.rfind('/') + 1), out);
    }
    if (!at->is_structured()) continue;
    for (const auto& inner : *at) open.push_back(&inner);
  }
}

json query_parameter(const char* name) {
  return {{"name", name}, {"in", "query"}, {"schema", {{"type", "string"}, {"uniqueItems", true}}}};
}

json operation(const resource_type& t, const char* action, const std::string& definition) {
  auto out = json::object();
  out["x-kubernetes-action"] = action;
  out["x-kubernetes-group-version-kind"] = {
      {"group", t.group}, {"version", t.version}, {"kind", t.kind}};
  out["parameters"] = json::array();
  for (auto* name : {"dryRun", "fieldManager", "fieldValidation"}) {
    out["parameters"].push_back(query_parameter(name));
  }
  auto& content = out["responses"]["200"]["content"]["application/json"];
  content["schema"]["$ref"] = "#/components/schemas/" + definition;
  out["responses"]["200"]["description"] = "OK";
  return out;
}

/// "chaos-mesh.org", "v1alpha1", "PodChaos" -> "org.chaos-mesh.v1alpha1.PodChaos"
std::string custom_name(const resource_type& t) {
  auto parts = split(t.group, '.');
  std::reverse(parts.begin(), parts.end());
  return join(parts, ".") + "." + t.version + "." + t.kind;
}

std::string add_custom(const resource_type& t, json& schemas) {
  auto name = custom_name(t);
  auto body = t.open_api.is_object() ? t.open_api : json({{"type", "object"}});
  body["properties"]["apiVersion"] = {{"type", "string"}};
  body["properties"]["kind"] = {{"type", "string"}};
  body["properties"]["metadata"]["allOf"] = json::array();
  body["properties"]["metadata"]["allOf"].push_back(
      {{"$ref", std::string("#/components/schemas/") + meta_definition}});
  body["x-kubernetes-group-version-kind"] = json::array();
  body["x-kubernetes-group-version-kind"].push_back(
      {{"group", t.group}, {"version", t.version}, {"kind", t.kind}});
  schemas[name] = std::move(body);
  collect(meta_definition, schemas);
  return name;
}

} // namespace

json open_api_document(const store& objects, const std::string& api_version) {
  auto schemas = json::object(), paths = json::object();
  for (const auto& type : all_resources(objects)) {
    const auto& t = *type;
    if (t.api_version() != api_version) continue;
    std::string definition;
    if (t.custom) {
      definition = add_custom(t, schemas);
    } else {
      definition = builtin_schemas::get().definition_of_kind(t.group, t.version, t.kind);
      collect(definition, schemas);
      collect(builtin_schemas::get().definition_of_kind(t.group, t.version, t.list_kind), schemas);
    }
    auto root = (t.group.empty() ? "/api/" : "/apis/") + api_version + "/" +
                (t.namespaced ? "namespaces/{namespace}/" : "") + t.plural;
    paths[root]["post"] = operation(t, "post", definition);
    paths[root]["get"] = operation(t, "list", definition);
    auto& one = paths[root + "/{name}"];
    for (auto* verb : {"get", "put", "patch", "delete"}) one[verb] = operation(t, verb, definition);
  }
  if (paths.empty()) return nullptr;
  auto out = json::object();
  out["openapi"] = "3.0.0";
  out["info"] = {{"title", "Kubernetes"}, {"version", "v1.31.5"}};
  out["paths"] = std::move(paths);
  out["components"]["schemas"] = std::move(schemas);
  return out;
}

} // namespace remed::env
