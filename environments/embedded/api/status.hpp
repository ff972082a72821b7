// Refusals of the API, in Kubernetes' own words: kubectl prints the message verbatim.
#pragma once

#include "runtime/json_value.hpp"

#include <optional>
#include <string>
#include <vector>

namespace remed::env {

struct resource_type;

/// One cause of an Invalid answer.
struct field_error {
  std::string field;   ///< "spec.template.spec.containers[0].name"
  std::string message; ///< "Required value", `Invalid value: "x": must be …`
  std::string reason;  ///< FieldValueRequired, FieldValueInvalid, …
};
field_error required(std::string field, const std::string& detail = {});
/// `value` is printed as JSON (strings quoted).
field_error invalid(std::string field, const json& value, const std::string& detail);
field_error duplicate(std::string field, const json& value);
field_error forbidden_field(std::string field, const std::string& detail);
field_error not_supported(std::string field, const std::string& value,
                          const std::vector<std::string>& supported);

/// Why a request was not done; becomes a Status object.
struct api_error {
  int code = 500;
  std::string reason;
  std::string message;
  json details;          ///< null: none
  std::string next = {}; ///< continue token that goes on nevertheless

  json status() const;
};

using maybe_error = std::optional<api_error>;

namespace errors {

api_error not_found(const resource_type& type, const std::string& name);
api_error already_exists(const resource_type& type, const std::string& name);
api_error conflict(const resource_type& type, const std::string& name, const std::string& why = {});
/// `kind` as in "Deployment.apps"; several causes are listed in brackets.
api_error invalid(const std::string& group, const std::string& kind, const std::string& name,
                  const std::vector<field_error>& causes);
api_error bad_request(const std::string& message);
api_error forbidden(const resource_type& type, const std::string& name, const std::string& why);
api_error unauthorized();
api_error expired(const std::string& message);
api_error too_large_version(std::uint64_t asked, std::uint64_t current);
api_error method_not_allowed();
api_error unsupported_media(const std::string& message);
api_error unprocessable();
api_error too_many_requests(const std::string& message, const json& causes);
api_error too_large(std::size_t limit);
api_error internal(const std::string& message);

} // namespace errors

} // namespace remed::env
