#include "environments/embedded/api/resources.hpp"

#include "environments/embedded/api/text.hpp"
#include "runtime/paths.hpp"

#include <algorithm>
#include <map>
#include <stdexcept>

namespace remed::env {

namespace {

constexpr auto crd_table = "customresourcedefinitions.apiextensions.k8s.io";

std::vector<std::string> strings(const json& from, const char* name) {
  return from.value(name, std::vector<std::string>{});
}

subresource_type read_subresource(const json& from) {
  return {from.value("name", ""), from.value("kind", ""), from.value("group", ""),
          from.value("version", ""), strings(from, "verbs")};
}

resource_type read_builtin(const json& from) {
  resource_type out;
  out.group = from.value("group", "");
  out.version = from.value("version", "");
  out.plural = from.value("name", "");
  out.singular = from.value("singular", "");
  out.kind = from.value("kind", "");
  out.list_kind = out.kind + "List";
  out.namespaced = from.value("namespaced", true);
  out.verbs = strings(from, "verbs");
  out.short_names = strings(from, "shortNames");
  out.categories = strings(from, "categories");
  for (const auto& s : from.value("subresources", json::array())) {
    out.subresources.push_back(read_subresource(s));
  }
  out.schema = builtin_schemas::get().of_kind(out.group, out.version, out.kind);
  return out;
}

std::vector<resource_type> read_builtins() {
  auto path = data_root() / "environments/embedded/schemas/resources.json";
  auto text = read_file(path);
  if (!text) throw std::runtime_error(text.why().what);
  std::vector<resource_type> out;
  for (const auto& entry : json::parse(*text)) out.push_back(read_builtin(entry));
  return out;
}

void read_columns(const json& version, resource_type& out) {
  for (const auto& c : version.value("additionalPrinterColumns", json::array())) {
    out.columns.push_back({c.value("name", ""), c.value("type", "string"), c.value("format", ""),
                           c.value("description", ""), c.value("jsonPath", ""),
                           c.value("priority", 0)});
  }
}

void read_custom_subresources(const json& version, resource_type& out) {
  auto subs = version.value("subresources", json::object());
  if (subs.contains("status")) {
    out.subresources.push_back({"status", out.kind, "", "", {"get", "patch", "update"}});
  }
  if (subs.contains("scale")) {
    out.subresources.push_back({"scale", "Scale", "autoscaling", "v1", {"get", "patch", "update"}});
  }
}

resource_type read_custom(const json& crd, const json& version, bool with_schema) {
  static const std::vector<std::string> verbs = {"delete", "deletecollection", "get",    "list",
                                                 "patch",  "create",           "update", "watch"};
  const auto& names = at_path(crd, {"spec", "names"});
  resource_type out;
  out.custom = true;
  out.group = text_at(crd, {"spec", "group"});
  out.version = version.value("name", "");
  out.plural = names.value("plural", "");
  out.singular = names.value("singular", "");
  out.kind = names.value("kind", "");
  out.list_kind = names.value("listKind", out.kind + "List");
  if (out.singular.empty()) {
    for (char c : out.kind) out.singular += static_cast<char>(std::tolower(c));
  }
  out.short_names = strings(names, "shortNames");
  out.categories = strings(names, "categories");
  out.namespaced = text_at(crd, {"spec", "scope"}) != "Cluster";
  out.verbs = verbs;
  read_columns(version, out);
  read_custom_subresources(version, out);
  out.open_api = at_path(version, {"schema", "openAPIV3Schema"});
  if (with_schema && out.open_api.is_object()) {
    out.owned = read_crd_schema(out.open_api);
    out.schema = out.owned->find(crd_root);
  }
  return out;
}

} // namespace

resource_name resource_type::table() const {
  // One object has two faces in these groups; it is stored once.
  if (group == "events.k8s.io") return plural;
  return group.empty() ? plural : plural + "." + group;
}

bool resource_type::has_verb(std::string_view verb) const {
  return std::find(verbs.begin(), verbs.end(), verb) != verbs.end();
}

const subresource_type* resource_type::subresource(std::string_view name) const {
  for (const auto& s : subresources) {
    if (s.name == name) return &s;
  }
  return nullptr;
}

const std::vector<resource_type>& builtin_resources() {
  static const std::vector<resource_type> all = read_builtins();
  return all;
}

const resource_type* builtin_table(const resource_name& table) {
  static const auto index = [] {
    std::map<resource_name, const resource_type*, std::less<>> out;
    for (const auto& type : builtin_resources()) out.emplace(type.table(), &type);
    return out;
  }();
  auto found = index.find(table);
  return found == index.end() ? nullptr : found->second;
}

std::optional<resource_type> find_resource(const store& objects, const std::string& group,
                                           const std::string& version, const std::string& plural) {
  for (const auto& type : builtin_resources()) {
    if (type.plural == plural && type.group == group && type.version == version) return type;
  }
  auto crd = objects.get(crd_table, {"", plural + "." + group});
  if (!crd) return std::nullopt;
  for (const auto& v : at_path(*crd, {"spec", "versions"})) {
    if (v.value("name", "") == version && v.value("served", true))
      return read_custom(*crd, v, true);
  }
  return std::nullopt;
}

std::optional<resource_type> find_kind(const store& objects, const std::string& api_version,
                                       const std::string& kind) {
  for (const auto& type : builtin_resources()) {
    if (type.kind == kind && type.api_version() == api_version) return type;
  }
  auto slash = api_version.find('/');
  if (slash == std::string::npos) return std::nullopt;
  auto group = api_version.substr(0, slash), version = api_version.substr(slash + 1);
  for (const auto& crd : objects.list(crd_table)) {
    if (text_at(*crd, {"spec", "group"}) != group) continue;
    if (text_at(*crd, {"spec", "names", "kind"}) != kind) continue;
    return find_resource(objects, group, version, text_at(*crd, {"spec", "names", "plural"}));
  }
  return std::nullopt;
}

std::optional<resource_type> find_table(const store& objects, const resource_name& table) {
  if (auto* type = builtin_table(table)) return *type;
  auto crd = objects.get(crd_table, {"", table});
  if (!crd) return std::nullopt;
  for (const auto& v : at_path(*crd, {"spec", "versions"})) {
    if (v.value("storage", false)) return read_custom(*crd, v, true);
  }
  return std::nullopt;
}

std::vector<resource_type> all_resources(const store& objects) {
  auto out = builtin_resources();
  for (const auto& crd : objects.list(crd_table)) {
    for (const auto& v : at_path(*crd, {"spec", "versions"})) {
      if (v.value("served", true)) out.push_back(read_custom(*crd, v, false));
    }
  }
  return out;
}

} // namespace remed::env
