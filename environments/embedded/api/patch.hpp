// The three patch types that need no field ownership: JSON patch, merge patch, strategic merge.
#pragma once

#include "environments/embedded/api/schema.hpp"

namespace remed::env {

/// RFC 6902. A failed test or a missing path is 422, text that is no patch 400.
maybe_error json_patch(json& target, const json& patch);
/// RFC 7386.
maybe_error merge_patch(json& target, const json& patch);
/// Kubernetes' strategic merge with its directives ($patch, $retainKeys, $setElementOrder/…,
/// $deleteFromPrimitiveList/…), after the merge keys of the type; without a type, lists are
/// replaced.
maybe_error strategic_merge(const schema_node* type, json& target, const json& patch);

} // namespace remed::env
