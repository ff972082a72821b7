// What a CAF message holds, in words: for the log.
#pragma once

#include "runtime/json.hpp"

#include <caf/type_erased_tuple.hpp>

#include <optional>
#include <string>

namespace remed {

struct described {
  std::string type;
  json body;
};

/// None for messages that are not of the protocol.
std::optional<described> describe(const caf::type_erased_tuple& content);

} // namespace remed
