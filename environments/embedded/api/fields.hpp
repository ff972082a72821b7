// Sets of fields as managedFields write them: a tree of "f:name", "k:{…}", "v:…" with "." for the
// place itself. An empty tree is a place that is owned without members.
#pragma once

#include "environments/embedded/api/schema.hpp"

#include <string>
#include <vector>

namespace remed::env {

using field_tree = nlohmann::json;

/// The fields that a configuration names. With `dots`, maps and structs are members themselves.
field_tree fields_of(const schema_node* type, const nlohmann::json& value);
/// Places that differ from `before` in `after`: changed or added, and removed.
struct field_changes {
  field_tree written = field_tree::object();
  field_tree removed = field_tree::object();
};
field_changes compare_fields(const schema_node* type, const nlohmann::json& before,
                             const nlohmann::json& after);

bool is_empty(const field_tree& set);
field_tree union_of(const field_tree& a, const field_tree& b);
field_tree difference_of(const field_tree& a, const field_tree& b);
field_tree intersection_of(const field_tree& a, const field_tree& b);
/// Members as Kubernetes prints them: `.spec.containers[name="main"].image`.
std::vector<std::string> paths_of(const field_tree& set);

/// Removes from `value` the places of `set`.
void remove_fields(const schema_node* type, nlohmann::json& value, const field_tree& set);
/// Merges an applied configuration into the live object by list and map types.
void merge_applied(const schema_node* type, nlohmann::json& live, const nlohmann::json& applied);

} // namespace remed::env
