// What Kubernetes knows of its types: fields, list keys, merge strategies, defaults. Read once per
// process from environments/embedded/schemas and never changed; CRDs bring their own.
#pragma once

#include "environments/embedded/api/name_map.hpp"
#include "environments/embedded/api/status.hpp"
#include "runtime/json_value.hpp"
#include "runtime/result.hpp"

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace remed::env {

/// One rule of defaults.yaml.
struct default_rule {
  json when = json::object(); ///< fields that must be equal; null: absent
  json set = json::object();
};

/// One type, ready to walk along a value of it. Types may refer to themselves, so nodes are shared
/// by raw pointer and owned by the set they belong to.
struct schema_node {
  enum class type { any, record, array, string, integer, number, boolean, quantity, int_or_string };
  type kind = type::any;
  std::string definition; ///< "io.k8s.api.core.v1.Container"; empty inside one
  std::string format;
  name_map<const schema_node*> fields;
  const schema_node* items = nullptr;
  const schema_node* values = nullptr; ///< additionalProperties
  std::vector<std::string> required, allowed;
  std::string merge_key; ///< of strategic merge
  bool merges = false;   ///< strategic merge: list is merged, not replaced
  bool retains_keys = false;
  std::vector<std::string> list_keys;  ///< server-side apply: x-kubernetes-list-map-keys
  bool is_set = false, atomic = false; ///< server-side apply: list or map type
  bool keeps_unknown = false, nullable = false, embedded = false;
  json preset; ///< CRD default
  /// Members that Go's struct of a built-in type always has, with their zero value: what a client
  /// leaves out there is no absence.
  name_map<json> zeros;
  std::optional<double> minimum, maximum;
  std::string pattern;
  std::vector<default_rule> defaults;
  const json* checks = nullptr; ///< its rules of validation.yaml; null: none

  /// The type of a member, or none when it is not known.
  const schema_node* field(std::string_view name) const;
};

/// Owns the nodes of one document.
class schema_set {
public:
  schema_set() = default;
  schema_set(const schema_set&) = delete;
  schema_node* make();
  const schema_node* find(const std::string& definition) const;

private:
  friend class schema_reader;
  std::vector<std::unique_ptr<schema_node>> nodes_;
  std::map<std::string, schema_node*> named_;
};

/// The built-in types by definition name and by "group/version/Kind". A shipped file that cannot be
/// read is a broken installation: fails with its name.
class builtin_schemas {
public:
  /// Read once per process.
  static const builtin_schemas& get();
  const schema_node* of_kind(const std::string& group, const std::string& version,
                             const std::string& kind) const;
  const schema_node* of_definition(const std::string& name) const { return types_.find(name); }
  /// validation.yaml: rules by definition (field_rules.hpp applies them).
  const json& checks() const { return checks_; }
  /// The OpenAPI definitions as read, for /openapi/v3.
  const json& definitions() const { return definitions_; }
  const std::string& definition_of_kind(const std::string& group, const std::string& version,
                                        const std::string& kind) const;

private:
  builtin_schemas();
  json definitions_, checks_;
  schema_set types_;
  std::map<std::string, std::string> kinds_;
};

/// The type of a custom resource from its openAPIV3Schema (metadata is added).
std::shared_ptr<const schema_set> read_crd_schema(const json& open_api);
inline constexpr const char* crd_root = "root";

/// Unknown fields, in the order Kubernetes' strict decoder finds them: `unknown field "spec.x"`.
std::vector<std::string> unknown_fields(const schema_node& type, const json& value);
/// Removes what the type does not know.
void prune(const schema_node& type, json& value);
/// The first value that cannot be decoded into the type at all, as the JSON decoder of Go says it;
/// none when all can.
std::optional<std::string> decode_error(const schema_node& type, const json& value);
/// Fills in defaults, recursively; drops nulls, which Kubernetes treats as absent.
void apply_defaults(const schema_node& type, json& value);
/// Checks of an OpenAPI schema as CRDs have them: types, required, enum, bounds.
void check_schema(const schema_node& type, const json& value, const std::string& path,
                  std::vector<field_error>& out);

} // namespace remed::env
