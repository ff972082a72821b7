#include "runtime/json_end.hpp"

namespace remed {

void take_apart(json& value) {
  if (value.is_object()) {
    json::object_t members;
    members.swap(value.get_ref<json::object_t&>());
    for (auto& [name, inner] : members) {
      if (inner.is_structured()) take_apart(inner);
    }
  } else if (value.is_array()) {
    json::array_t items;
    items.swap(value.get_ref<json::array_t&>());
    for (auto& inner : items) {
      if (inner.is_structured()) take_apart(inner);
    }
  }
}

} // namespace remed
