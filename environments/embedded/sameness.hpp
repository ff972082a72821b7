// Whether two states of an object are the same but for what is expected to differ. Asked with each
// write, so nothing is copied.
#pragma once

#include "runtime/json_value.hpp"

#include <initializer_list>
#include <string_view>

namespace remed::env {

/// Same members with equal values, those in `ignored` aside; values that are no objects are simply
/// compared.
bool same_but(const json& a, const json& b, std::initializer_list<std::string_view> ignored);

/// Same but for metadata.resourceVersion.
bool same_content(const json& a, const json& b);

/// Same but for metadata.resourceVersion and when somebody wrote: the times in managedFields.
bool same_but_times(const json& a, const json& b);

} // namespace remed::env
