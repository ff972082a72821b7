// What looks at one namespace see: only tables that were written since the last look are read
// again.
#pragma once

#include "environments/embedded/store.hpp"
#include "environments/seen_objects.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace remed::env {

class sight {
public:
  explicit sight(std::string ns) : ns_(std::move(ns)) {}

  /// The namespace's objects by resource, kinds without objects left out. Always of the same store.
  const seen_objects& look(const store& all);

private:
  bool catch_up(const store& all);

  std::string ns_;
  std::optional<std::uint64_t> revision_; ///< of the last look
  seen_objects seen_;
};

} // namespace remed::env
