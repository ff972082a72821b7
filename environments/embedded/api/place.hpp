// Where a walk along a value is.
#pragma once

#include <cstddef>
#include <string>

namespace remed::env {

/// One step of a path: a member, a key of a map, or an item of a list. Every value of every write
/// is walked along and hardly one is complained about, so the path is put into words only then.
struct place {
  const place* up = nullptr;         ///< none: the value itself
  const std::string* name = nullptr; ///< of a member; none: an item
  std::size_t index = 0;
  bool is_key = false; ///< of a map, which is written in brackets

  /// "spec.containers[0].name", "data[a]"; empty for the value itself.
  std::string text() const {
    if (!up) return {};
    auto above = up->text();
    if (!name) return above + "[" + std::to_string(index) + "]";
    if (is_key) return above + "[" + *name + "]";
    return above.empty() ? *name : above + "." + *name;
  }
  /// The path of a member of what is here.
  std::string member(const std::string& step) const { return place{this, &step}.text(); }
};

} // namespace remed::env
