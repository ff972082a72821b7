// Which kinds of objects there are: the built-in ones (schemas/resources.json) and those that CRDs
// in the store declare.
#pragma once

#include "environments/embedded/api/schema.hpp"
#include "environments/embedded/store.hpp"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace remed::env {

struct subresource_type {
  std::string name, kind, group, version;
  std::vector<std::string> verbs;
};

/// A column that a CRD adds to tables.
struct printer_column {
  std::string name, type, format, description, json_path;
  int priority = 0;
};

struct resource_type {
  std::string group, version, plural, singular, kind, list_kind;
  std::vector<std::string> short_names, categories, verbs;
  std::vector<subresource_type> subresources;
  bool namespaced = true;
  bool custom = false;
  std::vector<printer_column> columns;     ///< only of CRDs
  const schema_node* schema = nullptr;     ///< none: anything goes
  std::shared_ptr<const schema_set> owned; ///< keeps `schema` of a CRD alive
  json open_api;                           ///< openAPIV3Schema of a CRD, as written

  /// "v1", "apps/v1"
  std::string api_version() const { return group.empty() ? version : group + "/" + version; }
  /// Which table of the store holds its objects.
  resource_name table() const;
  bool has_verb(std::string_view verb) const;
  const subresource_type* subresource(std::string_view name) const;
  /// "Deployment.apps", as in Invalid messages.
  bool has_status() const { return subresource("status") != nullptr; }
};

/// The built-in types, read once per process.
const std::vector<resource_type>& builtin_resources();

/// The built-in type whose objects live in a table, or null.
const resource_type* builtin_table(const resource_name& table);
/// A type that lives as long as somebody points to it, whatever becomes of its CRD.
using resource_pointer = std::shared_ptr<const resource_type>;

/// The type behind a URL, or none.
resource_pointer find_resource(const store& objects, const std::string& group,
                               const std::string& version, const std::string& plural);
/// The type of an object by its apiVersion and kind, or none.
resource_pointer find_kind(const store& objects, const std::string& api_version,
                           const std::string& kind);
/// The built-in or custom type whose objects live in a table, in its stored version.
resource_pointer find_table(const store& objects, const resource_name& table);
/// All types, built-in first.
std::vector<resource_pointer> all_resources(const store& objects);

} // namespace remed::env
