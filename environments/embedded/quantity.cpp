#include "environments/embedded/quantity.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <utility>

namespace remed::env {

namespace {

/// Rounded up, which a hair above a whole number is not; what int64 cannot hold is capped, as
/// Kubernetes caps it.
long long rounded_up(double value) {
  constexpr double limit = 9.2233720368547748e18; // the greatest double below 2^63
  return static_cast<long long>(std::clamp(std::ceil(value - 1e-6), -limit, limit));
}

} // namespace

std::optional<double> parse_quantity(std::string_view text) {
  double value = 0;
  // Words for numbers ("inf", "nan") are none in Kubernetes.
  auto digits = text.substr(text.starts_with('-') || text.starts_with('+') ? 1 : 0);
  if (digits.empty() || (digits[0] != '.' && (digits[0] < '0' || digits[0] > '9')))
    return std::nullopt;
  if (text.starts_with('+')) text = digits; // which from_chars does not know
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{}) return std::nullopt;
  std::string_view suffix(end, static_cast<std::size_t>(text.data() + text.size() - end));
  static constexpr std::pair<std::string_view, double> units[] = {{"", 1},
                                                                  {"m", 1e-3},
                                                                  {"k", 1e3},
                                                                  {"M", 1e6},
                                                                  {"G", 1e9},
                                                                  {"T", 1e12},
                                                                  {"P", 1e15},
                                                                  {"E", 1e18},
                                                                  {"Ki", 1024.0},
                                                                  {"Mi", 1048576.0},
                                                                  {"Gi", 1073741824.0},
                                                                  {"Ti", 1099511627776.0},
                                                                  {"Pi", 1125899906842624.0},
                                                                  {"Ei", 1152921504606846976.0},
                                                                  {"u", 1e-6},
                                                                  {"n", 1e-9}};
  for (const auto& [name, factor] : units) {
    if (name == suffix) return value * factor;
  }
  return std::nullopt;
}

std::string decimal_quantity(double value) {
  auto milli = rounded_up(value * 1000);
  if (milli % 1000 != 0) return std::to_string(milli) + "m";
  auto whole = milli / 1000;
  static constexpr const char* suffixes[] = {"", "k", "M", "G", "T"};
  std::size_t i = 0;
  while (whole != 0 && whole % 1000 == 0 && i < 4) {
    whole /= 1000;
    ++i;
  }
  return std::to_string(whole) + suffixes[i];
}

std::string binary_quantity(double bytes) {
  auto whole = rounded_up(bytes);
  static constexpr const char* suffixes[] = {"", "Ki", "Mi", "Gi", "Ti"};
  std::size_t i = 0;
  while (whole != 0 && whole % 1024 == 0 && i < 4) {
    whole /= 1024;
    ++i;
  }
  return std::to_string(whole) + suffixes[i];
}

} // namespace remed::env
