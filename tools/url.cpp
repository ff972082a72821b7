#include "tools/url.hpp"

#include <charconv>
#include <string_view>

namespace remed::tools {

namespace {

failure bad_url(const std::string& text, const std::string& why) {
  return {errc::bad_input, "'" + text + "' is not a usable address: " + why};
}

bool take_prefix(std::string_view& text, std::string_view prefix) {
  if (text.substr(0, prefix.size()) != prefix) return false;
  text.remove_prefix(prefix.size());
  return true;
}

bool parse_port(std::string_view text, std::uint16_t& port) {
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  return error == std::errc{} && end == text.data() + text.size() && port != 0;
}

} // namespace

std::string url::authority() const {
  auto out = host.find(':') == std::string::npos ? host : '[' + host + ']';
  if (port != (secure ? 443 : 80)) out += ':' + std::to_string(port);
  return out;
}

result<url> url::parse(const std::string& text) {
  url out;
  std::string_view rest = text;
  for (char c : text)
    if (static_cast<unsigned char>(c) <= ' ' || c == '\x7f')
      return bad_url(text, "it contains a space or control character; percent-encode it");
  if (take_prefix(rest, "https://"))
    out.secure = true;
  else if (!take_prefix(rest, "http://"))
    return bad_url(text, "it must begin with http:// or https://");
  rest = rest.substr(0, rest.find('#'));
  auto authority = rest.substr(0, rest.find_first_of("/?"));
  rest.remove_prefix(authority.size());
  if (authority.find('@') != std::string_view::npos)
    return bad_url(text, "credentials belong into a header, not into the address");
  out.port = out.secure ? 443 : 80;
  std::string_view port;
  if (take_prefix(authority, "[")) {
    auto end = authority.find(']');
    if (end == std::string_view::npos) return bad_url(text, "']' is missing");
    out.host = authority.substr(0, end);
    authority.remove_prefix(end + 1);
    if (!authority.empty() && !take_prefix(authority, ":")) return bad_url(text, "bad port");
    port = authority;
  } else {
    auto colon = authority.find(':');
    out.host = authority.substr(0, colon);
    if (colon != std::string_view::npos) port = authority.substr(colon + 1);
  }
  if (out.host.empty()) return bad_url(text, "the host is missing");
  if (!port.empty() && !parse_port(port, out.port)) return bad_url(text, "bad port");
  if (!rest.empty()) out.target = rest.front() == '/' ? std::string(rest) : '/' + std::string(rest);
  return out;
}

} // namespace remed::tools
