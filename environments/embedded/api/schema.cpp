#include "environments/embedded/api/schema.hpp"

#include "runtime/paths.hpp"
#include "runtime/yaml.hpp"

#include <stdexcept>

namespace remed::env {

const schema_node* schema_node::field(std::string_view name) const {
  const auto* found = fields.find(name);
  return found ? *found : values;
}

schema_node* schema_set::make() {
  nodes_.push_back(std::make_unique<schema_node>());
  return nodes_.back().get();
}

const schema_node* schema_set::find(const std::string& definition) const {
  auto found = named_.find(definition);
  return found == named_.end() ? nullptr : found->second;
}

/// Turns OpenAPI text into nodes.
class schema_reader {
public:
  /// `has_zeros`: the types are Go structs, whose `default` is the zero value.
  schema_reader(schema_set& out, const json& definitions, const json& defaults, const json& checks,
                bool has_zeros)
      : out_(out),
        definitions_(definitions),
        defaults_(defaults),
        checks_(checks),
        has_zeros_(has_zeros) {}

  schema_node* named(const std::string& name) {
    auto& slot = out_.named_[name];
    if (slot) return slot;
    slot = out_.make(); // before reading its members: types refer to themselves
    slot->definition = name;
    auto* node = slot;
    auto found = definitions_.find(name);
    if (found != definitions_.end()) fill(*node, *found);
    if (name == "io.k8s.apimachinery.pkg.api.resource.Quantity") {
      node->kind = schema_node::type::quantity;
    } else if (name == "io.k8s.apimachinery.pkg.runtime.RawExtension") {
      node->keeps_unknown = true;
    }
    if (auto rules = checks_.find(name); rules != checks_.end()) node->checks = &*rules;
    if (auto rules = defaults_.find(name); rules != defaults_.end()) {
      for (const auto& rule : *rules) {
        node->defaults.push_back(
            {rule.value("when", json::object()), rule.value("set", json::object())});
      }
    }
    return node;
  }

  /// The node of one place: a reference keeps the type's own node unless the place adds to it.
  schema_node* read(const json& place) {
    if (!place.is_object()) return out_.make(); // `items: null`: anything
    if (auto ref = place.find("$ref"); ref != place.end()) {
      auto text = ref->get<std::string>();
      auto* target = named(text.substr(text.rfind('/') + 1));
      if (!has_list_rules(place)) return target;
      auto* copy = out_.make();
      *copy = *target;
      rules(*copy, place);
      return copy;
    }
    auto* node = out_.make();
    fill(*node, place);
    return node;
  }

  void fill(schema_node& node, const json& from) {
    node.kind = kind_of(from);
    node.format = from.value("format", "");
    rules(node, from);
    const auto properties = from.value("properties", json::object());
    for (const auto& [name, place] : properties.items()) {
      node.fields[name] = read(place);
      bool is_struct = place.contains("$ref") && place.contains("default");
      if (has_zeros_ && is_struct) node.zeros[name] = json::object();
    }
    if (from.contains("items")) node.items = read(from["items"]);
    if (from.contains("additionalProperties") && from["additionalProperties"].is_object()) {
      node.values = read(from["additionalProperties"]);
    }
    for (const auto& name : from.value("required", json::array())) {
      node.required.push_back(name);
      if (!has_zeros_ || !properties.contains(name)) continue;
      const auto& field = name.get_ref<const std::string&>();
      node.zeros.add(field, properties[field].value("default", json()));
    }
    for (const auto& value : from.value("enum", json::array())) {
      if (value.is_string()) node.allowed.push_back(value);
    }
  }

private:
  static schema_node::type kind_of(const json& from) {
    using type = schema_node::type;
    if (from.value("format", "") == "int-or-string" ||
        from.value("x-kubernetes-int-or-string", false)) {
      return type::int_or_string;
    }
    auto text = from.value("type", "");
    if (text == "object") return type::record;
    if (text == "array") return type::array;
    if (text == "string") return type::string;
    if (text == "integer") return type::integer;
    if (text == "number") return type::number;
    if (text == "boolean") return type::boolean;
    return from.contains("properties") ? type::record : type::any;
  }

