// The rules of schemas/validation.yaml: what a value of a built-in type must satisfy beyond its
// shape. A rule belongs to a definition and so holds wherever that type is used.
#pragma once

#include "environments/embedded/api/schema.hpp"

#include <vector>

namespace remed::env {

/// Appends all that the rules find wrong with `value`, an object of this type with its defaults
/// filled in, and each value that is none of its type's enumeration. `before` is what the value
/// replaces, or null: rules of fixed fields compare with it. Status is not looked at.
void check_rules(const schema_node& type, const json& value, const json* before,
                 std::vector<field_error>& out);

/// What is wrong with the shipped rules themselves; empty when nothing is.
std::vector<std::string> rule_mistakes();

} // namespace remed::env
