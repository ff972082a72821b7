// Who owns which field: metadata.managedFields, and server-side apply, after apimachinery's
// managedfields and structured-merge-diff.
#pragma once

#include "environments/embedded/api/fields.hpp"
#include "runtime/time.hpp"

#include <string>

namespace remed::env {

/// Who writes, as managedFields names it.
struct field_manager {
  std::string name;
  std::string api_version;
  std::string subresource;
  vtime at{};
  /// Members of the object that this kind of write cannot change ("status", "spec").
  std::vector<std::string> ignored = {};
};

/// Records that an ordinary write changed `before` (null: created) into `after`: what changed now
/// belongs to the writer and to nobody else. managedFields that `after` brings along count, an
/// empty list keeps those of `before`, `[{}]` forgets all.
void record_update(const schema_node* type, const field_manager& who, const json& before,
                   json& after);

/// Records what a component of the cluster itself wrote to an object of a table, like
/// `record_update`; `before` is null when it created the object.
void record_component(const std::string& table, std::string_view component, vtime at,
                      const json* before, json& after);

/// Server-side apply of `applied` to `live` (null: the object is created). Fails with 409 and the
/// conflicting managers unless `force`.
maybe_error server_side_apply(const schema_node* type, const field_manager& who, bool force,
                              const json& applied, json& live);

} // namespace remed::env