  static bool has_list_rules(const json& place) {
    for (const auto& [name, value] : place.items()) {
      if (name.rfind("x-kubernetes-", 0) == 0) return true;
    }
    return false;
  }

  static void rules(schema_node& node, const json& from) {
    node.merge_key = from.value("x-kubernetes-patch-merge-key", node.merge_key);
    auto strategy = from.value("x-kubernetes-patch-strategy", "");
    if (strategy.find("merge") != std::string::npos) node.merges = true;
    if (strategy.find("retainKeys") != std::string::npos) node.retains_keys = true;
    auto list = from.value("x-kubernetes-list-type", "");
    if (list == "set") node.is_set = true;
    if (list == "atomic" || from.value("x-kubernetes-map-type", "") == "atomic") node.atomic = true;
    for (const auto& key : from.value("x-kubernetes-list-map-keys", json::array())) {
      node.list_keys.push_back(key);
    }
    if (from.value("x-kubernetes-preserve-unknown-fields", false)) node.keeps_unknown = true;
    if (from.value("x-kubernetes-embedded-resource", false)) node.embedded = true;
    node.nullable = from.value("nullable", node.nullable);
    if (from.contains("default")) node.preset = from["default"];
    if (from.contains("minimum")) node.minimum = from["minimum"].get<double>();
    if (from.contains("maximum")) node.maximum = from["maximum"].get<double>();
    node.pattern = from.value("pattern", "");
  }

  schema_set& out_;
  const json& definitions_;
  const json& defaults_;
  const json& checks_;
  bool has_zeros_;
};

namespace {

json load_json(const std::string& name) {
  auto path = data_root() / "environments/embedded/schemas" / name;
  auto text = read_file(path);
  if (!text) throw std::runtime_error(text.why().what);
  return json::parse(*text);
}

json load_rules(const std::string& name) {
  auto rules = read_yaml_document(data_root() / "environments/embedded/schemas" / name);
  if (!rules) throw std::runtime_error(rules.why().what);
  return std::move(rules->value);
}

} // namespace

builtin_schemas::builtin_schemas() {
  definitions_ = load_json("definitions.json");
  checks_ = load_rules("validation.yaml");
  const auto defaults = load_rules("defaults.yaml");
  schema_reader reader(types_, definitions_, defaults, checks_, true);
  for (const auto& [name, body] : definitions_.items()) {
    reader.named(name);
    for (const auto& gvk : body.value("x-kubernetes-group-version-kind", json::array())) {
      auto key =
          gvk.value("group", "") + "/" + gvk.value("version", "") + "/" + gvk.value("kind", "");
      kinds_.emplace(key, name);
    }
  }
}

const builtin_schemas& builtin_schemas::get() {
  static const builtin_schemas all;
  return all;
}

const std::string& builtin_schemas::definition_of_kind(const std::string& group,
                                                       const std::string& version,
                                                       const std::string& kind) const {
  static const std::string none;
  auto found = kinds_.find(group + "/" + version + "/" + kind);
  return found == kinds_.end() ? none : found->second;
}

const schema_node* builtin_schemas::of_kind(const std::string& group, const std::string& version,
                                            const std::string& kind) const {
  const auto& name = definition_of_kind(group, version, kind);
  return name.empty() ? nullptr : types_.find(name);
}

std::shared_ptr<const schema_set> read_crd_schema(const json& open_api) {
  auto set = std::make_shared<schema_set>();
  auto definitions = json::object();
  definitions[crd_root] = open_api;
  auto& properties = definitions[crd_root]["properties"];
  for (auto* name : {"apiVersion", "kind"}) properties[name] = {{"type", "string"}};
  auto& meta = properties["metadata"];
  meta = builtin_schemas::get().definitions().value(
      "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta", json::object());
  for (const auto& [name, body] : builtin_schemas::get().definitions().items()) {
    if (name.rfind("io.k8s.apimachinery.pkg.apis.meta.v1.", 0) == 0) definitions[name] = body;
  }
  auto none = json::object();
  schema_reader(*set, definitions, none, none, false).named(crd_root);
  return set;
}

} // namespace remed::env
