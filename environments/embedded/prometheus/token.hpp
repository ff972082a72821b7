// PromQL's words.
#pragma once

#include "runtime/result.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace remed::env::prometheus {

struct token {
  enum class kind { end, name, number, duration, text, sign } what = kind::end;
  std::string text;
  std::size_t at = 0;
};

/// "1:5: parse error: …" for a place counted from 0 within one line.
failure parse_error(std::string_view query, std::size_t at, const std::string& what);
result<std::vector<token>> tokens_of(std::string_view query);
/// As Prometheus names a token in its errors: identifier "x", "=", end of input.
std::string describe(const token& t);

} // namespace remed::env::prometheus
