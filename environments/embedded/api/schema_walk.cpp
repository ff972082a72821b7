// Walks along a value and its type: unknown fields, decoding, defaults, checks.
#include "environments/embedded/api/place.hpp"
#include "environments/embedded/api/schema.hpp"
#include "environments/embedded/api/text.hpp"

#include <regex>

namespace remed::env {

using type = schema_node::type;

namespace {

std::string below(const std::string& path, const std::string& name) {
  return path.empty() ? name : path + "." + name;
}

std::string element(const std::string& path, std::size_t index) {
  return path + "[" + std::to_string(index) + "]";
}

/// Whether members that the type does not name are its business.
bool closed(const schema_node& node) {
  return node.kind == type::record && !node.keeps_unknown && !node.embedded &&
         (!node.fields.empty() || node.values);
}

void collect_unknown(const schema_node& node, const json& value, const place& here,
                     std::vector<std::string>& out) {
  if (value.is_object() && (closed(node) || !node.fields.empty())) {
    for (const auto& [name, member] : value.get_ref<const json::object_t&>()) {
      const place inner{&here, &name};
      if (auto* next = node.field(name))
        collect_unknown(*next, member, inner, out);
      else if (closed(node))
        out.push_back("unknown field " + go_quote(inner.text()));
    }
  } else if (value.is_array() && node.items) {
    for (std::size_t i = 0; i < value.size(); ++i) {
      collect_unknown(*node.items, value[i], {&here, nullptr, i}, out);
    }
  }
}

const char* go_kind(const json& value) {
  if (value.is_object()) return "object";
  if (value.is_array()) return "array";
  if (value.is_string()) return "string";
  if (value.is_boolean()) return "bool";
  return "number";
}

std::string go_type(const schema_node& node) {
  switch (node.kind) {
    case type::string:
      return "string";
    case type::integer:
      return node.format.empty() ? "int64" : node.format;
    case type::number:
      return "float64";
    case type::boolean:
      return "bool";
    default:
      break;
  }
  auto dot = node.definition.rfind('.');
  if (dot == std::string::npos) return node.kind == type::array ? "[]" : "map[string]string";
  auto version = node.definition.rfind('.', dot - 1);
  return node.definition.substr(version + 1);
}

bool fits(const schema_node& node, const json& value) {
  switch (node.kind) {
    case type::record:
      return value.is_object();
    case type::array:
      return value.is_array();
    case type::string:
      return value.is_string();
    case type::integer:
      return value.is_number_integer();
    case type::number:
      return value.is_number();
    case type::boolean:
      return value.is_boolean();
    case type::quantity:
      return value.is_string() || value.is_number();
    case type::int_or_string:
      return value.is_string() || value.is_number_integer();
    case type::any:
      break;
  }
  return true;
}

/// encoding/base64's complaint about a text, or none.
std::optional<std::string> base64_error(const std::string& text) {
  auto symbol = [](unsigned char c) { return std::isalnum(c) || c == '+' || c == '/'; };
  auto end = text.find_last_not_of('=') + 1;
  for (std::size_t i = 0; i < end; ++i) {
    if (!symbol(static_cast<unsigned char>(text[i])))
      return "illegal base64 data at input byte " + std::to_string(i);
  }
  auto padding = text.size() - end;
  if (text.size() % 4 == 0 && padding <= 2) return std::nullopt;
  return "illegal base64 data at input byte " +
         std::to_string(padding ? end : text.size() - text.size() % 4);
}

/// The last part of a type's name.
std::string_view struct_of(const schema_node& node) {
  const std::string_view name = node.definition;
  auto dot = name.rfind('.');
  return dot == std::string_view::npos ? std::string_view{} : name.substr(dot + 1);
}

/// Go's decoder names the struct and the dotted path inside the outermost type.
std::optional<std::string> find_decode_error(const schema_node& node, const json& value,
                                             std::string_view outer, const place& here) {
  if (value.is_null()) return std::nullopt;
  auto owner = struct_of(node).empty() || !value.is_object() ? outer : struct_of(node);
  if (!fits(node, value)) {
    return std::string("json: cannot unmarshal ") + go_kind(value) + " into Go struct field " +
           std::string(owner) + "." + here.text() + " of type " + go_type(node);
  }
  if (node.kind == type::quantity && value.is_string() &&
      !parse_quantity(value.get_ref<const std::string&>())) {
    return "quantities must match the regular expression "
           "'^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";
  }
  if (node.kind == type::string && node.format == "byte") {
    return base64_error(value.get_ref<const std::string&>());
  }
  if (value.is_object()) {
    for (const auto& [name, member] : value.get_ref<const json::object_t&>()) {
      auto* next = node.field(name);
      if (!next) continue;
      auto inner = find_decode_error(*next, member, owner, {&here, &name});
      if (inner) return inner;
    }
  } else if (value.is_array() && node.items) {
    for (const auto& item : value) {
      if (auto inner = find_decode_error(*node.items, item, owner, here)) return inner;
    }
  }
  return std::nullopt;
}

bool holds(const json& when, const json& value) {
  for (const auto& [name, wanted] : when.items()) {
    auto found = value.find(name);
    auto absent = found == value.end() || found->is_null();
    if (wanted.is_null() ? !absent : absent || *found != wanted) return false;
  }
  return true;
}

void fill_missing(const json& preset, json& value) {
  for (const auto& [name, wanted] : preset.items()) {
    auto found = value.find(name);
    if (found == value.end() || found->is_null()) value[name] = wanted;
  }
}

} // namespace

std::vector<std::string> unknown_fields(const schema_node& node, const json& value) {
  std::vector<std::string> out;
  collect_unknown(node, value, {}, out);
  return out;
}

void prune(const schema_node& node, json& value) {
  if (value.is_object()) {
    for (auto at = value.begin(); at != value.end();) {
      auto* next = node.field(at.key());
      if (!next && closed(node)) {
        at = value.erase(at);
        continue;
      }
      if (next) prune(*next, *at);
      ++at;
    }
  } else if (value.is_array() && node.items) {
    for (auto& item : value) prune(*node.items, item);
  }
}

std::optional<std::string> decode_error(const schema_node& node, const json& value) {
  return find_decode_error(node, value, struct_of(node), {});
}

namespace {

/// Go leaves out what is empty: null, and in structs of built-in types empty lists and maps.
bool is_left_out(const schema_node& node, const std::string& name, const json& value) {
  auto* next = node.field(name);
  // A few fields are printed as null by every API server; the rest is absent when null.
  if (value.is_null()) return name != "eventTime" && !(next && next->nullable);
  if (!value.is_structured() || !value.empty() || node.definition.empty() || !next) return false;
  if (!node.fields.contains(name) || node.zeros.contains(name)) return false;
  return value.is_array() || (next->kind == type::record && next->values && next->fields.empty());
}

void add_presets(const schema_node& node, json& value) {
  for (const auto& [name, next] : node.fields) {
    if (!next->preset.is_null() && !value.contains(name)) value[name] = next->preset;
  }
}

} // namespace

void apply_defaults(const schema_node& node, json& value) {
  if (value.is_object()) {
    for (auto at = value.begin(); at != value.end() && !node.keeps_unknown;) {
      if (is_left_out(node, at.key(), *at))
        at = value.erase(at);
      else
        ++at;
    }
    for (const auto& rule : node.defaults) {
      if (holds(rule.when, value)) fill_missing(rule.set, value);
    }
    // The built-in types carry `default: {}` for every struct; only CRDs mean it.
    if (node.definition.empty()) add_presets(node, value);
    for (auto& [name, member] : value.get_ref<json::object_t&>()) {
      if (auto* next = node.field(name)) apply_defaults(*next, member);
    }
  } else if (value.is_array() && node.items) {
    for (auto& item : value) apply_defaults(*node.items, item);
  } else if (node.kind == type::quantity && value.is_number()) {
    value = value.dump();
  }
}

namespace {

const char* open_api_name(type kind) {
  switch (kind) {
    case type::record:
      return "object";
    case type::array:
      return "array";
    case type::string:
      return "string";
    case type::integer:
      return "integer";
    case type::number:
      return "number";
    case type::boolean:
      return "boolean";
    default:
      return "";
  }
}

void check_scalar(const schema_node& node, const json& value, const std::string& path,
                  std::vector<field_error>& out) {
  if (value.is_string()) {
    auto text = value.get<std::string>();
    if (!node.allowed.empty() &&
        std::find(node.allowed.begin(), node.allowed.end(), text) == node.allowed.end()) {
      out.push_back(not_supported(path, text, node.allowed));
    }
    if (node.pattern.empty()) return;
    try {
      if (!std::regex_search(text, std::regex(node.pattern, std::regex::ECMAScript))) {
        out.push_back(invalid(path, value, path + " in body should match '" + node.pattern + "'"));
      }
    } catch (const std::regex_error&) {
      return; // a pattern of another dialect checks nothing here
    }
  } else if (value.is_number()) {
    auto number = value.get<double>();
    auto bound = [](double x) { return json(static_cast<std::int64_t>(x)).dump(); };
    if (node.minimum && number < *node.minimum) {
      out.push_back(
          invalid(path, value,
                  path + " in body should be greater than or equal to " + bound(*node.minimum)));
    }
    if (node.maximum && number > *node.maximum) {
      out.push_back(invalid(
          path, value, path + " in body should be less than or equal to " + bound(*node.maximum)));
    }
  }
}

} // namespace

void check_schema(const schema_node& node, const json& value, const std::string& path,
                  std::vector<field_error>& out) {
  if (value.is_null() && node.nullable) return;
  if (!fits(node, value)) {
    std::string got = value.is_null() ? "null" : go_kind(value);
    if (got == "bool") got = "boolean";
    if (got == "number" && value.is_number_integer()) got = "integer";
    auto wanted = open_api_name(node.kind);
    out.push_back({path,
                   "Invalid value: " + go_quote(got) + ": " + path + " in body must be of type " +
                       wanted + ": " + go_quote(got),
                   "FieldValueTypeInvalid"});
    return;
  }
  if (value.is_object()) {
    for (const auto& name : node.required) {
      if (!value.contains(name)) out.push_back(required(below(path, name)));
    }
    for (const auto& [name, member] : value.items()) {
      if (auto* next = node.field(name)) check_schema(*next, member, below(path, name), out);
    }
  } else if (value.is_array()) {
    for (std::size_t i = 0; node.items && i < value.size(); ++i) {
      check_schema(*node.items, value[i], element(path, i), out);
    }
  } else {
    check_scalar(node, value, path, out);
  }
}

} // namespace remed::env
