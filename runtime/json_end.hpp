// The end of a document. Its own destructor guards against any depth: it moves whatever is below a
// place to a list first, place by place. Documents that were copied or walked are never that deep,
// and can go from their leaves, which costs a fifth less.
#pragma once

#include "runtime/json.hpp"

#include <memory>
#include <utility>

namespace remed {

/// Leaves nothing in an object or array.
void take_apart(json& value);

/// A document to be shared that goes cheaply with its last owner.
inline std::shared_ptr<const json> shared_json(json value) {
  return {new json(std::move(value)), [](json* last) {
            take_apart(*last);
            delete last;
          }};
}

} // namespace remed
