#include "environments/embedded/api/request_checks.hpp"

#include "environments/embedded/api/text.hpp"

#include <algorithm>

namespace remed::env {

namespace {

constexpr std::size_t longest_manager = 128;

maybe_error may_impersonate(const store& objects, const identity& who, const std::string& resource,
                            const std::string& ns, const std::string& name) {
  access what;
  what.verb = "impersonate";
  what.resource = resource;
  what.ns = ns;
  what.name = name;
  if (is_allowed(objects, who, what)) return std::nullopt;
  resource_type type;
  type.plural = resource;
  return errors::forbidden(type, name, forbidden_text(who, what));
}

/// "CreateOptions", as the refusal names it.
std::string options_of(const api_call& call) {
  if (call.verb == "create") return "CreateOptions";
  if (call.verb == "update") return "UpdateOptions";
  return call.verb == "patch" ? "PatchOptions" : "DeleteOptions";
}

} // namespace

maybe_error impersonate(const store& objects, const tools::http_request& request, identity& who) {
  std::string user(request.headers.get("Impersonate-User"));
  if (user.empty()) return std::nullopt;
  auto spoken_for = who;
  spoken_for.user = user;
  spoken_for.groups.clear();
  auto parts = split(user, ':');
  bool account = parts.size() == 4 && parts[0] == "system" && parts[1] == "serviceaccount";
  auto error = account ? may_impersonate(objects, who, "serviceaccounts", parts[2], parts[3])
                       : may_impersonate(objects, who, "users", "", user);
  if (error) return error;
  for (const auto& [name, value] : request.headers.all()) {
    auto lower = name;
    std::transform(lower.begin(), lower.end(), lower.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    if (lower != "impersonate-group") continue;
    if (auto refused = may_impersonate(objects, who, "groups", "", value)) return refused;
    spoken_for.groups.push_back(value);
  }
  who = std::move(spoken_for);
  return std::nullopt;
}

maybe_error check_write_options(const api_call& call) {
  const auto& query = call.request.query;
  std::vector<field_error> wrong;
  for (const auto& dry : query.all("dryRun")) {
    if (!dry.empty() && dry != "All") wrong.push_back(not_supported("dryRun", dry, {"All"}));
  }
  auto mode = query.get("fieldValidation");
  static const std::vector<std::string> modes = {"", "Ignore", "Strict", "Warn"};
  if (std::find(modes.begin(), modes.end(), mode) == modes.end()) {
    wrong.push_back(not_supported("fieldValidation", mode, modes));
  }
  auto manager = query.get("fieldManager");
  if (manager.size() > longest_manager) {
    wrong.push_back(
        {"fieldManager", "Too long: may not be more than 128 bytes", "FieldValueTooLong"});
  }
  bool applies = call.request.headers.get("Content-Type").find("apply-patch") != std::string::npos;
  if (call.verb == "patch" && !applies && query.has("force")) {
    wrong.push_back(forbidden_field("force", "may not be specified for non-apply patch"));
  }
  if (wrong.empty()) return std::nullopt;
  return errors::invalid("meta.k8s.io", options_of(call), "", wrong);
}

} // namespace remed::env
