// What is not UTF-8 can be in no JSON document, and is refused where it enters.
#pragma once

#include "runtime/json_value.hpp"

#include <string_view>

namespace remed::env {

bool is_utf8(std::string_view bytes);
/// Whether all texts in a value are, names of members included.
bool holds_utf8(const json& value);

} // namespace remed::env
