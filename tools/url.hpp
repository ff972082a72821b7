// The parts of an http or https address.
#pragma once

#include "runtime/result.hpp"

#include <cstdint>
#include <string>

namespace remed::tools {

struct url {
  bool secure = false;
  std::string host; ///< without the brackets of an IPv6 address
  std::uint16_t port = 80;
  std::string target = "/"; ///< path and query, as they stand

  /// The Host field: with brackets where needed and without a default port.
  std::string authority() const;

  /// Fails with errc::bad_input unless it is http:// or https:// with a host and a valid port.
  static result<url> parse(const std::string& text);
};

} // namespace remed::tools
