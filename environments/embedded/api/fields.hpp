// Sets of fields as managedFields write them (structured-merge-diff): a tree of "f:name", "k:{…}",
// "v:…"; each place may be a member itself, written as "." when it has members below.
#pragma once

#include "environments/embedded/api/schema.hpp"

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace remed::env {

struct field_set {
  bool member = false;
  std::map<std::string, field_set> below;

  bool empty() const { return !member && below.empty(); }
  bool operator==(const field_set&) const = default;

  /// fieldsV1
  static field_set read(const json& tree);
  json tree() const;

  void unite(const field_set& other);
  void subtract(const field_set& other);
  /// As `subtract`, with all that is below a member of `other`.
  void subtract_deeply(const field_set& other);
  field_set intersected(const field_set& other) const;
  /// Members as Kubernetes prints them: `.spec.containers[name="main"].image`.
  std::vector<std::string> paths() const;
};

/// A field_set as it is stored. A write changes little of what an object's managers have, so that
/// is changed where it stands; it is read only where it may be written in a way of its own.
class stored_fields {
public:
  stored_fields() = default;
  explicit stored_fields(json tree) : tree_(std::move(tree)) {}

  bool empty() const { return read_ ? read_->empty() : tree_.empty(); }
  field_set read() const { return read_ ? *read_ : field_set::read(tree_); }
  /// To change it.
  field_set& edit();
  void subtract(const field_set& other);
  void unite(const field_set& other);
  /// fieldsV1; the set is used up.
  json take_tree();

private:
  json tree_ = json::object();
  std::optional<field_set> read_; ///< set: `tree_` is out of date
};

/// The fields that an applied configuration names.
field_set fields_of(const schema_node* type, const json& value);

/// What differs from `before` in `after`. A value that Go's struct always has (a struct that is no
/// pointer, a required list) counts as there on both sides.
struct field_changes {
  field_set written; ///< added or modified
  field_set removed;
};
field_changes compare_fields(const schema_node* type, const json& before, const json& after);

/// What `compare_fields` finds written in an object that was not there before, as it is stored;
/// without the object's members in `ignored`.
json created_fields(const schema_node* type, const json& after,
                    const std::vector<std::string>& ignored);

/// Removes from `value` the members of `gone`, except what is in `kept` or leads to it.
void remove_fields(const schema_node* type, json& value, const field_set& gone,
                   const field_set& kept);
/// Merges an applied configuration into the live object by list and map types.
void merge_applied(const schema_node* type, json& live, const json& applied);

} // namespace remed::env
