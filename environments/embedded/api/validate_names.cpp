// Names, labels, annotations, owner references.
#include "environments/embedded/api/text.hpp"
#include "environments/embedded/api/validation.hpp"

#include <algorithm>
#include <set>

namespace remed::env {

namespace {

bool is_lower_or_digit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}
bool is_alnum(char c) {
  return is_lower_or_digit(c) || (c >= 'A' && c <= 'Z');
}

bool is_label(std::string_view s) {
  if (s.empty() || s.size() > 63) return false;
  if (!is_lower_or_digit(s.front()) || !is_lower_or_digit(s.back())) return false;
  return std::all_of(s.begin(), s.end(), [](char c) { return is_lower_or_digit(c) || c == '-'; });
}

/// Label values and the name part of keys.
bool is_qualified_part(std::string_view s) {
  if (s.empty() || !is_alnum(s.front()) || !is_alnum(s.back())) return false;
  return std::all_of(s.begin(), s.end(),
                     [](char c) { return is_alnum(c) || c == '-' || c == '_' || c == '.'; });
}

std::string too_long(int limit) {
  return "must be no more than " + std::to_string(limit) + " characters";
}

std::optional<std::string> bad_name(const resource_type& type, const std::string& name) {
  if (type.group == "rbac.authorization.k8s.io") {
    if (name == "." || name == "..") return "may not be '" + name + "'";
    for (auto* c : {"/", "%"}) {
      if (name.find(c) != std::string::npos) return std::string("may not contain '") + c + "'";
    }
    return std::nullopt;
  }
  if (type.table() == "services") return bad_dns1035_label(name);
  if (type.table() == "namespaces") return bad_dns_label(name);
  return bad_dns_subdomain(name);
}

void validate_owners(const json& owners, std::vector<field_error>& out) {
  std::size_t i = 0;
  for (const auto& owner : owners) {
    auto path = "metadata.ownerReferences[" + std::to_string(i++) + "]";
    for (auto* name : {"apiVersion", "kind", "name", "uid"}) {
      if (owner.value(name, "").empty()) {
        out.push_back(invalid(path + "." + name, "", std::string(name) + " must not be empty"));
      }
    }
  }
}

} // namespace

std::optional<std::string> bad_dns_label(const std::string& name) {
  if (name.size() > 63) return too_long(63);
  if (is_label(name)) return std::nullopt;
  return "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', "
         "and "
         "must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex "
         "used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
}

std::optional<std::string> bad_dns1035_label(const std::string& name) {
  if (name.size() > 63) return too_long(63);
  if (is_label(name) && name[0] >= 'a' && name[0] <= 'z') return std::nullopt;
  return "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with "
         "an "
         "alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or "
         "'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')";
}

std::optional<std::string> bad_dns_subdomain(const std::string& name) {
  if (name.size() > 253) return too_long(253);
  auto parts = split(name, '.');
  if (std::all_of(parts.begin(), parts.end(), [](const std::string& p) {
        return !p.empty() && is_lower_or_digit(p.front()) && is_lower_or_digit(p.back()) &&
               std::all_of(p.begin(), p.end(),
                           [](char c) { return is_lower_or_digit(c) || c == '-'; });
      })) {
    return std::nullopt;
  }
  return "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' "
         "or "
         "'.', and must start and end with an alphanumeric character (e.g. 'example.com', regex "
         "used "
         "for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
}

std::optional<std::string> bad_qualified_name(const std::string& key) {
  auto slash = key.find('/');
  auto part = slash == std::string::npos ? key : key.substr(slash + 1);
  const std::string form =
      "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an "
      "alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for "
      "validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
  if (part.find('/') != std::string::npos) {
    return "a qualified name " + form +
           " with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')";
  }
  if (slash != std::string::npos) {
    auto prefix = key.substr(0, slash);
    if (prefix.empty()) return "prefix part must be non-empty";
    if (auto why = bad_dns_subdomain(prefix)) return "prefix part " + *why;
  }
  if (part.empty()) return "name part must be non-empty";
  if (part.size() > 63) return "name part " + too_long(63);
  if (!is_qualified_part(part)) return "name part " + form;
  return std::nullopt;
}

std::optional<std::string> bad_label_value(const std::string& text) {
  if (text.size() > 63) return too_long(63);
  if (text.empty() || is_qualified_part(text)) return std::nullopt;
  return "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or "
         "'.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or "
         "'my_value',  or '12345', regex used for validation is "
         "'(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";
}

void validate_labels(const json& labels, const std::string& path, std::vector<field_error>& out) {
  if (!labels.is_object()) return;
  for (const auto& [key, value] : labels.items()) {
    if (auto why = bad_qualified_name(key)) out.push_back(invalid(path, key, *why));
    auto text = value.is_string() ? value.get<std::string>() : std::string{};
    if (auto why = bad_label_value(text)) out.push_back(invalid(path, text, *why));
  }
}

void validate_metadata(const resource_type& type, const json& obj, std::vector<field_error>& out) {
  auto name = text_at(obj, {"metadata", "name"});
  if (name.empty()) {
    out.push_back(required("metadata.name", "name or generateName is required"));
  } else if (auto why = bad_name(type, name)) {
    out.push_back(invalid("metadata.name", name, *why));
  }
  const auto& annotations = at_path(obj, {"metadata", "annotations"});
  if (annotations.is_object()) {
    for (const auto& [key, value] : annotations.items()) {
      std::string lower = key;
      for (auto& c : lower) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
      if (auto bad = bad_qualified_name(lower))
        out.push_back(invalid("metadata.annotations", key, *bad));
    }
  }
  validate_labels(at_path(obj, {"metadata", "labels"}), "metadata.labels", out);
  validate_owners(at_path(obj, {"metadata", "ownerReferences"}), out);
}

} // namespace remed::env
