#include "runtime/time.hpp"

#include <array>
#include <cstdio>
#include <ctime>

namespace remed {

namespace {

std::string format(vtime t, bool micro) {
  const auto us = t.time_since_epoch().count();
  const std::time_t whole = static_cast<std::time_t>(us / 1'000'000);
  std::tm parts{};
  gmtime_r(&whole, &parts);
  std::array<char, 64> text{};
  const auto n = std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S", &parts);
  std::string out(text.data(), n);
  if (micro) {
    std::snprintf(text.data(), text.size(), ".%06d", static_cast<int>(us % 1'000'000));
    out += text.data();
  }
  return out + "Z";
}

} // namespace

std::string rfc3339(vtime t) {
  return format(t, false);
}

std::string rfc3339_micro(vtime t) {
  return format(t, true);
}

} // namespace remed
