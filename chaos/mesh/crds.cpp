#include "chaos/mesh/crds.hpp"

#include "chaos/mesh/kinds.hpp"
#include "environments/systems/yaml_reader.hpp"
#include "runtime/paths.hpp"

#include <set>

namespace remed::chaos::mesh {

namespace {

/// Thrown inside a read and turned into a failure by `read_crds`.
struct unknown_name {
  std::string what;
};

/// Merges the parts, groups and kinds of all files; turns the short form into OpenAPI.
class reader {
public:
  void add(const json& document) {
    for (auto [from, to] : {std::pair{"parts", &parts_}, std::pair{"groups", &groups_}}) {
      if (document.contains(from)) to->update(document[from]);
    }
    for (const auto& kind : document.value("kinds", json::array())) kinds_.push_back(kind);
  }

  json schema(const json& from) const {
    if (from.is_string()) {
      auto found = parts_.find(from.get<std::string>());
      if (found == parts_.end()) throw unknown_name{"no part '" + from.get<std::string>() + "'"};
      return schema(*found);
    }
    auto out = from;
    for (const auto* inner : {"items", "additionalProperties"}) {
      if (out.contains(inner)) out[inner] = schema(out[inner]);
    }
    if (out.value("type", "") == "object") add_properties(out);
    for (const auto* word : {"with", "embed"}) out.erase(word);
    return out;
  }

  const json& kinds() const { return kinds_; }

  json spec_of(const json& kind) const {
    auto spec = json::object();
    spec["type"] = "object";
    spec["properties"] = kind.value("spec", json::object());
    for (const auto* word : {"with", "embed"}) {
      if (kind.contains(word)) spec[word] = kind[word];
    }
    return schema(spec);
  }

private:
  /// "name!" is a required property.
  void put(json& out, std::string name, const json& from) const {
    if (name.back() == '!') {
      name.pop_back();
      out["required"].push_back(name);
    }
    out["properties"][name] = schema(from);
  }

  void add_properties(json& out) const {
    const auto own = out.value("properties", json::object());
    out.erase("properties");
    for (const auto& name : out.value("with", json::array())) {
      auto group = groups_.find(name.get<std::string>());
      if (group == groups_.end()) throw unknown_name{"no group '" + name.get<std::string>() + "'"};
      for (const auto& [key, from] : group->items()) put(out, key, from);
    }
    for (const auto& [key, from] : own.items()) put(out, key, from);
    if (!out.value("embed", false)) return;
    for (const auto& kind : kinds_) {
      if (const auto* known = kind_named(kind.value("kind", ""))) {
        out["properties"][known->embedded] = spec_of(kind);
      }
    }
  }

  json parts_ = json::object(), groups_ = json::object(), kinds_ = json::array();
};

json established(const std::string& time) {
  auto out = json::array();
  for (const auto* type : {"NamesAccepted", "Established"}) {
    const bool names = type == std::string("NamesAccepted");
    out.push_back(
        {{"type", type},
         {"status", "True"},
         {"reason", names ? "NoConflicts" : "InitialNamesAccepted"},
         {"message", names ? "no conflicts found" : "the initial names have been accepted"},
         {"lastTransitionTime", time}});
  }
  return out;
}

/// Experiments have no status subresource: their status is written through the object.
json version_of(const reader& all, const json& kind) {
  auto schema = json::object();
  schema["type"] = "object";
  schema["properties"] = {{"apiVersion", {{"type", "string"}}},
                          {"kind", {{"type", "string"}}},
                          {"metadata", {{"type", "object"}}}};
  schema["properties"]["spec"] = all.spec_of(kind);
  if (!kind.value("child", false)) schema["required"] = json::array({"spec"});
  if (kind.contains("status")) {
    schema["properties"]["status"] = all.schema(kind["status"]);
  } else if (!kind.value("plain", false)) {
    schema["properties"]["status"] = all.schema("experiment_status");
  }
  auto version = json::object();
  version["name"] = "v1alpha1";
  version["served"] = version["storage"] = true;
  version["schema"]["openAPIV3Schema"] = std::move(schema);
  for (const auto& column : kind.value("columns", json::array())) {
    const auto name = column.get<std::string>();
    version["additionalPrinterColumns"].push_back(
        {{"name", name}, {"type", "string"}, {"jsonPath", ".spec." + name}});
  }
  if (kind.value("child", false) || kind.value("has_status", false)) {
    version["subresources"]["status"] = json::object();
  }
  return version;
}

json make_crd(const reader& all, const json& kind, const std::string& time) {
  const auto name = kind.value("kind", "");
  const auto singular = lower(name), plural = kind.value("plural", singular);
  auto names = json::object();
  names["kind"] = name;
  names["listKind"] = name + "List";
  names["plural"] = plural;
  names["singular"] = singular;
  if (kind.contains("short")) names["shortNames"] = kind["short"];
  auto out = json::object();
  out["apiVersion"] = "apiextensions.k8s.io/v1";
  out["kind"] = "CustomResourceDefinition";
  out["metadata"]["name"] = plural + "." + group;
  auto& spec = out["spec"];
  spec["group"] = group;
  spec["names"] = names;
  spec["scope"] = kind.value("scope", "Namespaced");
  spec["conversion"]["strategy"] = "None";
  spec["versions"] = json::array({version_of(all, kind)});
  out["status"]["acceptedNames"] = std::move(names);
  out["status"]["conditions"] = established(time);
  out["status"]["storedVersions"] = json::array({"v1alpha1"});
  return out;
}

} // namespace

result<std::vector<json>> read_crds(const std::string& time) {
  const auto folder = data_root() / "chaos" / "mesh" / "crds";
  reader all;
  for (const auto* file : {"shared.yaml", "pods.yaml", "network.yaml", "storage.yaml",
                           "machines.yaml", "orchestration.yaml"}) {
    auto documents = env::read_yaml_documents(folder / file);
    if (!documents) return documents.why();
    for (const auto& document : *documents) all.add(document);
  }
  std::vector<json> out;
  try {
    for (const auto& kind : all.kinds()) out.push_back(make_crd(all, kind, time));
  } catch (const unknown_name& e) {
    return failure{errc::bad_input, folder.string() + ": " + e.what};
  } catch (const json::exception& e) {
    return failure{errc::bad_input, folder.string() + ": " + e.what()};
  }
  return out;
}

} // namespace remed::chaos::mesh
