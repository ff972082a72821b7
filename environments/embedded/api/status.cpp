#include "environments/embedded/api/status.hpp"

#include "environments/embedded/api/resources.hpp"
#include "environments/embedded/api/text.hpp"

namespace remed::env {

field_error required(std::string field, const std::string& detail) {
  return {std::move(field), detail.empty() ? "Required value" : "Required value: " + detail,
          "FieldValueRequired"};
}

field_error invalid(std::string field, const json& value, const std::string& detail) {
  return {std::move(field), "Invalid value: " + value.dump() + ": " + detail, "FieldValueInvalid"};
}

field_error duplicate(std::string field, const json& value) {
  return {std::move(field), "Duplicate value: " + value.dump(), "FieldValueDuplicate"};
}

field_error forbidden_field(std::string field, const std::string& detail) {
  return {std::move(field), "Forbidden: " + detail, "FieldValueForbidden"};
}

field_error not_supported(std::string field, const std::string& value,
                          const std::vector<std::string>& supported) {
  std::vector<std::string> all;
  for (const auto& s : supported) all.push_back(go_quote(s));
  return {std::move(field),
          "Unsupported value: " + go_quote(value) + ": supported values: " + join(all, ", "),
          "FieldValueNotSupported"};
}

json api_error::status() const {
  auto out = json::object();
  out["kind"] = "Status";
  out["apiVersion"] = "v1";
  out["metadata"] = json::object();
  if (!next.empty()) out["metadata"]["continue"] = next;
  out["status"] = "Failure";
  out["message"] = message;
  if (!reason.empty()) out["reason"] = reason;
  if (!details.is_null()) out["details"] = details;
  out["code"] = code;
  return out;
}

namespace errors {

namespace {

json details_of(const resource_type& type, const std::string& name) {
  auto out = json::object();
  if (!name.empty()) out["name"] = name;
  if (!type.group.empty()) out["group"] = type.group;
  out["kind"] = type.plural;
  return out;
}

std::string qualified(const std::string& name, const std::string& group) {
  return group.empty() ? name : name + "." + group;
}

} // namespace

api_error not_found(const resource_type& type, const std::string& name) {
  return {404, "NotFound", qualified(type.plural, type.group) + " " + go_quote(name) + " not found",
          details_of(type, name)};
}

api_error already_exists(const resource_type& type, const std::string& name) {
  return {409, "AlreadyExists",
          qualified(type.plural, type.group) + " " + go_quote(name) + " already exists",
          details_of(type, name)};
}

api_error conflict(const resource_type& type, const std::string& name, const std::string& why) {
  auto text = why.empty() ? "the object has been modified; please apply your changes to the latest "
                            "version and try again"
                          : why;
  return {409, "Conflict",
          "Operation cannot be fulfilled on " + qualified(type.plural, type.group) + " " +
              go_quote(name) + ": " + text,
          details_of(type, name)};
}

api_error invalid(const std::string& group, const std::string& kind, const std::string& name,
                  const std::vector<field_error>& causes) {
  std::vector<std::string> texts;
  auto list = json::array();
  for (const auto& c : causes) {
    texts.push_back(c.field + ": " + c.message);
    list.push_back({{"reason", c.reason}, {"message", c.message}, {"field", c.field}});
  }
  auto text = texts.size() == 1 ? texts[0] : "[" + join(texts, ", ") + "]";
  auto details = json::object();
  if (!name.empty()) details["name"] = name;
  if (!group.empty()) details["group"] = group;
  if (!kind.empty()) details["kind"] = kind;
  details["causes"] = std::move(list);
  return {422, "Invalid", qualified(kind, group) + " " + go_quote(name) + " is invalid: " + text,
          std::move(details)};
}

api_error bad_request(const std::string& message) {
  return {400, "BadRequest", message, nullptr};
}

api_error forbidden(const resource_type& type, const std::string& name, const std::string& why) {
  auto what = qualified(type.plural, type.group) + (name.empty() ? "" : " " + go_quote(name));
  return {403, "Forbidden", what + " is forbidden: " + why, details_of(type, name)};
}

api_error unauthorized() {
  return {401, "Unauthorized", "Unauthorized", nullptr};
}

api_error expired(const std::string& message) {
  return {410, "Expired", message, nullptr};
}

api_error too_large_version(std::uint64_t asked, std::uint64_t current) {
  auto details = json::object();
  details["causes"] = json::array();
  details["causes"].push_back(
      {{"reason", "ResourceVersionTooLarge"}, {"message", "Too large resource version"}});
  details["retryAfterSeconds"] = 1;
  return {504, "Timeout",
          "Timeout: Too large resource version: " + std::to_string(asked) +
              ", current: " + std::to_string(current),
          details};
}

api_error method_not_allowed() {
  return {405, "MethodNotAllowed",
          "the server does not allow this method on the requested resource", json::object()};
}

api_error unsupported_media(const std::string& message) {
  return {415, "UnsupportedMediaType", message, json::object()};
}

api_error unprocessable() {
  return {422, "Invalid", "the server rejected our request due to an error in our request",
          json::object()};
}

api_error too_many_requests(const std::string& message, const json& causes) {
  auto details = json::object();
  if (!causes.is_null()) details["causes"] = causes;
  return {429, "TooManyRequests", message, details};
}

api_error too_large(std::size_t limit) {
  return {413, "RequestEntityTooLarge",
          "Request entity too large: limit is " + std::to_string(limit), nullptr};
}

api_error internal(const std::string& message) {
  return {500, "InternalError", "Internal error occurred: " + message, nullptr};
}

} // namespace errors

} // namespace remed::env
