#include "environments/embedded/api/utf8.hpp"

#include <algorithm>
#include <string>

namespace remed::env {

bool is_utf8(std::string_view bytes) {
  const auto plain = [](char c) { return static_cast<unsigned char>(c) < 0x80; };
  return std::all_of(bytes.begin(), bytes.end(), plain) || holds_utf8(json(std::string(bytes)));
}

bool holds_utf8(const json& value) {
  try {
    (void)value.dump();
    return true;
  } catch (const json::type_error&) { // 316 is the only one of dump
    return false;
  }
}

} // namespace remed::env
