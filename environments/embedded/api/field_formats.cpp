#include "environments/embedded/api/field_formats.hpp"

#include "environments/embedded/api/text.hpp"
#include "environments/embedded/api/validation.hpp"
#include "environments/embedded/controllers/batch/cron_schedule.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <functional>
#include <map>
#include <stdexcept>

namespace remed::env {

namespace {

using answer = std::optional<std::string>;

bool is_ip(const std::string& text) {
  unsigned char bytes[16];
  return inet_pton(AF_INET, text.c_str(), bytes) == 1 ||
         inet_pton(AF_INET6, text.c_str(), bytes) == 1;
}

answer bad_ip(const std::string& text) {
  if (is_ip(text)) return std::nullopt;
  return "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)";
}

answer bad_cidr(const std::string& text) {
  auto slash = text.find('/');
  auto bits = slash == std::string::npos ? std::string{} : text.substr(slash + 1);
  bool number = !bits.empty() && bits.size() < 4 &&
                std::all_of(bits.begin(), bits.end(), [](char c) { return c >= '0' && c <= '9'; });
  auto most = text.find(':') == std::string::npos ? 32 : 128;
  if (number && is_ip(text.substr(0, slash)) && std::stoi(bits) <= most) return std::nullopt;
  return "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)";
}

/// IANA_SVC_NAME
answer bad_port_name(const std::string& text) {
  auto lower = [](char c) { return c >= 'a' && c <= 'z'; };
  auto known = [&](char c) { return lower(c) || (c >= '0' && c <= '9') || c == '-'; };
  if (text.size() > 15) return "must be no more than 15 characters";
  if (!std::all_of(text.begin(), text.end(), known))
    return "must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)";
  if (std::none_of(text.begin(), text.end(), lower))
    return "must contain at least one letter (a-z)";
  if (text.find("--") != std::string::npos) return "must not contain consecutive hyphens";
  if (text.front() == '-' || text.back() == '-') return "must not begin or end with a hyphen";
  return std::nullopt;
}

answer bad_env_name(const std::string& text) {
  bool good = !text.empty() && std::all_of(text.begin(), text.end(),
                                           [](char c) { return c >= ' ' && c <= '~' && c != '='; });
  if (good) return std::nullopt;
  return "a valid environment variable name must consist only of printable ASCII characters other "
         "than '='";
}

answer bad_absolute_path(const std::string& text) {
  if (!text.empty() && text[0] == '/') return std::nullopt;
  return "must be an absolute path";
}

answer bad_relative_path(const std::string& text) {
  if (!text.empty() && text[0] == '/') return "must be a relative path";
  for (const auto& part : split(text, '/')) {
    if (part == "..") return "must not contain '..'";
  }
  return std::nullopt;
}

answer bad_cron(const std::string& text) {
  auto parsed = cron_schedule::parse(text);
  return parsed ? std::nullopt : answer(parsed.why().what);
}

answer bad_time_zone(const std::string& text) {
  auto zone = time_zone::load(text);
  return zone ? std::nullopt : answer(zone.why().what);
}

answer bad_host(const std::string& text) {
  if (is_ip(text)) return "must be a DNS name, not an IP address";
  if (text.rfind("*.", 0) != 0) return bad_dns_subdomain(text);
  if (!bad_dns_subdomain(text.substr(2))) return std::nullopt;
  return "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, "
         "which must consist of lower case alphanumeric characters, '-' or '.' and end with an "
         "alphanumeric character (e.g. '*.example.com', regex used for validation is "
         "'\\*\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
}

answer bad_percent(const std::string& text) {
  bool good =
      text.size() > 1 && text.back() == '%' &&
      std::all_of(text.begin(), text.end() - 1, [](char c) { return c >= '0' && c <= '9'; });
  if (good) return std::nullopt;
  return "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  "
         "or '93%', regex used for validation is '[0-9]+%')";
}

const std::map<std::string, std::function<answer(const std::string&)>, std::less<>>& formats() {
  static const std::map<std::string, std::function<answer(const std::string&)>, std::less<>> all{
      {"dns_label", bad_dns_label},
      {"dns_subdomain", bad_dns_subdomain},
      {"dns1035_label", bad_dns1035_label},
      {"qualified_name", bad_qualified_name},
      {"label_value", bad_label_value},
      {"port_name", bad_port_name},
      {"env_name", bad_env_name},
      {"absolute_path", bad_absolute_path},
      {"relative_path", bad_relative_path},
      {"ip", bad_ip},
      {"cidr", bad_cidr},
      {"cron", bad_cron},
      {"time_zone", bad_time_zone},
      {"wildcard_host", bad_host},
      {"percent", bad_percent},
  };
  return all;
}

} // namespace

std::optional<std::string> format_error(const std::string& format, const std::string& text) {
  auto found = formats().find(format);
  if (found == formats().end()) throw std::runtime_error("validation.yaml: no format " + format);
  return found->second(text);
}

} // namespace remed::env
