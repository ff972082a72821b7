#include "environments/embedded/api/text.hpp"

#include <chrono>
#include <cstdio>
#include <cstring>

namespace remed::env {

namespace {

/// So many digits at the front of `text`, taken off it; -1 when they are not there.
int take_digits(std::string_view& text, std::size_t count) {
  if (text.size() < count) return -1;
  int out = 0;
  for (const char c : text.substr(0, count)) {
    if (c < '0' || c > '9') return -1;
    out = out * 10 + (c - '0');
  }
  text.remove_prefix(count);
  return out;
}

bool take(std::string_view& text, char c) {
  if (text.empty() || text[0] != c) return false;
  text.remove_prefix(1);
  return true;
}

/// A date and nothing else of the calendar's impossible ones; "2026-02-30" is none.
std::optional<vtime> take_date(std::string_view& text) {
  const int year = take_digits(text, 4);
  if (year < 0 || !take(text, '-')) return std::nullopt;
  const int month = take_digits(text, 2);
  if (month < 0 || !take(text, '-')) return std::nullopt;
  const int day = take_digits(text, 2);
  const std::chrono::year_month_day date{std::chrono::year{year},
                                         std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day))};
  if (day < 0 || !date.ok()) return std::nullopt;
  return vtime{std::chrono::sys_days{date}.time_since_epoch()};
}

std::optional<duration> take_clock(std::string_view& text) {
  const int hour = take_digits(text, 2);
  if (hour < 0 || hour > 23 || !take(text, ':')) return std::nullopt;
  const int minute = take_digits(text, 2);
  if (minute < 0 || minute > 59) return std::nullopt;
  return std::chrono::hours{hour} + std::chrono::minutes{minute};
}

/// Seconds with or without a fraction; digits behind the sixth count for nothing.
std::optional<duration> take_seconds(std::string_view& text) {
  const int whole = take_digits(text, 2);
  if (whole < 0 || whole > 59) return std::nullopt;
  duration out = std::chrono::seconds{whole};
  if (!take(text, '.')) return out;
  int digit = take_digits(text, 1);
  if (digit < 0) return std::nullopt;
  for (std::int64_t unit = 100'000; digit >= 0; unit /= 10, digit = take_digits(text, 1))
    out += duration{digit * unit};
  return out;
}

/// What local time is ahead of UTC by.
std::optional<duration> take_zone(std::string_view& text) {
  if (take(text, 'Z')) return duration{0};
  const bool behind = take(text, '-');
  if (!behind && !take(text, '+')) return std::nullopt;
  const auto ahead = take_clock(text);
  return ahead && behind ? std::optional(-*ahead) : ahead;
}

} // namespace

std::optional<vtime> parse_time(std::string_view text) {
  const auto date = take_date(text);
  if (!date || !take(text, 'T')) return std::nullopt;
  const auto clock = take_clock(text);
  if (!clock || !take(text, ':')) return std::nullopt;
  const auto sec = take_seconds(text);
  if (!sec) return std::nullopt;
  const auto ahead = take_zone(text);
  if (!ahead || !text.empty()) return std::nullopt;
  return *date + *clock + *sec - *ahead;
}

std::string human_duration(duration d) {
  auto secs = std::chrono::duration_cast<std::chrono::seconds>(d).count();
  if (secs < -1) return "<invalid>";
  if (secs < 0) return "0s";
  auto pair = [](std::int64_t a, const char* ua, std::int64_t b, const char* ub) {
    auto out = std::to_string(a) + ua;
    return b == 0 ? out : out + std::to_string(b) + ub;
  };
  auto minutes = secs / 60, hours = secs / 3600, days = hours / 24, years = days / 365;
  if (secs < 120) return std::to_string(secs) + "s";
  if (minutes < 10) return pair(minutes, "m", secs % 60, "s");
  if (minutes < 180) return std::to_string(minutes) + "m";
  if (hours < 8) return pair(hours, "h", minutes % 60, "m");
  if (hours < 48) return std::to_string(hours) + "h";
  if (hours < 192) return pair(days, "d", hours % 24, "h");
  if (days < 365 * 2) return std::to_string(days) + "d";
  if (days < 365 * 8) return pair(years, "y", days % 365, "d");
  return std::to_string(years) + "y";
}

