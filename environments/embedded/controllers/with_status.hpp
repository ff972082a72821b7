// An object under another status: written often, and the status is much of the object.
#pragma once

#include "environments/embedded/store.hpp"

#include <utility>

namespace remed::env {

/// A copy of `obj` that has `status` in place of its own, which is not copied first.
inline json with_status(const json& obj, json status) {
  auto out = json::object();
  auto& all = out.get_ref<json::object_t&>();
  for (const auto& [name, value] : obj.get_ref<const json::object_t&>()) {
    if (name != "status") all.emplace_hint(all.end(), name, value);
  }
  all.insert_or_assign("status", std::move(status));
  return out;
}

} // namespace remed::env
