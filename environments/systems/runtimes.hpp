// The kinds of programs that services are, and what each kind is like.
#pragma once

#include "environments/systems/system.hpp"
#include "runtime/json_value.hpp"
#include "runtime/result.hpp"

#include <regex>
#include <string>
#include <vector>

namespace remed::env {

class runtime_catalogue {
public:
  /// The catalogue shipped with the program. Errors name file and line.
  static result<runtime_catalogue> load();

  /// A profile with the figures of the named runtime; none of that name: of the last one.
  service_profile defaults(const std::string& runtime) const;
  bool knows(const std::string& runtime) const;
  std::vector<std::string> names() const;
  /// The runtime of a container of a pod spec, told by its image, command and ports.
  std::string of(const json& container) const;

private:
  struct row {
    service_profile figures;
    std::optional<std::regex> image, command;
    std::vector<int> ports;
  };
  std::vector<row> rows_;
};

} // namespace remed::env
