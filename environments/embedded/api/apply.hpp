// Who owns which field: metadata.managedFields, and server-side apply.
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
};

/// Records that an ordinary write changed `before` (null: created) into `after`: what changed now
/// belongs to the writer and to nobody else.
void record_update(const schema_node* type, const field_manager& who, const nlohmann::json& before,
                   nlohmann::json& after);

/// Server-side apply of `applied` to `live` (null: the object is created). Fails with 409 and the
/// conflicting managers unless `force`.
maybe_error server_side_apply(const schema_node* type, const field_manager& who, bool force,
                              const nlohmann::json& applied, nlohmann::json& live);

} // namespace remed::env
