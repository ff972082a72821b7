// What the text of a field must look like, in the words of Kubernetes' validators.
#pragma once

#include <optional>
#include <string>

namespace remed::env {

/// Why a text is not of the named format; none when it is. Formats: dns_label, dns_subdomain,
/// dns1035_label, qualified_name, label_value, port_name, env_name, absolute_path, relative_path,
/// ip, cidr, cron, time_zone, wildcard_host, percent. An unknown format throws: it is a mistake in
/// the shipped rules.
std::optional<std::string> format_error(const std::string& format, const std::string& text);

} // namespace remed::env