namespace {

/// One after the other: objects have few members, which lie side by side, and names mostly differ
/// in their length. Asked more than anything else.
const json* member(const json::object_t& all, std::string_view name) {
  for (const auto& [key, value] : all) {
    if (key.size() == name.size() && std::memcmp(key.data(), name.data(), name.size()) == 0)
      return &value;
  }
  return nullptr;
}

} // namespace

const json& at_path(const json& from, std::initializer_list<std::string_view> path) {
  static const json none;
  const json* at = &from;
  for (auto name : path) {
    const auto* members = at->get_ptr<const json::object_t*>();
    at = members ? member(*members, name) : nullptr;
    if (!at) return none;
  }
  return *at;
}

std::string text_at(const json& from, std::initializer_list<std::string_view> path,
                    std::string otherwise) {
  const auto& value = at_path(from, path);
  if (const auto* text = value.get_ptr<const std::string*>()) return *text;
  return otherwise;
}

std::int64_t int_at(const json& from, std::initializer_list<std::string_view> path,
                    std::int64_t otherwise) {
  const auto& value = at_path(from, path);
  return value.is_number() ? value.get<std::int64_t>() : otherwise;
}

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> out;
  std::size_t from = 0;
  while (from <= text.size()) {
    auto to = text.find(separator, from);
    if (to == std::string_view::npos) to = text.size();
    out.emplace_back(text.substr(from, to - from));
    from = to + 1;
  }
  return out;
}

std::string join(const std::vector<std::string>& parts, std::string_view separator) {
  std::string out;
  for (const auto& part : parts) {
    if (!out.empty()) out += separator;
    out += part;
  }
  return out;
}

std::string base64_encode(std::string_view bytes) {
  static constexpr char alphabet[] =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  unsigned buffer = 0;
  int bits = 0;
  for (unsigned char c : bytes) {
    buffer = buffer << 8 | c;
    bits += 8;
    while (bits >= 6) out += alphabet[buffer >> (bits -= 6) & 63];
  }
  if (bits > 0) out += alphabet[buffer << (6 - bits) & 63];
  while (out.size() % 4 != 0) out += '=';
  return out;
}

std::string base64_decode(std::string_view text) {
  std::string out;
  unsigned buffer = 0;
  int bits = 0;
  for (char c : text) {
    int v = c >= 'A' && c <= 'Z'   ? c - 'A'
            : c >= 'a' && c <= 'z' ? c - 'a' + 26
            : c >= '0' && c <= '9' ? c - '0' + 52
            : c == '+' || c == '-' ? 62
            : c == '/' || c == '_' ? 63
                                   : -1;
    if (v < 0) break;
    buffer = buffer << 6 | static_cast<unsigned>(v);
    bits += 6;
    if (bits >= 8) out += static_cast<char>(buffer >> (bits -= 8) & 255);
  }
  return out;
}

std::string go_print(const json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (value.is_null()) return "<nil>";
  if (!value.is_structured()) return value.dump();
  std::vector<std::string> parts;
  for (const auto& [name, member] : value.items()) {
    parts.push_back((value.is_object() ? name + ":" : "") + go_print(member));
  }
  return (value.is_object() ? "map[" : "[") + join(parts, " ") + "]";
}

std::string go_quote(std::string_view text) {
  std::string out = "\"";
  for (char c : text) {
    switch (c) {
      case '"':
        out += "\\\"";
        break;
      case '\\':
        out += "\\\\";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\t':
        out += "\\t";
        break;
      case '\r':
        out += "\\r";
        break;
      default:
        out += c;
    }
  }
  return out + "\"";
}

} // namespace remed::env
