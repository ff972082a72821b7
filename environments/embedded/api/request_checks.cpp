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

maybe_error impersonate(const store& objects, const tools::http_request& request,
                        std::shared_ptr<const identity>& as) {
  std::string user(request.headers.get("Impersonate-User"));
  if (user.empty()) return std::nullopt;
  const auto& who = *as;
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
  as = std::make_shared<const identity>(std::move(spoken_for));
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

namespace {

/// Numbers of a query as Go reads them.
maybe_error check_number(const api_call& call, const char* name) {
  auto text = call.request.query.get(name);
  std::size_t digits = !text.empty() && (text[0] == '-' || text[0] == '+') ? 1 : 0;
  bool good = text.size() > digits && text.find_first_not_of("0123456789", digits) == text.npos;
  if (text.empty() || good) return std::nullopt;
  return errors::bad_request("strconv.ParseInt: parsing " + go_quote(text) + ": invalid syntax");
}

} // namespace

maybe_error check_list_options(const api_call& call) {
  for (const char* name : {"limit", "timeoutSeconds"}) {
    if (auto error = check_number(call, name)) return error;
  }
  const auto& query = call.request.query;
  auto match = query.get("resourceVersionMatch");
  if (match.empty()) return std::nullopt;
  auto refuse = [](field_error why) {
    return errors::invalid("meta.k8s.io", "ListOptions", "", {std::move(why)});
  };
  auto forbid = [&](const std::string& why) {
    return refuse(
        forbidden_field("resourceVersionMatch", "resourceVersionMatch is forbidden " + why));
  };
  bool initial_events = query.flag("sendInitialEvents");
  if (call.verb == "watch" && !initial_events)
    return forbid("for watch unless sendInitialEvents is provided");
  if (call.verb == "list" && query.get("resourceVersion").empty())
    return forbid("unless resourceVersion is provided");
  if (call.verb == "list" && !query.get("continue").empty())
    return forbid("when continue is provided");
  if (match != "Exact" && match != "NotOlderThan")
    return refuse(not_supported("resourceVersionMatch", match, {"Exact", "NotOlderThan", ""}));
  if (match == "Exact" && query.get("resourceVersion") == "0") {
    return forbid("when resourceVersionMatch is \"Exact\" and resourceVersion is \"0\"");
  }
  return std::nullopt;
}

maybe_error check_accept(const api_call& call) {
  std::string accept(call.request.headers.get("Accept"));
  if (accept.empty()) return std::nullopt;
  for (const char* known : {"json", "yaml", "protobuf", "application/*", "*/*"}) {
    if (accept.find(known) != std::string::npos) return std::nullopt;
  }
  return api_error{406, "NotAcceptable",
                   "406: Not Acceptable\n\nAvailable representations: application/json, "
                   "application/yaml, application/vnd.kubernetes.protobuf",
                   json::object()};
}

} // namespace remed::env
