#include "runtime/json_text.hpp"

#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstring>

namespace remed {

namespace {

constexpr bool is_plain(unsigned char c) {
  return c >= 0x20 && c < 0x80 && c != '"' && c != '\\';
}

/// How many bytes from `at` on stand for themselves.
std::size_t plain_run(const char* at, const char* end) {
  constexpr std::uint64_t ones = 0x0101010101010101, tops = ones * 0x80;
  const auto* from = at;
  // Eight at a time: a top bit rises where a byte equals, is below 0x20, or has it already.
  for (std::uint64_t eight = 0; end - at >= 8; at += 8) {
    std::memcpy(&eight, at, 8);
    const auto quotes = eight ^ (ones * '"'), slashes = eight ^ (ones * '\\');
    const auto found = eight | (eight - ones * 0x20) | (quotes - ones) | (slashes - ones);
    if ((found & tops) != 0) break;
  }
  while (at != end && is_plain(static_cast<unsigned char>(*at))) ++at;
  return static_cast<std::size_t>(at - from);
}

void append_escape(char c, std::string& out) {
  static constexpr char hex[] = "0123456789abcdef";
  switch (c) {
    case '"':
      out += "\\\"";
      return;
    case '\\':
      out += "\\\\";
      return;
    case '\b':
      out += "\\b";
      return;
    case '\f':
      out += "\\f";
      return;
    case '\n':
      out += "\\n";
      return;
    case '\r':
      out += "\\r";
      return;
    case '\t':
      out += "\\t";
      return;
    default:
      break;
  }
  out += "\\u00";
  out += hex[static_cast<unsigned char>(c) >> 4];
  out += hex[c & 15];
}

template <class Number>
void append_number(Number value, std::string& out) {
  char text[32];
  out.append(text, std::to_chars(text, text + sizeof text, value).ptr);
}

void append_float(double value, std::string& out) {
  if (!std::isfinite(value)) {
    out += "null";
    return;
  }
  char text[64];
  out.append(text, nlohmann::detail::to_chars(text, text + sizeof text, value));
}

template <class All, class Append>
void append_all(const All& all, std::string& out, Append append) {
  bool first = true;
  for (const auto& one : all) {
    if (!first) out += ',';
    first = false;
    append(one);
  }
}

} // namespace

void append_json(const std::string& text, std::string& out) {
  const auto before = out.size();
  out += '"';
  const auto *at = text.data(), *end = at + text.size();
  while (at != end) {
    const auto run = plain_run(at, end);
    out.append(at, run);
    at += run;
    if (at == end) break;
    if (static_cast<unsigned char>(*at) >= 0x80) {
      // Rare, and what is no UTF-8 must be replaced as nlohmann does it.
      out.resize(before);
      out += json(text).dump(-1, ' ', false, json::error_handler_t::replace);
      return;
    }
    append_escape(*at++, out);
  }
  out += '"';
}

void append_json(const json& value, std::string& out) {
  switch (value.type()) {
    case json::value_t::object:
      out += '{';
      append_all(value.get_ref<const json::object_t&>(), out, [&](const auto& member) {
        append_json(member.first, out);
        out += ':';
        append_json(member.second, out);
      });
      out += '}';
      return;
    case json::value_t::array:
      out += '[';
      append_all(value.get_ref<const json::array_t&>(), out,
                 [&](const json& item) { append_json(item, out); });
      out += ']';
      return;
    case json::value_t::string:
      return append_json(value.get_ref<const std::string&>(), out);
    case json::value_t::boolean:
      out += value.get<bool>() ? "true" : "false";
      return;
    case json::value_t::number_integer:
      return append_number(value.get<std::int64_t>(), out);
    case json::value_t::number_unsigned:
      return append_number(value.get<std::uint64_t>(), out);
    case json::value_t::number_float:
      return append_float(value.get<double>(), out);
    default:
      out += value.dump();
  }
}

} // namespace remed
