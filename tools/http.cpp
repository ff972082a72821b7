#include "tools/http.hpp"

#include <algorithm>
#include <cctype>

namespace remed::tools {

namespace {

bool same_char(char a, char b) {
  return std::tolower(static_cast<unsigned char>(a)) == std::tolower(static_cast<unsigned char>(b));
}

bool same_name(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), same_char);
}

bool contains_token(std::string_view text, std::string_view token) {
  auto at = std::search(text.begin(), text.end(), token.begin(), token.end(), same_char);
  return at != text.end();
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::string decode(std::string_view text, bool plus_is_space) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+' && plus_is_space) {
      out += ' ';
      continue;
    }
    int high = -1, low = -1;
    if (text[i] == '%' && i + 2 < text.size()) {
      high = hex_digit(text[i + 1]);
      low = hex_digit(text[i + 2]);
    }
    if (high >= 0 && low >= 0) {
      out += static_cast<char>(high * 16 + low);
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

bool truthy(const std::string& value) {
  return value.empty() || value == "1" || same_name(value, "true") || same_name(value, "t");
}

} // namespace

void http_headers::set(std::string name, std::string value) {
  auto same = [&](const auto& field) { return same_name(field.first, name); };
  auto first = std::find_if(all_.begin(), all_.end(), same);
  if (first == all_.end()) {
    add(std::move(name), std::move(value));
    return;
  }
  first->second = std::move(value);
  all_.erase(std::remove_if(first + 1, all_.end(), same), all_.end());
}

std::string_view http_headers::get(std::string_view name) const {
  for (const auto& [key, value] : all_)
    if (same_name(key, name)) return value;
  return {};
}

bool http_headers::has(std::string_view name) const {
  return std::any_of(all_.begin(), all_.end(),
                     [&](const auto& field) { return same_name(field.first, name); });
}

query_params query_params::parse(std::string_view text) {
  query_params out;
  while (!text.empty()) {
    auto end = text.find('&');
    auto item = text.substr(0, end);
    text = end == std::string_view::npos ? std::string_view{} : text.substr(end + 1);
    if (item.empty()) continue;
    auto equals = item.find('=');
    auto value = equals == std::string_view::npos ? std::string_view{} : item.substr(equals + 1);
    out.add(decode(item.substr(0, equals), true), decode(value, true));
  }
  return out;
}

std::string query_params::get(std::string_view name, std::string otherwise) const {
  for (const auto& [key, value] : items_)
    if (key == name) return value;
  return otherwise;
}

bool query_params::has(std::string_view name) const {
  return std::any_of(items_.begin(), items_.end(), [&](const auto& i) { return i.first == name; });
}

bool query_params::flag(std::string_view name) const {
  for (const auto& [key, value] : items_)
    if (key == name) return truthy(value);
  return false;
}

std::vector<std::string> query_params::all(std::string_view name) const {
  std::vector<std::string> out;
  for (const auto& [key, value] : items_)
    if (key == name) out.push_back(value);
  return out;
}

std::string query_params::encode() const {
  std::string out;
  for (const auto& [key, value] : items_) {
    if (!out.empty()) out += '&';
    out += percent_encode(key) + '=' + percent_encode(value);
  }
  return out;
}

std::string_view http_request::bearer_token() const {
  auto value = headers.get("Authorization");
  constexpr std::string_view scheme = "Bearer ";
  if (!same_name(value.substr(0, scheme.size()), scheme)) return {};
  value.remove_prefix(scheme.size());
  while (!value.empty() && value.front() == ' ') value.remove_prefix(1);
  return value;
}

bool http_request::is_websocket_upgrade() const {
  return same_name(headers.get("Upgrade"), "websocket") &&
         contains_token(headers.get("Connection"), "upgrade");
}

std::string percent_decode(std::string_view text) {
  return decode(text, false);
}

std::string percent_encode(std::string_view text) {
  static constexpr std::string_view hex = "0123456789ABCDEF";
  std::string out;
  for (char c : text) {
    auto byte = static_cast<unsigned char>(c);
    if (std::isalnum(byte) || c == '-' || c == '.' || c == '_' || c == '~') {
      out += c;
    } else {
      out += '%';
      out += hex[byte >> 4];
      out += hex[byte & 15];
    }
  }
  return out;
}

} // namespace remed::tools
