#include "chaos/mesh/go_values.hpp"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <map>
#include <string_view>
#include <utility>

namespace remed::chaos::mesh {

namespace {

failure bad(std::string what) {
  return {errc::bad_input, std::move(what)};
}

std::string quoted(const std::string& text) {
  return "\"" + text + "\"";
}

/// The longest number at the start of `text`; an empty result when there is none.
std::string_view number_at(std::string_view text) {
  std::size_t n = 0;
  bool dot = false, digit = false;
  while (n < text.size() &&
         (std::isdigit(static_cast<unsigned char>(text[n])) || (text[n] == '.' && !dot))) {
    dot = dot || text[n] == '.';
    digit = digit || text[n] != '.';
    ++n;
  }
  return digit ? text.substr(0, n) : std::string_view{};
}

double value_of(std::string_view digits) {
  double out = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), out);
  return out;
}

} // namespace

result<duration> parse_duration(const std::string& text) {
  static const std::map<std::string_view, double> units = {
      {"ns", 1e-3}, {"us", 1}, {"\xc2\xb5s", 1}, {"ms", 1e3}, {"s", 1e6}, {"m", 6e7}, {"h", 3.6e9}};
  std::string_view rest = text;
  double sign = 1, micros = 0;
  if (!rest.empty() && (rest[0] == '-' || rest[0] == '+')) {
    if (rest[0] == '-') sign = -1;
    rest.remove_prefix(1);
  }
  if (rest == "0") return duration{0};
  if (rest.empty()) return bad("time: invalid duration " + quoted(text));
  while (!rest.empty()) {
    auto digits = number_at(rest);
    if (digits.empty()) return bad("time: invalid duration " + quoted(text));
    rest.remove_prefix(digits.size());
    std::size_t n = 0;
    while (n < rest.size() && rest[n] != '.' && !std::isdigit(static_cast<unsigned char>(rest[n])))
      ++n;
    if (n == 0) return bad("time: missing unit in duration " + quoted(text));
    auto unit = units.find(rest.substr(0, n));
    if (unit == units.end()) {
      return bad("time: unknown unit " + quoted(std::string(rest.substr(0, n))) + " in duration " +
                 quoted(text));
    }
    micros += value_of(digits) * unit->second;
    rest.remove_prefix(n);
  }
  return duration{static_cast<std::int64_t>(std::llround(sign * micros))};
}

result<double> parse_float(const std::string& text) {
  double out = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (error == std::errc{} && end == text.data() + text.size() && !text.empty()) return out;
  return bad("strconv.ParseFloat: parsing " + quoted(text) + ": invalid syntax");
}

result<std::int64_t> parse_int(const std::string& text) {
  std::int64_t out = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (error == std::errc{} && end == text.data() + text.size() && !text.empty()) return out;
  return bad("strconv.Atoi: parsing " + quoted(text) + ": invalid syntax");
}

result<double> parse_bytes(const std::string& text, double total) {
  static const std::map<std::string, double> units = {{"", 1},
                                                      {"b", 1},
                                                      {"kb", 1e3},
                                                      {"mb", 1e6},
                                                      {"gb", 1e9},
                                                      {"tb", 1e12},
                                                      {"kib", 1024.0},
                                                      {"mib", 1048576.0},
                                                      {"gib", 1073741824.0},
                                                      {"tib", 1099511627776.0},
                                                      {"k", 1e3},
                                                      {"m", 1e6},
                                                      {"g", 1e9},
                                                      {"t", 1e12},
                                                      {"ki", 1024.0},
                                                      {"mi", 1048576.0},
                                                      {"gi", 1073741824.0},
                                                      {"ti", 1099511627776.0}};
  if (text.ends_with('%')) {
    auto share = parse_float(text.substr(0, text.size() - 1));
    if (!share) return share.why();
    if (*share < 0 || *share > 100) return bad("illegal proportion");
    return total * *share / 100;
  }
  auto digits = number_at(text);
  if (digits.empty()) return bad("strconv.ParseFloat: parsing \"\": invalid syntax");
  std::string unit;
  for (unsigned char ch : text.substr(digits.size())) {
    if (ch != ' ') unit += static_cast<char>(std::tolower(ch));
  }
  auto known = units.find(unit);
  if (known == units.end()) return bad("unhandled size name: " + unit);
  return value_of(digits) * known->second;
}

result<double> parse_rate(const std::string& text) {
  std::string rest;
  for (unsigned char ch : text) rest += static_cast<char>(std::tolower(ch));
  auto trim = [&] {
    while (!rest.empty() && rest.back() == ' ') rest.pop_back();
    while (!rest.empty() && rest.front() == ' ') rest.erase(0, 1);
  };
  trim();
  static const std::pair<std::string_view, double> units[] = {{"tbps", std::pow(1024.0, 4)},
                                                              {"gbps", std::pow(1024.0, 3)},
                                                              {"mbps", 1024.0 * 1024.0},
                                                              {"kbps", 1024.0},
                                                              {"bps", 1.0}};
  for (const auto& [unit, bytes] : units) {
    if (!rest.ends_with(unit)) continue;
    rest.resize(rest.size() - unit.size());
    trim();
    std::uint64_t n = 0;
    auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), n);
    if (error == std::errc{} && end == rest.data() + rest.size() && !rest.empty()) {
      return static_cast<double>(n) * bytes;
    }
    return bad("strconv.ParseUint: parsing " + quoted(std::as_const(rest)) + ": invalid syntax");
  }
  return bad("invalid unit");
}

} // namespace remed::chaos::mesh
