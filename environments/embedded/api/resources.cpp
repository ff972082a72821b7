#include "environments/embedded/api/resources.hpp"

#include "environments/embedded/api/text.hpp"
#include "environments/embedded/kept_text.hpp"
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

resource_type read_custom(const json& crd, const json& version) {
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
  if (out.open_api.is_object()) {
    out.owned = read_crd_schema(out.open_api);
    out.schema = out.owned->find(crd_root);
  }
  return out;
}

/// One version of what a CRD declares.
struct custom_version {
  resource_type type;
  bool served = true, stored = false;
};
using custom_versions = std::vector<custom_version>;

/// Read once in the life of the CRD's object: schemas are large.
std::shared_ptr<const custom_versions> versions_of(const object& crd) {
  auto read = [&]() -> std::shared_ptr<const void> {
    auto out = std::make_shared<custom_versions>();
    for (const auto& v : at_path(*crd, {"spec", "versions"})) {
      out->push_back({read_custom(*crd, v), v.value("served", true), v.value("storage", false)});
    }
    return out;
  };
  return std::static_pointer_cast<const custom_versions>(kept_with(crd, read));
}

/// The first version that `fits`, or none.
template <class Fits>
resource_pointer custom_type(const object& crd, Fits fits) {
  auto all = versions_of(crd);
  for (const auto& v : *all) {
    if (fits(v)) return {all, &v.type};
  }
  return {};
}

/// Built-in types live as long as the process.
resource_pointer builtin(const resource_type& type) {
  return {resource_pointer{}, &type};
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

resource_pointer find_resource(const store& objects, const std::string& group,
                               const std::string& version, const std::string& plural) {
  for (const auto& type : builtin_resources()) {
    if (type.plural == plural && type.group == group && type.version == version)
      return builtin(type);
  }
  auto crd = objects.get(crd_table, {"", plural + "." + group});
  if (!crd) return {};
  return custom_type(crd, [&](const auto& v) { return v.served && v.type.version == version; });
}

resource_pointer find_kind(const store& objects, const std::string& api_version,
                           const std::string& kind) {
  for (const auto& type : builtin_resources()) {
    if (type.kind == kind && type.api_version() == api_version) return builtin(type);
  }
  auto slash = api_version.find('/');
  if (slash == std::string::npos) return {};
  auto group = api_version.substr(0, slash), version = api_version.substr(slash + 1);
  for (const auto& crd : objects.list(crd_table)) {
    if (text_at(*crd, {"spec", "group"}) != group) continue;
    if (text_at(*crd, {"spec", "names", "kind"}) != kind) continue;
    return find_resource(objects, group, version, text_at(*crd, {"spec", "names", "plural"}));
  }
  return {};
}

resource_pointer find_table(const store& objects, const resource_name& table) {
  if (auto* type = builtin_table(table)) return builtin(*type);
  auto crd = objects.get(crd_table, {"", table});
  return crd ? custom_type(crd, [](const auto& v) { return v.stored; }) : resource_pointer{};
}

std::vector<resource_pointer> all_resources(const store& objects) {
  std::vector<resource_pointer> out;
  for (const auto& type : builtin_resources()) out.push_back(builtin(type));
  for (const auto& crd : objects.list(crd_table)) {
    auto all = versions_of(crd);
    for (const auto& v : *all) {
      if (v.served) out.emplace_back(all, &v.type);
    }
  }
  return out;
}

} // namespace remed::env
