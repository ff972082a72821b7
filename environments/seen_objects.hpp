// The objects that a look saw. Looks that follow each other share what was not written between
// them, so that whoever compares two looks need not look at objects.
#pragma once

#include "environments/embedded/store.hpp"

#include <map>
#include <memory>
#include <string_view>
#include <vector>

namespace remed::env {

class seen_objects {
public:
  using list = std::vector<object>;
  using tables = std::map<resource_name, std::shared_ptr<const list>, std::less<>>;

  seen_objects() = default;
  explicit seen_objects(tables all) : all_(std::make_shared<const tables>(std::move(all))) {}

  /// Those of a resource, in key order; empty when there are none.
  const list& of(std::string_view resource) const;
  /// Whether the other look saw the very same ones: objects are immutable.
  bool same(std::string_view resource, const seen_objects& other) const;
  /// What this copy alone shows of a resource, to be changed.
  list& edit(std::string_view resource);

private:
  friend class sight;
  std::shared_ptr<const tables> all_;
};

} // namespace remed::env
